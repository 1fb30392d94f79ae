import { canonicalText, ValueRefused, type Kind } from './kind.ts'

/** Makes a canonical value of one kind one of another kind. Throws {@link ValueRefused} if it would be another value. */
export type Conversion = (value: string | Uint8Array) => string | Uint8Array

const same: Conversion = (value) => value

/** Which kinds of values become which others, besides themselves. What is not listed is refused for the whole column. */
const conversions: Partial<Record<Kind, Partial<Record<Kind, Conversion>>>> = {
  boolean: { integer: (value) => (value === 'true' ? '1' : '0') },
  integer: { boolean: (value) => canonicalText('boolean', String(value)), decimal: same, float: exactFloat },
  decimal: { integer: (value) => canonicalText('integer', String(value)), text: same },
  date: { text: same },
  time: { text: same },
  timestamp: { instant: same, text: same },
  // The offset is what tells an instant from a wall clock, so a text has one.
  instant: { timestamp: same, text: (value) => `${String(value)}Z` },
  json: { text: same },
  uuid: { text: same },
  text: {
    date: (value) => canonicalText('date', String(value)),
    time: (value) => canonicalText('time', String(value)),
    timestamp: (value) => canonicalText('timestamp', String(value)),
    instant: instantOf,
    json: same,
    uuid: (value) => canonicalText('uuid', String(value)),
  },
}

/** `undefined`: values of the one kind are none of the other. */
export function conversionOf(from: Kind, to: Kind): Conversion | undefined {
  return from === to ? same : conversions[from]?.[to]
}

function exactFloat(value: string | Uint8Array): string {
  const number = Number(value)
  if (BigInt(number) === BigInt(String(value))) return canonicalText('float', String(number))
  throw new ValueRefused('a floating-point number would round it')
}

function instantOf(value: string | Uint8Array): string {
  const text = String(value)
  if (!/(?:Z|[+-]00(?::?00)?)$/.test(text))
    throw new ValueRefused('it says no offset, such as Z, that would make it an instant')
  return canonicalText('instant', text)
}
