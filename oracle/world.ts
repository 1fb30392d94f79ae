import { type DeclaredShardMap, hashShards, rangeShards } from '../src/index.ts'
import type { Engine } from '../src/topology/server-target.ts'

export type ColumnType = 'int' | 'numeric' | 'float' | 'text' | 'loose' | 'moment' | 'day'

export interface OracleTable {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnType>>
  readonly primaryKey: readonly string[]
  /** Absent: every shard has a copy. */
  readonly shardKey?: readonly string[]
}

/** Tables that share a shard key. */
export interface World {
  readonly name: 'single' | 'ranged' | 'composite'
  readonly map: DeclaredShardMap
  /** The first ones are read and never changed. */
  readonly tables: readonly OracleTable[]
  /** Changed, and never read by the queries. */
  readonly written: OracleTable
}

const country: OracleTable = {
  name: 'country',
  columns: { code: 'text', title: 'text', area: 'int' },
  primaryKey: ['code'],
}

const customer: OracleTable = {
  name: 'customer',
  columns: {
    id: 'int',
    level: 'int',
    name: 'text',
    city: 'loose',
    country: 'text',
    since: 'moment',
    born: 'day',
    credit: 'numeric',
  },
  primaryKey: ['id'],
  shardKey: ['id'],
}

const purchase: OracleTable = {
  name: 'purchase',
  columns: {
    customer_id: 'int',
    id: 'int',
    units: 'int',
    total: 'numeric',
    weight: 'float',
    bought: 'moment',
    note: 'text',
  },
  primaryKey: ['customer_id', 'id'],
  shardKey: ['customer_id'],
}

const badge: OracleTable = {
  name: 'badge',
  columns: { customer_id: 'int', kind: 'text', given: 'day', points: 'int' },
  primaryKey: ['customer_id', 'kind'],
  shardKey: ['customer_id'],
}

const account: OracleTable = {
  name: 'account',
  columns: { id: 'int', n: 'int', name: 'text', amount: 'numeric' },
  primaryKey: ['id'],
  shardKey: ['id'],
}

const tenant: OracleTable = {
  name: 'tenant',
  columns: {
    region: 'text',
    tenant: 'int',
    plan: 'int',
    title: 'text',
    country: 'text',
    fee: 'numeric',
    opened: 'day',
  },
  primaryKey: ['region', 'tenant'],
  shardKey: ['region', 'tenant'],
}

const ticket: OracleTable = {
  name: 'ticket',
  columns: {
    region: 'text',
    tenant: 'int',
    id: 'int',
    mark: 'int',
    body: 'text',
    topic: 'loose',
    cost: 'float',
    made: 'moment',
  },
  primaryKey: ['region', 'tenant', 'id'],
  shardKey: ['region', 'tenant'],
}

const slot: OracleTable = {
  name: 'slot',
  columns: { region: 'text', tenant: 'int', n: 'int', name: 'text', amount: 'numeric' },
  primaryKey: ['region', 'tenant'],
  shardKey: ['region', 'tenant'],
}

export const worlds: readonly World[] = [
  {
    name: 'single',
    map: hashShards({ key: 'integer' }),
    tables: [customer, purchase, badge, country],
    written: account,
  },
  {
    name: 'ranged',
    map: rangeShards({
      key: 'integer',
      ranges: [{ to: 7, shard: 'a' }, { to: 13, shard: 'b' }, { to: 19, shard: 'c' }, { shard: 'd' }],
    }),
    tables: [customer, purchase, badge, country],
    written: account,
  },
  {
    name: 'composite',
    map: hashShards({ key: ['text', 'integer'] }),
    tables: [tenant, ticket, country],
    written: slot,
  },
]

