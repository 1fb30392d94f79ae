import type { AppearanceCondition, TableAppearance, ValueSource } from '../../statement/analysis.ts'
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
}

/** Finds out which rows of sharded tables a statement can have to do with. Pure. */
export class KeyReader {
  readonly #appearances: readonly TableAppearance[]
  readonly #isSame: (a: string, b: string) => boolean

  constructor(appearances: readonly TableAppearance[], dialect: Dialect) {
    this.#appearances = appearances
    // The analysis has folded PostgreSQL's unquoted names already; elsewhere columns have no case.
    this.#isSame = dialect === 'postgres' ? (a, b) => a === b : (a, b) => a === b || a.toLowerCase() === b.toLowerCase()
  }

  /** The pin of a table; `undefined` if the statement leaves a column of its key open. */
  pinOf({ index, table, shardKey }: ShardedAppearance): KeyPin | undefined {
    const columns: KeyColumnPin[] = []
    for (const column of shardKey) {
      const condition = this.#conditionOn(index, column)
      if (condition === undefined) return undefined
      columns.push({ operator: condition.operator, values: condition.values })
    }
    return { table, columns }
  }

  /** Whether every row that counts at `from` has the key of a row at `to`. */
  follows(from: ShardedAppearance, to: ShardedAppearance): boolean {
    return from.shardKey.every((column, place) => {
      const other = to.shardKey[place]
      return other !== undefined && this.#reaches(from.index, column, to.index, other)
    })
  }

  /** Whether the statement gives existing rows another key. */
  assignsKey({ index, shardKey }: ShardedAppearance): string | undefined {
    const assigned = this.#appearances[index]?.assigned ?? []
    return shardKey.find((column) => assigned.some((name) => this.#isSame(name, column)))
  }

  /** The best condition on a column, its own or that of a column which it equals. */
  #conditionOn(index: number, column: string): AppearanceCondition | undefined {
    let best: AppearanceCondition | undefined
    for (const [place, name] of this.#equalTo(index, column)) {
      for (const condition of this.#appearances[place]?.conditions ?? []) {
        if (!this.#isSame(condition.column, name) || !isKnown(condition)) continue
        // What is not certain is certain here: the table has the column of its key. Of another table nobody knows.
        if (!condition.certain && place !== index) continue
        if (best === undefined || rank(condition) < rank(best)) best = condition
      }
    }
    return best
  }

  #reaches(index: number, column: string, otherIndex: number, otherColumn: string): boolean {
    for (const [place, name] of this.#equalTo(index, column))
      if (place === otherIndex && this.#isSame(name, otherColumn)) return true
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
      for (const { column: own, other, otherColumn } of this.#appearances[place]?.equalities ?? [])
        if (this.#isSame(own, name)) waiting.push([other, otherColumn])
    }
  }
}

function isKnown({ values }: AppearanceCondition): boolean {
  return values.every(({ from }) => from !== 'expression')
}

/** One value says more than several. */
function rank({ operator }: AppearanceCondition): number {
  return operator === 'in' ? 1 : 0
}
