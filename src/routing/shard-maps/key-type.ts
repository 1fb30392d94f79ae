/**
 * What a column of a shard key holds. A key is turned into one canonical text, so that every form of a value which the
 * database takes for the same key leads to the same shard.
 *
 * - `integer`: `smallint` to `bigint`, signed or not, `numeric` without decimals. Numbers up to 2^53, bigints, decimal text.
 * - `text`: text whose equality is exact but for spaces at the end (PostgreSQL's default, MySQL's `_bin`, SQLite's `BINARY`).
 * - `binary-text`: the same, spaces count, and the database *sorts* it by bytes too (PostgreSQL `COLLATE "C"`, MySQL
 *   `utf8mb4_0900_bin`, MariaDB `utf8mb4_nopad_bin`, SQLite `BINARY`), so that a range of it leads to a part of the shards.
 * - `caseless-text`: text where 'A' = 'a' (`citext`, `NOCASE`, MySQL's `_ci` collations). Printable ASCII only: what else is
 *   equal depends on the collation and its Unicode version, and a wrong guess would lose rows. Collations that ignore
 *   punctuation or equal different letters (`roman_ci`: I = J) do not fit.
 * - `uuid`: in any spelling, or its 16 bytes in the order in which it is written (not as `UUID_TO_BIN(…, 1)` swaps them).
 * - `bytes`: `bytea`, `varbinary`, `blob`, as a `Uint8Array`; `binary(n)` in its full length.
 * - `date`: a calendar day, as 'YYYY-MM-DD'. A `Date` is refused: which day it is depends on the time zone.
 * - `instant`: `timestamptz`, as a `Date` or as text with its offset from UTC; to the microsecond.
 *
 * A key must be given as it will be stored: a column that rounds or cuts (`timestamptz(0)`, a `varchar` too short) does not fit.
 */
export const keyTypes = ['integer', 'text', 'binary-text', 'caseless-text', 'uuid', 'bytes', 'date', 'instant'] as const

/** The type of a column of a shard key. It says which values are the same key, so it must be that of the column. */
export type KeyType = (typeof keyTypes)[number]

/** What a value must be, for messages. */
export const keyForms: Readonly<Record<KeyType, string>> = {
  integer: 'a whole number: up to 2^53 as a number, beyond that as a bigint or as decimal text of at most 100 digits',
  text: 'a text of whole characters',
  'binary-text': 'a text of whole characters',
  'caseless-text':
    'a text of printable ASCII characters (for others, give the column a binary collation and declare it "text")',
  uuid: 'a UUID as text, or as a Uint8Array of 16 bytes',
  bytes: 'a Uint8Array',
  date: "a day as the text 'YYYY-MM-DD'",
  instant: 'a Date, or text with its offset from UTC such as 2026-01-31T12:00:00.000000Z',
}

/** The canonical text of a value, or `undefined` if it cannot be a key of this type. NULL, floats and booleans never can. */
export function canonicalValue(type: KeyType, value: unknown): string | undefined {
  switch (type) {
    case 'integer':
      return integer(value)
    case 'text':
      return unpadded(text(value))
    case 'binary-text':
      return text(value)
    case 'caseless-text':
      return caseless(value)
    case 'uuid':
      return uuid(value)
    case 'bytes':
      return value instanceof Uint8Array ? hex(value) : undefined
    case 'date':
      return day(value)
    case 'instant':
      return instant(value)
  }
}

/** Whether equal canonical texts are equal values in the database, too. */
export function isExact(type: KeyType): boolean {
  return type !== 'text' && type !== 'caseless-text'
}

/**
 * Whether the order of the canonical texts is the database's. Only then does a range in SQL say anything about the
 * canonical texts: text under most collations is sorted by language, and MariaDB sorts its `uuid` by other digits first.
 */
export function isOrdered(type: KeyType): boolean {
  return isExact(type) && type !== 'uuid'
}

