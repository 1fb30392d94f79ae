import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { connect, type Client } from 'signalbox'
import { pgFor } from 'signalbox/pg'
import { startPostgres } from 'signalbox/testing'
import { compare, type Comparison } from './measure.ts'
import type { Figure } from './routing.ts'

const rows = 100_000
const read = 'select id, name, stock from item where id = $1'
/** What one of the query tools says on each client that it makes. */
const settings = "set standard_conforming_strings = on; set client_min_messages to warning; set time zone 'UTC'"
const most = 5_000

/** Clients of the façade of pg that are kept for long, with settings of their own: how they compare with those of pg, and what they take while idle. */
export async function benchClients(
  scale: number,
): Promise<{ readonly comparisons: readonly Comparison[]; readonly figures: readonly Figure[] }> {
  await using server = await startPostgres()
  await using client = await connect({ databases: { default: server.dsn() }, pool: { maxConnections: 32 } })
  await client.query('create table item (id integer primary key, name text not null, stock integer not null)')
  await client.query("insert into item select n, 'item ' || n, 0 from generate_series(1, $1::integer) n", [rows])
  // Before others have left what is still to be collected.
  const figures = await idle(client, scale)
  return { comparisons: await compared(client, server.dsn(), scale), figures }
}

async function compared(client: Client<'default'>, dsn: string, scale: number): Promise<readonly Comparison[]> {
  const module = pgFor(client)
  const results: Comparison[] = []
  for (const concurrency of [1, 32]) {
    const bare = await made(concurrency, () => new pg.Client(dsn))
    const virtual = await made(concurrency, () => new module.Client())
    const spread = (index: number): number => ((index * 7_919) % rows) + 1
    const of = (clients: readonly pg.Client[], text: string) => (index: number) =>
      clients[index % concurrency]!.query(text, [spread(index)])
    const inTransaction = (clients: readonly pg.Client[]) => async (index: number) => {
      const one = clients[index % concurrency]!
      await one.query('begin')
      await one.query(read, [spread(index)])
      await one.query('update item set stock = stock + 1 where id = $1', [spread(index)])
      await one.query('commit')
    }
    results.push(
      await compare({
        bench: 'PostgreSQL: clients with settings, read by key',
        concurrency,
        operations: Math.ceil((concurrency === 1 ? 2_000 : 5_000) * scale),
        rounds: 11,
        bare: { name: 'pg.Client', run: of(bare, read) },
        signalbox: { name: 'façade of pg', run: of(virtual, read) },
        target: { ratio: 0.95 },
      }),
      await compare({
        bench: 'PostgreSQL: clients with settings, transaction',
        concurrency,
        operations: Math.ceil(1_000 * scale),
        rounds: 11,
        bare: { name: 'pg.Client', run: concurrency === 1 ? inTransaction(bare) : apart(bare, inTransaction) },
        signalbox: {
          name: 'façade of pg',
          run: concurrency === 1 ? inTransaction(virtual) : apart(virtual, inTransaction),
        },
        target: { ratio: 0.95 },
      }),
    )
    await Promise.all([...bare, ...virtual].map(async (one) => await one.end()))
  }
  return results
}

/** Each client does one transaction at a time, whoever asks for it. */
function apart(
  clients: readonly pg.Client[],
  run: (clients: readonly pg.Client[]) => (index: number) => Promise<void>,
): (index: number) => Promise<void> {
  const turns = new Map<number, Promise<void>>()
  return async (index) => {
    const place = index % clients.length
    const turn = (turns.get(place) ?? Promise.resolve()).then(() => run(clients)(index))
    turns.set(place, turn)
    await turn
  }
}

async function made(count: number, make: () => pg.Client): Promise<readonly pg.Client[]> {
  const clients = Array.from({ length: count }, make)
  for (const one of clients) {
    await one.connect()
    await one.query(settings)
  }
  return clients
}

async function idle(client: Client<'default'>, scale: number): Promise<readonly Figure[]> {
  const module = pgFor(client)
  const used = async (): Promise<number> => {
    for (let n = 0; n < 5; n++) {
      globalThis.gc?.()
      await setTimeout(20)
    }
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const count = Math.ceil(10_000 * Math.min(1, scale))
  // What is made once for all is made by the first.
  const first = await made(1, () => new module.Client())
  const before = await used()
  const clients = await made(count, () => new module.Client())
  const each = ((await used()) - before) / count
  await Promise.all([...first, ...clients].map(async (one) => await one.end()))
  const figure: Figure = {
    bench: `${count} idle clients of the façade of pg, with settings: memory of each`,
    micros: 0,
    figure: `${(each / 1_000).toFixed(1)} kB`,
    target: `≤ ${most / 1_000} kB`,
    met: each <= most,
  }
  return [figure]
}
