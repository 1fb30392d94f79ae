import type { UsingTarget } from '../../config.ts'
import { TextWithValues } from '../../distributed/moves/row-texts.ts'
import type { LogTarget } from '../../distributed/options.ts'
import { CommitUnknownError, messageOf } from '../../errors.ts'
import { quotedTable } from '../../statement/quotes.ts'
import type { TableName } from '../../topology/table-map.ts'
import { pairColumns } from './column-pairs.ts'
import { DeleteIncompleteError } from './errors.ts'
import { givenKey } from './given-keys.ts'
import type { Place } from './place.ts'
import { beginWriting } from './places.ts'
import { keyCondition, mostKeys } from './row-keys.ts'
import { readShape } from './shapes/read-shape.ts'

/** Options of `client.deleteFromAll()`. */
export interface DeleteOptions<A extends string = string> {
  /** In this order, each once. */
  readonly databases: readonly UsingTarget<A>[]
  readonly table: string
  /** Values of the primary key; of one with several columns an object for each. */
  readonly keys: readonly unknown[]
  /** The database that keeps the decisions about distributed transactions: then rows go everywhere or nowhere. Not for SQLite. */
  readonly log?: LogTarget<A>
  readonly signal?: AbortSignal
  /** Milliseconds for each statement. Default: `limits.queryTimeoutMs`. */
  readonly timeoutMs?: number
}

/** What `client.deleteFromAll()` has done. */
export interface DeleteReport {
  /** How many rows were deleted from each database, in the order of the call. */
  readonly databases: readonly { readonly database: string; readonly deleted: number }[]
}

/** A statement that deletes rows, and its parameters. */
export type Deletion = readonly [sql: string, params: readonly unknown[]]

/** The statements that delete rows by the primary key that the table has in this database. */
export async function deletionsOn(
  place: Place,
  table: TableName,
  { table: name, keys }: Pick<DeleteOptions, 'table' | 'keys'>,
): Promise<readonly Deletion[]> {
  const shape = await readShape(place, table, name)
  const { key } = pairColumns(name, [place, shape], [place, shape])
  const given = keys.map((each, index) => givenKey(each, key, `options.keys[${index}]`))
  const deletions: Deletion[] = []
  for (let at = 0; at < given.length; at += mostKeys) {
    const text = new TextWithValues(place.engine)
    const condition = keyCondition(place.engine, text, 'source', key, given.slice(at, at + mostKeys))
    deletions.push([`delete from ${quotedTable(place.engine, table)} where ${condition}`, text.params])
  }
  return deletions
}

/**
 * Deletes in every database before anything is committed, so that what one of them refuses is undone in all. Then commits one after the other. Throws
 * `DeleteIncompleteError` if that fails after the first.
 */
export async function deleteOnAll(
  places: readonly Place[],
  table: TableName,
  options: Pick<DeleteOptions, 'table' | 'keys'>,
): Promise<DeleteReport> {
  const databases: { database: string; deleted: number }[] = []
  for (const place of places) {
    await beginWriting(place, 'at once')
    let deleted = 0
    for (const [sql, params] of await deletionsOn(place, table, options))
      deleted += (await place.query(sql, params, 'write')).rowCount
    databases.push({ database: place.database, deleted })
  }
  for (const [index, place] of places.entries()) {
    try {
      await place.commit()
    } catch (error) {
      const isUnknown = error instanceof CommitUnknownError
      if (index === 0 && !isUnknown) throw error
      throw incomplete(options.table, places, index, isUnknown, error)
    }
  }
  return { databases }
}

function incomplete(
  table: string,
  places: readonly Place[],
  failed: number,
  isUnknown: boolean,
  cause: unknown,
): DeleteIncompleteError {
  const names = places.map(({ database }) => database)
  const deleted = names.slice(0, failed)
  const unknown = isUnknown ? [names[failed]!] : []
  const kept = names.slice(isUnknown ? failed + 1 : failed)
  const listed = (some: readonly string[]): string => some.map((name) => `"${name}"`).join(', ') || 'none'
  return new DeleteIncompleteError(
    `Rows of ${table} were deleted from ${listed(deleted)} and are kept in ${listed(kept)}; not known of ${listed(unknown)} (${messageOf(cause)}). ` +
      'Call it again with the same keys: rows that are gone are no error. With `log` they go everywhere or nowhere.',
    { table, deleted, kept, unknown },
    { database: names[failed]!, cause },
  )
}
