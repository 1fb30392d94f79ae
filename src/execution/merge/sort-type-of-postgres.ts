import type { SortType } from './sort-type.ts'

/** By the numbers of PostgreSQL's built-in types, which never change. */
const sortTypes: Readonly<Record<number, SortType>> = {
  16: 'boolean',
  17: 'bytes',
  20: 'number',
  21: 'number',
  23: 'number',
  26: 'number',
  700: 'float',
  701: 'float',
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1184: 'timestamp',
  1266: 'time',
  1700: 'decimal',
  2950: 'uuid',
}

/** `text`, `varchar`, `name`. */
const texts = new Set([25, 1043, 19])
/** `character(n)`: spaces at the end do not count. */
const character = 1042
const bytewise = new Set(['C', 'POSIX', 'ucs_basic'])

/**
 * How JavaScript can order a column of PostgreSQL. `undefined`: it cannot, the order is the server's alone (`interval`,
 * `inet`, `jsonb`, arrays, enums, text by a language).
 *
 * @param oid The type's number (`dataTypeID` of a field of `pg`).
 * @param collation The name of the collation by which text is sorted, which the field does not tell; that of the database
 *   (`datcollate`) for "default". In a database whose encoding is not UTF8, "C" and "POSIX" are not ours: leave it out.
 */
export function sortTypeOfPostgres(oid: number, collation: string | undefined): SortType | undefined {
  const type = sortTypes[oid]
  if (type !== undefined || collation === undefined || !bytewise.has(collation)) return type
  if (oid === character) return 'rtrim-text'
  return texts.has(oid) ? 'bytewise-text' : undefined
}
