import type { ValueSource } from '../analysis.ts'
import {
  foundConjuncts,
  turnedComparisons,
  type Conjuncts,
  type FoundConjuncts,
  type Restriction,
} from '../appearances/conjuncts.ts'
import type { ColumnReference } from '../appearances/origin.ts'
import { addAnyOf } from '../appearances/disjunction.ts'
import type { SyntaxWalk } from './syntax-walk.ts'
import { splitAtCommas, valueSource } from './value-source.ts'

/** A range of tokens. */
export interface Range {
  readonly from: number
  readonly to: number
}

/**
 * The equalities, lists and ranges that hold wherever the condition in a range of tokens does. Follows chains of `AND` into
 * brackets; of a chain with an `OR` it takes what all of its sides say.
 */
export function readConjuncts(walk: SyntaxWalk, whole: Range): Conjuncts {
  const found = foundConjuncts()
  const waiting = [whole]
  for (let range = waiting.pop(); range !== undefined; range = waiting.pop()) {
    const inner = withoutBrackets(walk, range)
    if (inner !== undefined) {
      waiting.push(inner)
      continue
    }
    const sides = splitAtOr(walk, range)
    if (sides.length > 1) {
      // Brackets do not nest more than 400 deep.
      const branches = sides.map((side) => readConjuncts(walk, side))
      addAnyOf(branches, found)
      continue
    }
    const parts = splitAtAnd(walk, range)
    if (parts.length === 1 && parts[0]?.to === range.to) readConjunct(walk, found, range)
    else for (const part of parts.toReversed()) waiting.push(part)
  }
  return found
}

function withoutBrackets(walk: SyntaxWalk, { from, to }: Range): Range | undefined {
  const { tokens } = walk
  if (tokens.word(from) !== '(' || tokens.partner(from) !== to - 1 || walk.opensQuery(from)) return undefined
  return { from: from + 1, to: to - 1 }
}

/** The sides of a chain of `OR`s; less than two if there is none, or if it cannot be told for sure what its sides are. */
function splitAtOr(walk: SyntaxWalk, { from, to }: Range): Range[] {
  const { tokens, syntax } = walk
  const parts: Range[] = []
  let start = from
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (word === 'CASE' || word === ':=' || (word === '||' && syntax.dialect === 'mysql')) return []
    else if (word === 'OR') {
      parts.push({ from: start, to: i })
      start = i + 1
    }
  }
  parts.push({ from: start, to })
  return parts
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

/**
 * `column = value`, `value = column`, `column IN (…)`, and the same with rows of columns; `column < value`, `BETWEEN`, and
 * `EXISTS (SELECT …)`.
 */
function readConjunct(walk: SyntaxWalk, found: FoundConjuncts, { from, to }: Range): void {
  const { tokens } = walk
  if (tokens.word(from) === 'EXISTS' && isQuery(walk, from + 1, to)) {
    found.existing.push(walk.queryAt(from + 2))
    return
  }
  const operator = operatorIn(walk, from, to)
  if (operator < 0) return
  const word = tokens.word(operator)
  if (word === 'IN') {
    readMembership(walk, found, from, operator, to)
    return
  }
  if (word === 'BETWEEN') {
    readBetween(walk, found, from, operator, to)
    return
  }
  const left = columnsIn(walk, from, operator)
  const right = columnsIn(walk, operator + 1, to)
  if (word.startsWith('<') || word.startsWith('>')) {
    const [before, behind] = [single(left), single(right)]
    if (before !== undefined) noteComparison(walk, found, before, word, operator + 1, to)
    else if (behind !== undefined)
      noteComparison(walk, found, behind, turnedComparisons.get(word) ?? '', from, operator)
    return
  }
  if (left !== undefined && isQuery(walk, operator + 1, to)) noteSingle(walk, found, left, operator + 2)
  else if (right !== undefined && isQuery(walk, from, operator)) noteSingle(walk, found, right, from + 1)
  else if (left !== undefined && right === undefined) noteEquality(walk, found, left, operator + 1, to)
  else if (right !== undefined && left === undefined) noteEquality(walk, found, right, from, operator)
  else if (left !== undefined && right?.length === left.length) noteMatches(found, left, right)
}

/** Whether a range is a bracket that holds one query. */
function isQuery(walk: SyntaxWalk, from: number, to: number): boolean {
  return walk.tokens.word(from) === '(' && walk.tokens.partner(from) === to - 1 && walk.opensQuery(from)
}

function single(columns: readonly ColumnReference[] | undefined): ColumnReference | undefined {
  return columns?.length === 1 ? columns[0] : undefined
}

/** `column = (SELECT …)`. */
function noteSingle(walk: SyntaxWalk, found: FoundConjuncts, columns: readonly ColumnReference[], query: number): void {
  found.memberships.push({ columns, query: walk.queryAt(query), single: true })
}

