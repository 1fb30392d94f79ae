import type { ShadowKind } from '../../src/topology/shadow.ts'

/** What the values of a column look like, so that those of two columns meet often. */
export type ValueKind = 'int' | 'real' | 'text' | 'any'

export interface ModelColumn {
  readonly name: string
  readonly values: ValueKind
  /** Calculated: nobody can give it a value. */
  readonly generated: boolean
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
  /** Each row has a number, whether a column shows it or not. */
  readonly hasRowNumbers: boolean
  readonly uniqueKeys: readonly (readonly string[])[]
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
  /** What it is, for the tally. */
  readonly form: string
}

export type Step =
  | { readonly kind: 'statement'; readonly statement: PlayedStatement }
  | { readonly kind: 'block'; readonly steps: readonly Step[]; readonly fails: boolean }
