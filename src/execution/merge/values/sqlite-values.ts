import { byteStrings } from './byte-strings.ts'
import { compareKeys, type ValueOrder } from './value-order.ts'

type SqliteKey = number | bigint | string | Uint8Array

/** SQLite's order over storage classes: numbers by value, then texts by a collation, then blobs. */
export function sqliteValues(texts: ValueOrder<string>): ValueOrder<SqliteKey> {
  return {
    form: 'a number, a bigint, a text or a Uint8Array',
    keyOf: (value) => {
      if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
      if (typeof value === 'bigint') return value
      if (typeof value === 'string') return texts.keyOf(value)
      return value instanceof Uint8Array ? value : undefined
    },
    compare: (a, b) => {
      const difference = rankOf(a) - rankOf(b)
      if (difference !== 0) return difference
      if (typeof a === 'string') return texts.compare(a, b as string)
      if (a instanceof Uint8Array) return byteStrings.compare(a, b as Uint8Array)
      return compareKeys(a, b as number | bigint)
    },
  }
}

function rankOf(key: SqliteKey): number {
  if (typeof key === 'string') return 1
  return typeof key === 'object' ? 2 : 0
}
