import type { CommitFate, Lease } from '../drivers/driver.ts'
import { CommitUnknownError, QueryError } from '../errors.ts'

/** How the fate of a transaction is found out whose COMMIT was not answered. */
export interface CommitInquiry {
  /** A connection to the shard's present primary; waits at most about this many milliseconds for one. */
  readonly connect: (timeoutMs: number) => Promise<Lease>
  /** Milliseconds from the loss until the error is thrown; 0 = nothing is asked. */
  readonly boundMs: number
  readonly clock: InquiryClock
}

export interface InquiryClock {
  now(): number
  /** Resolves after the time, or when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Between two questions, in ms: the first pause, doubled each time up to the second. */
const firstPauseMs = 20
const longestPauseMs = 500

/**
 * Asks the present primary until it knows. Resolves if the transaction was committed; throws a `QueryError` that is safe
 * to retry if it was rolled back, and `CommitUnknownError`, with what was found, if it cannot be known or the time is up.
 *
 * @param lost - the lease whose `commit` threw `unknown`; it may have been released
 */
export async function settleCommit(lost: Lease, unknown: CommitUnknownError, inquiry: CommitInquiry): Promise<void> {
  const { clock, boundMs } = inquiry
  if (lost.commitFate === undefined || boundMs <= 0) throw unknown
  const deadline = clock.now() + boundMs
  const over = new AbortController()
  const timeUp = clock.sleep(boundMs, over.signal)
  let found = 'no server answered'
  try {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      // A connection that comes too late is given back by whoever waits for it.
      const asked = askOnce(lost, inquiry, deadline - clock.now())
      const fate = await Promise.race([asked, timeUp])
      if (fate === undefined) throw stillUnknown(unknown, `${found}, for ${boundMs} ms`)
      if (fate.kind !== 'open') {
        if (fate.kind === 'committed') return
        throw rolledBack(unknown)
      }
      if (fate.final) throw stillUnknown(unknown, fate.why)
      found = fate.why
      if (deadline - clock.now() <= pauseMs) throw stillUnknown(unknown, `${found}, for ${boundMs} ms`)
      await clock.sleep(pauseMs)
    }
  } finally {
    over.abort()
  }
}

async function askOnce(lost: Lease, { connect }: CommitInquiry, timeoutMs: number): Promise<CommitFate> {
  let there: Lease
  try {
    there = await connect(Math.max(1, Math.ceil(timeoutMs)))
  } catch (error) {
    return { kind: 'open', why: `the primary could not be reached (${messageOf(error)})`, final: false }
  }
  try {
    const fate = await lost.commitFate!(there)
    await there.release('clean').catch(nothing)
    return fate
  } catch (error) {
    await there.release('destroy').catch(nothing)
    return { kind: 'open', why: `the primary did not answer (${messageOf(error)})`, final: false }
  }
}

function rolledBack({ cause }: CommitUnknownError): QueryError {
  return new QueryError(
    'connection-lost',
    'The connection was lost at COMMIT, and the transaction was rolled back: the server has been asked. Nothing of it took effect.',
    { cause, safeToRetry: true },
  )
}

function stillUnknown({ message, cause }: CommitUnknownError, found: string): CommitUnknownError {
  return new CommitUnknownError(`${message} The present primary was asked for the transaction: ${found}.`, { cause })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function nothing(): void {}
