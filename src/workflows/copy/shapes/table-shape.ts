import type { Kind } from '../values/kind.ts'

export interface ShapeColumn {
  readonly name: string
  /** As the engine names it, for people, and to tell equal ones. */
  readonly type: string
  /** The type behind it, without length and precision. */
  readonly base: string
  /** Kinds that its values can be taken for, the first of them by preference. None: its values mean something on this engine alone. */
  readonly kinds: readonly Kind[]
  /** The server computes it. */
  readonly generated: boolean
  /** PostgreSQL: the sequence that belongs to it. */
  readonly sequence?: string | undefined
}

/** A foreign key. */
export interface Reference {
  readonly name: string
  readonly columns: readonly string[]
  /** The {@link TableShape.id} of the table that it points to. */
  readonly to: string
  /** That table, as a statement names it, and its columns; none: its primary key. */
  readonly toText: string
  readonly toColumns: readonly string[]
  /** It can be checked at the end of the transaction. */
  readonly deferrable: boolean
}

/** A table as its database has it. */
export interface TableShape {
  /** Equal for two names of one table. */
  readonly id: string
  readonly columns: readonly ShapeColumn[]
  /** The names of the columns of the primary key, in its order. */
  readonly key: readonly string[]
  readonly references: readonly Reference[]
}
