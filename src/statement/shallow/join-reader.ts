import { noConjuncts, type Conjuncts } from '../appearances/conjuncts.ts'
import type { JoinKind, JoinLevel } from '../appearances/join-level.ts'
import type { Dialect } from '../statement.ts'

/** A join whose right side is being read. */
interface OpenJoin {
  readonly kind: JoinKind
  readonly natural: boolean
  /** Where its right side starts, as a position in the level. */
  readonly middle: number
}

/** What stands between two brackets, or between the commas of a list. */
interface Group {
  readonly from: number
  /** Where the left side of its first open join starts. */
  start: number
  readonly open: OpenJoin[]
}

/**
 * Puts the joins of a table list together, as its tokens come by. An `ON` or `USING` belongs to the last join that has
 * none yet, whose left side reaches back to the join before it that has none either:
 * `a LEFT JOIN b JOIN c ON … ON …` is `a LEFT JOIN (b JOIN c ON …) ON …`.
 *
 * MySQL reads `a JOIN b RIGHT JOIN c ON …` in one of two ways, by its version. Of those this takes the one in which fewer
 * tables are in the join with the condition: so what it says is true in both.
 */
export class JoinReader {
  readonly #level: JoinLevel
  readonly #isSqlite: boolean
  readonly #outer: Group[] = []
  #group: Group

  constructor(level: JoinLevel, dialect: Dialect) {
    this.#level = level
    this.#isSqlite = dialect === 'sqlite'
    this.#group = { from: level.size, start: level.size, open: [] }
  }

  openBracket(): void {
    this.#outer.push(this.#group)
    this.#group = { from: this.#level.size, start: this.#level.size, open: [] }
  }

  /** @param alias The name of all that stands between the brackets, if it has one. */
  closeBracket(alias: string | undefined): void {
    this.finish()
    if (alias !== undefined) this.#level.addAlias(alias, this.#group.from)
    this.#group = this.#outer.pop() ?? this.#group
  }

  /** On SQLite a comma is a join like others; elsewhere joins bind more tightly. */
  comma(): void {
    if (this.#isSqlite) return this.join('inner', false)
    this.finish()
    this.#group.start = this.#level.size
  }

  join(kind: JoinKind, natural: boolean): void {
    if (natural) this.#level.mergeColumns()
    if (natural && this.#isSqlite) this.#level.takeFirst()
    const last = this.#group.open.at(-1)
    if (last !== undefined && (this.#isSqlite || last.natural)) this.condition(noConjuncts, [])
    this.#group.open.push({ kind, natural, middle: this.#level.size })
  }

  condition(on: Conjuncts, using: readonly string[]): void {
    if (using.length > 0) this.#level.mergeColumns()
    if (using.length > 0 && this.#isSqlite) this.#level.takeFirst()
    const join = this.#group.open.pop()
    if (join === undefined) return
    const { kind, middle } = join
    const from = this.#group.open.at(-1)?.middle ?? this.#group.start
    this.#level.addJoin({ kind, from, middle, to: this.#level.size, on, using })
  }

  /** Nothing more comes: joins without a condition have none. */
  finish(): void {
    while (this.#group.open.length > 0) this.condition(noConjuncts, [])
  }
}

/** The kind of a join by the words in front of `JOIN`, which SQLite takes in any order. */
export function joinKind(words: ReadonlySet<string>): JoinKind {
  if (words.has('FULL') || (words.has('LEFT') && words.has('RIGHT'))) return 'full'
  return words.has('LEFT') ? 'left' : words.has('RIGHT') ? 'right' : 'inner'
}
