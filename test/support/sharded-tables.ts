import { connect, hashShards, type Client, type HashOptions } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { sqlFor } from './dialect.ts'
import { freshDatabase } from './servers.ts'

/** A table as it is made and filled: its columns with a kind each, and its rows. */
export interface StoredTable {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnKind>>
  readonly primaryKey: string
  /** The others are NOT NULL. */
  readonly nullable?: readonly string[]
  /** The columns of each index. */
  readonly indexes?: readonly string[]
  readonly rows: readonly (readonly (number | string | null)[])[]
}

/**
 * `money` has two decimals and `price` four: the rows have them as whole numbers of the last one. `day` is `YYYY-MM-DD`. `text`
 * is compared bytewise, `name` as the engine compares text where nobody says anything, and on PostgreSQL in the English order.
 */
export type ColumnKind = 'integer' | 'money' | 'price' | 'day' | 'text' | 'name'

const types: Readonly<Record<Engine, Readonly<Record<ColumnKind, string>>>> = {
  postgres: {
    integer: 'integer',
    money: 'numeric(14, 2)',
    price: 'numeric(14, 4)',
    day: 'date',
    text: 'varchar(40)',
    name: 'varchar(150) collate "en-x-icu"',
  },
  mysql: {
    integer: 'integer',
    money: 'decimal(14, 2)',
    price: 'decimal(14, 4)',
    day: 'date',
    text: 'varchar(40) collate utf8mb4_bin',
    name: 'varchar(150)',
  },
  // Cents and texts, which add up and compare exactly.
  sqlite: { integer: 'integer', money: 'integer', price: 'integer', day: 'text', text: 'text', name: 'text' },
}

const decimals: Partial<Readonly<Record<ColumnKind, number>>> = { money: 2, price: 4 }

/** The same rows twice: in one database, and over four shards. */
export interface ShardedTables extends AsyncDisposable {
  readonly whole: Client<'default'>
  readonly sharded: Client<'default'>
}

export interface ShardedTablesOptions {
  readonly tables: readonly StoredTable[]
  /** The columns by which the tables are sharded; a table that is not named has a copy on each shard. */
  readonly shardKeys: Readonly<Record<string, string>>
  readonly keyType: HashOptions['key']
}

export async function startShardedTables(
  engine: Engine,
  { tables, shardKeys, keyType }: ShardedTablesOptions,
): Promise<ShardedTables> {
  await using stack = new AsyncDisposableStack()
  const [single, ...shards] = await Promise.all(
    Array.from({ length: 5 }, async () => stack.use(await freshDatabase(engine))),
  )
  const whole = stack.use(await connect(single!.dsn))
  const sharded = stack.use(
    await connect({
      databases: {
        default: {
          shards: Object.fromEntries(['a', 'b', 'c', 'd'].map((name, index) => [name, shards[index]!.dsn])),
          shardMap: hashShards({ key: keyType }),
          pool: { maxConnections: 3 },
        },
      },
      tables: {
        ...Object.fromEntries(
          tables.map(({ name }) => [name, { database: 'default' as const, kind: 'reference' as const }]),
        ),
        ...Object.fromEntries(
          Object.entries(shardKeys).map(([name, shardKey]) => [name, { database: 'default' as const, shardKey }]),
        ),
      },
    }),
  )
  for (const client of [whole, sharded]) for (const table of tables) await fill(client, engine, table)
  const kept = stack.move()
  return { whole, sharded, [Symbol.asyncDispose]: async () => await kept.disposeAsync() }
}

async function fill(client: Client<'default'>, engine: Engine, table: StoredTable): Promise<void> {
  const { name, columns, primaryKey, nullable = [], indexes = [], rows } = table
  const kinds = Object.values(columns)
  const defined = Object.entries(columns).map(
    ([column, kind]) => `${column} ${types[engine][kind]}${nullable.includes(column) ? '' : ' not null'}`,
  )
  await client.query(`create table ${name} (${defined.join(', ')}, primary key (${primaryKey}))`)
  const row = `(${kinds.map(() => '?').join(', ')})`
  for (let from = 0; from < rows.length; from += 500) {
    const some = rows.slice(from, from + 500)
    const values = some.flatMap((each) => each.map((value, at) => stored(engine, kinds[at]!, value)))
    const text = `insert into ${name} (${Object.keys(columns).join(', ')}) values ${some.map(() => row).join(', ')}`
    await client.query(sqlFor(engine, text), values)
  }
  for (const [at, listed] of indexes.entries())
    await client.query(`create index ${name}_by_${at + 1} on ${name} (${listed})`)
}

/** A value as the engine takes it. */
function stored(engine: Engine, kind: ColumnKind, value: number | string | null): number | string | null {
  const places = decimals[kind]
  if (places === undefined || engine === 'sqlite' || typeof value !== 'number') return value
  return (value / 10 ** places).toFixed(places)
}
