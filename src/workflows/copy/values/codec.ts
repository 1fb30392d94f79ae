import type { Canonical, RawValue } from './kind.ts'

/** How the values of one column are read and written on one engine. */
export interface ColumnCodec {
  /** The expression that reads it. */
  readonly read: string
  /** What the expression gave. Throws `ValueRefused`. */
  decode(raw: RawValue): Canonical
  /** The expression for a parameter with a value of it. */
  mark(mark: string): string
  /** The value of the parameter. Throws `ValueRefused` for a value that the engine does not have. */
  encode(value: Canonical): RawValue
  /** A value that an application gives, such as a key. Throws `ValueRefused`. */
  given(value: unknown): Canonical
}

/** The text of a value as an application has it. */
export function givenText(value: unknown): string | Uint8Array {
  if (value instanceof Uint8Array) return value
  if (value instanceof Date) return value.toISOString().replace('T', ' ')
  return typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean'
    ? String(value)
    : JSON.stringify(value)
}
