import type { CallOptions } from '../config.ts'
import type {
  ConnectionEvents,
  DriverPool,
  DriverRequest,
  Lease,
  ReleaseMode,
  SubmittedOutcome,
  TransactionStatus,
} from '../drivers/driver.ts'
import { UnsupportedError, locate } from '../errors.ts'
import type { Params } from '../statement/statement.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import { hasReplicas } from '../topology/topology.ts'
import { requestOf, whereOf, type Decision } from './decision.ts'
import { refuseSeveralShards } from './one-shard.ts'
import { refuseUnproved } from './owned-write.ts'
import type { Replicated } from './replicated.ts'
import { isServed, servedOnLease, servedRows, type RowsExecutor, type ServedRows } from './served-rows.ts'
import type { ShardCounters } from './shard-counters.ts'
import { queryChannel, submissionTold, type QueryEvent } from './trace.ts'

/** An object of the driver's own that sends a statement, and takes its answer, by itself: a cursor, a stream, a copy. */
export interface Submission {
  readonly statement: object
  /** What it sends. */
  readonly sql: string
  readonly params: Params
  readonly options?: CallOptions | undefined
  /** Gets what the connection tells without being asked. */
  readonly events?: ConnectionEvents | undefined
  /**
   * Gives the object its answer, where it cannot be handed to one connection as it is. Gives whether it has failed, which the object has been
   * told. Absent: then that is refused.
   */
  readonly serve?: ((open: () => Promise<ServedRows>) => Promise<{ readonly failed: boolean }>) | undefined
}

/** What is to be known of a submission besides. */
export interface SubmittedOn {
  readonly counters: ShardCounters
  readonly inTransaction: boolean
}

/** Runs it on a lease, see `Lease.submit`; counted, and told to the subscribers, if there are any. */
async function submitOn(
  lease: Lease,
  decision: Decision,
  request: DriverRequest,
  { statement, events }: Submission,
  { counters, inTransaction }: SubmittedOn,
): Promise<TransactionStatus> {
  if (lease.submit === undefined)
    throw new UnsupportedError(
      `"${decision.database.alias}" takes no cursors, streams or copies of a driver's own. Nothing was sent. Use query() or stream() of Signalbox.`,
      whereOf(decision),
    )
  const { hasSubscribers } = queryChannel
  if (!hasSubscribers && decision.plan === undefined) return await lease.submit(request, statement, events)
  const begun = counters.begin(decision)
  const { sql, params } = request
  const event: QueryEvent = { sql, params, route: decision.route, inTransaction }
  const tell = hasSubscribers ? submissionTold(event) : undefined
  let outcome: SubmittedOutcome = { rowCount: 0 }
  try {
    return await lease.submit(request, statement, events, (heard) => void (outcome = heard))
  } catch (error) {
    outcome = { rowCount: outcome.rowCount, error }
    throw error
  } finally {
    const { rowCount, error } = outcome
    counters.ran(decision, begun, error === undefined ? { rowCount } : undefined)
    tell?.({ rowCount, ...(error === undefined ? {} : { error: locate(error, whereOf(decision)) }) })
  }
}

/** What carries out a submission by itself. */
export interface SubmittingParts {
  readonly executor: RowsExecutor
  readonly counters: ShardCounters
  readonly replicated: Replicated
  readonly timeoutMs: number
}

/** On a connection of its own; or its answer is put together, and given to it. */
export async function submitAutocommitted(
  decision: Decision,
  submission: Submission,
  surroundings: Surroundings,
  { executor, counters, replicated, timeoutMs }: SubmittingParts,
): Promise<void> {
  const { params, options, serve } = submission
  if (serve !== undefined && isServed(decision)) {
    const open = async (): Promise<ServedRows> =>
      await servedRows(decision, {
        query: async (how) => await executor.run(decision, params, { ...options, ...how }, surroundings),
        stream: (how) => executor.stream(decision, params, { ...options, ...how }, surroundings),
      })
    await serve(open)
    return
  }
  executor.called(decision, params)
  refuseSeveralShards(decision, 'A copy, or what holds several statements,')
  refuseUnproved(decision)
  const request = requestOf(decision, params, options, timeoutMs)
  const send = async (placed: Decision): Promise<void> =>
    await submitTo(await executor.pool(placed), placed, request, submission, counters)
  if (!hasReplicas(decision.database)) return await send(decision)
  // What it writes has taken effect when it has ended.
  const ended = replicated.begun(decision, surroundings)
  try {
    await replicated.run(decision, surroundings, options, request, { send })
  } finally {
    ended()
  }
}

/** On the lease of a transaction, or of a reserved connection. */
export async function submitOnLease(
  executor: RowsExecutor,
  decision: Decision,
  request: DriverRequest,
  lease: Lease,
  submission: Submission,
  how: SubmittedOn,
): Promise<TransactionStatus> {
  const { serve } = submission
  if (serve === undefined || !isServed(decision)) return await submitOn(lease, decision, request, submission, how)
  const { failed } = await serve(async () => await servedOnLease(executor, decision, request, lease, how.inTransaction))
  return how.inTransaction ? (failed ? 'E' : 'T') : 'I'
}

/** Runs it on a connection of a pool, which is given back when the server is ready again. */
async function submitTo(
  pool: DriverPool,
  placed: Decision,
  request: DriverRequest,
  submission: Submission,
  counters: ShardCounters,
): Promise<void> {
  const lease = await pool.lease(request)
  let mode: ReleaseMode = request.access === 'session' ? 'reset' : 'clean'
  try {
    await submitOn(lease, placed, request, submission, { counters, inTransaction: false })
  } catch (error) {
    mode = 'destroy'
    throw locate(error, whereOf(placed))
  } finally {
    await lease.release(mode)
  }
}