function noteComparison(
  walk: SyntaxWalk,
  found: FoundConjuncts,
  column: ColumnReference,
  operator: string,
  from: number,
  to: number,
): void {
  const value = valueSource(walk, from, to)
  if (value.from === 'expression') return
  const bound = { value, inclusive: operator.endsWith('=') }
  found.ranges.push(operator.startsWith('>') ? { column, from: bound } : { column, to: bound })
}

/** `column BETWEEN value AND value`: with another value in it the comparison might be another one, so both must be known. */
function readBetween(walk: SyntaxWalk, found: FoundConjuncts, from: number, operator: number, to: number): void {
  const { tokens } = walk
  const column = columnIn(walk, from, operator)
  let and = operator + 1
  while (and < to && tokens.word(and) !== 'AND') and = tokens.word(and) === '(' ? tokens.partner(and) + 1 : and + 1
  const [low, high] = [valueSource(walk, operator + 1, and), valueSource(walk, and + 1, to)]
  if (column === undefined || low.from === 'expression' || high.from === 'expression') return
  found.ranges.push({ column, from: { value: low, inclusive: true }, to: { value: high, inclusive: true } })
}

/** Index of the only comparison outside brackets, or -1. */
function operatorIn(walk: SyntaxWalk, from: number, to: number): number {
  const { tokens, syntax } = walk
  let found = -1
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (comparisons.has(word) || (word === '==' && syntax.dialect === 'sqlite')) {
      if (found >= 0) return -1
      found = i
    }
  }
  return found
}

const comparisons: ReadonlySet<string> = new Set(['=', 'IN', 'BETWEEN', '<', '<=', '>', '>='])

/** Columns named by a range that is one column, or a bracketed row of columns; else undefined. */
function columnsIn(walk: SyntaxWalk, from: number, to: number): ColumnReference[] | undefined {
  const { tokens } = walk
  const only = columnIn(walk, from, to)
  if (only !== undefined) return [only]
  const open = tokens.word(from) === 'ROW' ? from + 1 : from
  if (tokens.word(open) !== '(' || tokens.partner(open) !== to - 1 || walk.opensQuery(open)) return undefined
  const columns: ColumnReference[] = []
  for (const part of splitAtCommas(walk, open + 1, to - 1)) {
    const column = columnIn(walk, part.from, part.to)
    if (column === undefined) return undefined
    columns.push(column)
  }
  return columns.length > 0 ? columns : undefined
}

export function columnIn(walk: SyntaxWalk, from: number, to: number): ColumnReference | undefined {
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

function noteMatches(found: FoundConjuncts, left: readonly ColumnReference[], right: readonly ColumnReference[]): void {
  for (const [index, column] of left.entries()) {
    const other = right[index]
    if (other !== undefined) found.matches.push({ left: column, right: other })
  }
}

function noteEquality(
  walk: SyntaxWalk,
  found: FoundConjuncts,
  columns: readonly ColumnReference[],
  from: number,
  to: number,
): void {
  if (columns.length === 1 && columns[0] !== undefined) {
    const source = valueSource(walk, from, to)
    if (source.from !== 'expression') noteValues(found, columns[0], 'equals', [source])
    return
  }
  const row = rowIn(walk, from, to, columns.length)
  if (row === undefined) return
  for (const [index, column] of columns.entries()) {
    const source = row[index]
    if (source !== undefined && source.from !== 'expression') noteValues(found, column, 'equals', [source])
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

function readMembership(walk: SyntaxWalk, found: FoundConjuncts, from: number, operator: number, to: number): void {
  const { tokens } = walk
  const open = operator + 1
  if (isQuery(walk, open, to)) {
    const isNegated = tokens.word(operator - 1) === 'NOT'
    const left = columnsIn(walk, from, isNegated ? operator - 1 : operator)
    const query = walk.queryAt(open + 1)
    if (left !== undefined)
      found.memberships.push({ columns: left, query, single: false, ...(isNegated && { negated: true }) })
    return
  }
  const columns = columnsIn(walk, from, operator)
  if (columns === undefined || tokens.word(open) !== '(' || tokens.partner(open) !== to - 1 || walk.opensQuery(open))
    return
  const parts = splitAtCommas(walk, open + 1, to - 1)
  if (parts.length === 0) return
  const isSingle = columns.length === 1 && tokens.word(from) !== '(' && tokens.word(from) !== 'ROW'
  const rows: ValueSource[][] = []
  for (const part of parts) {
    const row = isSingle ? [valueSource(walk, part.from, part.to)] : rowIn(walk, part.from, part.to, columns.length)
    if (row === undefined) return
    rows.push(row)
  }
  for (const [index, column] of columns.entries()) {
    const values = rows.map((row) => row[index] ?? ({ from: 'expression' } as const))
    noteValues(found, column, 'in', values, tokens.start(operator))
  }
}

function noteValues(
  found: FoundConjuncts,
  column: ColumnReference,
  operator: Restriction['operator'],
  values: readonly ValueSource[],
  at?: number,
): void {
  found.restrictions.push({ column, operator, values, at })
}
