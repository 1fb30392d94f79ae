import type { RangeBound, ValueSource } from '../analysis.ts'
import { foundConjuncts, turnedComparisons, type Conjuncts, type FoundConjuncts } from '../appearances/conjuncts.ts'
import { addAnyOf } from '../appearances/disjunction.ts'
import type { ColumnReference } from '../appearances/origin.ts'
import type { QueryColumns } from '../appearances/query-columns.ts'
import type { QueryLevel } from './level.ts'
import type { Appearance } from './tables.ts'
import { arraySources, isValueSide, valueSource } from './value-source.ts'
import { listAt, namesIn, nodeOf, numberAt, textAt, type Tree } from './tree.ts'

/** A condition that every row of the table at that place in the statement fulfils. */
export interface Condition {
  readonly level: QueryLevel | undefined
  /** Undefined: a column of one of the level's tables, not known which. */
  readonly table: Appearance | undefined
  readonly column: string
  readonly operator: 'equals' | 'in' | 'insert'
  readonly values: readonly ValueSource[]
}

/** What a condition is read with. */
export interface ConditionReading {
  /** What a query gives, by its `SelectStmt`. */
  readonly queryOf: (select: Tree) => QueryColumns
  /** Where something stands in the text, in UTF-16 units, by where the parser says that it does. */
  readonly position: (location: number) => number
}

/**
 * The conditions in a chain of `AND`s: `column = value`, `value = column`, `column IN (…)`, `column = ANY (…)`, tuples of
 * these, `column = column`, ranges, and queries in their place; of an `OR` what all of its sides say. Whatever stands under
 * `NOT` or `CASE` holds only sometimes, and is left out, but for `column NOT IN (SELECT …)`.
 */