const types: Readonly<Record<Engine, Readonly<Record<ColumnType, string>>>> = {
  postgres: {
    int: 'integer',
    numeric: 'numeric(14, 3)',
    float: 'double precision',
    text: 'varchar(30) collate "C"',
    loose: 'varchar(30) collate "en-x-icu"',
    moment: 'timestamp(6)',
    day: 'date',
  },
  mysql: {
    int: 'integer',
    numeric: 'decimal(14, 3)',
    float: 'double',
    text: 'varchar(30) collate utf8mb4_bin',
    loose: 'varchar(30) collate utf8mb4_general_ci',
    moment: 'datetime(6)',
    day: 'date',
  },
  sqlite: {
    int: 'integer',
    numeric: 'numeric',
    float: 'real',
    text: 'text',
    loose: 'text collate nocase',
    moment: 'text',
    day: 'text',
  },
}

export function createTable(engine: Engine, { name, columns, primaryKey }: OracleTable): string {
  const listed = Object.entries(columns).map(([column, type]) => `${column} ${types[engine][type]}`)
  return `create table ${name} (${listed.join(', ')}, primary key (${primaryKey.join(', ')}))`
}

const names = ['ada', 'Bob', 'bob', 'ﬀ', '😀', 'Zoë', 'ada x', '', null, 'élan', 'Ada']
const cities = ['Oslo', 'oslo', 'Berlin', 'berlin', 'ulm', 'Zug', null, 'Aix']
export const regions = ['eu', 'us', 'asia']
export const customers = 24
export const tenants = 9

/** The rows of a table, the same in every run: with nulls, and with many that are equal but for their key. */
export function rowsOf({ name }: OracleTable): readonly (readonly unknown[])[] {
  switch (name) {
    case 'country':
      return ['de', 'fr', 'no', 'dk', 'ch'].map((code, i) => [code, `land ${code}`, i % 3 === 2 ? null : i * 7])
    case 'customer':
      return upTo(customers).map((id) => {
        const level = nullAt(id, 5, id % 3)
        const credit = nullAt(id, 4, decimal(id * 37 - 300, id % 8))
        return [id, level, names[id % 11], cities[id % 8], codeOf(id), moment(id % 9), day(id % 4), credit]
      })
    case 'purchase':
      return upTo(customers).flatMap((id) =>
        upTo(id % 5).map((n) => {
          const weight = nullAt(id, 6, ((id * n) % 16) / 8)
          return [
            id,
            n,
            nullAt(id + n, 4, n % 3),
            decimal(id * n, n),
            weight,
            moment((id * n) % 7),
            names[(id * n) % 11],
          ]
        }),
      )
    case 'badge':
      return upTo(customers).flatMap((id) =>
        ['gold', 'Gold', 'tin']
          .slice(0, id % 4)
          .map((kind, i) => [id, kind, nullAt(id, 5, day(i)), nullAt(id, 3, id % 2)]),
      )
    case 'tenant':
      return regions.flatMap((region, i) =>
        upTo(tenants).map((n) => {
          const fee = nullAt(n, 4, decimal(n * 11 + i, n))
          return [region, n, nullAt(n + i, 4, n % 3), names[(n + i) % 11], codeOf(n), fee, day((n + i) % 4)]
        }),
      )
    case 'ticket':
      return regions.flatMap((region, i) =>
        upTo(tenants).flatMap((n) =>
          upTo((n + i) % 4).map((id) => {
            const cost = nullAt(n, 3, ((n * id) % 16) / 4)
            return [
              region,
              n,
              id,
              nullAt(id + i, 3, id % 2),
              names[(n * id) % 11],
              cities[(n + id) % 8],
              cost,
              moment(n % 7),
            ]
          }),
        ),
      )
    default:
      return []
  }
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

function nullAt<T>(number: number, every: number, value: T): T | null {
  return number % every === 0 ? null : value
}

/** A binary fraction: sums of floats made of it are exact, whatever their order. */
function decimal(whole: number, eighths: number): string {
  return String(whole + (eighths % 8) / 8)
}

function codeOf(number: number): string | null {
  return ['de', 'fr', 'no', 'xx', null, 'ch'][number % 6] ?? null
}

function moment(number: number): string {
  return `2024-0${1 + (number % 3)}-11 10:20:30.00000${number}`
}

function day(number: number): string {
  return `199${number}-05-0${1 + number}`
}
