import { Pool } from 'pg'
import { connect, hashShards, type Client } from 'signalbox'
import { createDatabase, startPostgres, type TestServer } from 'signalbox/testing'
import { compare, median, type Comparison } from './measure.ts'
import type { Figure } from './routing.ts'

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const customers = 20_000
const purchases = 200_000

/** What the shards of one PostgreSQL server are compared with: the shard itself, and postgres_fdw over the same tables. */
export interface ShardResults {
  readonly comparisons: readonly Comparison[]
  readonly figures: readonly Figure[]
}

/** Eight shards, as databases of one server of its own, routed and scattered. */
export async function benchShards(scale: number): Promise<ShardResults> {
  await using server = await startPostgres()
  const databases = await Promise.all(names.map(async () => await createDatabase(server)))
  const client = await connect({
    databases: {
      default: {
        shards: Object.fromEntries(names.map((name, index) => [name, databases[index]!.dsn])),
        shardMap: hashShards({ key: 'integer' }),
      },
    },
    tables: { purchase: { database: 'default', shardKey: 'customer_id' } },
  })
  const pools = databases.map(({ dsn }) => new Pool({ connectionString: dsn }))
  const foreign = new Pool({ connectionString: (await createDatabase(server)).dsn })
  try {
    await fill(client, Math.ceil(purchases * Math.min(1, scale)))
    await foreignTables(
      foreign,
      server,
      databases.map(({ name }) => name),
    )
    for (const pool of [...pools, foreign]) await pool.query('analyze')
    return {
      comparisons: [...(await byKey(client, pools, scale)), ...(await scattered(client, foreign, scale))],
      figures: [await planning(client, scale), ...(await merging(client))],
    }
  } finally {
    await client.close()
    for (const pool of [...pools, foreign]) await pool.end()
  }
}

async function fill(client: Client, rows: number): Promise<void> {
  await client.query(
    'create table purchase (customer_id integer, id integer, country text collate "C", total numeric(12, 2), note text, primary key (customer_id, id))',
  )
  const chunk = 2_000
  for (let from = 0; from < rows; from += chunk) {
    const values: unknown[] = []
    const marks: string[] = []
    for (let row = from; row < Math.min(rows, from + chunk); row++) {
      const at = values.push(
        row % customers,
        Math.floor(row / customers),
        `c${(row * 7_919) % 200}`,
        `${row % 1_000}.25`,
        `note ${row}`,
      )
      marks.push(`($${at - 4}, $${at - 3}, $${at - 2}, $${at - 1}, $${at})`)
    }
    await client.query(
      `insert into purchase (customer_id, id, country, total, note) values ${marks.join(', ')}`,
      values,
    )
  }
}

/** One partitioned table over the same tables, asked side by side. */
async function foreignTables(pool: Pool, server: TestServer, databases: readonly string[]): Promise<void> {
  const { username, password } = new URL(server.dsn())
  await pool.query('create extension postgres_fdw')
  await pool.query(
    'create table purchase (customer_id integer, id integer, country text collate "C", total numeric(12, 2), note text) partition by hash (customer_id)',
  )
  for (const [index, database] of databases.entries()) {
    await pool.query(
      `create server s${index} foreign data wrapper postgres_fdw options (host '${server.host}', port '${server.port}', dbname '${database}', async_capable 'true', use_remote_estimate 'true', fetch_size '1000')`,
    )
    await pool.query(
      `create user mapping for current_user server s${index} options (user '${username}', password '${password}')`,
    )
    await pool.query(
      `create foreign table purchase_${index} partition of purchase for values with (modulus ${databases.length}, remainder ${index}) server s${index} options (table_name 'purchase')`,
    )
  }
}

