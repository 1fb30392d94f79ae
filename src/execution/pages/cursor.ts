import type { OrderKey } from '../../routing/scatter/row-plan.ts'
import { CursorError } from './errors.ts'
import type { KeyKind, KeyValue } from './key-value.ts'

const kinds: ReadonlySet<string> = new Set<KeyKind>([
  'text',
  'integer',
  'number',
  'decimal',
  'date',
  'datetime',
  'time',
  'bytes',
])

/**
 * A place in an order, as a text for URLs: the values of the sort keys of a row. Not secret and not signed: whoever changes one
 * begins elsewhere in the same rows, and no more, because its values only ever become parameters.
 */
export function encodeCursor(keys: readonly OrderKey[], values: readonly KeyValue[]): string {
  return Buffer.from(JSON.stringify([orderOf(keys), ...values])).toString('base64url')
}

/** Throws `CursorError` for what `encodeCursor` never made, or made for another order. */
export function decodeCursor(cursor: string, keys: readonly OrderKey[]): readonly KeyValue[] {
  const [order, ...values] = parsed(cursor)
  if (typeof order !== 'string' || values.length === 0 || !values.every(isKeyValue)) throw unreadable()
  if (order === orderOf(keys) && values.length === keys.length) return values
  throw new CursorError(
    `The cursor belongs to another ORDER BY than this statement has (${keys.map(({ expression }) => expression).join(', ')}). ` +
      'Nothing was sent. Begin again without a cursor.',
  )
}

function parsed(cursor: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(value) ? value : []
  } catch {
    // Whatever it was, it is told below.
    return []
  }
}

function isKeyValue(value: unknown): value is KeyValue {
  if (value === null) return true
  if (!Array.isArray(value) || value.length !== 2) return false
  const [kind, text] = value as readonly unknown[]
  if (typeof kind !== 'string' || typeof text !== 'string' || !kinds.has(kind)) return false
  return kind === 'integer'
    ? /^-?\d+$/.test(text)
    : kind !== 'number' || text === String(Number(text)) || Number.isFinite(Number(text))
}

function unreadable(): CursorError {
  return new CursorError(
    'The text is no cursor: neither `next` nor `previous` of a page. Nothing was sent. Begin again without a cursor.',
  )
}

/** The order in a few characters: two statements that differ elsewhere may share their cursors. */
function orderOf(keys: readonly OrderKey[]): string {
  return keys
    .map(({ expression, descending, nulls }) => `${expression}${descending ? '-' : '+'}${nulls.charAt(0)}`)
    .join(',')
}
