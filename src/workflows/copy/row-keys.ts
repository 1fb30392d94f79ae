import type { Engine } from '../../drivers/driver.ts'
import { type TextWithValues } from '../../distributed/moves/row-texts.ts'
import { quotedName } from '../../statement/quotes.ts'
import type { ColumnPair } from './column-pairs.ts'
import type { Canonical } from './values/kind.ts'

/** Rows that one statement asks for by their keys at most. */
export const mostKeys = 500

export type Side = 'source' | 'target'

/** A text that is equal for equal keys. */
export function keyText(key: readonly Canonical[]): string {
  const texts = key.map((value) => (value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : value))
  return texts.length === 1 ? String(texts[0]) : JSON.stringify(texts)
}

/** `id = any($1)` on PostgreSQL, which reads a list faster than parameters; `id in (?, ?)`, or `(a, b) in ((?, ?), (?, ?))`. */
export function keyCondition(
  engine: Engine,
  text: TextWithValues,
  side: Side,
  pairs: readonly ColumnPair[],
  keys: readonly (readonly Canonical[])[],
): string {
  const [first] = pairs
  if (engine === 'postgres' && pairs.length === 1) {
    const values = keys.map(([value]) => arrayItem(String(first![side].encode(value!))))
    return `${keyColumns(engine, side, pairs)[0]} = any(${text.value(`{${values.join(',')}}`)})`
  }
  const marked = (key: readonly Canonical[]): string =>
    listed(pairs.map((pair, index) => pair[side].mark(text.value(pair[side].encode(key[index]!)))))
  const rows = keys.map(marked).join(', ')
  // SQLite takes a list of rows only as VALUES.
  const list = engine === 'sqlite' && pairs.length > 1 ? `values ${rows}` : rows
  return `${listed(keyColumns(engine, side, pairs))} in (${list})`
}

/** The lowest and the highest of keys that are single whole numbers, which every engine orders alike; `undefined` for others. */
export function numberRange(
  keys: readonly (readonly Canonical[])[],
): { readonly lowest: readonly Canonical[]; readonly highest: readonly Canonical[] } | undefined {
  const [first] = keys
  if (first?.length !== 1) return undefined
  const isNumber = ([value]: readonly Canonical[]): boolean => typeof value === 'string' && /^i?-?\d+$/.test(value)
  if (!keys.every(isNumber)) return undefined
  const numberOf = ([value]: readonly Canonical[]): bigint => BigInt(String(value).replace('i', ''))
  let [lowest, highest] = [first, first]
  for (const key of keys) {
    if (numberOf(key) < numberOf(lowest)) lowest = key
    if (numberOf(key) > numberOf(highest)) highest = key
  }
  return { lowest, highest }
}

/** What comes behind a key, in the order of the key. */
export function behindCondition(
  engine: Engine,
  text: TextWithValues,
  pairs: readonly ColumnPair[],
  key: readonly Canonical[],
): string {
  const columns = keyColumns(engine, 'source', pairs)
  const mark = (index: number): string =>
    pairs[index]!.source.mark(text.value(pairs[index]!.source.encode(key[index]!)))
  if (engine !== 'mysql') return `${listed(columns)} > ${listed(columns.map((_, index) => mark(index)))}`
  // MySQL and MariaDB look into the index for this form alone.
  const parts = columns.map((column, last) =>
    [...columns.slice(0, last).map((each, index) => `${each} = ${mark(index)}`), `${column} > ${mark(last)}`].join(
      ' and ',
    ),
  )
  return `(${parts.map((part) => `(${part})`).join(' or ')})`
}

export function keyColumns(engine: Engine, side: Side, pairs: readonly ColumnPair[]): readonly string[] {
  return pairs.map(({ from, to }) => quotedName(engine, side === 'source' ? from.name : to.name))
}

/** In the quotes of an array's text. */
function arrayItem(text: string): string {
  return `"${text.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`
}

function listed(items: readonly string[]): string {
  return items.length === 1 ? items[0]! : `(${items.join(', ')})`
}
