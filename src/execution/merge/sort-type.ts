import { byteStrings } from './values/byte-strings.ts'
import { clockTimes } from './values/clock-times.ts'
import { moments } from './values/moments.ts'
import { booleans, decimals, floats, integers } from './values/numbers.ts'
import { sqliteValues } from './values/sqlite-values.ts'
import { bytewiseTexts, caselessTexts, paddedTexts, trimmedTexts, uuids } from './values/texts.ts'
import type { ValueOrder } from './values/value-order.ts'

/**
 * How the engine orders the values of a column, and in which forms they come.
 *
 * - `number`: integers of any size, as numbers up to 2^53, bigints or text.
 * - `decimal`: PostgreSQL's `numeric`, MariaDB's `DECIMAL`, as text.
 * - `float`: NaN is above all (PostgreSQL; the others have none), -0 equals 0.
 * - `boolean`: also 0 and 1.
 * - `bytes`: byte by byte.
 * - `bytewise-text`: by the bytes of UTF-8 (PostgreSQL's "C", MariaDB's `utf8mb4_nopad_bin`, SQLite's BINARY).
 * - `padded-text`: the same, the shorter one filled with spaces (MariaDB's `utf8mb4_bin`).
 * - `rtrim-text`: the same, spaces at the end cut off (SQLite's RTRIM, PostgreSQL's `character` in "C").
 * - `nocase-text`: SQLite's NOCASE.
 * - `uuid`: PostgreSQL's; MariaDB's UUID is ordered otherwise.
 * - `date`, `timestamp`: as ISO text, also with an offset from UTC, or as `Date` (to the millisecond).
 * - `time`: as text, also with an offset.
 * - `sqlite`, `sqlite-nocase`, `sqlite-rtrim`: whatever SQLite stores, texts by BINARY, NOCASE or RTRIM.
 */
export type SortType = keyof typeof valueOrders

const valueOrders = {
  number: integers,
  decimal: decimals,
  float: floats,
  boolean: booleans,
  bytes: byteStrings,
  'bytewise-text': bytewiseTexts,
  'padded-text': paddedTexts,
  'rtrim-text': trimmedTexts,
  'nocase-text': caselessTexts,
  uuid: uuids,
  date: moments,
  timestamp: moments,
  time: clockTimes,
  sqlite: sqliteValues(bytewiseTexts),
  'sqlite-nocase': sqliteValues(caselessTexts),
  'sqlite-rtrim': sqliteValues(trimmedTexts),
} as const

/** The order of the values of a type. */
export function orderOf(type: SortType): ValueOrder<unknown> {
  return valueOrders[type]
}
