import type { ColumnReference } from '../appearances/origin.ts'
import type { JoinLevel } from '../appearances/join-level.ts'
import type { QueryItem, SelectedColumns } from '../appearances/query-columns.ts'
import { columnIn, type Range } from './condition-values.ts'
import type { SyntaxWalk } from './syntax-walk.ts'
import { tokenType } from './token-list.ts'
import { splitAtCommas, valueSource } from './value-source.ts'

/** Functions that answer for one row, among those of an engine. `any_value` and the like are left out, which pick one of several. */
export function rowFunctions(functions: ReadonlySet<string>, aggregates: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...functions].filter((name) => !aggregates.has(name) && name !== 'any_value'))
}

/** Between `SELECT` and its list. */
const listModifiers: ReadonlySet<string> = new Set(
  `ALL DISTINCT DISTINCTROW HIGH_PRIORITY STRAIGHT_JOIN SQL_SMALL_RESULT SQL_BIG_RESULT SQL_BUFFER_RESULT SQL_NO_CACHE SQL_CACHE
  SQL_CALC_FOUND_ROWS`.split(/\s+/),
)

/** What makes a row of an answer hang on other rows than those that it is made of: windows, counted rows, variables, sums of groups. */
const crossing: ReadonlySet<string> = new Set(['OVER', 'WINDOW', 'ROWNUM', ':=', 'ROLLUP', 'CUBE', 'SETS'])

/**
 * What the list of a `SELECT` gives.
 *
 * Both dialects allow a plain column beside an aggregate: then the row is one of many. So a query without GROUP BY counts only
 * if it calls nothing that might be an aggregate, in its list and behind its WHERE.
 *
 * @param list Between `SELECT` and `FROM`. @param tail Behind the `FROM`.
 */
export function selectedColumns(walk: SyntaxWalk, level: JoinLevel, list: Range, tail: Range): SelectedColumns {
  const { tokens } = walk
  const { to } = list
  let start = list.from
  while (start < to && listModifiers.has(tokens.word(start))) start++
  const { groups, behindWhere } = readTail(walk, tail)
  const isGrouped = groups !== undefined
  const isCrossing = crosses(walk, start, to) || crosses(walk, tail.from, tail.to)
  const mayAggregate = callsAggregate(walk, start, to) || callsAggregate(walk, behindWhere, tail.to)
  const isSolid = !isCrossing && (isGrouped || (!mayAggregate && indexOf(walk, 'HAVING', tail) < 0))
  const passes = isSolid && !isLimited(walk, tail.from, tail.to)
  const parts = splitAtCommas(walk, start, to)
  const unclear = new Set<string>()
  const read = parts.map((part) => readItem(walk, part))
  for (const [place, { name, all }] of read.entries())
    if (name === undefined && all === undefined) noteNames(walk, parts[place] ?? list, unclear)
  const items = read.map((item, place) => ({
    ...item,
    passes: passes && (!isGrouped || isGroup(read, place, groups, level.size === 1)),
  }))
  return { items, isSolid, needsRow: isSolid, unclear }
}

/** Whether only some of the rows are given. */
export function isLimited(walk: SyntaxWalk, from: number, to: number): boolean {
  return ['LIMIT', 'OFFSET', 'FETCH', 'PROCEDURE'].some((word) => indexOf(walk, word, { from, to }) >= 0)
}

type Item = Omit<QueryItem, 'passes'>

/** `*`, `t.*`, a column or a value, with or without an alias. */
function readItem(walk: SyntaxWalk, { from, to }: Range): Item {
  const { tokens } = walk
  if (tokens.word(to - 1) === '*' && to - from === 1) return { name: undefined, all: { qualifier: undefined } }
  if (tokens.word(to - 1) === '*' && tokens.word(to - 2) === '.') {
    const qualifier = to - from === 3 ? walk.nameAt(from) : undefined
    // Of a schema's table, or of something else: nobody looks for an empty name.
    return { name: undefined, all: { qualifier: qualifier ?? '' } }
  }
  const column = columnIn(walk, from, to)
  if (column !== undefined) return { name: column.column, column }
  const isNamed = tokens.word(to - 2) === 'AS' && to - from > 2
  const end = isNamed ? to - 2 : to - 1
  // Without AS, a text behind a word makes one value of both: `date '2026-01-31'`.
  const isText = tokens.type(to - 1) === tokenType.string && !isNamed
  const name = to - from > 1 && !isText ? aliasAt(walk, to - 1) : undefined
  const aliased = name === undefined ? undefined : columnIn(walk, from, end)
  if (aliased !== undefined) return { name, column: aliased }
  const value = valueSource(walk, from, isNamed ? end : to)
  return { name: isNamed ? name : undefined, ...(value.from === 'expression' ? {} : { value }) }
}

