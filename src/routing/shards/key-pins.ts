import type { AppearanceCondition, RangeBound, TableAppearance, ValueSource } from '../../statement/analysis.ts'
import type { Dialect } from '../../statement/statement.ts'

/** A sharded table at one place of a statement. */
export interface ShardedAppearance {
  /** Its place in `Analysis.appearances`. */
  readonly index: number
  readonly table: string
  readonly shardKey: readonly string[]
}

/** The values that the key of a table can have at one place: for each column of the key those that may occur. */
export interface KeyPin {
  readonly table: string
  readonly columns: readonly KeyColumnPin[]
}

export interface KeyColumnPin {
  readonly operator: AppearanceCondition['operator']
  readonly values: readonly ValueSource[]
  /**
   * The condition is on the column itself, and on rows of the table alone: not on what the column equals, nor on rows without one of the
   * table, nor on what a UNION gives beside it.
   */
  readonly isOwn: boolean
  /** As in {@link AppearanceCondition}. */
  readonly at?: AppearanceCondition['at'] | undefined
}

/** The range that the key of a table lies in at one place. */
export interface KeyRangePin {
  readonly table: string
  /** The first columns of the key, each with its one value. */
  readonly leading: readonly ValueSource[]
  /** Of the column behind them. */
  readonly from?: RangeBound | undefined
  readonly to?: RangeBound | undefined
}

interface PlacedCondition {
  readonly condition: AppearanceCondition
  /** In `Analysis.appearances`. */
  readonly place: number
}

/** Whether a pin is of rows that are inserted: one key for each, in their order. */
export function isOfRows({ columns }: KeyPin): boolean {
  return columns.every(({ operator }) => operator === 'insert')
}

/** Finds out which rows of sharded tables a statement can have to do with. Pure. */
export class KeyReader {
  readonly #appearances: readonly TableAppearance[]
  /** Whether two names mean one column. */
  readonly isSame: (a: string, b: string) => boolean
  readonly #keys: ReadonlyMap<number, readonly string[]>

  /** @param places Those of sharded tables: they are known to have the columns of their keys. */
  constructor(appearances: readonly TableAppearance[], dialect: Dialect, places: readonly ShardedAppearance[] = []) {
    this.#appearances = appearances
    this.#keys = new Map(places.map(({ index, shardKey }) => [index, shardKey]))
    // The analysis has folded PostgreSQL's unquoted names already; elsewhere columns have no case.
    this.isSame = dialect === 'postgres' ? (a, b) => a === b : (a, b) => a === b || a.toLowerCase() === b.toLowerCase()
  }

  /** The pin of a table; `undefined` if the statement leaves a column of its key open. */
  pinOf({ index, table, shardKey }: ShardedAppearance): KeyPin | undefined {
    const columns: KeyColumnPin[] = []
    for (const column of shardKey) {
      const found = this.#conditionOn(index, column)
      if (found === undefined) return undefined
      const { operator, values, certain, at, shared } = found.condition
      const isOptional = !certain && this.#appearances[index]?.optional === true
      const isOwn = found.place === index && shared !== true && !isOptional
      columns.push({ operator, values, isOwn, at })
    }
    return { table, columns }
  }

  /**
   * The ranges that the key of a table lies in, each with at least one bound: one value for the first columns of the key, or for
   * none of them, and a range for the next.
   */
  rangesOf({ index, table, shardKey }: ShardedAppearance): readonly KeyRangePin[] {
    const leading: ValueSource[] = []
    for (const column of shardKey) {
      const { condition } = this.#conditionOn(index, column) ?? {}
      if (condition === undefined) {
        const ranges = this.#rangesOn(index, column)
        if (ranges.length > 0) return ranges.map((range) => ({ table, leading, ...range }))
        break
      }
      const [only, ...more] = condition.values
      if (only === undefined || more.length > 0 || only.from === 'array-parameter') break
      leading.push(only)
    }
    return leading.length === 0 ? [] : [{ table, leading }]
  }

  /** A lower and an upper bound together make one range. */
  #rangesOn(index: number, column: string): readonly Pick<KeyRangePin, 'from' | 'to'>[] {
    const whole: Pick<KeyRangePin, 'from' | 'to'>[] = []
    const [lower, upper]: [RangeBound[], RangeBound[]] = [[], []]
    for (const [place, name] of this.#equalTo(index, column)) {
      for (const range of this.#appearances[place]?.ranges ?? []) {
        if (!this.isSame(range.column, name) || !this.#isSure(range, place)) continue
        const { from, to } = range
        if (from !== undefined && to !== undefined) whole.push({ from, to })
        else if (from !== undefined) lower.push(from)
        else if (to !== undefined) upper.push(to)
      }
    }
    const count = Math.max(lower.length, upper.length)
    const halves = Array.from({ length: count }, (_, i) => ({ from: lower[i], to: upper[i] }))
    return [...whole, ...halves]
  }

