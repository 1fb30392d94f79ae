import type { Reference, TableShape } from './shapes/table-shape.ts'

/** Tables in the order in which their rows can be inserted, and what no order can satisfy. */
export interface TableOrder<T> {
  /** Parents first. */
  readonly tables: readonly T[]
  /** Tables that point at each other in a circle, a table at itself included, with the foreign keys in question. */
  readonly circles: readonly { readonly table: T; readonly references: readonly Reference[] }[]
}

/** Orders tables by their foreign keys to each other; those that these say nothing about stay as they were given. */
export function orderTables<T>(tables: readonly T[], shapeOf: (table: T) => TableShape): TableOrder<T> {
  const byId = new Map(tables.map((table) => [shapeOf(table).id, table]))
  const parentsOf = (table: T): readonly T[] =>
    shapeOf(table)
      .references.flatMap(({ to }) => byId.get(to) ?? [])
      .filter((parent) => parent !== table)
  const ordered: T[] = []
  const done = new Set<T>()
  const visit = (table: T): void => {
    if (done.has(table)) return
    done.add(table)
    for (const parent of parentsOf(table)) visit(parent)
    ordered.push(table)
  }
  for (const table of tables) visit(table)
  const place = new Map(ordered.map((table, index) => [table, index]))
  const circles = ordered.flatMap((table) => {
    const references = shapeOf(table).references.filter(({ to }) => {
      const parent = byId.get(to)
      return parent !== undefined && place.get(parent)! >= place.get(table)!
    })
    return references.length === 0 ? [] : [{ table, references }]
  })
  return { tables: ordered, circles }
}
