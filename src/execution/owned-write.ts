import { setTimeout } from 'node:timers/promises'
import type { DriverRequest, DriverResult, Lease } from '../drivers/driver.ts'
import { AbortedError, UnsupportedError, locate } from '../errors.ts'
import type { Params } from '../statement/statement.ts'
import { inquiryOf } from './commit-inquiry.ts'
import { refuseHiddenCommit, requestOf, whereOf, type Decision, type SendOptions } from './decision.ts'
import { OwnerMovedError, ProvedKeys, type OwnerCheck } from './owner-check.ts'
import { PlacedLease } from './placed-lease.ts'
import type { Result } from './result.ts'
import { inTermsOf, withTimeLeft, type CallLimits } from './time-limit.ts'
import { TransactionCore, type LeaseSource } from './transaction-core.ts'

/** Sends statements on leases, and has keys proved. */
export interface OnLease {
  readonly owners: OwnerCheck
  onLease(
    decision: Decision,
    request: DriverRequest,
    lease: Lease,
    how: { readonly inTransaction: boolean },
  ): Promise<DriverResult>
}

/** What a change needs that is a short transaction of its own. */
export interface OwnedWriteParts<Row> {
  readonly lease: LeaseSource
  readonly result: (decision: Decision, answer: DriverResult) => Result<Row>
  readonly on: OnLease
  readonly attempts: number
  readonly timeoutMs: number
}

/**
 * A change on one shard whose keys stand in a directory: in a transaction, so that nobody can give the keys away between the proof
 * that they are the shard's and the end of the change.
 */
export async function ownedWrite<Row>(
  decision: Decision,
  params: Params,
  options: SendOptions | undefined,
  { lease: source, result, on, attempts, timeoutMs }: OwnedWriteParts<Row>,
): Promise<Result<Row>> {
  refuseHiddenCommit(decision)
  const request = requestOf(decision, params, options, timeoutMs)
  const begun = performance.now()
  const core = new TransactionCore(source, {}, attempts, inquiryOf(source))
  const proved = new ProvedKeys(on.owners)
  try {
    const lease = await core.enter(decision, request)
    const placed = lease instanceof PlacedLease ? lease.place(decision, options) : decision
    await proved.prove(lease, placed, withTimeLeft(request, begun))
    const left = withTimeLeft(request, begun)
    const answer = await on.onLease(placed, left, lease, { inTransaction: true })
    await core.commit()
    proved.committed()
    return result(placed, answer)
  } catch (error) {
    await core.noteError(error)
    await core.rollback()
    throw locate(inTermsOf(request.timeoutMs, error), whereOf(decision))
  }
}

/** The same on a connection that stays somebody's own, and on which no transaction is open. */
export async function ownedWriteOn(
  lease: Lease,
  decision: Decision,
  request: DriverRequest,
  on: OnLease,
): Promise<DriverResult> {
  refuseHiddenCommit(decision)
  const begun = performance.now()
  const proved = new ProvedKeys(on.owners)
  await lease.begin({})
  let answer: DriverResult
  try {
    await proved.prove(lease, decision, request)
    const left = withTimeLeft(request, begun)
    answer = await on.onLease(decision, left, lease, { inTransaction: true })
  } catch (error) {
    // A connection that is gone has nothing to roll back.
    await lease.rollback().catch(() => undefined)
    throw error
  }
  await lease.commit()
  proved.committed()
  return answer
}

/** The pauses before a change is tried where its keys belong now, in milliseconds. A key that is being moved belongs nowhere for a while. */
const pausesMs = [0, 10, 20, 50, 100, 200, 500, 1_000, 1_500, 2_000]

/**
 * Runs a change, and runs it again by a decision that is made anew as long as its keys turn out to belong to another shard: then
 * nothing of it was done. `again` decides with what the directory says now.
 */
export async function whereOwned<T>(
  first: Decision,
  { signal, timeoutMs = 0 }: CallLimits,
  run: (decision: Decision) => Promise<T>,
  again: () => Decision | Promise<Decision>,
): Promise<T> {
  const begun = performance.now()
  let decision = first
  for (const pause of pausesMs) {
    try {
      return await run(decision)
    } catch (error) {
      const isLate = timeoutMs > 0 && performance.now() + pause >= begun + timeoutMs
      if (!(error instanceof OwnerMovedError) || isLate) throw error
    }
    if (pause > 0) await setTimeout(pause, undefined, { signal }).catch(() => undefined)
    if (signal?.aborted === true) {
      throw new AbortedError('The call was aborted while its key was being moved. Nothing was done.', {
        cause: signal.reason,
        safeToRetry: true,
      })
    }
    decision = await again()
  }
  return await run(decision)
}

/** What goes row by row, or past Signalbox, cannot be sent between a proof and a COMMIT of ours. */
export function refuseUnproved({ ownedKeys }: Decision): void {
  if (ownedKeys === undefined) return
  throw new UnsupportedError(
    'A change of rows whose shard stands in a directory cannot be streamed by itself, or handed to a driver. Nothing was sent. Use query(), or do it in a transaction.',
  )
}