export function conjunctsOf(qualification: unknown, reading: ConditionReading): Conjuncts {
  const found = foundConjuncts()
  const pending: unknown[] = [qualification]
  while (pending.length > 0) {
    const part = pending.pop()
    const bool = nodeOf(part, 'BoolExpr')
    if (bool !== undefined) {
      const operator = textAt(bool, 'boolop')
      const sides = listAt(bool, 'args')
      const denied = operator === 'NOT_EXPR' ? nodeOf(sides[0], 'SubLink') : undefined
      if (denied !== undefined) addDenied(denied, found, reading)
      if (operator === 'AND_EXPR') pending.push(...sides.toReversed())
      // The parser takes no text that nests deeply.
      if (operator === 'OR_EXPR') {
        const branches = sides.map((side) => conjunctsOf(side, reading))
        addAnyOf(branches, found)
      }
      continue
    }
    const comparison = nodeOf(part, 'A_Expr')
    if (comparison !== undefined) compare(comparison, found, reading)
    const query = nodeOf(part, 'SubLink')
    if (query !== undefined) addQuery(query, found, reading)
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

function positionOf(comparison: Tree, { position }: ConditionReading): number | undefined {
  const location = numberAt(comparison, 'location') ?? -1
  return location < 0 ? undefined : position(location)
}

function operatorOf(comparison: Tree): string | undefined {
  return ownOperator(listAt(comparison, 'name'))
}

/** An operator of PostgreSQL's own name. */
function ownOperator(list: readonly unknown[]): string | undefined {
  const name = namesIn(list)
  return name?.length === 1 || (name?.length === 2 && name[0] === 'pg_catalog') ? name.at(-1) : undefined
}

function compare(comparison: Tree, found: FoundConjuncts, reading: ConditionReading): void {
  const left = comparison['lexpr']
  const right = comparison['rexpr']
  const kind = textAt(comparison, 'kind')
  const operator = operatorOf(comparison)
  if (kind === 'AEXPR_OP') {
    if (operator === '=') equal(left, right, found, reading)
    else if (operator !== undefined) addComparison(left, operator, right, found)
  } else if (kind === 'AEXPR_BETWEEN') {
    const [from, to, ...more] = listAt(nodeOf(right, 'List'), 'items').map((item) => boundOf(item, true))
    if (more.length === 0) addRange(left, from, to, found)
  } else if (operator !== '=') {
    return
  } else if (kind === 'AEXPR_IN') {
    const items = listAt(nodeOf(right, 'List'), 'items')
    const row = nodeOf(left, 'RowExpr')
    const at = positionOf(comparison, reading)
    if (row === undefined) add(left, 'in', items.map(valueSource), found, at)
    else rowIn(listAt(row, 'args'), items, found, at)
  } else if (kind === 'AEXPR_OP_ANY') {
    const values = arraySources(right)
    if (values !== undefined) add(left, 'in', values, found, positionOf(comparison, reading))
  }
}

/** `EXISTS (SELECT …)`, `column IN (SELECT …)`, `column = ANY (SELECT …)`. */
function addQuery(link: Tree, found: FoundConjuncts, reading: ConditionReading): void {
  const select = nodeOf(link['subselect'], 'SelectStmt')
  const type = textAt(link, 'subLinkType')
  if (select === undefined) return
  if (type === 'EXISTS_SUBLINK') found.existing.push(reading.queryOf(select))
  const name = listAt(link, 'operName')
  if (type !== 'ANY_SUBLINK' || (name.length > 0 && ownOperator(name) !== '=')) return
  found.memberships.push({ columns: columnsOf(link['testexpr']), query: reading.queryOf(select), single: false })
}

/** `column NOT IN (SELECT …)`, `NOT column = ANY (SELECT …)`. */
function addDenied(link: Tree, found: FoundConjuncts, reading: ConditionReading): void {
  const denied = foundConjuncts()
  addQuery(link, denied, reading)
  found.memberships.push(...denied.memberships.map((each) => ({ ...each, negated: true as const })))
}

/** `column = (SELECT …)`. */
function addSingle(side: unknown, link: Tree, found: FoundConjuncts, reading: ConditionReading): void {
  const select = nodeOf(link['subselect'], 'SelectStmt')
  if (select === undefined || textAt(link, 'subLinkType') !== 'EXPR_SUBLINK') return
  found.memberships.push({ columns: columnsOf(side), query: reading.queryOf(select), single: true })
}

function columnsOf(side: unknown): readonly (ColumnReference | undefined)[] {
  const row = nodeOf(side, 'RowExpr')
  return row === undefined ? [columnOf(side)] : listAt(row, 'args').map(columnOf)
}

function equal(left: unknown, right: unknown, found: FoundConjuncts, reading: ConditionReading): void {
  const leftRow = nodeOf(left, 'RowExpr')
  const rightRow = nodeOf(right, 'RowExpr')
  if (leftRow !== undefined && rightRow !== undefined) {
    const rights = listAt(rightRow, 'args')
    for (const [index, item] of listAt(leftRow, 'args').entries()) equal(item, rights[index], found, reading)
    return
  }
  const [leftQuery, rightQuery] = [nodeOf(left, 'SubLink'), nodeOf(right, 'SubLink')]
  if (rightQuery !== undefined) addSingle(left, rightQuery, found, reading)
  if (leftQuery !== undefined) addSingle(right, leftQuery, found, reading)
  if (isValueSide(right)) add(left, 'equals', [valueSource(right)], found)
  else if (isValueSide(left)) add(right, 'equals', [valueSource(left)], found)
  else {
    const columns = { left: columnOf(left), right: columnOf(right) }
    if (columns.left !== undefined && columns.right !== undefined)
      found.matches.push({ left: columns.left, right: columns.right })
  }
}

/** `column < value`, `value < column` and the like. */
function addComparison(left: unknown, operator: string, right: unknown, found: FoundConjuncts): void {
  const other = turnedComparisons.get(operator)
  if (other === undefined) return
  if (columnOf(left) === undefined) {
    if (columnOf(right) !== undefined) addComparison(right, other, left, found)
    return
  }
  const bound = boundOf(right, operator.length === 2)
  if (operator.startsWith('>')) addRange(left, bound, noBound, found)
  else addRange(left, noBound, bound, found)
}

const noBound = 'open'

function boundOf(value: unknown, inclusive: boolean): RangeBound | undefined {
  const source = isValueSide(value) ? valueSource(value) : undefined
  if (source === undefined || source.from === 'expression') return undefined
  return { value: source, inclusive }
}

function addRange(
  side: unknown,
  from: RangeBound | typeof noBound | undefined,
  to: RangeBound | typeof noBound | undefined,
  found: FoundConjuncts,
): void {
  const column = columnOf(side)
  if (column === undefined || from === undefined || to === undefined) return
  found.ranges.push({ column, ...(from === noBound ? {} : { from }), ...(to === noBound ? {} : { to }) })
}

/** `(a, b) IN ((1, 2), (3, 4))`: each column is in its own list. */
function rowIn(
  columns: readonly unknown[],
  rows: readonly unknown[],
  found: FoundConjuncts,
  at: number | undefined,
): void {
  const tuples = rows.map((row) => listAt(nodeOf(row, 'RowExpr'), 'args'))
  for (const [index, column] of columns.entries()) {
    if (tuples.every((tuple) => tuple.length === columns.length)) {
      add(
        column,
        'in',
        tuples.map((tuple) => valueSource(tuple[index])),
        found,
        at,
      )
    }
  }
}

function add(
  side: unknown,
  operator: 'equals' | 'in',
  values: readonly ValueSource[],
  found: FoundConjuncts,
  at?: number,
): void {
  const column = columnOf(side)
  if (column !== undefined) found.restrictions.push({ column, operator, values, at })
}

export function columnOf(side: unknown): ColumnReference | undefined {
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
