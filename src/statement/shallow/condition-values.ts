import type { ValueSource } from '../analysis.ts'
import type { Condition } from './findings.ts'
import type { SyntaxWalk } from './syntax-walk.ts'
import type { TableListItem } from './table-list.ts'
import { TableNames } from './table-list.ts'
import { splitAtCommas, valueSource } from './value-source.ts'

/** A range of tokens. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** The tables that the columns of a condition may belong to. */
interface Target {
  /** The table of unqualified columns. */
  readonly only: TableListItem | undefined
  readonly names: TableNames
}

/**
 * Notes, at the tables `items`, the equalities and `IN` lists that hold for every row, from conditions that every
 * row must meet. Follows chains of `AND` into brackets; takes nothing from a chain that holds an `OR`.
 */
export function collectConditions(walk: SyntaxWalk, items: readonly TableListItem[], ranges: readonly Range[]): void {
  const list: Target = { only: items.length === 1 ? items[0] : undefined, names: new TableNames(items) }
  const waiting = ranges.toReversed()
  for (let range = waiting.pop(); range !== undefined; range = waiting.pop()) {
    const inner = withoutBrackets(walk, range)
    const parts = inner === undefined ? splitAtAnd(walk, range) : [inner]
    if (inner === undefined && parts.length === 1 && parts[0]?.to === range.to) readConjunct(walk, list, range)
    else for (const part of parts.toReversed()) waiting.push(part)
  }
}

function withoutBrackets(walk: SyntaxWalk, { from, to }: Range): Range | undefined {
  const { tokens } = walk
  if (tokens.word(from) !== '(' || tokens.partner(from) !== to - 1 || walk.opensQuery(from)) return undefined
  return { from: from + 1, to: to - 1 }
}

/** The members of a chain of `AND`s; none if the chain is part of something weaker. */
function splitAtAnd(walk: SyntaxWalk, { from, to }: Range): Range[] {
  const { tokens, syntax } = walk
  const parts: Range[] = []
  let start = from
  let betweens = 0
  let sawCase = false
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (word === 'OR' || word === 'XOR' || word === ':=' || (word === '||' && syntax.dialect === 'mysql'))
      return []
    // Where a CASE ends can't be told for sure, because END may be a column's name: nothing behind it is taken.
    else if (word === 'CASE') sawCase = true
    else if (sawCase) continue
    else if (word === 'BETWEEN') betweens++
    else if (word === 'AND' && betweens > 0) betweens--
    else if (word === 'AND' || (word === '&&' && syntax.dialect === 'mysql')) {
      parts.push({ from: start, to: i })
      start = i + 1
    }
  }
  if (!sawCase) parts.push({ from: start, to })
  return parts
}

/** `column = value`, `value = column`, `column IN (…)`, and the same with rows of columns. */
function readConjunct(walk: SyntaxWalk, list: Target, { from, to }: Range): void {
  const operator = operatorIn(walk, from, to)
  if (operator < 0) return
  if (walk.tokens.word(operator) === 'IN') {
    readMembership(walk, list, from, operator, to)
    return
  }
  const left = columnsIn(walk, from, operator)
  const right = columnsIn(walk, operator + 1, to)
  if (left !== undefined && right === undefined) noteEquality(walk, list, left, operator + 1, to)
  else if (right !== undefined && left === undefined) noteEquality(walk, list, right, from, operator)
}

/** Index of the only `=` or `IN` outside brackets, or -1. */
function operatorIn(walk: SyntaxWalk, from: number, to: number): number {
  const { tokens, syntax } = walk
  let found = -1
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (word === '=' || word === 'IN' || (word === '==' && syntax.dialect === 'sqlite')) {
      if (found >= 0) return -1
      found = i
    }
  }
  return found
}

/** Columns named by a range that is one column, or a bracketed row of columns; else undefined. */
function columnsIn(walk: SyntaxWalk, from: number, to: number): ColumnName[] | undefined {
  const { tokens } = walk
  const single = columnIn(walk, from, to)
  if (single !== undefined) return [single]
  const open = tokens.word(from) === 'ROW' ? from + 1 : from
  if (tokens.word(open) !== '(' || tokens.partner(open) !== to - 1 || walk.opensQuery(open)) return undefined
  const columns: ColumnName[] = []
  for (const part of splitAtCommas(walk, open + 1, to - 1)) {
    const column = columnIn(walk, part.from, part.to)
    if (column === undefined) return undefined
    columns.push(column)
  }
  return columns.length > 0 ? columns : undefined
}

