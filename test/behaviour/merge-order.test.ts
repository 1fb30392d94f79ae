import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import { sortTypeOfMysql, type MysqlField } from '../../src/execution/merge/sort-type-of-mysql.ts'
import { sortTypeOfPostgres } from '../../src/execution/merge/sort-type-of-postgres.ts'
import { directions, judge, shards, type Direction, type PlacedRow } from '../support/merge-oracle.ts'
import { columns, varcharOf, type Column } from '../support/merge-columns.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

// The engine itself is the judge: it sorts each shard, and says by dense_rank where each row belongs among all.

/** In a table of its own, since a prepared statement must not see its columns change. */
interface Stored extends Column {
  readonly table: string
}

describe.each(testedEngines)('what %s has sorted is merged as it would sort it', (engine) => {
  let database: TestDatabase
  let client: Client
  beforeAll(async () => {
    database = await freshDatabase(engine)
    client = await connect(engine === 'sqlite' ? `${database.dsn}?integers=bigint` : database.dsn)
  })
  afterAll(async () => {
    await client.close()
    await database.drop()
  })

  it.each(
    columns[engine].map((column, index) => ({
      name: `${column.column} ${column.collation ?? ''} ${column.reads ?? ''}`,
      column: { ...column, table: `t${index}` },
    })),
  )('$name', async ({ column }) => {
    await fill(client, engine, column)
    for (const direction of directions) {
      const sorted = await sortedShards(client, engine, column, direction)
      await judge(sorted, { type: column.type, direction, isCoarse: column.isCoarse })
    }
    await expectType(client, engine, column)
  })
})

// The judge must notice an order that is only almost right.
const utf16 = (a: unknown, b: unknown): number => compared(a as string, b as string)
const asFloats = (a: unknown, b: unknown): number => compared(Number(a), Number(b))
const wrongOrders = [
  { engine: 'postgres', column: 'text', wrong: utf16 },
  { engine: 'postgres', column: 'numeric', wrong: asFloats },
  { engine: 'postgres', column: 'bigint', wrong: asFloats },
  { engine: 'mysql', column: varcharOf('utf8mb4_nopad_bin'), wrong: utf16 },
  { engine: 'mysql', column: 'decimal(65,30)', wrong: asFloats },
  { engine: 'sqlite', column: 'text', wrong: utf16 },
] as const

describe.each(wrongOrders.filter(({ engine }) => testedEngines.includes(engine)))(
  'the judge refuses $wrong.name',
  ({ engine, column, wrong }) => {
    it(`of ${column} on ${engine}`, async () => {
      await using database = await freshDatabase(engine)
      await using client = await connect(database.dsn)
      const found = columns[engine].find((each) => each.column === column)!
      const stored = { ...found, values: found.values.filter((value) => value !== null), table: 't' }
      await fill(client, engine, stored)
      const direction = { descending: false, nulls: 'last' } as const
      const sorted = await sortedShards(client, engine, stored, direction)
      await judge(sorted, { type: stored.type, direction })
      await expect(judge(sorted, { type: stored.type, direction, compare: wrong })).rejects.toThrow(
        /another order than|to deeply equal|compared as/,
      )
    })
  },
)

function compared<T extends string | number>(a: T, b: T): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}

async function fill(client: Client, engine: (typeof testedEngines)[number], column: Stored): Promise<void> {
  const definition =
    engine === 'postgres' && column.collation !== undefined
      ? `${column.column} collate "${column.collation}"`
      : column.column
  await client.query(`create table ${column.table} (id int primary key, shard int, v ${definition})`)
  const random = fc.sample(fc.constantFrom(...shards), { seed: column.values.length, numRuns: column.values.length })
  const rows = column.values.map((value, id) => [id, random[id], value] as const)
  if (engine === 'postgres') {
    const list = rows.map(([, , value]) =>
      value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value === null ? null : String(value),
    )
    await client.query(
      `insert into ${column.table} select id, shard, v::${column.column} from unnest($1::int[], $2::int[], $3::text[]) as x(id, shard, v)`,
      [rows.map(([id]) => id), rows.map(([, shard]) => shard), list],
    )
    return
  }
  await client.transaction(async (tx) => {
    if (engine === 'mysql') await tx.query(`set session sql_mode = 'STRICT_TRANS_TABLES'`)
    for (const [id, shard, value] of rows) {
      const given = engine === 'mysql' && value instanceof Uint8Array ? Buffer.from(value) : value
      await tx.query(`insert into ${column.table} values (?, ?, ?)`, [id, shard, given])
    }
  })
}

async function sortedShards(
  client: Client,
  engine: (typeof testedEngines)[number],
  column: Stored,
  direction: Direction,
): Promise<PlacedRow[][]> {
  const order = orderBy(engine, direction)
  const ranked = `select id, shard, v, dense_rank() over (order by ${order}) as place from ${column.table}`
  const read = (shard: number) =>
    `select id, ${column.reads ?? 'v'} as v, place from (${ranked}) as x where shard = ${shard} order by ${order.replaceAll(/\bv\b/g, 'x.v')}`
  const zones = ['UTC', 'Asia/Kolkata', 'America/New_York', 'Pacific/Chatham']
  return Promise.all(
    shards.map((shard) =>
      client.transaction(async (tx) => {
        if (column.inZones === true) await tx.query(`set local time zone '${zones[shard]}'`)
        const { rows } = await tx.query<{ id: unknown; v: unknown; place: unknown }>(read(shard))
        return rows.map(({ id, v, place }) => ({ id: Number(id), v, place: Number(place) }))
      }),
    ),
  )
}

/** MariaDB has no NULLS FIRST, and sorts them first in ascending order. */
function orderBy(engine: (typeof testedEngines)[number], { descending, nulls }: Direction): string {
  const way = descending ? 'desc' : 'asc'
  return engine === 'mysql' ? `v is null ${nulls === 'first' ? 'desc' : 'asc'}, v ${way}` : `v ${way} nulls ${nulls}`
}

async function expectType(client: Client, engine: (typeof testedEngines)[number], column: Stored): Promise<void> {
  if (engine === 'sqlite' || column.reads !== undefined) return
  const { fields } = await client.query(`select v from ${column.table}`)
  const native = fields[0]!.native
  const found =
    engine === 'postgres'
      ? sortTypeOfPostgres((native as { dataTypeID: number }).dataTypeID, column.collation)
      : sortTypeOfMysql(native as MysqlField, column.collation)
  expect(found).toBe(column.type)
}
