import type { SortType } from './sort-type.ts'

/** What mysql2 tells of a column. */
export interface MysqlField {
  readonly columnType?: number | undefined
  /** Bits, in newer versions of mysql2; `ENUM` and `SET` columns are marked here. */
  readonly flags?: number | string[] | undefined
  /** Of the text as it is sent: 63 for bytes, for all text that of the connection, whatever the column's own is. */
  readonly characterSet?: number | undefined
  /** MariaDB's own types: `uuid`, `inet6`, …; these are sent as text. */
  readonly extendedTypeName?: string | undefined
}

/** By the numbers of the protocol. FLOAT (4) must be asked for as a double: as text, the server sends six digits of it. */
const sortTypes: Readonly<Record<number, SortType>> = {
  0: 'decimal',
  1: 'number',
  2: 'number',
  3: 'number',
  4: 'float',
  5: 'float',
  7: 'timestamp',
  8: 'number',
  9: 'number',
  10: 'date',
  11: 'time',
  12: 'timestamp',
  13: 'number',
  16: 'bytes',
  246: 'decimal',
}

/** VARCHAR, the BLOBs and TEXTs, VAR_STRING, STRING. */
const strings = new Set([15, 249, 250, 251, 252, 253, 254])
const binaryCharacterSet = 63
/** ENUM and SET, which are ordered by the numbers of their values. */
const numbered = 0x100 | 0x800

/**
 * How JavaScript can order a column of MySQL or MariaDB. `undefined`: it cannot, the order is the server's alone (`ENUM`,
 * `UUID`, `JSON`, text by a language).
 *
 * Values longer than the server's `max_sort_length` (MariaDB's default: 1024 bytes) the server itself sorts by their
 * beginnings.
 *
 * @param collation The name of the collation by which text is sorted. It must be known from elsewhere: the character set of
 *   a field is the connection's, and its flag BINARY is the same for `utf8mb4_bin` and `utf8mb4_nopad_bin`.
 */
export function sortTypeOfMysql(field: MysqlField, collation: string | undefined): SortType | undefined {
  const { columnType, flags, characterSet, extendedTypeName } = field
  if (columnType === undefined || extendedTypeName !== undefined) return undefined
  if (typeof flags !== 'number' || (flags & numbered) !== 0) return undefined
  if (!strings.has(columnType)) return sortTypes[columnType]
  return characterSet === binaryCharacterSet ? 'bytes' : textOrder(collation)
}

/** Of the other character sets the order of the bytes is not that of the code points. */
function textOrder(collation: string | undefined): SortType | undefined {
  const match = /^(?:utf8mb4|utf8mb3|utf8|ascii)_(?:(nopad|0900)_)?bin$/.exec(collation ?? '')
  if (match === null) return undefined
  return match[1] === undefined ? 'padded-text' : 'bytewise-text'
}
