// oxlint-disable-next-line import/no-unassigned-import -- it is loaded first, see plain-module.ts
import 'mysql2'
import type * as bare from 'mysql2'
import type { Mysql2 } from './native-mysql2.ts'
import { plainMysql2 } from './plain-module.ts'

// What `mysql2` and `mysql2/promise` have alike.

/** A value as it is written in SQL. */
export const escape: Mysql2['escape'] = plainMysql2.escape

/** A name as it is written in SQL, quoted. */
export const escapeId: Mysql2['escapeId'] = plainMysql2.escapeId

/** A text with values in the place of its marks. */
export const format: Mysql2['format'] = plainMysql2.format

/** A text that is put into others as it is. */
export const raw: Mysql2['raw'] = plainMysql2.raw

/** The types of columns, by name and by number. */
export const Types: Mysql2['Types'] = plainMysql2.Types

/** Values of prepared statements with a type that is said. */
export const TypedParameter: bare.TypedParameter = plainMysql2.TypedParameter
/** What makes values with a type. */
export type TypedParameter = bare.TypedParameter

/** The numbers of collations. */
export const Charsets: Mysql2['Charsets'] = plainMysql2.Charsets

/** The encodings of collations, by number. */
export const CharsetToEncoding: Mysql2['CharsetToEncoding'] = plainMysql2.CharsetToEncoding

/** How many parsers of rows `mysql2` keeps, for everybody. */
export const setMaxParserCache: Mysql2['setMaxParserCache'] = plainMysql2.setMaxParserCache

/** Forgets `mysql2`'s parsers of rows, for everybody. */
export const clearParserCache: Mysql2['clearParserCache'] = plainMysql2.clearParserCache
