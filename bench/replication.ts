import { Pool } from 'pg'
import { connect, type Client } from 'signalbox'
import { startPostgresCluster } from 'signalbox/testing'
import { compare, type Comparison } from './measure.ts'

const rows = 100_000
const read = 'select id, name, stock from item where id = $1'
const write = 'update item set stock = stock + 1 where id = $1'

/** The share of reads that replicas served. */
export interface Share {
  readonly bench: string
  readonly percent: number
  /** The same load with the primary read for 15 s after a write, as pinning by time does. */
  readonly pinnedPercent: number
  readonly target: string
  readonly met: boolean
}

/** Reads on one primary and two replicas: against a bare round robin over `pg.Pool`s, and how many the replicas serve. */
export async function benchReplication(
  scale: number,
): Promise<{ readonly comparisons: readonly Comparison[]; readonly shares: readonly Share[] }> {
  await using cluster = await startPostgresCluster()
  const database = await cluster.createDatabase()
  const replication = { waitMs: 50 }
  await using client = await connect({
    databases: { default: { primary: database.primary, replicas: database.replicas, replication } },
    tokens: { keys: ['only for this measurement'] },
  })
  const pools = database.replicas.map((connectionString) => new Pool({ connectionString }))
  try {
    await client.query('create table item (id integer primary key, name text not null, stock integer not null)')
    await client.query("insert into item select n, 'item ' || n, 0 from generate_series(1, $1::integer) n", [rows])
    await cluster.caughtUp()
    const spread = (index: number): number => ((index * 7_919) % rows) + 1
    const comparisons = [
      await compare({
        bench: 'PostgreSQL replicas: read by key in sessions with tokens',
        concurrency: 32,
        operations: Math.ceil(8_000 * scale),
        rounds: 15,
        bare: {
          name: 'round robin of pg.Pools',
          run: (index) => pools[index % pools.length]!.query(read, [spread(index)]),
        },
        signalbox: {
          name: 'client.session, client.query',
          run: (index) => client.session(async () => await client.query(read, [spread(index)])),
        },
        target: { ratio: 2 },
      }),
    ]
    return { comparisons, shares: [await shareOfReplicas(client, Math.ceil(2_000 * scale))] }
  } finally {
    for (const pool of pools) await pool.end()
  }
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
