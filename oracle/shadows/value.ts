import type { ValueKind } from './model.ts'

export type SqlValue = number | string | Uint8Array | null

const values: Readonly<Record<ValueKind, readonly SqlValue[]>> = {
  int: [1, 2, 3, 4, 5, 6, 7, null, -1, 9],
  real: [1, 2, 0.5, 1.25, 3, -2.5, 4, null, 5, 8],
  text: ['a', 'b', 'A', 'c', 'B', 'ab', '1', null, '', 'C'],
  time: [
    '2024-01-01',
    '2024-01-02 03:04:05',
    '2023-12-31 23:59:59.5',
    '2024-02-29',
    '1999-01-01',
    '2030-06-01',
    '2024-01-01 00:00:01',
    null,
    'infinity',
    '2024-03-01',
  ],
  mood: ['ok', 'sad', 'glad', 'ok', 'sad', 'so so', 'glad', null, 'sad', 'ok'],
  any: [1, 'a', 2, new Uint8Array([1]), 'A', 1.5, '1', null, new Uint8Array([97]), 3],
}

export const valueCount = 10

/** One of the few values of a kind; the first ones are the plainest. */
export function plainValue(kind: ValueKind, index: number): SqlValue {
  return values[kind][index % valueCount] ?? null
}

export function literal(value: SqlValue): string {
  if (value === null) return 'null'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  return `x'${Buffer.from(value).toString('hex')}'`
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
