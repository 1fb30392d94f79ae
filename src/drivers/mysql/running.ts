import type { PoolConnection } from 'mysql2'

import { AbortedError, TimeoutError } from '../../errors.ts'
import type { DriverRequest, DriverResult } from '../driver.ts'
import { isAnswer, mysqlError } from './errors.ts'
import type { LossCounter } from '../loss-counter.ts'
import type { Interruptible, QueryKiller } from './killer.ts'
import { send, type SendOptions } from './send.ts'

/** A statement under way. */
export interface Running {
  /** The answer, or the error; after a time-out or an abort, that error at once. */
  readonly answer: Promise<DriverResult>
  /** Resolves when the connection's next statement may be sent: true, or false if there must be none. */
  readonly usable: Promise<boolean>
}

/**
 * Runs a statement that its signal, or its time limit counted from `start` (of `performance.now()`), can interrupt on
 * the server.
 */
export function runInterruptible(
  connection: PoolConnection,
  request: DriverRequest,
  start: number,
  options: SendOptions,
  killer: QueryKiller,
): Running {
  const answer = Promise.withResolvers<DriverResult>()
  const usable = Promise.withResolvers<boolean>()
  const ended = Promise.withResolvers<void>()
  const statement = { connection, ended: ended.promise, hasEnded: false, drain: () => undefined }
  let stopped = false
  const stop = onStop(request, start, (error) => {
    stopped = true
    answer.reject(error)
    usable.resolve(interrupt(statement, killer, options.losses))
  })
  send(connection, request, options, (error, result) => {
    statement.hasEnded = true
    stop.disarm()
    ended.resolve()
    if (result === undefined) answer.reject(mysqlError(error, 'run', request.access))
    else answer.resolve(result)
    if (!stopped) usable.resolve(!error || isAnswer(error))
  })
  return { answer: answer.promise, usable: usable.promise }
}

/** Stops a statement; false if its connection must not be used again, which counts as lost. */
export async function interrupt(statement: Interruptible, killer: QueryKiller, losses: LossCounter): Promise<boolean> {
  const mayBeUsed = await killer.interrupt(statement)
  if (!mayBeUsed) losses.note(statement.connection)
  return mayBeUsed
}

/** Calls back once when the request's signal fires or its time is over. `disarm` ends the watch. */
export function onStop(
  request: DriverRequest,
  start: number,
  stop: (error: AbortedError | TimeoutError) => void,
): { readonly disarm: () => void } {
  const { signal, timeoutMs, access } = request
  const safeToRetry = access === 'read'
  const disarm = (): void => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
  const onAbort = (): void => {
    disarm()
    stop(new AbortedError('The call was aborted while its statement ran.', { cause: signal?.reason, safeToRetry }))
  }
  const onTime = (): void => {
    disarm()
    stop(new TimeoutError(`The statement did not finish within ${timeoutMs} ms.`, timeoutMs ?? 0, { safeToRetry }))
  }
  const timer = timeoutMs ? setTimeout(onTime, Math.max(0, timeoutMs - (performance.now() - start))) : undefined
  signal?.addEventListener('abort', onAbort)
  return { disarm }
}
