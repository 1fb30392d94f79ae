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

/** A table's name, with its schema where one is written. */
export interface TableName {
  readonly name: string
  readonly schema?: string | undefined
}

interface Rule {
  readonly expression: RegExp
  readonly literals: number
  readonly qualified: boolean
  readonly home: TableHome
}

/**
 * The declared homes of tables, by name or glob (`*` = any run of characters, `?` = one).
 *
 * The most exact declaration wins: a full name before a glob, one with a schema before one without, more literal
 * characters before fewer, and at last the one declared first. Names are compared exactly, then without regard to case.
 */
export class TableMap {
  readonly #exact = new Map<string, TableHome>()
  readonly #exactFolded = new Map<string, TableHome>()
  readonly #rules: readonly Rule[]
  readonly #views: ReadonlyMap<string, readonly TableName[]>

  constructor(homes: readonly TableHome[], views: ReadonlyMap<string, readonly TableName[]> = new Map()) {
    const rules: Rule[] = []
    for (const home of homes) {
      if (/[*?]/.test(home.pattern)) rules.push(ruleOf(home))
      else {
        this.#exact.set(home.pattern, home)
        const folded = home.pattern.toLowerCase()
        if (!this.#exactFolded.has(folded)) this.#exactFolded.set(folded, home)
      }
    }
    this.#rules = rules.sort((a, b) => Number(b.qualified) - Number(a.qualified) || b.literals - a.literals)
    this.#views = views
  }

  /** The declared home of a table, or `undefined` if nothing is declared for it. */
  homeOf(table: TableName): TableHome | undefined {
    const full = fullName(table)
    return (
      this.#named(table) ??
      this.#rules.find((rule) => rule.expression.test(rule.qualified ? (full ?? '') : table.name))?.home
    )
  }

  /** Whether the table is declared by its name, not by a glob. */
  isNamed(table: TableName): boolean {
    return this.#named(table) !== undefined
  }

  #named(table: TableName): TableHome | undefined {
    const full = fullName(table)
    return (
      (full === undefined ? undefined : (this.#exact.get(full) ?? this.#exactFolded.get(full.toLowerCase()))) ??
      this.#exact.get(table.name) ??
      this.#exactFolded.get(table.name.toLowerCase())
    )
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
    const all = [...this.#exact.values(), ...this.#rules.map((rule) => rule.home)]
    return all.filter((home) => home.database === database).map((home) => home.pattern)
  }

  /** Whether anything at all is declared. */
  get isEmpty(): boolean {
    return this.#exact.size === 0 && this.#rules.length === 0
  }
}

function fullName({ schema, name }: TableName): string | undefined {
  return schema === undefined ? undefined : `${schema}.${name}`
}

function ruleOf(home: TableHome): Rule {
  const source = home.pattern
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return {
    expression: new RegExp(`^${source}$`, 'is'),
    literals: home.pattern.replace(/[*?]/g, '').length,
    qualified: home.pattern.includes('.'),
    home,
  }
}
