import type { ValueSource } from '../analysis.ts'
import { scanExpression } from './expression-scan.ts'
import type { Appearance } from './findings.ts'
import { findClauses, inside, readQuery, restrict } from './query-expression.ts'
import type { Scope, SyntaxWalk } from './syntax-walk.ts'
import type { TableList } from './table-list.ts'
import { derived, readTableList, skipAlias, skipTableOptions } from './table-list.ts'
import { TableNames } from './table-names.ts'
import { splitAtCommas, valueSource } from './value-source.ts'

/** Words between `INSERT`, `REPLACE`, `UPDATE` or `DELETE` and what follows. */
const modifiers: ReadonlySet<string> = new Set(['LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'QUICK'])

/** Behind the verb: modifiers, and SQLite's `OR ABORT` and so on. */
function skipModifiers(walk: SyntaxWalk, index: number): number {
  const { tokens } = walk
  let i = index
  while (modifiers.has(tokens.word(i))) i++
  return walk.syntax.dialect === 'sqlite' && tokens.word(i) === 'OR' ? i + 2 : i
}

/** MySQL's IGNORE stores a value that does not fit as one that does. SQLite's `OR IGNORE` leaves the row out. */
function mayAlterValues({ tokens, syntax }: SyntaxWalk, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (tokens.word(i) === 'IGNORE') return syntax.dialect === 'mysql'
  return false
}

/** `INSERT` and `REPLACE`, from the verb on. */
export function readInsert(walk: SyntaxWalk, from: number, to: number, scope: Scope): boolean {
  const { tokens } = walk
  let i = skipModifiers(walk, from + 1)
  if (tokens.word(i) === 'INTO') i++
  const name = walk.qualifiedNameAt(i, to)
  if (name === undefined) return walk.confused('INSERT names no table')
  const table = walk.findings.addTable(name, 'write')
  if (!mayAlterValues(walk, from, i)) table.entry.change = 'insert'
  // Expressions here see the new row, and the old one, under names of their own.
  const among: Scope = { ...scope, outer: 'unknown' }
  const behindOptions = skipTableOptions(walk, name.next, to, among)
  if (behindOptions === undefined) return false
  i = tokens.word(behindOptions) === 'AS' ? skipAlias(walk, behindOptions, to).next : behindOptions
  let columns: readonly string[] | undefined
  if (tokens.word(i) === '(' && !walk.opensQuery(i) && i < to) {
    columns = columnList(walk, i)
    table.entry.listed = columns
    i = tokens.partner(i) + 1
  }
  const word = tokens.word(i)
  noteConflictAssignments(walk, table, i, to)
  if (word === 'SET') return readInsertSet(walk, table, i + 1, to, among)
  if (word === 'VALUES' || word === 'VALUE') {
    if (columns !== undefined) collectRows(walk, table, columns, i + 1, to)
    return scanExpression(walk, i + 1, to, among)
  }
  if (word === 'DEFAULT') return scanExpression(walk, i + 1, to, among)
  const end = endOfSource(walk, i, to)
  if (columns !== undefined) walk.findings.inserts.push({ target: table.entry, columns, query: walk.queryAt(i) })
  return readQuery(walk, i, end, derived(scope)) && scanExpression(walk, end, to, among)
}

/** Notes what `ON DUPLICATE KEY UPDATE …` and each `ON CONFLICT … DO UPDATE SET …` assign. */
function noteConflictAssignments(walk: SyntaxWalk, { entry }: Appearance, from: number, to: number): void {
  const { tokens } = walk
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    const starts =
      (word === 'UPDATE' && tokens.word(i - 1) === 'KEY' && tokens.word(i - 2) === 'DUPLICATE') ||
      (word === 'SET' && tokens.word(i - 1) === 'UPDATE' && tokens.word(i - 2) === 'DO')
    if (word === '(') i = tokens.partner(i)
    else if (starts) for (const { columns } of assignments(walk, i + 1, to)) entry.assigned.push(...columns)
  }
}

function columnList(walk: SyntaxWalk, open: number): string[] | undefined {
  const names: string[] = []
  for (const part of splitAtCommas(walk, open + 1, walk.tokens.partner(open))) {
    const name = walk.nameAt(part.to - 1)
    if (name === undefined) return undefined
    names.push(name)
  }
  return names
}

/** Where the query of an `INSERT … SELECT` ends: at `ON DUPLICATE KEY`, `ON CONFLICT`, `RETURNING`, or a row alias. */
function endOfSource(walk: SyntaxWalk, from: number, to: number): number {
  const { tokens } = walk
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (word === 'RETURNING') return i
    else if (word === 'ON' && (tokens.word(i + 1) === 'DUPLICATE' || tokens.word(i + 1) === 'CONFLICT')) return i
  }
  return to
}

