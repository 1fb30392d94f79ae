import type { CallOptions } from '../config.ts'
import type {
  ConnectionEvents,
  DriverPool,
  DriverRequest,
  Lease,
  ReleaseMode,
  TransactionStatus,
} from '../drivers/driver.ts'
import { UnsupportedError, locate } from '../errors.ts'
import type { Params } from '../statement/statement.ts'
import { whereOf, type Decision } from './decision.ts'

/** An object of the driver's own that sends a statement, and takes its answer, by itself: a cursor, a stream, a copy. */
export interface Submission {
  readonly statement: object
  /** What it sends. */
  readonly sql: string
  readonly params: Params
  readonly options?: CallOptions | undefined
  /** Gets what the connection tells without being asked. */
  readonly events?: ConnectionEvents | undefined
}

/** Runs it on a lease; see `Lease.submit`. */
export async function submitOn(
  lease: Lease,
  decision: Decision,
  request: DriverRequest,
  { statement, events }: Submission,
): Promise<TransactionStatus> {
  if (lease.submit === undefined)
    throw new UnsupportedError(
      `"${decision.database.alias}" takes no cursors, streams or copies of a driver's own. Nothing was sent. Use query() or stream() of Signalbox.`,
      whereOf(decision),
    )
  return await lease.submit(request, statement, events)
}

/** Runs it on a connection of a pool, which is given back when the server is ready again. */
export async function submitTo(
  pool: DriverPool,
  placed: Decision,
  request: DriverRequest,
  submission: Submission,
): Promise<void> {
  const lease = await pool.lease(request)
  let mode: ReleaseMode = request.access === 'session' ? 'reset' : 'clean'
  try {
    await submitOn(lease, placed, request, submission)
  } catch (error) {
    mode = 'destroy'
    throw locate(error, whereOf(placed))
  } finally {
    await lease.release(mode)
  }
}