async function byKey(client: Client, pools: readonly Pool[], scale: number): Promise<readonly Comparison[]> {
  const read = 'select id, country, total from purchase where customer_id = $1'
  const shardOf = (id: number): number => names.indexOf(client.explain(read, [id]).shards[0] ?? '')
  const owners = Array.from({ length: customers }, (_, id) => shardOf(id))
  const spread = (index: number): number => (index * 7_919) % customers
  const results: Comparison[] = []
  for (const concurrency of [1, 32]) {
    results.push(
      await compare({
        bench: 'PostgreSQL shards: read by shard key',
        concurrency,
        operations: Math.ceil((concurrency === 1 ? 2_000 : 6_000) * scale),
        rounds: 15,
        bare: {
          name: 'pg.Pool of that shard',
          run: (index) => pools[owners[spread(index)]!]!.query(read, [spread(index)]),
        },
        signalbox: { name: 'client.query', run: (index) => client.query(read, [spread(index)]) },
        target: { ratio: 0.95 },
      }),
    )
  }
  return results
}

async function scattered(client: Client, foreign: Pool, scale: number): Promise<readonly Comparison[]> {
  const texts = {
    'ORDER BY … LIMIT 100':
      'select customer_id, id, country, total from purchase order by total desc, customer_id, id limit 100',
    'GROUP BY, 200 groups':
      'select country, count(*) as n, sum(total) as total, avg(total) as mean from purchase group by country order by country',
  }
  const results: Comparison[] = []
  for (const [name, text] of Object.entries(texts)) {
    results.push(
      await compare({
        bench: `PostgreSQL, 8 shards: ${name}`,
        concurrency: 1,
        operations: Math.ceil(10 * scale),
        rounds: 7,
        bare: { name: 'postgres_fdw, async', run: () => foreign.query(text) },
        signalbox: { name: 'client.query', run: () => client.query(text) },
        target: { ratio: 1.5 },
      }),
    )
  }
  return results
}

async function planning(client: Client, scale: number): Promise<Figure> {
  const read = 'select id, country, total from purchase where customer_id = $1'
  const operations = Math.ceil(50_000 * scale)
  // What is known of a text is forgotten when a catalogue of functions was read, as for the aggregates just before.
  await client.query(read, [0])
  const rounds: number[] = []
  for (let round = 0; round < 9; round++) {
    const begun = process.hrtime.bigint()
    for (let id = 0; id < operations; id++) client.explain(read, [id])
    rounds.push(Number(process.hrtime.bigint() - begun) / operations / 1_000)
  }
  const micros = median(rounds.slice(2))
  return { bench: 'the shard and the route of a text that is known', micros, target: '≤ 5 µs', met: micros <= 5 }
}

/** The rows of all shards in one order, read one by one. */
async function merging(client: Client): Promise<readonly Figure[]> {
  const wanted = 1_000_000
  const series = Math.ceil(wanted / names.length / (purchases / names.length))
  const text = `select p.customer_id, p.id, n from purchase p cross join generate_series(1, ${series}) as n order by p.customer_id, p.id, n`
  globalThis.gc?.()
  const base = process.memoryUsage().heapUsed
  let [rows, highest, firstMs] = [0, 0, 0]
  const begun = performance.now()
  for await (const row of client.stream(text, [], { fetchSize: 500 })) {
    if (rows === 0) firstMs = performance.now() - begun
    rows += 1
    if (rows % 50_000 === 0) {
      globalThis.gc?.()
      highest = Math.max(highest, process.memoryUsage().heapUsed - base)
    }
    void row
  }
  const totalMs = performance.now() - begun
  const megabytes = highest / 2 ** 20
  const [merged, seconds] = [(Math.round(rows / 1_000) * 1_000).toLocaleString('en'), (totalMs / 1_000).toFixed(1)]
  return [
    {
      bench: `${merged} rows of 8 shards merged in ${seconds} s: heap above the base, after collecting`,
      figure: `${megabytes.toFixed(1)} MB`,
      micros: totalMs * 1_000,
      target: '≤ 64 MB',
      met: megabytes <= 64 && rows >= wanted * 0.99,
    },
    {
      bench: 'the first of them, before any shard has finished',
      figure: `${firstMs.toFixed(0)} ms`,
      micros: firstMs * 1_000,
      target: 'in the first half',
      met: firstMs < totalMs / 2,
    },
  ]
}
