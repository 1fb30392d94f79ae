import type { TableAppearance } from '../analysis.ts'
import type { Surroundings } from '../appearances/join-level.ts'
import type { QueryColumns } from '../appearances/query-columns.ts'
import type { ConditionReading } from './conditions.ts'
import type { StatementFacts } from './facts.ts'
import type { Appearance, TableCollector } from './tables.ts'
import type { Tree } from './tree.ts'

/** What a common table expression gives; without a query where it is no SELECT, or calls itself. */
export interface CteQuery {
  readonly query: QueryColumns | undefined
  readonly columns: readonly string[] | undefined
}

/** Common table expressions in view by their names, innermost first. */
export interface CteNames {
  readonly queries: ReadonlyMap<string, CteQuery>
  readonly outer: CteNames | undefined
}

/** What is in view at a place of the tree. */
export interface Scope {
  readonly ctes: CteNames | undefined
  /** Tables of a query level further out are in view. */
  readonly correlated: boolean
  /** The query level around this place whose tables are in view; undefined if there is none. */
  readonly outer: Surroundings | undefined
  /** What a table that is read here is to the statement. */
  readonly place: TableAppearance['place']
  /** Below the statement's top: a change found here stands in a `WITH`, a rule or a function's body. */
  readonly nested: boolean
  /** False where the text is only planned or stored (`EXPLAIN`, `CREATE VIEW`): nothing is written there. */
  readonly executed: boolean
}

/** The walk over one statement's tree, as those see it who handle some types of its nodes. */
export interface Walk {
  readonly facts: StatementFacts
  readonly tables: TableCollector
  readonly reading: ConditionReading
  readonly statement: number
  /** Where the statement begins in the text. */
  readonly start: number
  /** Puts something on the stack, to be gone through later. */
  push(node: unknown, scope: Scope): void
  readTable(rangeVar: Tree, scope: Scope): Appearance | undefined
  /** The common table expression that the name stands for, which it uses. */
  useCte(rangeVar: Tree, scope: Scope): CteQuery | undefined
  writeTable(rangeVar: Tree, scope: Scope): Appearance
  noteTemporary(rangeVar: Tree): void
}
