import type { ValueOrder } from './value-order.ts'

const byteaText = /^\\x(?:[0-9a-f]{2})*$/i

/** Byte by byte; a beginning comes before what goes on. */
export const byteStrings: ValueOrder<Uint8Array> = {
  form: String.raw`a Uint8Array, or PostgreSQL's text \x…`,
  keyOf: (value) => {
    if (value instanceof Uint8Array) return value
    return typeof value === 'string' && byteaText.test(value) ? Buffer.from(value.slice(2), 'hex') : undefined
  },
  compare: (a, b) => Buffer.compare(a, b),
}
