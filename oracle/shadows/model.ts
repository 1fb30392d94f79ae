import type { ShadowKind } from '../../src/topology/shadow.ts'

/** What the values of a column look like, so that those of two columns meet often. */
export type ValueKind = 'int' | 'real' | 'text' | 'any' | 'time' | 'mood'

export interface ModelColumn {
  readonly name: string
  readonly values: ValueKind
  /** Calculated: nobody can give it a value. */
  readonly generated: boolean
  /** Its number is given by the engine alone, unless a statement overrides that. */
  readonly isAlways?: true
}

/** A key by which ON CONFLICT finds a row. */
export interface Arbiter {
  readonly columns: readonly string[]
  /** In SQL, where columns do not say it. */
  readonly sql?: string
  /** Behind it: of a partial index. */
  readonly predicate?: string
}

export interface ModelForeignKey {
  readonly columns: readonly string[]
  readonly table: string
  readonly referenced: readonly string[]
}

export interface ModelTable {
  readonly name: string
  readonly columns: readonly ModelColumn[]
  readonly primaryKey: readonly string[]
  /** Its primary key may hold NULL, and so does not tell all rows apart. */
  readonly nullableKey: boolean
  /** Some of its keys may wait for the end of the transaction. */
  readonly waits?: boolean
  /** Each row has a number, whether a column shows it or not. */
  readonly hasRowNumbers: boolean
  /** Its primary key is a number that the engine gives where no other is given. */
  readonly isNumbered: boolean
  /** Columns whose numbers a sequence of their own gives, where there are such sequences. */
  readonly numbers?: readonly string[]
  readonly uniqueKeys: readonly (readonly string[])[]
  readonly arbiters: readonly Arbiter[]
  readonly foreignKeys: readonly ModelForeignKey[]
  readonly kind: ShadowKind
}

/** A schema with rows, and how the shadow shows its tables. */
export interface ShadowWorld {
  readonly tables: readonly ModelTable[]
  readonly views: readonly string[]
  /** Makes the tables and views. */
  readonly definitions: readonly string[]
  /** Makes the rows; each of them may fail. */
  readonly rows: readonly string[]
}

/** A text with its parameters, and what can be said of its answer. */
export interface PlayedStatement {
  readonly sql: string
  readonly params: readonly unknown[] | Readonly<Record<string, unknown>>
  /** The rows come in one order only. */
  readonly ordered: boolean
  /** It changes a table that is shown as the base has it: the shadow must refuse it. */
  readonly refused: boolean
  /** Each row that it inserts gets a number, which is its `insertId`. */
  readonly numbersRows: boolean
  readonly isChange: boolean
  /** What the world is behind it, if it does not fail. */
  readonly becomes?: ShadowWorld
  /** It may use up more numbers on a shadow than elsewhere, even if nothing is wrong. */
  readonly mayUseMore?: boolean
  /** It may change several rows, in whatever order the engine meets them. */
  readonly isOfMany?: boolean
  /** In a transaction it gets a savepoint of its own, so that its error ends nothing else. */
  readonly isGuarded?: boolean
  /** What it is, for the tally. */
  readonly form: string
}

export type Step =
  | { readonly kind: 'statement'; readonly statement: PlayedStatement }
  | { readonly kind: 'block'; readonly steps: readonly Step[]; readonly fails: boolean }
