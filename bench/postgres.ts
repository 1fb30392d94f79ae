import { setTimeout } from 'node:timers/promises'
import { Pool } from 'pg'
import { connect } from 'signalbox'
import { startPostgres } from 'signalbox/testing'
import { compare, median, quantile, type Comparison } from './measure.ts'

const rows = 100_000
const read = 'select id, name, stock from item where id = $1'
const write = 'update item set stock = stock + 1 where id = $1'

/** Routed against a default `pg.Pool`, on a server of its own. */
export async function benchPostgres(scale: number): Promise<readonly Comparison[]> {
  await using server = await startPostgres()
  const dsn = server.dsn()
  const pool = new Pool({ connectionString: dsn })
  // pg_sleep stands for any slow read; declared harmless it may share connections, which is the harder case.
  const client = await connect({ databases: { default: dsn }, harmlessFunctions: ['pg_sleep'] })
  try {
    await client.query('create table item (id integer primary key, name text not null, stock integer not null)')
    await client.query("insert into item select n, 'item ' || n, 0 from generate_series(1, $1::integer) n", [rows])
    await pool.query('vacuum analyze item')
    const spread = (index: number): number => ((index * 7_919) % rows) + 1
    const results: Comparison[] = []
    for (const concurrency of [1, 32]) {
      results.push(
        await compare({
          bench: 'PostgreSQL: read by key',
          concurrency,
          operations: Math.ceil((concurrency === 1 ? 3_000 : 8_000) * scale),
          rounds: 31,
          bare: { name: 'pg.Pool query', run: (index) => pool.query(read, [spread(index)]) },
          signalbox: { name: 'client.query', run: (index) => client.query(read, [spread(index)]) },
          target: { ratio: concurrency === 1 ? 1.3 : 2.5 },
        }),
        await compare({
          bench: 'PostgreSQL: write by key',
          concurrency,
          operations: Math.ceil(2_000 * scale),
          rounds: 7,
          bare: { name: 'pg.Pool query', run: (index) => pool.query(write, [spread(index)]) },
          signalbox: { name: 'client.query', run: (index) => client.query(write, [spread(index)]) },
          target: { ratio: 0.97 },
        }),
        await compare({
          bench: 'PostgreSQL: transaction, read and write',
          concurrency,
          operations: Math.ceil(1_500 * scale),
          rounds: 11,
          bare: { name: 'pg.Pool by hand', run: (index) => transactionByHand(pool, spread(index)) },
          signalbox: {
            name: 'client.transaction',
            run: (index) =>
              client.transaction(async (tx) => {
                await tx.query(read, [spread(index)])
                await tx.query(write, [spread(index)])
              }),
          },
          target: { ratio: 0.97 },
        }),
        await compare({
          bench: 'PostgreSQL: read of 500 rows',
          concurrency,
          operations: Math.ceil(300 * scale),
          rounds: 7,
          bare: {
            name: 'pg.Pool query',
            run: (index) => pool.query('select * from item where id > $1 order by id limit 500', [spread(index)]),
          },
          signalbox: {
            name: 'client.query',
            run: (index) => client.query('select * from item where id > $1 order by id limit 500', [spread(index)]),
          },
          target: { ratio: 0.97 },
        }),
      )
    }
    results.push(...(await mixedLoad(pool, async (sql, params) => await client.query(sql, params), scale)))
    return results
  } finally {
    await client.close()
    await pool.end()
  }
}

async function transactionByHand(pool: Pool, id: number): Promise<void> {
  const connection = await pool.connect()
  try {
    await connection.query('BEGIN')
    await connection.query(read, [id])
    await connection.query(write, [id])
    await connection.query('COMMIT')
  } finally {
    connection.release()
  }
}

type Query = (sql: string, params: readonly unknown[]) => Promise<unknown>

// One statement in a hundred takes 200 ms: with a text of its own, and as the same text with another parameter. At these
// rates the slow ones keep 8 and 6 of the 10 connections of a default pool busy.
const slowStatements = {
  'its own text': {
    perSecond: 4_000,
    slow: 'select pg_sleep(0.2), $1::integer',
    short: read,
    param: (slow: boolean, index: number) => [slow ? 0 : index],
  },
  'the same text': {
    perSecond: 3_000,
    slow: 'select id, name, stock, pg_sleep($2::float8) from item where id = $1',
    short: 'select id, name, stock, pg_sleep($2::float8) from item where id = $1',
    param: (slow: boolean, index: number) => [index, slow ? 0.2 : 0],
  },
} as const

// A 99th percentile is at the mercy of what else the machine does for some milliseconds: many short rounds, of which the
// median counts, forgive that.
const mixedRounds = 36
const mixedWarmUp = 4
const mixedSeconds = 0.6

/**
 * The 99th percentile of the short statements while one in a hundred takes 200 ms. Statements arrive at a fixed rate,
 * whatever the answers do, and their time counts from their arrival: with a fixed number of callers instead, the faster
 * contestant would meet more slow statements in a second, and be punished for it.
 */
async function mixedLoad(pool: Pool, routed: Query, scale: number): Promise<readonly Comparison[]> {
  const bare: Query = (sql, params) => pool.query(sql, [...params])
  const results: Comparison[] = []
  for (const [name, kind] of Object.entries(slowStatements)) {
    const measured: Record<'bare' | 'signalbox', number[]> = { bare: [], signalbox: [] }
    for (let round = 0; round < mixedRounds; round++) {
      const turns = [
        ['bare', bare],
        ['signalbox', routed],
      ] as const
      for (const [who, query] of round % 2 === 0 ? turns : turns.toReversed()) {
        const latencies = await shortLatencies(query, kind, Math.ceil(mixedSeconds * kind.perSecond * scale))
        // The first rounds are the warm-up, in which Signalbox learns what is slow.
        if (round >= mixedWarmUp) measured[who].push(quantile(latencies, 0.99))
      }
    }
    const ratio = median(measured.bare.map((value, index) => value / (measured.signalbox[index] ?? Number.NaN)))
    results.push({
      bench: `PostgreSQL: p99 of short reads beside 1 % of 200 ms, ${name}`,
      bare: 'pg.Pool query',
      signalbox: 'client.query',
      concurrency: `${kind.perSecond}/s`,
      bareMicros: median(measured.bare),
      signalboxMicros: median(measured.signalbox),
      ratio,
      target: '≥ 1×',
      met: ratio >= 1,
    })
  }
  return results
}

async function shortLatencies(
  query: Query,
  kind: (typeof slowStatements)[keyof typeof slowStatements],
  operations: number,
): Promise<readonly number[]> {
  const latencies: number[] = []
  const underWay: Promise<void>[] = []
  const send = async (index: number, due: number): Promise<void> => {
    const slow = index % 100 === 0
    await query(slow ? kind.slow : kind.short, kind.param(slow, (index % rows) + 1))
    if (!slow) latencies.push((performance.now() - due) * 1_000)
  }
  const begun = performance.now()
  const dueAt = (index: number): number => begun + (index * 1_000) / kind.perSecond
  for (let index = 1; index <= operations;) {
    while (index <= operations && dueAt(index) <= performance.now()) {
      underWay.push(send(index, dueAt(index)))
      index += 1
    }
    // A loop that never sleeps would keep a core from the servers, and measure their waiting for it.
    await setTimeout(1)
  }
  await Promise.all(underWay)
  return latencies
}
