import { AbortedError, CommitUnknownError, QueryError, TransactionClosedError, UnsupportedError } from '../../errors.ts'
import { isNeverSent, readError } from './errors.ts'

/** True if the server may have committed: it was asked, and its answer did not come or was about its own end. */
export function isUnknown(error: unknown, failure: Error): boolean {
  if (isNeverSent(readError(error)) || !(failure instanceof QueryError)) return false
  return failure.errorClass === 'connection-lost' || failure.errorClass === 'shutting-down'
}

export function commitUnknown(error: unknown): CommitUnknownError {
  return new CommitUnknownError(
    `The connection was lost after COMMIT was sent (${readError(error).message}): whether it took effect is not known.`,
    { cause: error },
  )
}

export function abortedBefore(signal: AbortSignal): AbortedError {
  return new AbortedError('The call was aborted before its statement was sent.', {
    cause: signal.reason,
    safeToRetry: true,
  })
}

export function alreadyReleased(): TransactionClosedError {
  return new TransactionClosedError('The lease was released already.')
}

export function notBegun(): QueryError {
  const why = 'Its server began no transaction, and nothing of it took effect.'
  return new QueryError('connection-lost', why, { safeToRetry: true })
}

export function streamOpen(): UnsupportedError {
  return new UnsupportedError(
    'A MySQL connection carries one statement at a time, and a stream is open on this one. Read it to its end first.',
  )
}
