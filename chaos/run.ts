import { connect, QueryError, SignalboxError } from '../src/index.ts'
import {
  checkHistory,
  HistoryRecorder,
  Random,
  type Report,
  runWorkload,
  startMariadbCluster,
  startPostgresCluster,
} from '../src/testing/index.ts'
import { causeTrouble } from './faults.ts'
import { ShopOfKeys } from './shop-of-keys.ts'

export interface ChaosOptions {
  readonly engine: 'postgres' | 'mysql'
  readonly seconds: number
  readonly seed: number
  /** Default 8. */
  readonly clients?: number
  /** Default 20: the fewer, the more often sessions meet. */
  readonly keys?: number
  /** Default: on PostgreSQL, whose commits then wait for a replica. */
  readonly failovers?: boolean
  /** Reads take replicas as they are: to see that the check finds what is wrong then. Default true. */
  readonly positions?: boolean
  /** Default: in memory. */
  readonly historyPath?: string
  readonly tell?: (text: string) => void
}

/** Random clients in sessions on one primary and two replicas, under faults; and what the check says of what they saw. */
export async function runChaos(options: ChaosOptions): Promise<Report> {
  const { engine, seconds, seed, clients = 8, keys = 20, positions = true } = options
  const tell = options.tell ?? (() => {})
  const failovers = options.failovers ?? engine === 'postgres'
  // With failovers a commit is acknowledged when a replica has it, so that what is lost is nobody's replication's fault.
  const settings = failovers ? { synchronous_standby_names: 'ANY 1 (*)' } : {}
  await using cluster = engine === 'postgres' ? await startPostgresCluster({ settings }) : await startMariadbCluster()
  const { primary, replicas } = await cluster.createDatabase()
  await using client = await connect({ databases: { default: { primary, replicas, replication: { holdMs: 30_000 } } } })
  const around = <T>(run: () => Promise<T>): Promise<T> => (positions ? run() : client.replica(run))
  const recorder = new HistoryRecorder({
    clock: () => performance.now(),
    outcomeOf: (error) =>
      error instanceof SignalboxError &&
      error.safeToRetry &&
      !(error instanceof QueryError && error.errorClass === 'serialization')
        ? 'failed'
        : 'unknown',
    ...(options.historyPath === undefined ? {} : { path: options.historyPath }),
  })
  const end = new AbortController()
  const timer = setTimeout(() => end.abort(), seconds * 1_000)
  const trouble = causeTrouble({ cluster, random: Random.ofPart(seed, 0), failovers, signal: end.signal, tell })
  try {
    const workload = runWorkload({
      database: new ShopOfKeys(client, engine, around),
      recorder,
      clients,
      keys,
      operations: Infinity,
      seed,
      signal: end.signal,
    })
    const [history] = await Promise.all([workload, trouble])
    return checkHistory(history)
  } finally {
    clearTimeout(timer)
    end.abort()
    await trouble.catch(() => {})
  }
}
