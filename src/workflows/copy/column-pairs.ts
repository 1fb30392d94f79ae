import type { Engine } from '../../drivers/driver.ts'
import { CopyError, CopyValueError } from './errors.ts'
import type { Place } from './place.ts'
import type { ShapeColumn, TableShape } from './shapes/table-shape.ts'
import type { ColumnCodec } from './values/codec.ts'
import { conversionOf } from './values/conversion.ts'
import { decimalText, ValueRefused, type Canonical, type Kind, type RawValue } from './values/kind.ts'
import { mysqlCodec, mysqlText } from './values/mysql-codec.ts'
import { postgresCodec, postgresText } from './values/postgres-codec.ts'
import { sqliteCodec, sqliteText } from './values/sqlite-codec.ts'

/** A column that is copied: how it is read in one database, and how it is written, and read again, in the other. */
export interface ColumnPair {
  readonly name: string
  readonly from: ShapeColumn
  readonly to: ShapeColumn
  /** Both are the same on the same engine: their texts are exchanged as they are. */
  readonly isSame: boolean
  readonly source: ColumnCodec
  readonly target: ColumnCodec
  /** What the source gave, as the target is to have it. Throws `CopyValueError`. */
  convert(raw: RawValue): Canonical
  /** The same of a canonical value. Throws `ValueRefused`. */
  convertValue(value: Canonical): Canonical
  /** Whether the target has what it is to have. */
  holds(expected: Canonical, found: Canonical): boolean
}

/** Two tables, column by column. */
export interface TablePair {
  readonly name: string
  readonly pairs: readonly ColumnPair[]
  /** Those of the primary key of the target, in its order. */
  readonly key: readonly ColumnPair[]
}

/**
 * Finds for each column that the source stores one of the target. Throws `CopyError` for those that have none, and for those whose types have
 * nothing in common; and if the primary keys are others.
 */
export function pairColumns(
  name: string,
  [source, from]: readonly [Place, TableShape],
  [target, to]: readonly [Place, TableShape],
): TablePair {
  const stored = from.columns.filter(({ generated }) => !generated)
  const missing: string[] = []
  const unlike: string[] = []
  const pairs: ColumnPair[] = []
  for (const column of stored) {
    const other = counterpart(column.name, to.columns)
    if (other === undefined) missing.push(column.name)
    else if (!other.generated) {
      const pair = pairOf(name, [source.engine, column], [target.engine, other])
      if (pair === undefined) unlike.push(`${column.name} (${column.type} to ${other.type || 'no type'})`)
      else pairs.push(pair)
    }
  }
  const where = { database: target.database }
  if (missing.length > 0)
    throw new CopyError(
      `${name} has columns in "${source.database}" that it does not have in "${target.database}": ${missing.join(', ')}. Nothing was copied.`,
      name,
      where,
    )
  if (unlike.length > 0)
    throw new CopyError(
      `${name} has columns in "${source.database}" whose values are none of those that it has in "${target.database}": ${unlike.join(', ')}. ` +
        'Nothing was copied. docs/copying.md says which types become which.',
      name,
      where,
    )
  const key = to.key.map((column) => pairs.find((pair) => pair.to.name === column))
  if (from.key.length === to.key.length && key.every((pair) => pair !== undefined && from.key.includes(pair.from.name)))
    return { name, pairs, key: key as readonly ColumnPair[] }
  throw new CopyError(
    `The primary key of ${name} is (${from.key.join(', ')}) in "${source.database}", and (${to.key.join(', ')}) in "${target.database}": its rows ` +
      'are not the same ones. Nothing was copied.',
    name,
    where,
  )
}

function counterpart(name: string, columns: readonly ShapeColumn[]): ShapeColumn | undefined {
  return (
    columns.find((column) => column.name === name) ??
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase())
  )
}

type End = readonly [engine: Engine, column: ShapeColumn]

function pairOf(table: string, [source, from]: End, [target, to]: End): ColumnPair | undefined {
  const isSame = source === target && from.type === to.type
  const kinds = isSame ? undefined : commonKinds(from, to)
  if (!isSame && kinds === undefined) return undefined
  const [fromKind, toKind, conversion] = kinds ?? []
  const codecs = { source: codecOf(source, from, fromKind), target: codecOf(target, to, toKind) }
  const types = [from.type, to.type] as const
  // A text of it, on MariaDB its JSON, may be written otherwise than `jsonb` would.
  const isJson = [from, to].some(({ base }) => base === 'jsonb') && !isSame
  const convertValue = (value: Canonical): Canonical => {
    const converted = value === null || conversion === undefined ? value : conversion(value)
    // Asked for here, where it is known which column it is.
    codecs.target.encode(converted)
    return converted
  }
  return {
    name: from.name,
    from,
    to,
    isSame,
    ...codecs,
    convertValue,
    convert: (raw) => {
      try {
        return convertValue(codecs.source.decode(raw))
      } catch (error) {
        if (!(error instanceof ValueRefused)) throw error
        throw new CopyValueError(
          `${table}.${from.name} holds ${shown(raw)}, a value of ${types[0] || 'no type'} that cannot be one of ${types[1] || 'no type'}: ${error.message}.`,
          { table, column: from.name, types },
        )
      }
    },
    holds: (expected, found) =>
      isEqual(expected, found) ||
      (isJson && isSameJson(expected, found)) ||
      // Not every engine gives a zero its sign.
      (toKind === 'float' && Number(expected) === 0 && expected !== null && Number(found) === 0 && found !== null),
  }
}

function commonKinds(
  from: ShapeColumn,
  to: ShapeColumn,
): readonly [Kind, Kind, ReturnType<typeof conversionOf>] | undefined {
  const all = from.kinds.flatMap((one) => to.kinds.map((other) => [one, other, conversionOf(one, other)] as const))
  return all.find(([one, other]) => one === other) ?? all.find(([, , conversion]) => conversion !== undefined)
}

function codecOf(engine: Engine, { name, type, base }: ShapeColumn, kind: Kind | undefined): ColumnCodec {
  switch (engine) {
    case 'postgres':
      return kind === undefined ? postgresText(name) : postgresCodec(name, base, kind)
    case 'mysql':
      return kind === undefined ? mysqlText(name, type) : mysqlCodec(name, type, kind)
    case 'sqlite':
      return kind === undefined ? sqliteText(name) : sqliteCodec(name, kind)
  }
}

export function isEqual(one: Canonical, other: Canonical): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0
  return one === other
}

/** `jsonb` keeps what a JSON text means, and not how it is written. */
function isSameJson(one: Canonical, other: Canonical): boolean {
  if (typeof one !== 'string' || typeof other !== 'string') return false
  try {
    return orderedJson(one) === orderedJson(other)
  } catch {
    return false
  }
}

function orderedJson(text: string): string {
  // By their digits: as doubles many numbers would be equal.
  const read = (_name: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? { number: decimalText(context?.source ?? String(value)) } : value
  return JSON.stringify(JSON.parse(text, read), (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  )
}

/** A value in a message. */
export function shown(value: RawValue | undefined): string {
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
