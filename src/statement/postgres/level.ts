import type { ColumnReference } from '../appearances/origin.ts'
import type { Appearance } from './tables.ts'

/** One item of a `FROM` list. */
export interface Relation {
  /** The name by which columns are qualified; undefined when nothing reaches it. */
  readonly alias: string | undefined
  readonly schema: string | undefined
  /** The table; undefined for a subquery, a function, a common table expression, or renamed columns. */
  readonly table: Appearance | undefined
  /** A table whose columns were given other names, so that an unqualified name proves nothing. */
  readonly renamed: boolean
}

/** One query level: what its `FROM` brings into view. */
export class QueryLevel {
  /** Tables of this level, whether or not a column can be told to be theirs. */
  readonly appearances: Appearance[] = []
  /** An unqualified column may belong to a level further out. */
  readonly correlated: boolean
  readonly #byAlias = new Map<string, Relation[]>()
  #size = 0
  #onlyTable: Appearance | undefined
  #hasTable = false
  #hasRenamed = false

  constructor(correlated: boolean) {
    this.correlated = correlated
  }

  get isEmpty(): boolean {
    return this.#size === 0
  }

  add(relation: Relation): void {
    this.#size += 1
    this.#onlyTable = this.#size === 1 ? relation.table : undefined
    this.#hasTable ||= relation.table !== undefined
    this.#hasRenamed ||= relation.renamed
    if (relation.alias === undefined) return
    const namesakes = this.#byAlias.get(relation.alias)
    if (namesakes === undefined) this.#byAlias.set(relation.alias, [relation])
    else namesakes.push(relation)
  }

  /**
   * The table that a column belongs to, as written; `several` when that cannot be told; undefined when it is none of
   * this level's.
   */
  tableOf({ qualifier, schema }: ColumnReference): Appearance | 'several' | undefined {
    if (qualifier === undefined) {
      if (this.correlated) return undefined
      if (this.#size === 1) return this.#onlyTable
      return this.#hasTable && !this.#hasRenamed ? 'several' : undefined
    }
    const namesakes = this.#byAlias.get(qualifier) ?? []
    const matching = schema === undefined ? namesakes : namesakes.filter((relation) => relation.schema === schema)
    return matching.length === 1 ? matching[0]?.table : undefined
  }
}
