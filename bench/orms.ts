import assert from 'node:assert/strict'
import * as mariadb from 'mariadb'
import mysql2 from 'mysql2'
import pg from 'pg'
import { connect } from 'signalbox'
import { mariadbFor, type Mariadb } from 'signalbox/mariadb'
import { mysql2For } from 'signalbox/mysql2'
import { pgFor } from 'signalbox/pg'
import { startMariadb, startPostgres } from 'signalbox/testing'
import type { Orm, OrmUnderTest } from '../test/orms/orm.ts'
import { allMariadbTools, allTools } from '../test/orms/tools/all.ts'
import { singlePrismaTool } from '../test/orms/tools/prisma.ts'
import { compare, type Comparison } from './measure.ts'

const rows = 100_000

/**
 * These ask the pool itself for what is not part of a transaction; the others lease a client for it. Not Prisma's `findUnique`: it makes one
 * statement of all those of one moment, so that 32 callers are one.
 */
const askPool: ReadonlySet<string> = new Set(['Drizzle 0.45', 'Drizzle 1.0', singlePrismaTool.name])

/** All that the tools use of `mariadb`, which knows DSNs by its own name alone. */
const bareMariadb = {
  createPool: (dsn: string) => mariadb.createPool(dsn.replace(/^mysql:/, 'mariadb:')),
} as unknown as Mariadb

const spread = (index: number): number => ((index * 7_919) % rows) + 1

const work: Readonly<Record<string, (shop: OrmUnderTest, index: number) => Promise<unknown>>> = {
  'read by key': async (shop, index) => assert.ok(await shop.find(spread(index))),
  'write by key': async (shop, index) => await shop.setStock(spread(index), index),
}

/** The same tool on the bare driver and on Signalbox, with the same pool settings. */
interface Pair {
  readonly bare: () => Promise<OrmUnderTest>
  readonly ours: () => Promise<OrmUnderTest>
}

/** Each query tool on Signalbox against itself on the bare driver, on a primary alone. `names`: how those begin that are wanted. */
export async function benchOrms(scale: number, names: readonly string[] = ['']): Promise<readonly Comparison[]> {
  const isWanted = ({ name }: { readonly name: string }): boolean =>
    names.some((beginning) => name.startsWith(beginning))
  const onPostgres = [...allTools, singlePrismaTool].filter(isWanted)
  const onMariadb = allMariadbTools.filter(isWanted)
  const known = [...allTools, singlePrismaTool, ...allMariadbTools].map(({ name }) => name)
  assert.ok(onPostgres.length + onMariadb.length > 0, `The tools are: ${known.join('; ')}.`)
  return [...(await benchOnPostgres(scale, onPostgres)), ...(await benchOnMariadb(scale, onMariadb))]
}

async function benchOnPostgres(scale: number, tools: readonly Orm[]): Promise<readonly Comparison[]> {
  if (tools.length === 0) return []
  await using server = await startPostgres()
  const url = server.dsn()
  await using client = await connect(url)
  await client.query('create table product (id integer primary key, name text not null, stock integer not null)')
  await client.query("insert into product select n, 'product ' || n, 0 from generate_series(1, $1::integer) n", [rows])
  await client.query('vacuum analyze product')
  const results: Comparison[] = []
  for (const tool of tools) {
    const bare = async (): Promise<OrmUnderTest> => await tool.open({ pg, url })
    const ours = async (): Promise<OrmUnderTest> => await tool.open({ pg: pgFor(client), url })
    results.push(...(await benchTool(scale, tool.name, ['on pg', 'on pgFor(client)'], { bare, ours })))
  }
  return results
}

async function benchOnMariadb(
  scale: number,
  tools: readonly (typeof allMariadbTools)[number][],
): Promise<readonly Comparison[]> {
  if (tools.length === 0) return []
  await using server = await startMariadb()
  const { dsn: url } = await server.createDatabase()
  await using client = await connect(url)
  await client.query('create table product (id integer primary key, name varchar(40) not null, stock integer not null)')
  await client.query("insert into product select seq, concat('product ', seq), 0 from seq_1_to_100000")
  await client.query('analyze table product')
  const results: Comparison[] = []
  for (const tool of tools) {
    const bare = async (): Promise<OrmUnderTest> => await tool.open({ mysql2, mariadb: bareMariadb, url })
    const ours = async (): Promise<OrmUnderTest> =>
      await tool.open({ mysql2: mysql2For(client), mariadb: mariadbFor(client), url })
    results.push(...(await benchTool(scale, tool.name, ['on its driver', 'on Signalbox'], { bare, ours })))
  }
  return results
}

async function benchTool(
  scale: number,
  tool: string,
  [bareName, oursName]: readonly [string, string],
  pair: Pair,
): Promise<readonly Comparison[]> {
  await using bare = await pair.bare()
  await using ours = await pair.ours()
  const results: Comparison[] = []
  for (const [kind, run] of Object.entries(work))
    for (const concurrency of [1, 32])
      results.push(
        await compare({
          bench: `${tool}: ${kind}`,
          concurrency,
          operations: Math.ceil((concurrency === 1 ? 1_500 : 4_000) * scale),
          rounds: 9,
          bare: { name: bareName, run: async (index) => await run(bare, index) },
          signalbox: { name: oursName, run: async (index) => await run(ours, index) },
          target: { ratio: kind === 'read by key' && concurrency === 32 && askPool.has(tool) ? 1.5 : 0.95 },
        }),
      )
  return results
}
