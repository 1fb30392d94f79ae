import { canonicalValue, type KeyType } from '../shard-maps/key-type.ts'

/**
 * A shard key as an entry has it: a JSON array with the canonical text of each column, or `{"hex": …}` for one that was given as
 * bytes, so that it can be a parameter again. `undefined` if the database may store it in a form in which `=` finds it no more.
 */
export function storedKey(key: readonly unknown[], types: readonly KeyType[]): string | undefined {
  const parts: unknown[] = []
  for (const [index, type] of types.entries()) {
    const value = key[index]
    const text = canonicalValue(type, value)
    if (text === undefined) return undefined
    if (value instanceof Uint8Array) parts.push({ hex: Buffer.from(value).toString('hex') })
    else if (typeof value !== 'string' || value === text || type === 'caseless-text') parts.push(text)
    else return undefined
  }
  return JSON.stringify(parts)
}

/** The key of an entry, as parameters. */
export function keyOfStored(stored: string, types: readonly KeyType[]): readonly unknown[] {
  const parts = JSON.parse(stored) as readonly (string | { readonly hex: string })[]
  return parts.map((part, index) => {
    if (typeof part === 'object') return Buffer.from(part.hex, 'hex')
    return types[index] === 'integer' ? BigInt(part) : part
  })
}
