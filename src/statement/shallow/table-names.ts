import type { Conjuncts } from '../appearances/conjuncts.ts'
import type { Appearance } from './findings.ts'

/** One entry of a `FROM` clause. `appearance` is absent where it is no table: a subquery, a function, a `WITH` name. */
export interface TableListItem {
  readonly alias: string | undefined
  readonly name: string | undefined
  readonly schema: string | undefined
  readonly appearance: Appearance | undefined
}

/** With more items of one name none is looked for: no server takes them, and the work would grow with the conditions. */
const mostNamesakes = 50

/** Finds the items of a list by the name that the rest of the statement calls them. */
export class TableNames {
  readonly #byName = new Map<string, TableListItem[]>()

  constructor(items: readonly TableListItem[]) {
    for (const item of items) {
      const name = (item.alias ?? item.name)?.toLowerCase()
      if (name === undefined) continue
      const known = this.#byName.get(name)
      if (known === undefined) this.#byName.set(name, [item])
      else known.push(item)
    }
  }

  /** All items of that name, whatever its case. */
  all(name: string): readonly TableListItem[] {
    return this.#byName.get(name.toLowerCase()) ?? []
  }

  /** The item that `name` means: in its exact spelling first, then in any, but only if that is one item. */
  one(name: string, fits: (item: TableListItem) => boolean = () => true): TableListItem | undefined {
    const namesakes = this.all(name)
    if (namesakes.length > mostNamesakes) return undefined
    const similar = namesakes.filter(fits)
    const exact = similar.filter((item) => (item.alias ?? item.name) === name)
    if (exact.length > 0) return exact.length === 1 ? exact[0] : undefined
    return similar.length === 1 ? similar[0] : undefined
  }
}

/** Notes, at the tables `items`, what conditions that every row must meet say of their columns. */
export function collectConditions(items: readonly TableListItem[], conditions: readonly Conjuncts[]): void {
  const only = items.length === 1 ? items[0] : undefined
  const names = new TableNames(items)
  for (const { restrictions } of conditions)
    for (const { column: reference, operator, values } of restrictions) {
      const item = reference.qualifier === undefined ? only : itemNamed(names, reference.qualifier, reference.schema)
      item?.appearance?.conditions.push({ column: reference.column, operator, values })
    }
}

function itemNamed(names: TableNames, qualifier: string, schema: string | undefined): TableListItem | undefined {
  return names.one(
    qualifier,
    (item) => schema === undefined || (item.alias === undefined && item.schema?.toLowerCase() === schema.toLowerCase()),
  )
}
