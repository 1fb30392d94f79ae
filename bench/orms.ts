import assert from 'node:assert/strict'
import pg from 'pg'
import { connect } from 'signalbox'
import { pgFor } from 'signalbox/pg'
import { startPostgres } from 'signalbox/testing'
import type { OrmUnderTest } from '../test/orms/orm.ts'
import { allTools } from '../test/orms/tools/all.ts'
import { compare, type Comparison } from './measure.ts'

const rows = 100_000

/** These ask the pool itself for what is not part of a transaction; the others lease a client for it. */
const askPool: ReadonlySet<string> = new Set(['Drizzle 0.45', 'Drizzle 1.0', 'Prisma'])

/** Each query tool on Signalbox against itself on `pg`, with the same pool settings, on a primary alone. `names`: how those begin that are wanted. */
export async function benchOrms(scale: number, names: readonly string[] = ['']): Promise<readonly Comparison[]> {
  await using server = await startPostgres()
  const url = server.dsn()
  await using client = await connect(url)
  await client.query('create table product (id integer primary key, name text not null, stock integer not null)')
  await client.query("insert into product select n, 'product ' || n, 0 from generate_series(1, $1::integer) n", [rows])
  await client.query('vacuum analyze product')
  const spread = (index: number): number => ((index * 7_919) % rows) + 1
  const work: Readonly<Record<string, (shop: OrmUnderTest, index: number) => Promise<unknown>>> = {
    'read by key': async (shop, index) => assert.ok(await shop.find(spread(index))),
    'write by key': async (shop, index) => await shop.setStock(spread(index), index),
  }
  const wanted = allTools.filter(({ name }) => names.some((beginning) => name.startsWith(beginning)))
  assert.ok(wanted.length > 0, `The tools are: ${allTools.map(({ name }) => name).join(', ')}.`)
  const results: Comparison[] = []
  for (const tool of wanted) {
    await using bare = await tool.open({ pg, url })
    await using ours = await tool.open({ pg: pgFor(client), url })
    for (const [kind, run] of Object.entries(work))
      for (const concurrency of [1, 32])
        results.push(
          await compare({
            bench: `${tool.name}: ${kind}`,
            concurrency,
            operations: Math.ceil((concurrency === 1 ? 1_500 : 4_000) * scale),
            rounds: 9,
            bare: { name: 'on pg', run: async (index) => await run(bare, index) },
            signalbox: { name: 'on pgFor(client)', run: async (index) => await run(ours, index) },
            target: { ratio: kind === 'read by key' && concurrency === 32 && askPool.has(tool.name) ? 1.5 : 0.95 },
          }),
        )
  }
  return results
}
