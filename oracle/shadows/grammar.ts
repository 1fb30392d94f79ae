import type { Choices } from '../choices.ts'
import type { ModelTable, PlayedStatement, ShadowWorld, ValueKind } from './model.ts'
import type { SqlValue } from './value.ts'

/** What the engines write differently. */
export interface Grammar {
  /** Values and columns are compared with those of their own kind alone. */
  readonly isTyped: boolean
  readonly yes: string
  readonly no: string
  /** Comparisons that know NULL; the first one is plain equality. */
  readonly comparisons: readonly string[]
  /** The first of them, and its opposite. */
  readonly isSame: string
  readonly differs: string
  /** Behind a text, so that values that differ in case are told apart. */
  readonly exact: string
  readonly sizeOf: (column: string) => string
  readonly typeOf: (column: string) => string
  /** What stands in front of the name of a table that is changed. */
  readonly places: readonly string[]
  /** Behind INSERT and UPDATE. */
  readonly conflictWords: readonly string[]
  /** Whether there is REPLACE, and DO UPDATE, for this table among those. */
  readonly mayReplace: (table: ModelTable, tables: readonly ModelTable[]) => boolean
  readonly mayUpsert: (table: ModelTable, tables: readonly ModelTable[]) => boolean
  /** NULL as a value of a kind. */
  readonly nullOf: (kind: ValueKind) => string
  /** Whatever the alias is, RETURNING knows the table's own name alone. */
  readonly returnsByName: boolean
  /** DO UPDATE names its key. */
  readonly namesArbiter: boolean
  /** Keys are proved row by row, and rows met in no order that is promised. */
  readonly meetsInAnyOrder: boolean
  /** DEFAULT may stand for a value; and what gives numbers makes some of their own. */
  readonly takesDefault: boolean
}

/** Puts one statement together: each name and value written in one of the ways that mean the same. */
export interface TextMaker {
  readonly choices: Choices
  readonly grammar: Grammar
  readonly value: (value: SqlValue) => string
  readonly name: (name: string) => string
  readonly finish: (marked: string) => Pick<PlayedStatement, 'sql' | 'params'>
}

/** What makes statements of a world. */
export type MakeStatement = (
  world: ShadowWorld,
  choices: Choices,
  way: number,
  inTransaction: boolean,
) => PlayedStatement
