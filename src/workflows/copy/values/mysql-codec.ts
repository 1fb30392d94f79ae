import { readPlainText, writePlainText } from '../../../distributed/moves/mysql-values.ts'
import { quotedName } from '../../../statement/quotes.ts'
import { givenText, type ColumnCodec } from './codec.ts'
import { canonicalText, ValueRefused, type Canonical, type Kind, type RawValue } from './kind.ts'

/**
 * What all sessions are set to. In UTC the text of a moment is exact. Backslashes mean what `mysql2` takes them for; a zero is a value of a
 * key, and not a wish for the next number; what does not fit is an error.
 */
export const mysqlSettings =
  "set time_zone = '+00:00', sql_mode = concat(replace(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''), ',NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES')"

const kinds: readonly (readonly [RegExp, ...Kind[]])[] = [
  // What is declared as boolean.
  [/^tinyint\(1\)(?! unsigned)/, 'boolean', 'integer'],
  [/^(?:tinyint|smallint|mediumint|int|bigint|year)\b/, 'integer'],
  [/^decimal\b/, 'decimal'],
  [/^(?:float|double)\b/, 'float'],
  [/^(?:char|varchar|tinytext|text|mediumtext|longtext|enum)\b/, 'text'],
  [/^(?:binary|varbinary|tinyblob|blob|mediumblob|longblob)\b/, 'bytes'],
  [/^date\b/, 'date'],
  [/^time\b/, 'time'],
  [/^datetime\b/, 'timestamp'],
  [/^timestamp\b/, 'instant'],
  [/^json\b/, 'json'],
  [/^uuid\b/, 'uuid'],
]

/** `type`: the column's, with its length, in small letters. */
export function mysqlKinds(type: string): readonly Kind[] {
  const [, ...found] = kinds.find(([pattern]) => pattern.test(type)) ?? []
  return found as Kind[]
}

/** Values as texts that lose nothing: for columns of equal types. */
export function mysqlText(name: string, type: string): ColumnCodec {
  const [kind] = mysqlKinds(type).slice(-1)
  return {
    read: readPlainText(quotedName('mysql', name), type),
    decode: plain,
    mark: (mark) => writePlainText(mark, type),
    encode: (value) => (kind === 'integer' && value !== null ? parameterOf(kind, value) : value),
    given: givenText,
  }
}

/** Values of a kind. */
export function mysqlCodec(name: string, type: string, kind: Kind): ColumnCodec {
  const canonical = (value: string | Uint8Array): Canonical =>
    kind === 'bytes' ? Buffer.from(value as string) : canonicalText(kind, String(value))
  return {
    read: readPlainText(quotedName('mysql', name), type),
    decode: (raw) => (raw === null ? null : kind === 'bytes' ? plain(raw) : canonical(String(raw))),
    mark: (mark) => mark,
    encode: (value) => (value === null ? null : parameterOf(kind, value)),
    given: (value) => canonical(givenText(value)),
  }
}

function plain(raw: RawValue): Canonical {
  return raw === null || raw instanceof Uint8Array ? raw : String(raw)
}

function parameterOf(kind: Kind, value: string | Uint8Array): RawValue {
  if (kind === 'boolean') return value === 'true' ? 1 : 0
  if (kind === 'integer') {
    // A text would be compared as a floating-point number.
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : BigInt(String(value))
  }
  if (kind === 'float' && (value === 'NaN' || value === 'Infinity' || value === '-Infinity'))
    throw new ValueRefused('MySQL and MariaDB have no such number')
  return kind === 'bytes' ? Buffer.from(value as Uint8Array) : value
}
