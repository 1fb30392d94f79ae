import { ConfigError, QueryError } from '../errors.ts'
import type { Lookup } from '../routing/lookups/lookup.ts'

/** A name in a statement of the index does not exist. */
export function isTableMissing(error: unknown): error is QueryError {
  if (!(error instanceof QueryError)) return false
  // SQLite tells a table that is gone only when a statement runs that was prepared before.
  return error.errorClass === 'syntax' || (error.engineCode === 'SQLITE_ERROR' && /no such table/.test(error.message))
}

/** Names what is to be done where the tables of the index are not there. */
export async function withTables<T>({ name, table, column }: Lookup, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isTableMissing(error)) throw error
    throw new ConfigError(
      `tables.${table.name}.lookups.${column}`,
      `A table of the lookup ${name} is not there, or not as it should be, on the shard "${error.shard}" of "${error.database}" (${error.message}).`,
      'tables that client.lookups.setUp() has made, and the declared columns',
    )
  }
}