interface ColumnName {
  readonly column: string
  readonly qualifier: string | undefined
  readonly schema: string | undefined
}

function columnIn(walk: SyntaxWalk, from: number, to: number): ColumnName | undefined {
  const { tokens } = walk
  const count = to - from
  if (count !== 1 && count !== 3 && count !== 5) return undefined
  const parts: string[] = []
  for (let i = from; i < to; i += 2) {
    if (i > from && tokens.word(i - 1) !== '.') return undefined
    const name = columnNameAt(walk, i)
    if (name === undefined) return undefined
    parts.push(name)
  }
  const column = parts.at(-1)
  return column === undefined ? undefined : { column, qualifier: parts.at(-2), schema: parts.at(-3) }
}

function columnNameAt(walk: SyntaxWalk, index: number): string | undefined {
  const { tokens } = walk
  const text = tokens.sql[tokens.start(index)]
  // A quoted text may be a string: `'…'` always here, MySQL's `"…"` usually, SQLite's `"…"` if no such column exists.
  if (text === "'" || text === '"')
    return walk.syntax.dialect === 'sqlite' && text === '"' ? walk.nameAt(index) : undefined
  const word = tokens.word(index)
  if (word === 'NULL' || word === 'TRUE' || word === 'FALSE') return undefined
  return walk.nameAt(index)
}

function noteEquality(walk: SyntaxWalk, list: Target, columns: readonly ColumnName[], from: number, to: number): void {
  if (columns.length === 1 && columns[0] !== undefined) {
    const source = valueSource(walk, from, to)
    if (source.from !== 'expression') noteValues(list, columns[0], 'equals', [source])
    return
  }
  const row = rowIn(walk, from, to, columns.length)
  if (row === undefined) return
  for (const [index, column] of columns.entries()) {
    const source = row[index]
    if (source !== undefined && source.from !== 'expression') noteValues(list, column, 'equals', [source])
  }
}

/** The values of a bracketed row of `count` values; undefined if the range is none. */
function rowIn(walk: SyntaxWalk, from: number, to: number, count: number): ValueSource[] | undefined {
  const { tokens } = walk
  const open = tokens.word(from) === 'ROW' ? from + 1 : from
  if (tokens.word(open) !== '(' || tokens.partner(open) !== to - 1 || walk.opensQuery(open)) return undefined
  const parts = splitAtCommas(walk, open + 1, to - 1)
  return parts.length === count ? parts.map((part) => valueSource(walk, part.from, part.to)) : undefined
}

function readMembership(walk: SyntaxWalk, list: Target, from: number, operator: number, to: number): void {
  const { tokens } = walk
  const open = operator + 1
  const columns = columnsIn(walk, from, operator)
  if (columns === undefined || tokens.word(open) !== '(' || tokens.partner(open) !== to - 1 || walk.opensQuery(open))
    return
  const parts = splitAtCommas(walk, open + 1, to - 1)
  if (parts.length === 0) return
  const single = columns.length === 1 && tokens.word(from) !== '(' && tokens.word(from) !== 'ROW'
  const rows: ValueSource[][] = []
  for (const part of parts) {
    const row = single ? [valueSource(walk, part.from, part.to)] : rowIn(walk, part.from, part.to, columns.length)
    if (row === undefined) return
    rows.push(row)
  }
  for (const [index, column] of columns.entries()) {
    const values = rows.map((row) => row[index] ?? ({ from: 'expression' } as const))
    noteValues(list, column, 'in', values)
  }
}

function noteValues(
  list: Target,
  { column, qualifier, schema }: ColumnName,
  operator: Condition['operator'],
  values: readonly ValueSource[],
): void {
  const item = qualifier === undefined ? list.only : itemNamed(list.names, qualifier, schema)
  item?.appearance?.conditions.push({ column, operator, values })
}

function itemNamed(names: TableNames, qualifier: string, schema: string | undefined): TableListItem | undefined {
  return names.one(
    qualifier,
    (item) => schema === undefined || (item.alias === undefined && item.schema?.toLowerCase() === schema.toLowerCase()),
  )
}
