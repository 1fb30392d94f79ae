import type { Dialect } from '../statement/statement.ts'
import type { ShadowTable } from './shadow-table.ts'

/** How an engine's SQL names what a shadow keeps. */
export interface ShadowDialect {
  readonly dialect: Dialect
  /** Schemas in whose names the tables of the shadow may be called. */
  readonly schemas: ReadonlySet<string>
  /** RETURNING calls the table by its own name alone, whatever its alias is (SQLite). */
  readonly returnsByName: boolean
  readonly quote: (name: string) => string
  /** The local rows of an augmented table, as the target of a change. */
  readonly local: (table: ShadowTable) => string
  /** What statements read under the table's name. */
  readonly shown: (table: ShadowTable) => string
  /** The statement that copies rows of the base that are shown still; `keys`: a query of their primary keys. */
  readonly touch: (table: ShadowTable, keys: string) => string
}
