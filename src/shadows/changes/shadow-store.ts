import type { Engine } from '../../drivers/driver.ts'
import type { ShadowTable, Storage } from '../shadow-table.ts'
import type { RowValues } from './row-change.ts'
import type { ShadowTexts } from './shadow-texts.ts'

/** What a shadow keeps in its local database: how that is made, read, and thrown away. One implementation for each engine. */
export interface ShadowStore {
  readonly engine: Engine
  readonly texts: ShadowTexts
  /**
   * Makes what is missing: everything, or the tables that were declared since. Throws `ShadowError` where changes would be lost by what
   * is declared otherwise than it was made.
   */
  create(): Promise<CreatedShadow>
  /** Opens what it keeps for reading, in one state; `undefined`: it keeps nothing yet, and nothing was made. To be closed. */
  read(): Promise<ShadowReader | undefined>
  /** Throws away the changes of one table, or of all. Throws `ShadowError` if rows would refer to ones that are gone. */
  reset(table: ShadowTable | undefined): Promise<void>
  /** Throws away everything that it keeps. */
  drop(): Promise<void>
}

export interface CreatedShadow {
  readonly tables: readonly { readonly name: string; readonly storage: Storage }[]
  /** Those that were made now. */
  readonly made: readonly string[]
}

/** A connection that sees what a shadow keeps, and its base. It reads alone. */
export interface ShadowReader extends AsyncDisposable {
  readonly tables: readonly ShadowTable[]
  /** Rows as the engine has them, one by one. */
  rows(sql: string): AsyncIterable<RowValues>
}