/** Compares canonical texts of one type: integers by value, everything else by the bytes of its UTF-8. */
export function compareValues(type: KeyType, one: string, other: string): number {
  if (one === other) return 0
  if (type === 'integer') return compareIntegers(one, other)
  let at = 0
  while (at < one.length && one.charCodeAt(at) === other.charCodeAt(at)) at += 1
  return at === one.length || at === other.length
    ? one.length - other.length
    : byteRank(one.charCodeAt(at)) - byteRank(other.charCodeAt(at))
}

const integerForm = /^[ \t\n\v\f\r]*([+-]?)(\d{1,100})[ \t\n\v\f\r]*$/

function integer(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  if (typeof value !== 'string' && typeof value !== 'bigint') return undefined
  const [, sign, digits = ''] = integerForm.exec(String(value)) ?? []
  if (sign === undefined) return undefined
  const plain = digits.replace(/^0+(?=\d)/, '')
  return sign === '-' && plain !== '0' ? `-${plain}` : plain
}

function compareIntegers(one: string, other: string): number {
  const negative = one.startsWith('-')
  if (negative !== other.startsWith('-')) return negative ? -1 : 1
  const larger = one.length === other.length ? one > other : one.length > other.length
  return larger === negative ? -1 : 1
}

/** Half a surrogate pair has no UTF-8: drivers send the same replacement character for all of them. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.isWellFormed() ? value : undefined
}

/** UTF-16 puts the halves of surrogate pairs before U+E000 to U+FFFF; in UTF-8 they come after. */
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

function caseless(value: unknown): string | undefined {
  return typeof value === 'string' && /^[ -~]*$/.test(value) ? unpadded(value.toLowerCase()) : undefined
}

/** Most of MySQL's collations, and `char(n)` everywhere, take no account of spaces at the end. */
function unpadded(value: string | undefined): string | undefined {
  let end = value?.length ?? 0
  while (end > 0 && value?.charCodeAt(end - 1) === 32) end -= 1
  return value?.slice(0, end)
}

const usualUuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/

function uuid(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (usualUuid.test(value)) return value
    const inner = /^(?:urn:uuid:)?(?:\{([\da-f-]{32,39})\}|([\da-f-]{32,39}))$/.exec(value.toLowerCase())
    return spelled((inner?.[1] ?? inner?.[2] ?? '').replaceAll('-', ''))
  }
  return value instanceof Uint8Array && value.length === 16 ? spelled(hex(value)) : undefined
}

function spelled(digits: string): string | undefined {
  if (digits.length !== 32) return undefined
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  )
}

function hex(bytes: Uint8Array): string {
  let digits = ''
  for (const byte of bytes) digits += (byte < 16 ? '0' : '') + byte.toString(16)
  return digits
}

function day(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^(?!0000)\d{4}-\d\d-\d\d$/.test(value)) return undefined
  return utcSeconds(Date.parse(`${value}T00:00:00Z`))?.startsWith(value) === true ? value : undefined
}

const instantForm = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:[Zz]|([+-]\d\d)(?::?(\d\d))?)$/

function instant(value: unknown): string | undefined {
  if (value instanceof Date) {
    const seconds = utcSeconds(value.getTime())
    return seconds && `${seconds}.${value.toISOString().slice(20, 23)}000Z`
  }
  const [, date = '', time = '', fraction = '', hours = '+00', minutes = '00'] =
    instantForm.exec(typeof value === 'string' ? value : '') ?? []
  const local = `${date}T${time}`
  // A day or a time that does not exist is corrected by Date, or not understood: either way it comes back changed.
  if (utcSeconds(Date.parse(`${local}Z`)) !== local) return undefined
  const seconds = utcSeconds(Date.parse(`${local}${hours}:${minutes}`))
  return seconds && `${seconds}.${fraction.padEnd(6, '0')}Z`
}

/** The moment in UTC without its fraction of a second, if it lies in the years 1 to 9999. */
function utcSeconds(time: number): string | undefined {
  if (Number.isNaN(time)) return undefined
  const iso = new Date(time).toISOString()
  return /^(?!0000)\d{4}-/.test(iso) ? iso.slice(0, 19) : undefined
}