/** Notes the values of `VALUES (…), (…)`, unless a row doesn't fit the columns. */
function collectRows(walk: SyntaxWalk, table: Appearance, columns: readonly string[], from: number, to: number): void {
  const { tokens } = walk
  const rows: { from: number; to: number }[][] = []
  let i = from
  for (;;) {
    if (tokens.word(i) === 'ROW') i++
    if (tokens.word(i) !== '(' || i >= to) return
    const close = tokens.partner(i)
    const parts = splitAtCommas(walk, i + 1, close)
    if (parts.length !== columns.length) return
    rows.push(parts)
    i = close + 1
    if (tokens.word(i) !== ',' || i >= to) break
    i++
  }
  // Anything else behind the rows might add some.
  if (i < to && !/^(AS|ON|RETURNING)$/.test(tokens.word(i))) return
  for (const [index, column] of columns.entries()) {
    const values = rows.map((row) => {
      const part = row[index]
      return part === undefined ? ({ from: 'expression' } as const) : valueSource(walk, part.from, part.to)
    })
    walk.findings.addInserted(table, column, values)
  }
}

/** MySQL: `INSERT INTO t SET a = 1, b = 2 [AS new] [ON DUPLICATE KEY UPDATE …]`. */
function readInsertSet(walk: SyntaxWalk, table: Appearance, from: number, to: number, scope: Scope): boolean {
  const { tokens } = walk
  let end = endOfSource(walk, from, to)
  for (let i = from; i < end; i++) {
    if (tokens.word(i) === '(') i = tokens.partner(i)
    else if (tokens.word(i) === 'AS') end = i
  }
  const listed: string[] = []
  for (const part of splitAtCommas(walk, from, end)) {
    let equals = part.from
    while (equals < part.to && tokens.word(equals) !== '=') equals++
    const column = walk.nameAt(equals - 1)
    listed.push(column ?? '')
    if (column !== undefined && equals < part.to)
      walk.findings.addInserted(table, column, [valueSource(walk, equals + 1, part.to)])
  }
  if (!listed.includes('')) table.entry.listed = listed
  return scanExpression(walk, from, to, scope)
}

// On SQLite the target is always a table, even where a common table expression has the same name.
function targetScope(walk: SyntaxWalk, scope: Scope): Scope {
  return walk.syntax.dialect === 'sqlite' ? { ...scope, withNames: undefined } : scope
}

/** `UPDATE`, from the verb on: one table, a join (MySQL), or one table and a `FROM` (SQLite). */
export function readUpdate(walk: SyntaxWalk, from: number, to: number, scope: Scope): boolean {
  const start = skipModifiers(walk, from + 1)
  const set = indexOfWord(walk, 'SET', start, to)
  const change = mayAlterValues(walk, from, start) ? undefined : 'update'
  if (set < 0) return walk.confused('UPDATE has no SET')
  const level = walk.openLevel(scope)
  const inner = inside(level, scope)
  const list = readTableList(walk, start, set, targetScope(walk, scope), level)
  if (list === undefined) return false
  const clauses = findClauses(walk, set + 1, to)
  const assignmentsEnd = clauses.from >= 0 ? clauses.from : clauses.where >= 0 ? clauses.where : to
  markWritten(walk, list, set + 1, assignmentsEnd, change)
  const restricted = list
  if (clauses.from >= 0) {
    const more = readTableList(walk, clauses.from + 1, clauses.fromEnd, scope, level)
    if (more === undefined) return false
    for (const item of more.items) restricted.items.push(item)
    for (const condition of more.conditions) restricted.conditions.push(condition)
    if (more.outerJoin) restricted.conditions = []
  }
  restrict(walk, restricted, clauses)
  return (
    scanExpression(walk, set + 1, clauses.from >= 0 ? clauses.from : to, inner) &&
    (clauses.from < 0 || scanExpression(walk, clauses.fromEnd, to, inner))
  )
}

/** Marks the tables whose columns are assigned; all of them if a column doesn't say whose it is. */
function markWritten(walk: SyntaxWalk, list: TableList, from: number, to: number, change: 'update' | undefined): void {
  const names = new TableNames(list.items)
  for (const { columns, qualifier, value } of assignments(walk, from, to)) {
    const owner = qualifier === undefined || list.items.length === 1 ? undefined : names.one(qualifier)
    for (const { appearance } of owner?.appearance === undefined ? list.items : [owner]) {
      if (appearance === undefined) continue
      appearance.access = 'write'
      appearance.entry.assigned.push(...columns)
      appearance.entry.change = change
      for (const column of columns) appearance.entry.given.push({ column, value })
    }
  }
}

interface Assignment {
  readonly columns: readonly string[]
  readonly qualifier: string | undefined
  /** Of one column. */
  readonly value: ValueSource
}

const unknownValue: ValueSource = Object.freeze({ from: 'expression' })

