import * as kyselyPackage from 'kysely'
import { QueryError } from '../../index.ts'
import { driverError, noteOrigin } from '../driver-error.ts'

/** As {@link driverError}, for COMMIT: PostgreSQL's answer to COMMIT of a failed transaction has an error class in Kysely. */
export function commitError(error: unknown): unknown {
  const rolledBack = error instanceof QueryError && error.cause === undefined && error.engineCode === '25P02'
  // Kysely 0.29.0 does not have the class yet.
  if (!rolledBack || !('AbortedTransactionError' in kyselyPackage)) return driverError(error)
  const aborted = new kyselyPackage.AbortedTransactionError({ cause: error })
  noteOrigin(aborted, error)
  return aborted
}
