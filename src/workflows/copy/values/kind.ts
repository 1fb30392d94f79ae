/** What a value is, whatever engine has it. */
export type Kind =
  | 'boolean'
  | 'integer'
  | 'decimal'
  | 'float'
  | 'text'
  | 'bytes'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'instant'
  | 'json'
  | 'uuid'

/**
 * A value in the one form that its kind has, so that equal values are equal texts: `true`, `-7`, `1.5` (no zeros at the end), `2024-02-01 03:04:05.25` (an
 * instant in UTC), a uuid in small letters. Bytes are bytes.
 */
export type Canonical = string | Uint8Array | null

/** A value as a driver gives it in the form of rows that is called `raw`. */
export type RawValue = string | number | bigint | boolean | Uint8Array | null

/** The value cannot be what it is supposed to be; `why` goes on behind "because". */
export class ValueRefused extends Error {}

const patterns = {
  integer: /^-?\d+$/,
  decimal: /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/,
  date: /^\d{4}-(?!00)\d{2}-(?!00)\d{2}$/,
  time: /^(?:(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d+)?|24:00:00(?:\.0+)?)$/,
  timestamp: /^(\d{4}-(?!00)\d{2}-(?!00)\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]00(?::?00)?)?$/,
  uuid: /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i,
} as const

/** The canonical text of a value that came as some text. Throws {@link ValueRefused} if it is no value of the kind. */
export function canonicalText(kind: Exclude<Kind, 'bytes'>, text: string): string {
  switch (kind) {
    case 'boolean':
      return booleanText(text)
    case 'integer':
      return patterns.integer.test(text) ? BigInt(text).toString() : refuse('it is no whole number')
    case 'decimal':
      return decimalText(text)
    case 'float':
      return floatText(text)
    case 'date':
      return patterns.date.test(text) ? text : refuse('it is no day of the years 0000 to 9999')
    case 'time':
      return patterns.time.test(text) ? trimmed(text) : refuse('it is no time of a day')
    case 'timestamp':
    case 'instant':
      return momentText(text)
    case 'uuid':
      return uuidText(text)
    case 'text':
    case 'json':
      return text
  }
}

function booleanText(text: string): string {
  if (['1', 't', 'true'].includes(text)) return 'true'
  return ['0', 'f', 'false'].includes(text) ? 'false' : refuse('it is neither true nor false')
}

/** Written out, without a sign for zero, and without zeros that say nothing. */
export function decimalText(text: string): string {
  const found = patterns.decimal.exec(text)
  if (found === null || (found[2] === '' && (found[3] ?? '') === '')) return refuse('it is no number')
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = found
  const shift = Number(exponent)
  if (Math.abs(shift) > 100_000) return refuse('it has more digits than a number can have')
  const digits = whole + fraction
  const point = whole.length + shift
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0')
  const place = Math.max(point, 1)
  const before = padded.slice(0, place).replace(/^0+(?=\d)/, '')
  const after = padded.slice(place).replace(/0+$/, '')
  const plain = after === '' ? before : `${before}.${after}`
  return sign === '-' && plain !== '0' ? `-${plain}` : plain
}

/** The shortest digits that mean the same double, as JavaScript writes them. */
export function floatText(text: string): string {
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return text
  if (!patterns.decimal.test(text)) return refuse('it is no number')
  const value = Number(text)
  return Object.is(value, -0) ? '-0' : String(value)
}

function momentText(text: string): string {
  const found = patterns.timestamp.exec(text)
  return found === null ? refuse('it is no moment of the years 0000 to 9999') : trimmed(`${found[1]} ${found[2]}`)
}

function uuidText(text: string): string {
  if (!patterns.uuid.test(text)) return refuse('it is no UUID')
  const digits = text.toLowerCase().replaceAll('-', '')
  return [[0, 8], [8, 12], [12, 16], [16, 20], [20]].map(([from, to]) => digits.slice(from, to)).join('-')
}

/** Without the zeros at the end of a fraction of a second. */
function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

function refuse(why: string): never {
  throw new ValueRefused(why)
}