/** What a `SET` assigns: `column = …`, `t.column = …`, and SQLite's `(column, column) = …`. */
function assignments(walk: SyntaxWalk, from: number, to: number): Assignment[] {
  const { tokens } = walk
  return splitAtCommas(walk, from, to).map((part) => {
    let equals = part.from
    while (equals < part.to && !/^(=|==|:=)$/.test(tokens.word(equals)))
      equals = tokens.word(equals) === '(' ? tokens.partner(equals) + 1 : equals + 1
    if (equals >= part.to) return { columns: [], qualifier: undefined, value: unknownValue }
    if (tokens.word(part.from) === '(')
      return { columns: columnList(walk, part.from) ?? [], qualifier: undefined, value: unknownValue }
    const qualified = equals - part.from >= 3 && tokens.word(equals - 2) === '.'
    const qualifier = qualified ? walk.nameAt(equals - 3) : undefined
    const value = valueSource(walk, equals + 1, part.to)
    return { columns: [tokens.unquoted(equals - 1)], qualifier, value }
  })
}

/** `DELETE`, from the verb on: one table, or MySQL's two forms for several. */
export function readDelete(walk: SyntaxWalk, from: number, to: number, scope: Scope): boolean {
  const { tokens } = walk
  let i = skipModifiers(walk, from + 1)
  if (tokens.word(i) === 'HISTORY') i++
  if (tokens.word(i) !== 'FROM') {
    const source = indexOfWord(walk, 'FROM', i, to)
    if (source < 0) return walk.confused('DELETE has no FROM')
    return readDeleteJoin(walk, i, source, source + 1, to, scope)
  }
  i++
  const using = indexOfWord(walk, 'USING', i, to)
  const where = indexOfWord(walk, 'WHERE', i, to)
  if (using >= 0 && (where < 0 || using < where)) return readDeleteJoin(walk, i, using, using + 1, to, scope)
  const end = endOfDeleteTable(walk, i, to)
  const level = walk.openLevel(scope)
  const list = readTableList(walk, i, end, targetScope(walk, scope), level, 'write')
  if (list === undefined) return false
  for (const { appearance } of list.items) if (appearance !== undefined) appearance.entry.change = 'delete'
  if (where >= 0) restrict(walk, list, findClauses(walk, where, to))
  return scanExpression(walk, end, to, inside(level, scope))
}

function endOfDeleteTable(walk: SyntaxWalk, from: number, to: number): number {
  const { tokens } = walk
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (word === 'WHERE' || word === 'ORDER' || word === 'LIMIT' || word === 'RETURNING' || word === 'BEFORE')
      return i
  }
  return to
}

/** `DELETE targets FROM tables …` and `DELETE FROM targets USING tables …`. */
function readDeleteJoin(
  walk: SyntaxWalk,
  targets: number,
  targetsEnd: number,
  from: number,
  to: number,
  scope: Scope,
): boolean {
  const clauses = findClauses(walk, from, to)
  const end = clauses.where >= 0 ? clauses.where : endOfDeleteTable(walk, from, to)
  const level = walk.openLevel(scope)
  const list = readTableList(walk, from, end, scope, level)
  if (list === undefined) return false
  const names = new TableNames(list.items)
  for (const part of splitAtCommas(walk, targets, targetsEnd))
    if (!markDeleted(walk, names, part.from, part.to)) return false
  restrict(walk, list, clauses)
  return scanExpression(walk, end, to, inside(level, scope))
}

/** A target is an alias, or a table's name, perhaps with `.*` behind it. */
function markDeleted(walk: SyntaxWalk, names: TableNames, from: number, to: number): boolean {
  const { tokens } = walk
  const end = tokens.word(to - 1) === '*' && tokens.word(to - 2) === '.' ? to - 2 : to
  const name = walk.qualifiedNameAt(from, end)
  if (name === undefined || name.next !== end) return walk.confused('DELETE names its targets in an unknown way')
  const fits = names
    .all(name.name)
    .filter(
      (item) =>
        item.appearance !== undefined &&
        (name.schema === undefined || item.schema === undefined || item.schema === name.schema),
    )
  if (fits.length === 0) return walk.confused('DELETE names a target that is no table of it')
  for (const item of fits) {
    const appearance = item.appearance
    if (appearance === undefined) continue
    appearance.access = 'write'
    appearance.entry.change = 'delete'
    if (item.alias !== undefined) continue
    const pointed = { name: appearance.name, schema: name.schema ?? appearance.schema, span: name.span }
    walk.findings.addTable(pointed, 'write', 'target', false)
  }
  return true
}

/** Index of a keyword outside brackets, or -1. */
export function indexOfWord(walk: SyntaxWalk, word: string, from: number, to: number): number {
  const { tokens } = walk
  for (let i = from; i < to; i++) {
    if (tokens.word(i) === '(') i = tokens.partner(i)
    else if (tokens.word(i) === word) return i
  }
  return -1
}
