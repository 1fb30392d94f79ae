import { setTimeout as sleep } from 'node:timers/promises'

import { AbortedError, QueryError, TimeoutError } from '../../errors.ts'
import { isBusy } from './errors.ts'
import type { WaitLimits } from './slots.ts'

const firstPauseMs = 1
const longestPauseMs = 25

/**
 * Repeats something that another process's lock stopped before it did anything, with growing pauses in which the event
 * loop runs, for at most `busyTimeoutMs`. What node:sqlite offers instead, a busy time-out, blocks the whole process.
 *
 * @throws QueryError of the class `serialization` if the lock stays; AbortedError and TimeoutError while waiting
 */
export async function whileBusy<T>(attempt: () => T, busyTimeoutMs: number, limits: WaitLimits): Promise<T> {
  const start = performance.now()
  const own = limits.timeoutMs !== undefined && limits.timeoutMs > 0 ? limits.timeoutMs : Infinity
  for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      return attempt()
    } catch (error) {
      if (!isBusy(error)) throw error
      const waited = performance.now() - start
      if (waited + pause > busyTimeoutMs) throw stillBusy(error, busyTimeoutMs)
      if (waited + pause > own) {
        throw new TimeoutError(`Another connection held the lock of the SQLite file for ${own} ms.`, own, {
          cause: error,
          safeToRetry: true,
        })
      }
    }
    // Spread over the second half of the pause, so that two who wait for each other fall out of step.
    await pauseFor(pause * (0.5 + Math.random() / 2), limits.signal)
  }
}

function stillBusy(error: QueryError, busyTimeoutMs: number): QueryError {
  return new QueryError(
    'serialization',
    `Another connection held the lock of the SQLite file for longer than ${busyTimeoutMs} ms (busyTimeoutMs).`,
    { cause: error.cause, engineCode: error.engineCode, safeToRetry: true },
  )
}

async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal })
  } catch {
    throw new AbortedError('The call was aborted while it waited for a lock on the SQLite file.', {
      cause: signal?.reason,
      safeToRetry: true,
    })
  }
}