/** MySQL and SQLite take a string for an alias, too. */
function aliasAt(walk: SyntaxWalk, index: number): string | undefined {
  return walk.tokens.type(index) === tokenType.string ? walk.tokens.unquoted(index) : walk.nameAt(index)
}

/** SQLite calls `(k)` and `k COLLATE x` by the column in it. */
function noteNames({ tokens }: SyntaxWalk, { from, to }: Range, names: Set<string>): void {
  for (let i = from; i < to; i++) {
    const type = tokens.type(i)
    if (type !== tokenType.punctuation && type !== tokenType.number) names.add(tokens.unquoted(i).toLowerCase())
  }
}

type Group = ColumnReference | number | undefined

/** The columns of the `GROUP BY`, and where the clauses behind the `WHERE` begin. */
function readTail(walk: SyntaxWalk, tail: Range): { groups: Group[] | undefined; behindWhere: number } {
  const { tokens } = walk
  const group = indexOf(walk, 'GROUP', tail)
  const ends = ['HAVING', 'ORDER', 'LIMIT', 'OFFSET', 'FETCH', 'WINDOW', 'WITH', 'FOR', 'LOCK', 'INTO']
  const endFrom = (from: number): number => {
    const found = ends.map((word) => indexOf(walk, word, { from, to: tail.to })).filter((index) => index >= 0)
    return Math.min(tail.to, ...found)
  }
  if (group < 0 || tokens.word(group + 1) !== 'BY') return { groups: undefined, behindWhere: endFrom(tail.from) }
  const groups = splitAtCommas(walk, group + 2, endFrom(group + 2)).map(({ from, to }): Group => {
    if (to - from === 1 && tokens.type(from) === tokenType.number) return Number(tokens.text(from))
    return columnIn(walk, from, to)
  })
  return { groups, behindWhere: group }
}

/**
 * Whether there is a group for each value of an item. A name in GROUP BY that another item has, too, may be that one.
 *
 * @param isOnly There is no more than one table, so that a qualifier makes no difference.
 */
function isGroup(items: readonly Item[], place: number, groups: readonly Group[], isOnly: boolean): boolean {
  const column = items[place]?.column
  if (column === undefined) return false
  const name = column.column.toLowerCase()
  if (items.some((item, other) => other !== place && item.name?.toLowerCase() === name)) return false
  return groups.some((group) => {
    if (typeof group === 'number') return group === place + 1
    if (group?.column !== column.column) return false
    if (group.qualifier === column.qualifier && group.schema === column.schema) return true
    return isOnly && (group.qualifier === undefined || column.qualifier === undefined)
  })
}

function crosses({ tokens }: SyntaxWalk, from: number, to: number): boolean {
  for (let i = from; i < to; i++)
    if (crossing.has(tokens.word(i)) || tokens.type(i) === tokenType.userVariable) return true
  return false
}

/** Whether a function is called that is not known to answer for one row; also in a query in there, which may sum up rows around it. */
function callsAggregate(walk: SyntaxWalk, from: number, to: number): boolean {
  const { tokens, syntax } = walk
  for (let i = from + 1; i < to; i++) {
    if (tokens.word(i) !== '(') continue
    const type = tokens.type(i - 1)
    const isName = type === tokenType.word || type === tokenType.quotedName || type === tokenType.doubleQuoted
    if (!isName || (type === tokenType.word && syntax.notFunctions.has(tokens.word(i - 1)))) continue
    // The type of a CAST.
    if (tokens.word(i - 2) === 'AS') continue
    if (tokens.word(i - 2) === '.' || !syntax.rowFunctions.has(tokens.unquoted(i - 1).toLowerCase())) return true
  }
  return false
}

/** Index of a word outside brackets, or -1. */
function indexOf({ tokens }: SyntaxWalk, word: string, { from, to }: Range): number {
  for (let i = from; i < to; i++) {
    if (tokens.word(i) === '(') i = tokens.partner(i)
    else if (tokens.word(i) === word) return i
  }
  return -1
}