  /** What is not certain is certain of a column of a key: the table has it. Of other columns nobody knows. */
  #isSure({ certain, column }: { readonly certain: boolean; readonly column: string }, place: number): boolean {
    return certain || this.#isKey(place, column)
  }

  /** Whether every row that counts at `from` has the key of a row at `to`. */
  follows(from: ShardedAppearance, to: ShardedAppearance): boolean {
    return from.shardKey.every((column, place) => {
      const other = to.shardKey[place]
      return other !== undefined && this.#reaches(from.index, column, to.index, other)
    })
  }

  /** Whether every row that is inserted has the key of a row of one of these: for each member of a UNION that of one of its own. */
  takesFrom(target: ShardedAppearance, sources: readonly ShardedAppearance[]): boolean {
    const taken = target.shardKey.map(
      (column) => this.#appearances[target.index]?.taken?.find((each) => this.isSame(each.column, column))?.sources,
    )
    const isFrom = (source: ShardedAppearance, member: number): boolean =>
      taken.every((list, i) => {
        const [from, key] = [list?.[member], source.shardKey[i]]
        if (from === undefined || key === undefined) return false
        const isSure = from.certain || this.#isKey(from.other, from.otherColumn)
        return isSure && this.#reaches(from.other, from.otherColumn, source.index, key)
      })
    const [first] = taken
    return first?.every((_, member) => sources.some((source) => isFrom(source, member))) === true
  }

  /** Whether the statement gives existing rows another key. */
  assignsKey({ index, shardKey }: ShardedAppearance): string | undefined {
    const assigned = this.#appearances[index]?.assigned ?? []
    return shardKey.find((column) => assigned.some((name) => this.isSame(name, column)))
  }

  /** The best condition on a column, its own or that of a column which it equals; and the place of that. */
  #conditionOn(index: number, column: string): PlacedCondition | undefined {
    let best: PlacedCondition | undefined
    for (const [place, name] of this.#equalTo(index, column)) {
      for (const condition of this.#appearances[place]?.conditions ?? []) {
        if (!this.isSame(condition.column, name) || !isKnown(condition)) continue
        if (!this.#isSure(condition, place)) continue
        if (best === undefined || rank(condition) < rank(best.condition)) best = { condition, place }
      }
    }
    return best
  }

  /**
   * The best condition that the statement puts on a column itself, which the table is known to have; one on a column that equals it
   * may compare in another way.
   */
  ownConditionOn(index: number, column: string): AppearanceCondition | undefined {
    const own = (this.#appearances[index]?.conditions ?? []).filter(
      (condition) => this.isSame(condition.column, column) && isKnown(condition),
    )
    return own.toSorted((a, b) => rank(a) - rank(b))[0]
  }

  #reaches(index: number, column: string, otherIndex: number, otherColumn: string): boolean {
    for (const [place, name] of this.#equalTo(index, column))
      if (place === otherIndex && this.isSame(name, otherColumn)) return true
    return false
  }

  /** The column, and all that it equals in every row that counts at its place, directly or through others. */
  *#equalTo(index: number, column: string): Generator<readonly [index: number, column: string]> {
    const seen = new Set<string>()
    const waiting: (readonly [number, string])[] = [[index, column]]
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [place, name] = next
      const key = `${place} ${name.toLowerCase()}`
      if (seen.has(key)) continue
      seen.add(key)
      yield next
      for (const { column: own, other, otherColumn, certain, unlessNull } of this.#appearances[place]?.equalities ??
        []) {
        if (!this.isSame(own, name)) continue
        // A column that may be another table's is this one's, where it is known to have it.
        if (!certain && !this.#isKey(other, otherColumn)) continue
        // Keys are never NULL: no shard would be theirs.
        if (unlessNull === true && !(this.#isKey(place, own) && this.#isKey(other, otherColumn))) continue
        waiting.push([other, otherColumn])
      }
    }
  }

  #isKey(index: number, column: string): boolean {
    return this.#keys.get(index)?.some((name) => this.isSame(name, column)) === true
  }
}

function isKnown({ values }: AppearanceCondition): boolean {
  return values.every(({ from }) => from !== 'expression')
}

/** One value says more than several. */
function rank({ operator }: AppearanceCondition): number {
  return operator === 'in' ? 1 : 0
}
