import { ShardKeyError } from '../../errors.ts'
import { show } from '../../option.ts'
import type { CanonicalKey, KeyBound, KeyRange, ShardKey } from '../shard-map.ts'
import { canonicalValue, compareValues, isExact, isOrdered, keyForms, type KeyType } from './key-type.ts'

/** A place between keys: before or behind all that begin with these values. */
export interface KeyPoint {
  readonly values: CanonicalKey
  readonly behind: boolean
}

/** The columns of a shard key: reads keys into their canonical texts, and compares them. */
export class KeyShape {
  readonly types: readonly KeyType[]

  constructor(types: readonly KeyType[]) {
    this.types = types
  }

  /** The canonical text of each column. */
  values(key: ShardKey): CanonicalKey {
    const [first] = this.types
    if (this.types.length === 1 && first !== undefined && !Array.isArray(key)) return [readValue(first, key, '')]
    const values = this.leading(key)
    if (values.length < this.types.length) throw wrongNumber(values.length, this.types)
    return values
  }

  /**
   * The whole key as one text: that of its only column as it is, those of several joined by "|", with a backslash before
   * each "|" and backslash within them. So ('a', 'bc') and ('ab', 'c') differ, and a database can write the same text.
   */
  text(key: ShardKey): string {
    return joined(this.values(key))
  }

  /**
   * The two ends of a range, as far as its values say anything about canonical texts; `undefined` is an open end. A column
   * that is not ordered as the database orders it counts only where both ends give the very same value for it.
   */
  ends({ from, to }: KeyRange): { readonly low: KeyPoint | undefined; readonly high: KeyPoint | undefined } {
    const low = from && this.leading(from.key)
    const high = to && this.leading(to.key)
    let sure = low && high ? low.findIndex((value, index) => value !== high[index] || !this.#same(from, to, index)) : 0
    if (sure === -1) sure = low?.length ?? 0
    for (let type = this.types[sure]; type !== undefined && isOrdered(type); type = this.types[sure]) sure += 1
    return {
      low: low && from && pointOf(low, sure, !from.inclusive, false),
      high: high && to && pointOf(high, sure, to.inclusive, true),
    }
  }

  /**
   * The shards of a range in a map that keeps no order: the one of its only key, none if it is empty, else all.
   * `ownerOf` gets the only key.
   */
  scattered(range: KeyRange, all: readonly string[], ownerOf: (values: CanonicalKey) => string): readonly string[] {
    const { low, high } = this.ends(range)
    if (low === undefined || high === undefined) return all
    if (this.compare(low, high) >= 0) return []
    return this.isOneKey(low, high) ? [ownerOf(low.values)] : all
  }

  /** Whether there is just one key between two ends. */
  isOneKey(low: KeyPoint, high: KeyPoint): boolean {
    const whole = low.values.length === this.types.length && high.values.length === this.types.length
    return whole && !low.behind && high.behind && this.compare({ ...low, behind: true }, high) === 0
  }

  /** The order of two places; a key itself is the place before it. */
  compare(one: KeyPoint, other: KeyPoint): number {
    const common = Math.min(one.values.length, other.values.length)
    for (let index = 0; index < common; index += 1) {
      const type = this.types[index] ?? 'text'
      const order = compareValues(type, one.values[index] ?? '', other.values[index] ?? '')
      if (order !== 0) return order
    }
    if (one.values.length === other.values.length) return Number(one.behind) - Number(other.behind)
    const shorter = one.values.length < other.values.length ? one : other
    return shorter.behind === (shorter === one) ? 1 : -1
  }

  /** The canonical texts of a key that may leave out columns from the end. */
  leading(key: ShardKey): CanonicalKey {
    const given: readonly unknown[] = Array.isArray(key) ? key : [key]
    if (given.length > this.types.length || given.length === 0) throw wrongNumber(given.length, this.types)
    return given.map((value, index) =>
      readValue(this.types[index] ?? 'text', value, this.types.length > 1 ? ` (column ${index + 1} of it)` : ''),
    )
  }

  /** Whether equal canonical texts of a column are one value: always in an exact type, else if they were given the same way. */
  #same(from: KeyBound | undefined, to: KeyBound | undefined, index: number): boolean {
    const type = this.types[index]
    return (type !== undefined && isExact(type)) || columnOf(from?.key, index) === columnOf(to?.key, index)
  }
}

/** One text for several, different for different ones. */
export function joined(values: CanonicalKey): string {
  return values.length === 1
    ? (values[0] ?? '')
    : values.map((value) => value.replace(/[\\|]/g, String.raw`\$&`)).join('|')
}

function pointOf(values: CanonicalKey, sure: number, behind: boolean, behindIfCut: boolean): KeyPoint | undefined {
  if (values.length <= sure) return { values, behind }
  return sure === 0 ? undefined : { values: values.slice(0, sure), behind: behindIfCut }
}

function columnOf(key: ShardKey, index: number): unknown {
  return Array.isArray(key) ? key[index] : key
}

function readValue(type: KeyType, value: unknown, where: string): string {
  const text = canonicalValue(type, value)
  if (text !== undefined) return text
  const what =
    value === null || value === undefined
      ? `NULL is no shard key${where}: a row without its key belongs to no shard.`
      : `${show(value)} cannot be a shard key of the type "${type}"${where}.`
  throw new ShardKeyError(`${what} Pass ${keyForms[type]}.`)
}

function wrongNumber(given: number, types: readonly KeyType[]): ShardKeyError {
  return new ShardKeyError(
    `A shard key with ${given} ${given === 1 ? 'value' : 'values'} was given, and it has ${types.length} ` +
      `${types.length === 1 ? 'column' : 'columns'} (${types.join(', ')}). Pass a value for each, in this order, as an array.`,
  )
}
