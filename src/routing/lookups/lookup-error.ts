import { QueryError, SignalboxError, type ErrorDetails, type Where } from '../../errors.ts'
import type { Dialect } from '../../statement/statement.ts'
import type { Lookup } from './lookup.ts'

/** Nothing was sent: the entries of a lookup could not be kept right. */
export class LookupWriteError extends SignalboxError {
  constructor(message: string, where: Where = {}) {
    super('SIGNALBOX_LOOKUP_WRITE', message, where)
  }
}

/** Others were at work on the same value for too long. The statement was not carried out. */
export class LookupBusyError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_LOOKUP_BUSY', message, { ...details, safeToRetry: true })
  }
}

const codes: Readonly<Record<Dialect, string>> = {
  postgres: '23505',
  mysql: 'ER_DUP_ENTRY',
  sqlite: 'SQLITE_CONSTRAINT_UNIQUE',
}

/** What the engine would say, did it see all shards: the value is another row's. */
export function valueTaken({ table, column, name, database }: Lookup, engine: Dialect, why: string): QueryError {
  return new QueryError(
    'constraint',
    `A value of ${column} would not be unique among the rows of ${table.name} on all shards of "${database}": ${why} (lookup ${name}). ` +
      'The statement was not carried out.',
    { engineCode: codes[engine], database },
  )
}
