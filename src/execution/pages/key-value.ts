import { UnsupportedError } from '../../errors.ts'
import type { Field } from '../../drivers/driver.ts'
import type { HiddenColumn } from '../../routing/pages/page-query.ts'
import type { OrderKey } from '../../routing/scatter/row-plan.ts'
import type { Engine } from '../../topology/server-target.ts'
import type { MysqlField } from '../merge/sort-type-of-mysql.ts'

/** In which form a value of a sort key is kept in a cursor, and written into a condition. */
export type KeyKind = 'text' | 'integer' | 'number' | 'decimal' | 'date' | 'datetime' | 'time' | 'bytes'

/** The value of a sort key, exactly; `null` is NULL. */
export type KeyValue = readonly [kind: KeyKind, text: string] | null

/** A value in a condition: the text there, and the parameter that it needs. */
export interface WrittenValue {
  readonly sql: string
  readonly param: unknown
}

/** How the engine is asked for the values of the sort keys, and given them back. */
export interface KeyValues {
  hidden(keys: readonly OrderKey[]): readonly HiddenColumn[]
  /** `values`, `fields`: of the hidden columns. Throws `UnsupportedError` for a type that a condition cannot compare. */
  read(keys: readonly OrderKey[], values: readonly unknown[], fields: readonly Field[]): readonly KeyValue[]
  /** `mark`: how a parameter is written. */
  written(value: NonNullable<KeyValue>, mark: string): WrittenValue
}

export const keyValuesOf: Readonly<Record<Engine, KeyValues>> = {
  /** A text of which PostgreSQL derives the type that it must have, from what it is compared with. */
  postgres: {
    hidden: (keys) =>
      keys.map(({ expression }, place) => ({ name: nameOf(place), expression: `(${expression})::text` })),
    read: (_, values) => values.map((value) => (value === null ? null : ['text', value as string])),
    written: ([, text], mark) => ({ sql: mark, param: text }),
  },
  /** SQLite compares values of any kind as it sorts them; integers come as text, because numbers end at 2^53. */
  sqlite: {
    hidden: (keys) =>
      keys.map(({ expression }, place) => ({
        name: nameOf(place),
        expression: `case typeof(${expression}) when 'integer' then 'i' || (${expression}) when 'text' then 't' || (${expression}) else (${expression}) end`,
      })),
    read: (_, values) => values.map(sqliteValue),
    written: ([kind, text], mark) => ({ sql: mark, param: valueOf(kind, text) }),
  },
  /** MariaDB and MySQL compare a text with a number as floats, so what is compared must be of the column's kind. */
  mysql: {
    // As it is, for its type, and as text, where the driver's own form would lose something.
    hidden: (keys) =>
      keys.flatMap(({ expression }, place) => [
        { name: nameOf(place), expression: `(${expression})` },
        { name: `${nameOf(place)}_text`, expression: `cast((${expression}) as char)` },
      ]),
    read: (keys, values, fields) =>
      keys.map((key, place) => mysqlValue(key, fields[2 * place], values[2 * place], values[2 * place + 1])),
    written: ([kind, text], mark) => ({ sql: mysqlCast(kind, text, mark), param: valueOf(kind, text) }),
  },
}

function nameOf(place: number): string {
  return `signalbox_page_${place + 1}`
}

function sqliteValue(value: unknown): KeyValue {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') return ['number', String(value)]
  if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('base64')]
  const text = value as string
  return [text.startsWith('i') ? 'integer' : 'text', text.slice(1)]
}

function valueOf(kind: KeyKind, text: string): unknown {
  if (kind === 'bytes') return Buffer.from(text, 'base64')
  if (kind === 'number') return Number(text)
  if (kind !== 'integer') return text
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

function mysqlValue(key: OrderKey, field: Field | undefined, raw: unknown, text: unknown): KeyValue {
  const kind = mysqlKind(field?.native as MysqlField | undefined)
  if (kind === undefined) {
    throw new UnsupportedError(
      `The sort key ${key.expression} is of a type that MySQL and MariaDB compare in another way than they sort it, or that loses digits (ENUM, SET, FLOAT, BIT, JSON), ` +
        'so no page can begin behind a value of it. Sort by something else, or by a cast: cast(… as char), cast(… as double).',
    )
  }
  if (raw === null) return null
  return [kind, raw instanceof Uint8Array ? Buffer.from(raw).toString('base64') : String(text)]
}

const mysqlKinds: Readonly<Record<number, KeyKind>> = {
  0: 'decimal',
  1: 'integer',
  2: 'integer',
  3: 'integer',
  5: 'number',
  7: 'datetime',
  8: 'integer',
  9: 'integer',
  10: 'date',
  11: 'time',
  12: 'datetime',
  13: 'integer',
  246: 'decimal',
}
/** VARCHAR, the BLOBs and TEXTs, VAR_STRING, STRING. */
const strings: ReadonlySet<number> = new Set([15, 249, 250, 251, 252, 253, 254])
const binaryCharacterSet = 63
/** ENUM and SET, which are sorted by the numbers of their values, and compared with a text as texts. */
const numbered = 0x100 | 0x800
/** MariaDB's own types that are sent as text and compare as they sort. */
const comparable: ReadonlySet<string> = new Set(['uuid', 'inet4', 'inet6'])

function mysqlKind({ columnType, flags, characterSet, extendedTypeName }: MysqlField = {}): KeyKind | undefined {
  if (columnType === undefined || typeof flags !== 'number' || (flags & numbered) !== 0) return undefined
  if (extendedTypeName !== undefined) return comparable.has(extendedTypeName) ? 'text' : undefined
  if (!strings.has(columnType)) return mysqlKinds[columnType]
  return characterSet === binaryCharacterSet ? 'bytes' : 'text'
}

function mysqlCast(kind: KeyKind, text: string, mark: string): string {
  if (kind === 'decimal') return `cast(${mark} as decimal(65, ${text.split('.')[1]?.length ?? 0}))`
  if (kind === 'date') return `cast(${mark} as date)`
  if (kind === 'datetime') return `cast(${mark} as datetime(6))`
  if (kind === 'time') return `cast(${mark} as time(6))`
  return mark
}
