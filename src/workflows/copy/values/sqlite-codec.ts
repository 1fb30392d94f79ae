import { quotedName } from '../../../statement/quotes.ts'
import { givenText, type ColumnCodec } from './codec.ts'
import {
  canonicalText,
  decimalText,
  floatText,
  ValueRefused,
  type Canonical,
  type Kind,
  type RawValue,
} from './kind.ts'

const largestInteger = 2n ** 63n - 1n
const smallestInteger = -(2n ** 63n)

const kinds: readonly (readonly [RegExp, ...Kind[]])[] = [
  [/^bool/, 'boolean', 'integer'],
  [/int/, 'integer'],
  [/^(?:decimal|numeric)/, 'decimal'],
  [/^(?:timestamptz|timestamp with time zone)/, 'instant'],
  [/^(?:datetime|timestamp)/, 'timestamp'],
  [/^date$/, 'date'],
  [/^time$/, 'time'],
  [/^jsonb?$/, 'json'],
  [/^uuid$/, 'uuid'],
  [/char|clob|text/, 'text'],
  [/blob|binary|bytea/, 'bytes'],
  [/real|floa|doub/, 'float'],
]

/** What a column is declared as, in small letters, says which values are meant; SQLite itself takes any. */
export function sqliteKinds(type: string): readonly Kind[] {
  const [, ...found] = kinds.find(([pattern]) => pattern.test(type)) ?? []
  return found as Kind[]
}

/** Values with their storage class: from one SQLite file to another. */
export function sqliteText(name: string): ColumnCodec {
  return {
    read: quotedName('sqlite', name),
    decode: tagged,
    mark: (mark) => mark,
    encode: untagged,
    given: (value) =>
      tagged(typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : (value as RawValue)),
  }
}

function tagged(raw: RawValue): Canonical {
  if (raw === null || raw instanceof Uint8Array) return raw
  if (typeof raw === 'bigint') return `i${raw}`
  return typeof raw === 'number' ? `r${Object.is(raw, -0) ? '-0' : raw}` : `t${String(raw)}`
}

function untagged(value: Canonical): RawValue {
  if (value === null || typeof value !== 'string') return value
  const rest = value.slice(1)
  return value.startsWith('i') ? BigInt(rest) : value.startsWith('r') ? Number(rest) : rest
}

/** Values of a kind. */
export function sqliteCodec(name: string, kind: Kind): ColumnCodec {
  return {
    read: quotedName('sqlite', name),
    decode: (raw) => (raw === null ? null : decoded(kind, raw)),
    mark: (mark) => mark,
    encode: (value) => (value === null ? null : parameterOf(kind, value)),
    given: (value) => {
      const given = givenText(value)
      return kind === 'bytes' || typeof given !== 'string' ? given : canonicalText(kind, given)
    },
  }
}

function decoded(kind: Kind, raw: NonNullable<RawValue>): Canonical {
  if (kind === 'bytes') return raw instanceof Uint8Array ? raw : refuseClass(raw, 'BLOB')
  if (kind === 'boolean' || kind === 'integer')
    return typeof raw === 'bigint' ? canonicalText(kind, raw.toString()) : refuseClass(raw, 'INTEGER')
  if (kind === 'float') {
    if (typeof raw === 'bigint') return floatText(raw.toString())
    return typeof raw === 'number' ? floatText(Object.is(raw, -0) ? '-0' : String(raw)) : refuseClass(raw, 'REAL')
  }
  if (kind === 'decimal') return raw instanceof Uint8Array ? refuseClass(raw, 'a number') : decimalText(String(raw))
  return typeof raw === 'string' ? canonicalText(kind, raw) : refuseClass(raw, 'TEXT')
}

function parameterOf(kind: Kind, value: string | Uint8Array): RawValue {
  if (kind === 'boolean') return value === 'true' ? 1n : 0n
  if (kind === 'integer') return integerOf(String(value))
  if (kind === 'decimal') return decimalOf(String(value))
  if (kind !== 'float') return value
  if (value === 'NaN') throw new ValueRefused('SQLite would make NULL of it')
  return Number(value)
}

function integerOf(text: string): bigint {
  const number = BigInt(text)
  if (number <= largestInteger && number >= smallestInteger) return number
  throw new ValueRefused('SQLite has whole numbers of 64 bits')
}

/** A column of numbers holds a fraction as a double. */
function decimalOf(text: string): bigint | number {
  if (!text.includes('.')) return integerOf(text)
  const number = Number(text)
  if (decimalText(String(number)) === text) return number
  throw new ValueRefused('SQLite would round it to a double; declare the column as TEXT to keep its digits')
}

function refuseClass(raw: RawValue, expected: string): never {
  const found =
    raw instanceof Uint8Array ? 'BLOB' : typeof raw === 'bigint' ? 'INTEGER' : typeof raw === 'number' ? 'REAL' : 'TEXT'
  throw new ValueRefused(`the file holds ${found} there, and not ${expected}`)
}
