import assert from 'node:assert/strict'
import { connect, type Client } from 'signalbox'
import { startPostgresCluster } from 'signalbox/testing'
import { compareAll, type Comparison } from './measure.ts'
import { checkReader, poolsInTurn, proxiedReaders, type Unmeasured } from './reader.ts'
import { contestantOf, routedReaders } from './routed-reader.ts'

const rows = 100_000
const read = 'select id, name, stock from item where id = $1'
const write = 'update item set stock = stock + 1 where id = $1'
const callers = 32
const rounds = 11

/** The share of reads that replicas served. */
export interface Share {
  readonly bench: string
  readonly percent: number
  /** The same load with the primary read for 15 s after a write, as pinning by time does. */
  readonly pinnedPercent: number
  readonly target: string
  readonly met: boolean
}

export interface ReplicationFigures {
  readonly comparisons: readonly Comparison[]
  readonly shares: readonly Share[]
  readonly unmeasured: readonly Unmeasured[]
}

/**
 * Reads on one primary and two replicas: against a bare round robin over `pg.Pool`s, pgpool-II and PgBouncer, and how
 * many the replicas serve.
 */
export async function benchReplication(scale: number): Promise<ReplicationFigures> {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await startPostgresCluster())
  const database = await cluster.createDatabase()
  const client = stack.use(
    await connect({
      databases: { default: { primary: database.primary, replicas: database.replicas } },
      // The tokens that the sessions begin with must last for the whole run.
      tokens: { keys: ['only for this measurement'], maxAgeMs: 3_600_000 },
    }),
  )
  await client.query('create table item (id integer primary key, name text not null, stock integer not null)')
  await client.query("insert into item select n, 'item ' || n, 0 from generate_series(1, $1::integer) n", [rows])
  await client.query('vacuum analyze item')
  await cluster.caughtUp()
  const pools = stack.use(poolsInTurn('round robin of default pg.Pools', database.replicas, 10, 2))
  const { readers, unmeasured } = await proxiedReaders(cluster, database, callers, stack)
  const others = [pools, ...readers]
  const routed = await routedReaders(client, write)
  await cluster.caughtUp()
  const sample = new Map<number, unknown>()
  for (const id of [1, 2, rows]) sample.set(id, (await client.query(read, [id], { role: 'primary' })).rows[0])
  const own = { name: 'Signalbox', query: client.query.bind(client) }
  for (const contestant of [...others, own]) await checkReader(contestant, cluster, read, sample)
  const before = await readsOnPrimary(client)
  const spread = (index: number): number => ((index * 7_919) % rows) + 1
  const operations = Math.ceil(4_000 * scale)
  const comparisons = await compareAll({
    bench: 'PostgreSQL replicas: read by key',
    concurrency: callers,
    operations,
    rounds,
    others: others.map(({ name, query, target }) => ({
      contestant: { name, run: (index) => query(read, [spread(index)]) },
      target: { ratio: target },
    })),
    signalbox: routed.map((reader) => contestantOf(client, read, reader, spread)),
  })
  assert.deepEqual(client.ignoredTokens, {}, 'tokens were ignored')
  const onPrimary = (await readsOnPrimary(client)) - before
  // One in a hundred of a single contestant's.
  assert.ok(onPrimary <= (operations * rounds) / 100, `${onPrimary} of the compared reads were made on the primary`)
  const shares = [await shareOfReplicas(client, Math.ceil(2_000 * scale))]
  return { comparisons, shares, unmeasured }
}

/** By key, by the server's own account, which is up to a second late. */
async function readsOnPrimary(client: Client): Promise<number> {
  const sql = "select idx_scan::integer as scans from pg_stat_user_tables where relname = 'item'"
  const { rows: found } = await client.query<{ readonly scans: number }>(sql, [], { role: 'primary' })
  return found[0]!.scans
}

/** Sessions that write once, then read five times, and hand on a token. */
async function shareOfReplicas(client: Client, sessions: number): Promise<Share> {
  const load = async (pinned: boolean): Promise<number> => {
    let [begun, onReplica, reads] = [0, 0, 0]
    const worker = async (): Promise<void> => {
      while (begun < sessions) {
        const id = ++begun
        await client.session(async (session) => {
          await client.query(write, [id])
          for (let n = 0; n < 5; n++) {
            const { route } = await client.query(read, [id], pinned ? { role: 'primary' } : {})
            reads += 1
            if (route.role === 'replica') onReplica += 1
          }
          await session.token()
        })
      }
    }
    await Promise.all(Array.from({ length: 16 }, worker))
    return (100 * onReplica) / reads
  }
  const percent = await load(false)
  return {
    bench: 'PostgreSQL replicas: share of reads in sessions that write once and read five times',
    percent,
    pinnedPercent: await load(true),
    target: '≥ 95 %',
    met: percent >= 95,
  }
}
