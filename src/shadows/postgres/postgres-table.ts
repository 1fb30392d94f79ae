import type { ShadowTable, TableFacts } from '../shadow-table.ts'

/** A column as PostgreSQL declares it. */
export interface PostgresColumn {
  readonly name: string
  /** With its modifiers, as `format_type` writes it. */
  readonly type: string
  /** Where it is not the one of the type: its name in SQL. */
  readonly collation: string | null
  readonly notNull: boolean
  /** The type below domains and arrays. */
  readonly underlying: string
  /** `a`: always, `d`: by default. */
  readonly identity: '' | 'a' | 'd'
  readonly isGenerated: boolean
  /** The default, or what a generated column is made of. */
  readonly preset: string | null
}

/** By what the rows of a table must differ. */
export interface UniqueKey {
  readonly expressions: readonly string[]
  /** Of a partial index. */
  readonly predicate: string | null
  readonly isPrimary: boolean
}

/** A number that goes up with each new row. */
export interface NumberedColumn {
  readonly column: string
  /** Its name as SQL, with its schema; `null`: of an identity column. */
  readonly sequence: string | null
  /** The last number that was given, or that a row has; `null`: none yet. */
  readonly last: string | null
  /** Whole numbers that rise: rows may have higher ones than the sequence has given. */
  readonly counts: boolean
}

/** A definition in two parts: the name of a table goes between them. */
export interface AroundTable {
  readonly before: string
  readonly behind: string
}

/**
 * A foreign key as `ADD CONSTRAINT` takes it, around the table that it refers to. It can be deferred here whatever it is in the base:
 * copies refer to one another.
 */
export interface ForeignConstraint extends AroundTable {
  readonly name: string
  /** It can be deferred in the base, too. */
  readonly isDeferrable: boolean
  /** `INITIALLY DEFERRED`. */
  readonly isDeferred: boolean
}

/** A column that an augmented table has got here. */
export interface OwnColumn extends PostgresColumn {
  /** What rows of the base show in it: a text of its type as SQL, or NULL. */
  readonly fill: string
}

export interface PostgresFacts extends TableFacts {
  /** By what statements call it: as SQL, with its schema. */
  readonly shown: string
  /** The columns of the base. */
  readonly declared: readonly PostgresColumn[]
  /** Behind them, those that it has got here. */
  readonly own?: readonly OwnColumn[]
  /** With the primary key. */
  readonly keys: readonly UniqueKey[]
  readonly numbers: readonly NumberedColumn[]
  /** Constraints without foreign keys, as `ADD CONSTRAINT` takes them. */
  readonly constraints: readonly string[]
  readonly foreignConstraints: readonly ForeignConstraint[]
  /** Indexes that no constraint makes, around the name of their table. */
  readonly indexes: readonly AroundTable[]
  /** Why it cannot be augmented. */
  readonly obstacles: readonly string[]
}

/** A table of which a shadow on PostgreSQL keeps something. */
export interface PostgresTable extends ShadowTable, PostgresFacts {
  /** Where its local rows are, as SQL. */
  readonly stored: string
}

/** A table or view that the base has. */
export interface BaseRelation {
  /** `other`: without keys of its own, like a materialized view. */
  readonly kind: 'table' | 'view' | 'other'
  /** Of a view: its query. */
  readonly query: string | null
  readonly facts: PostgresFacts
}

/** A sequence that no identity column has. */
export interface BaseSequence {
  /** As SQL, with its schema. */
  readonly name: string
  /** What follows its name in `CREATE SEQUENCE`. */
  readonly options: string
  readonly last: string | null
}

/** What a shadow needs to know of a base. */
export interface BaseSchema {
  /** Of its server: 150004. */
  readonly version: number
  /** The first schema of the search path that the base's statements have. */
  readonly main: string
  /** That search path. */
  readonly path: readonly string[]
  /** All schemas that are shown, the main one first. */
  readonly schemas: readonly string[]
  readonly relations: readonly BaseRelation[]
  readonly sequences: readonly BaseSequence[]
  /** `CREATE` statements of types, in the order of their making. */
  readonly types: readonly string[]
  readonly extensions: readonly { readonly name: string; readonly schema: string }[]
  /** `CREATE` statements of functions. */
  readonly functions: readonly string[]
}
