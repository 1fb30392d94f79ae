import type { Analysis } from '../../statement/analysis.ts'
import type { QueryTree, SelectTree } from '../../statement/query-tree/query-tree.ts'
import { readQueryTree } from '../../statement/query-tree/read-query-tree.ts'
import type { TableName } from '../../topology/pattern-map.ts'
import { quote } from './names.ts'

/** What a table has to be known by. */
export interface KeyedTable {
  /** As `ADD CONSTRAINT` takes them. */
  readonly constraints: readonly string[]
  readonly primaryKey: readonly { readonly name: string }[]
  readonly columns: readonly { readonly name: string; readonly isOpaque?: true }[]
}

/**
 * A query in which rows are grouped by the primary key of a table, grouped by the table's other columns, too. These are the same within
 * each group; the engine knows that of tables, and asks for it of views. Queries inside expressions stay as they are. Pure.
 */
export function groupedText(
  sql: string,
  analyze: (sql: string) => Analysis,
  tableOf: (use: TableName) => KeyedTable | undefined,
): string {
  if (!/\bgroup\s+by\b/i.test(sql)) return sql
  const tree = readQueryTree(sql, 'postgres')
  if (tree === undefined) return sql
  const useAt = new Map(analyze(sql).tables.flatMap((use) => use.spans.map(({ start }) => [start, use])))
  const inserts = [...selects(tree)]
    .flatMap((select) => {
      const last = select.shape.groupBy?.keys.at(-1)
      const more = last === undefined ? [] : otherColumns(select, useAt, tableOf)
      return last === undefined || more.length === 0 ? [] : [{ at: last.span.end, text: `, ${more.join(', ')}` }]
    })
    .toSorted((a, b) => b.at - a.at)
  return inserts.reduce((text, { at, text: more }) => text.slice(0, at) + more + text.slice(at), sql)
}

function otherColumns(
  { from, groups, mergesColumns }: SelectTree,
  useAt: ReadonlyMap<number, TableName>,
  tableOf: (use: TableName) => KeyedTable | undefined,
): readonly string[] {
  return from.flatMap(({ source, position, name: called }) => {
    const use = useAt.get(position)
    const table = source.kind === 'table' && use !== undefined ? tableOf(use) : undefined
    if (table === undefined || called === undefined || !groupsRows(table)) return []
    // A column without a table is this one's if it has such a column: else it would be ambiguous, unless a join made one of two.
    const isGrouped = (column: string): boolean =>
      groups.some(
        (group) =>
          group?.column === column && (group.qualifier === called || (group.qualifier === undefined && !mergesColumns)),
      )
    if (!table.primaryKey.every((key) => isGrouped(key.name))) return []
    return table.columns
      .filter((column) => !isGrouped(column.name) && column.isOpaque !== true)
      .map((column) => `${quote(called)}.${quote(column.name)}`)
  })
}

/** A primary key that waits for the end of the transaction may be there twice until then. */
function groupsRows({ primaryKey, constraints }: KeyedTable): boolean {
  return primaryKey.length > 0 && !constraints.some((sql) => / PRIMARY KEY \(.*\) DEFERRABLE/.test(sql))
}

function* selects(tree: QueryTree): Generator<SelectTree> {
  if (tree.kind === 'set') for (const member of tree.members) yield* selects(member)
  if (tree.kind !== 'select') return
  yield tree
  for (const { source } of tree.from) {
    if (source.kind === 'query') yield* selects(source.query)
    else if (source.kind === 'with' && source.query.query !== undefined) yield* selects(source.query.query)
  }
}
