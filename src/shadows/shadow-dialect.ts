import type { QueryError } from '../errors.ts'
import type { Analysis, Span } from '../statement/analysis.ts'
import type { AddedColumns } from '../statement/shape/added-columns.ts'
import type { Dialect } from '../statement/statement.ts'
import type { ReusedText } from './reused-text.ts'
import type { ShadowCatalogue } from './shadow-catalogue.ts'
import type { ShadowTable } from './shadow-table.ts'

/** What a statement becomes on a shadow. */
export interface ShadowStep {
  /** The statement itself, made of the local rows. */
  readonly sql: string
  /** To be run before it, in the same transaction: rows of the base that it changes become local ones. */
  readonly touches: readonly ReusedText[]
  /** Does it in place of `sql`, on one connection, in a transaction; what it has done is undone if it throws. */
  readonly perform?: Perform
}

/** Runs statements on one connection, and gives the answer of the one that stands for all. */
export type Perform = <Answer extends { readonly rows: readonly unknown[] }>(
  run: (sql: string, params?: readonly unknown[]) => Promise<Answer>,
) => Promise<Answer>

/** How an engine's SQL names what a shadow keeps. */
export interface ShadowDialect {
  readonly dialect: Dialect
  /** What a table is that is called by its schema: one of those that are shown, one that the shadow keeps for itself, or of neither. */
  readonly placeOf: (schema: string) => 'shown' | 'own' | 'elsewhere'
  /** Functions that answer otherwise each time that they are asked. */
  readonly chance?: ReadonlySet<string>
  /** Functions that tell of the statements before on their connection, and so of those that a shadow puts in front. */
  readonly counts?: ReadonlySet<string>
  /** What is shown is there on connections of the shadow alone: views and foreign keys that last cannot name it. */
  readonly isPassing?: true
  /** A statement that fails takes its transaction with it, up to the last savepoint. Absent: the transaction goes on. */
  readonly failsTransactions?: true
  /** The table that an error misses in the schema of the local tables. */
  readonly missed?: (message: string) => string | undefined
  /** Whether an error says that copies led to further copies, too many one behind the other. */
  readonly isTooDeep?: (message: string) => boolean
  /** RETURNING calls the table by its own name alone, whatever its alias is (SQLite). */
  readonly returnsByName: boolean
  readonly quote: (name: string) => string
  /** The local rows of an augmented table, as the target of a change. */
  readonly local: (table: ShadowTable) => string
  /** What statements read under the table's name. */
  readonly shown: (table: ShadowTable) => string
  /** The statement that copies rows of the base that are shown still; `keys`: a query of their primary keys. */
  readonly touch: (table: ShadowTable, keys: string) => string
  /** What a statement becomes that this engine alone has. Throws `ShadowError`. */
  readonly ownStep?: (sql: string, analysis: Analysis, catalogue: ShadowCatalogue) => ShadowStep | undefined
  /** What `ALTER TABLE … ADD COLUMN` of an augmented table becomes. Absent: it is refused. Throws `ShadowError`. */
  readonly addColumns?: (sql: string, added: AddedColumns, table: ShadowTable, catalogue: ShadowCatalogue) => ShadowStep
  /** What another definition about an augmented table becomes, `name` being where it names that; `undefined`: it is refused. */
  readonly define?: (sql: string, name: Span, table: ShadowTable) => ShadowStep | undefined
  /** What makes a connection show what is kept now, where it shows what was kept before. Absent where all connections see the same. */
  readonly renewal?: Renewal
  /** Learns what a transaction has made of tables, once it is committed. Absent where a step needs nothing of that. */
  readonly learn?: (run: (sql: string) => Promise<{ readonly rows: readonly unknown[] }>) => Promise<void>
  /** What a read becomes, where the engine asks views for less than tables. */
  readonly readText?: (sql: string, analyze: (sql: string) => Analysis, catalogue: ShadowCatalogue) => string
  /** What has to be done before a statement that failed can run. Absent where none fails for the shadow's own reasons. */
  readonly remedyOf?: (error: unknown) => Remedy | undefined
  /** An error as the application is told it. */
  readonly toldError?: (error: QueryError) => unknown
}

/** Of what a connection has for itself. */
export interface Renewal {
  /** Whether an error may come from that; the statement has not run then. */
  readonly isDue: (message: string) => boolean
  /** Whether there was anything to make anew. */
  readonly renew: (run: (sql: string) => Promise<{ readonly rows: readonly unknown[] }>) => Promise<boolean>
}

/** What makes it possible to run a statement that failed. */
export interface Remedy {
  readonly sql: string
  readonly params: readonly unknown[]
  /** Best done in a transaction of its own: it holds others up as long as its transaction lasts. */
  readonly apart: boolean
  /** The error is one that the application may be told, if nothing comes of it. */
  readonly isTold: boolean
}
