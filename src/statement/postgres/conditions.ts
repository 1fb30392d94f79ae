import type { ValueSource } from '../analysis.ts'
import type { ColumnReference, Conjuncts, Match, Restriction } from '../appearances/conjuncts.ts'
import type { QueryLevel } from './level.ts'
import type { Appearance } from './tables.ts'
import { arraySources, isValueSide, valueSource } from './value-source.ts'
import { listAt, namesIn, nodeOf, textAt, type Tree } from './tree.ts'

/** A condition that every row of the table at that place in the statement fulfils. */
export interface Condition {
  readonly level: QueryLevel | undefined
  /** Undefined: a column of one of the level's tables, not known which. */
  readonly table: Appearance | undefined
  readonly column: string
  readonly operator: 'equals' | 'in' | 'insert'
  readonly values: readonly ValueSource[]
}

/**
 * The conditions in a chain of `AND`s: `column = value`, `value = column`, `column IN (…)`, `column = ANY (…)`, tuples of
 * these, and `column = column`. Whatever stands under `OR`, `NOT` or `CASE` holds only sometimes, and is left out.
 */
export function conjunctsOf(qualification: unknown): Conjuncts {
  const found: Found = { restrictions: [], matches: [] }
  const pending: unknown[] = [qualification]
  while (pending.length > 0) {
    const part = pending.pop()
    const bool = nodeOf(part, 'BoolExpr')
    if (bool !== undefined) {
      if (textAt(bool, 'boolop') === 'AND_EXPR') pending.push(...listAt(bool, 'args').toReversed())
      continue
    }
    const comparison = nodeOf(part, 'A_Expr')
    if (comparison !== undefined && isEquality(comparison)) compare(comparison, found)
  }
  return found
}

/** Adds those conditions whose column is a table's of the level, or of one of several. */
export function conditionsOf({ restrictions }: Conjuncts, level: QueryLevel, found: Condition[]): void {
  for (const { column: reference, operator, values } of restrictions) {
    const table = level.tableOf(reference)
    if (table === undefined) continue
    const { column } = reference
    found.push({ level, table: table === 'several' ? undefined : table, column, operator, values })
  }
}

interface Found extends Conjuncts {
  readonly restrictions: Restriction[]
  readonly matches: Match[]
}

function isEquality(comparison: Tree): boolean {
  const name = namesIn(listAt(comparison, 'name'))
  if (name === undefined || name.at(-1) !== '=') return false
  return name.length === 1 || (name.length === 2 && name[0] === 'pg_catalog')
}

function compare(comparison: Tree, found: Found): void {
  const left = comparison['lexpr']
  const right = comparison['rexpr']
  const kind = textAt(comparison, 'kind')
  if (kind === 'AEXPR_OP') {
    equal(left, right, found)
  } else if (kind === 'AEXPR_IN') {
    const items = listAt(nodeOf(right, 'List'), 'items')
    const row = nodeOf(left, 'RowExpr')
    if (row === undefined) add(left, 'in', items.map(valueSource), found)
    else rowIn(listAt(row, 'args'), items, found)
  } else if (kind === 'AEXPR_OP_ANY') {
    const values = arraySources(right)
    if (values !== undefined) add(left, 'in', values, found)
  }
}

function equal(left: unknown, right: unknown, found: Found): void {
  const leftRow = nodeOf(left, 'RowExpr')
  const rightRow = nodeOf(right, 'RowExpr')
  if (leftRow !== undefined && rightRow !== undefined) {
    const rights = listAt(rightRow, 'args')
    for (const [index, item] of listAt(leftRow, 'args').entries()) equal(item, rights[index], found)
    return
  }
  if (isValueSide(right)) add(left, 'equals', [valueSource(right)], found)
  else if (isValueSide(left)) add(right, 'equals', [valueSource(left)], found)
  else {
    const columns = { left: columnOf(left), right: columnOf(right) }
    if (columns.left !== undefined && columns.right !== undefined)
      found.matches.push({ left: columns.left, right: columns.right })
  }
}

/** `(a, b) IN ((1, 2), (3, 4))`: each column is in its own list. */
function rowIn(columns: readonly unknown[], rows: readonly unknown[], found: Found): void {
  const tuples = rows.map((row) => listAt(nodeOf(row, 'RowExpr'), 'args'))
  for (const [index, column] of columns.entries()) {
    if (tuples.every((tuple) => tuple.length === columns.length)) {
      add(
        column,
        'in',
        tuples.map((tuple) => valueSource(tuple[index])),
        found,
      )
    }
  }
}

function add(side: unknown, operator: 'equals' | 'in', values: readonly ValueSource[], found: Found): void {
  const column = columnOf(side)
  if (column !== undefined) found.restrictions.push({ column, operator, values })
}

function columnOf(side: unknown): ColumnReference | undefined {
  const reference = nodeOf(side, 'ColumnRef')
  const names = reference === undefined ? undefined : namesIn(listAt(reference, 'fields'))
  const column = names?.at(-1)
  if (names === undefined || column === undefined) return undefined
  return { column, qualifier: names.at(-2), schema: names.at(-3) }
}

const rowClauses = ['limitCount', 'limitOffset', 'sortClause']

/**
 * Adds the values that `VALUES` lists give for the columns of an `INSERT`. None with `OVERRIDING USER VALUE`, which makes the
 * server put its own in place of some of them.
 */
export function insertedValues(insert: Tree, table: Appearance, found: Condition[]): void {
  if (textAt(insert, 'override') === 'OVERRIDING_USER_VALUE') return
  const select = nodeOf(insert['selectStmt'], 'SelectStmt')
  // A part of the rows, or another order, would belie "one value for each inserted row".
  if (select !== undefined && rowClauses.some((field) => select[field] !== undefined)) return
  const rows = listAt(select, 'valuesLists').map((row) => listAt(nodeOf(row, 'List'), 'items'))
  if (rows.length === 0) return
  for (const [index, item] of listAt(insert, 'cols').entries()) {
    const target = nodeOf(item, 'ResTarget')
    const column = textAt(target, 'name')
    if (column === undefined || listAt(target, 'indirection').length > 0) continue
    found.push({
      level: undefined,
      table,
      column,
      operator: 'insert',
      values: rows.map((row) => valueSource(row[index])),
    })
  }
}
