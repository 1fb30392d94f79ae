import { QueryError } from '../../errors.ts'
import { CopyConflictError } from './errors.ts'
import type { Place } from './place.ts'

/** What becomes of a row whose primary key is there already. */
export type CopyPolicy = 'error' | 'skip' | 'replace'

/** The error of a copy whose row a unique index has refused; any other as it is. */
export function conflictOf(error: unknown, { database }: Place, table: string, policy: CopyPolicy): unknown {
  if (!(error instanceof QueryError) || !isDuplicate(error)) return error
  const ways =
    policy === 'error'
      ? "Say onConflict: 'skip' or 'replace' for rows with the same primary key; another unique value is refused all the same."
      : `onConflict: '${policy}' is for rows with the same primary key; another unique value is taken, or somebody else inserts there.`
  return new CopyConflictError(
    `A row of ${table} is there already in "${database}": ${error.message.replace(/\.$/, '')}. The rows of this transaction were rolled back. ${ways}`,
    table,
    { database, cause: error },
  )
}

function isDuplicate({ errorClass, engineCode, message }: QueryError): boolean {
  if (errorClass !== 'constraint') return false
  return engineCode === '23505' || engineCode === 'ER_DUP_ENTRY' || /UNIQUE constraint failed/.test(message)
}
