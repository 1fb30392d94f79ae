import type { TableName } from '../topology/pattern-map.ts'
import type { ShadowKind } from '../topology/shadow.ts'
import type { ShadowTable } from './shadow-table.ts'

/** All that is known of the tables of a shadow. */
export class ShadowCatalogue {
  /** The alias of the shadow, for messages. */
  readonly alias: string
  /** The alias of its base, for messages. */
  readonly base: string
  readonly tables: readonly ShadowTable[]
  readonly #byName: ReadonlyMap<string, ShadowTable>
  readonly #baseNames: ReadonlySet<string>
  readonly #fold: (name: string) => string
  readonly #nameOf: (use: TableName) => string

  constructor(parts: {
    readonly alias: string
    readonly base: string
    readonly tables: readonly ShadowTable[]
    /** Tables and views of the base. */
    readonly baseNames: readonly string[]
    /** Whether names that differ in case alone are one name. */
    readonly foldsNames: boolean
    /** By which name a table is known that a statement calls so; the name alone if left out. */
    readonly nameOf?: (use: TableName) => string
  }) {
    this.alias = parts.alias
    this.base = parts.base
    this.tables = parts.tables
    this.#fold = parts.foldsNames ? (name) => name.toLowerCase() : (name) => name
    this.#nameOf = parts.nameOf ?? (({ name }) => name)
    this.#byName = new Map(parts.tables.map((table) => [this.#fold(table.name), table]))
    this.#baseNames = new Set(parts.baseNames.map(this.#fold))
  }

  /** A table of which the shadow keeps something, as statements call it. */
  table(use: TableName): ShadowTable | undefined {
    return this.#byName.get(this.#fold(this.nameOf(use)))
  }

  /** By which name a table is known that statements call so. */
  nameOf(use: TableName): string {
    return this.#nameOf(use)
  }

  /** How a table is shown; `local`: the base has none of that name. */
  kindOf(use: TableName): ShadowKind | 'local' {
    const storage = this.table(use)?.storage
    if (storage !== undefined) return storage === 'mirror' ? 'base' : storage
    return this.#baseNames.has(this.#fold(this.nameOf(use))) ? 'base' : 'local'
  }
}
