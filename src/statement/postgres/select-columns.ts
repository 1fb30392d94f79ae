import type { ColumnReference } from '../appearances/origin.ts'
import type { QueryItem, SelectedColumns } from '../appearances/query-columns.ts'
import { columnOf } from './conditions.ts'
import { isTree, listAt, nodeOf, numberAt, textAt, treeAt, typeOf, type Tree } from './tree.ts'
import { isValueSide, valueSource } from './value-source.ts'

/**
 * What the list of a `SELECT` gives. PostgreSQL takes no column beside an aggregate that is not in GROUP BY, so a query without one that
 * gives a plain column has no aggregates.
 */
export function selectedColumns(select: Tree): SelectedColumns {
  const groups = listAt(select, 'groupClause')
  const targets = listAt(select, 'targetList').map((item) => nodeOf(item, 'ResTarget'))
  const isSummed = groups.some((item) => nodeOf(item, 'GroupingSet') !== undefined)
  const isGrouped = groups.length > 0
  const isSolid = !isSummed && (isGrouped || select['havingClause'] === undefined)
  const passes = isSolid && !isLimited(select) && !isDistinctOn(select) && !hasWindow(select)
  const groupColumns = groups.map(columnOf)
  const ordinals = new Set(groups.map((item) => numberAt(treeAt(nodeOf(item, 'A_Const'), 'ival'), 'ival')))
  const isOnly =
    listAt(select, 'fromClause').length === 1 && nodeOf(listAt(select, 'fromClause')[0], 'JoinExpr') === undefined
  const items = targets.map((target, place): QueryItem => {
    const value = target?.['val']
    const name = textAt(target, 'name')
    if (isStar(value)) return { name: undefined, all: { qualifier: starOf(value) }, passes: passes && !isGrouped }
    const column = columnOf(value)
    if (column === undefined) {
      const source = isValueSide(value) ? { value: valueSource(value) } : {}
      return { name, ...source, passes: false }
    }
    const grouped = ordinals.has(place + 1) || groupColumns.some((group) => isSameColumn(group, column, isOnly))
    return { name: name ?? column.column, column, passes: passes && (!isGrouped || grouped) }
  })
  return {
    items,
    isSolid,
    needsRow: isSolid && (isGrouped || (listAt(select, 'sortClause').length === 0 && targets.every(isPlain))),
    unclear: new Set(),
  }
}

export function isLimited(select: Tree): boolean {
  return select['limitCount'] !== undefined || select['limitOffset'] !== undefined
}

/** The columns of an `INSERT`, and the `SELECT` that gives their values. */
export function insertedQuery(insert: Tree): { readonly columns: string[]; readonly select: Tree } | undefined {
  const select = nodeOf(insert['selectStmt'], 'SelectStmt')
  if (select === undefined || listAt(select, 'valuesLists').length > 0) return undefined
  // The server would put its own values in place of some of them.
  if (textAt(insert, 'override') === 'OVERRIDING_USER_VALUE') return undefined
  const columns: string[] = []
  for (const item of listAt(insert, 'cols')) {
    const target = nodeOf(item, 'ResTarget')
    const isWhole = listAt(target, 'indirection').length === 0
    columns.push(isWhole ? (textAt(target, 'name') ?? '') : '')
  }
  return { columns, select }
}

/** `DISTINCT ON (…)`; a plain `DISTINCT` has one empty item. */
function isDistinctOn(select: Tree): boolean {
  return listAt(select, 'distinctClause').some((item) => isTree(item) && typeOf(item) !== undefined)
}

/** Any call with `OVER` in the list or the order, also in a query in there. */
function hasWindow(select: Tree): boolean {
  const waiting: unknown[] = [select['targetList'], select['sortClause'], select['distinctClause']]
  for (let next = waiting.pop(); waiting.length > 0 || next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue
    if (nodeOf(next, 'FuncCall')?.['over'] !== undefined) return true
    for (const part of Object.values(next) as unknown[]) waiting.push(part)
  }
  return false
}

function isPlain(target: Tree | undefined): boolean {
  const value = target?.['val']
  return isStar(value) || columnOf(value) !== undefined || nodeOf(value, 'A_Const') !== undefined
}

function isStar(value: unknown): boolean {
  return nodeOf(listAt(nodeOf(value, 'ColumnRef'), 'fields').at(-1), 'A_Star') !== undefined
}

/** The alias in front of the star. */
function starOf(value: unknown): string | undefined {
  return textAt(nodeOf(listAt(nodeOf(value, 'ColumnRef'), 'fields').at(-2), 'String'), 'sval')
}

/** @param isOnly There is no more than one table, so that a qualifier makes no difference. */
function isSameColumn(one: ColumnReference | undefined, other: ColumnReference, isOnly: boolean): boolean {
  if (one?.column !== other.column) return false
  if (one.qualifier === other.qualifier && one.schema === other.schema) return true
  return isOnly && (one.qualifier === undefined || other.qualifier === undefined)
}
