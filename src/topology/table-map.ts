import { fullName, PatternMap, type TableName } from './pattern-map.ts'

export type { TableName } from './pattern-map.ts'

/** How the rows of a table are spread: on its database's only shard, by a key, or as a full copy on each shard. */
export type TableKind = 'unsharded' | 'sharded' | 'reference'

/** Where a table lives, as declared. */
export interface TableHome {
  /** The alias of a database of the topology (aliases of aliases are resolved). */
  readonly database: string
  readonly kind: TableKind
  readonly shardKey?: readonly string[]
  /** The declaration that gave this home, for reasons and messages. */
  readonly pattern: string
}

/** The declared homes of tables, by name or glob; which declaration wins, says {@link PatternMap}. */
export class TableMap {
  readonly #homes: PatternMap<TableHome>
  readonly #views: ReadonlyMap<string, readonly TableName[]>

  constructor(homes: readonly TableHome[], views: ReadonlyMap<string, readonly TableName[]> = new Map()) {
    this.#homes = new PatternMap(homes.map((home) => [home.pattern, home]))
    this.#views = views
  }

  /** The declared home of a table, or `undefined` if nothing is declared for it. */
  homeOf(table: TableName): TableHome | undefined {
    return this.#homes.of(table)
  }

  /** Whether the table is declared by its name, not by a glob. */
  isNamed(table: TableName): boolean {
    return this.#homes.named(table) !== undefined
  }

  /** The tables that a declared view reads, views of views resolved; `undefined` if the name is no declared view. */
  tablesOfView(table: TableName): readonly TableName[] | undefined {
    const full = fullName(table)
    return (
      (full === undefined ? undefined : this.#views.get(full.toLowerCase())) ??
      this.#views.get(table.name.toLowerCase())
    )
  }

  /** The patterns declared for a database, in the order of declaration. */
  patternsOf(database: string): readonly string[] {
    return [...this.#homes.values()].filter((home) => home.database === database).map((home) => home.pattern)
  }

  /** Whether anything at all is declared. */
  get isEmpty(): boolean {
    return this.#homes.isEmpty
  }
}
