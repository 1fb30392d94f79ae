import { noteDisguisedCall, scanExpression } from './expression-scan.ts'
import type { Appearance } from './findings.ts'
import type { QualifiedName, Scope, SyntaxWalk } from './syntax-walk.ts'
import { tokenType } from './token-list.ts'

/** One entry of a `FROM` clause. `appearance` is absent where it is no table: a subquery, a function, a `WITH` name. */
export interface TableListItem {
  readonly alias: string | undefined
  readonly name: string | undefined
  readonly schema: string | undefined
  readonly appearance: Appearance | undefined
}

/** What a `FROM` clause, or the table list of an `UPDATE` or `DELETE`, names. */
export interface TableList {
  readonly items: TableListItem[]
  /** Token ranges of the `ON` conditions; empty where an outer join is among the joins. */
  conditions: { readonly from: number; readonly to: number }[]
  outerJoin: boolean
}

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
    const similar = this.all(name).filter(fits)
    const exact = similar.filter((item) => (item.alias ?? item.name) === name)
    if (exact.length > 0) return exact.length === 1 ? exact[0] : undefined
    return similar.length === 1 ? similar[0] : undefined
  }
}

const outerJoins: ReadonlySet<string> = new Set(['LEFT', 'RIGHT', 'FULL'])
const joinWords: ReadonlySet<string> = new Set([
  'JOIN',
  'STRAIGHT_JOIN',
  'NATURAL',
  'INNER',
  'CROSS',
  'LEFT',
  'RIGHT',
  'FULL',
  'OUTER',
])

/** Reads the tables of a range of tokens that holds table references and nothing else; undefined if it doesn't. */
export function readTableList(
  walk: SyntaxWalk,
  from: number,
  to: number,
  scope: Scope | undefined,
  access: 'read' | 'write' = 'read',
): TableList | undefined {
  const { tokens } = walk
  const list: TableList = { items: [], conditions: [], outerJoin: false }
  let expectsItem = true
  let i = from
  while (i < to) {
    if (expectsItem) {
      const next = readItemStart(walk, i, to, scope, access, list)
      if (next === undefined) return undefined
      expectsItem = next.opened
      i = next.next
      continue
    }
    const word = tokens.word(i)
    if (word === ',') {
      expectsItem = true
      i++
    } else if (word === ')' || word === '}') {
      i = skipAlias(walk, i + 1, to).next
    } else if (word === 'ON') {
      const end = endOfCondition(walk, i + 1, to)
      if (!scanExpression(walk, i + 1, end, scope)) return undefined
      list.conditions.push({ from: i + 1, to: end })
      i = end
    } else if (word === 'USING' && tokens.word(i + 1) === '(') {
      i = tokens.partner(i + 1) + 1
      if (tokens.word(i) === 'AS') i = skipAlias(walk, i, to).next
    } else if (isJoinWord(walk, i)) {
      if (outerJoins.has(word)) list.outerJoin = true
      expectsItem = word === 'JOIN' || word === 'STRAIGHT_JOIN'
      i++
    } else {
      return confused(walk, i)
    }
  }
  if (expectsItem) return confused(walk, to)
  if (list.outerJoin) list.conditions = []
  return list
}

function confused(walk: SyntaxWalk, index: number): undefined {
  walk.confused(
    index < walk.tokens.length
      ? `the table list holds something unexpected: ${walk.tokens.text(index).slice(0, 40)}`
      : 'the table list is cut short',
  )
  return undefined
}

interface ItemStart {
  readonly next: number
  /** True if only a bracket was opened, and an item is still to come. */
  readonly opened: boolean
}

function readItemStart(
  walk: SyntaxWalk,
  index: number,
  to: number,
  scope: Scope | undefined,
  access: 'read' | 'write',
  list: TableList,
): ItemStart | undefined {
  const { tokens } = walk
  const word = tokens.word(index)
  if (word === '(') {
    if (!walk.opensQuery(index)) return { next: index + 1, opened: true }
    const close = tokens.partner(index)
    walk.defer(index + 1, close, scope)
    const { alias, next } = skipAlias(walk, close + 1, to)
    list.items.push({ alias, name: undefined, schema: undefined, appearance: undefined })
    return { next, opened: false }
  }
  if (word === 'LATERAL' && tokens.word(index + 1) === '(') return { next: index + 1, opened: true }
  if (word === '{') return tokens.word(index + 1) === 'OJ' ? { next: index + 2, opened: true } : confused(walk, index)
  const name = walk.qualifiedNameAt(index, to)
  if (name === undefined) return confused(walk, index)
  if (tokens.word(name.next) === '(' && name.next < to) return readCall(walk, name, to, scope, list)
  return readTable(walk, name, to, scope, access, list)
}

/** A function in the place of a table: `JSON_TABLE(…) AS j`, `json_each(x)`. */
function readCall(
  walk: SyntaxWalk,
  name: QualifiedName,
  to: number,
  scope: Scope | undefined,
  list: TableList,
): ItemStart | undefined {
  const close = walk.tokens.partner(name.next)
  walk.findings.addFunction(name.name, name.schema)
  // A virtual table of SQLite may be called too: `notes('first')`.
  if (!walk.syntax.tableFunctions.test(name.name)) walk.findings.addTable(name.name, name.schema, name.span, 'read')
  if (!scanExpression(walk, name.next + 1, close, scope)) return undefined
  const { alias, next } = skipAlias(walk, close + 1, to)
  list.items.push({ alias: alias ?? name.name, name: undefined, schema: undefined, appearance: undefined })
  return { next, opened: false }
}

function readTable(
  walk: SyntaxWalk,
  name: QualifiedName,
  to: number,
  scope: Scope | undefined,
  access: 'read' | 'write',
  list: TableList,
): ItemStart | undefined {
  let i = skipTableOptions(walk, name.next, to, scope)
  if (i === undefined) return undefined
  const aliased = skipAlias(walk, i, to)
  i = skipIndexHints(walk, aliased.next, to)
  const isDual = walk.syntax.dialect === 'mysql' && name.schema === undefined && /^dual$/i.test(name.name)
  const isTable = !isDual && !noteDisguisedCall(walk, name, scope)
  const appearance = isTable ? walk.findings.addTable(name.name, name.schema, name.span, access) : undefined
  list.items.push({ alias: aliased.alias, name: name.name, schema: name.schema, appearance })
  return { next: i, opened: false }
}

/** `PARTITION (…)`, and MariaDB's `FOR SYSTEM_TIME …` and `FOR PORTION OF …`. */
export function skipTableOptions(
  walk: SyntaxWalk,
  index: number,
  to: number,
  scope: Scope | undefined,
): number | undefined {
  const { tokens } = walk
  let i = index
  if (i < to && tokens.word(i) === 'PARTITION' && tokens.word(i + 1) === '(') i = tokens.partner(i + 1) + 1
  if (i >= to || tokens.word(i) !== 'FOR') return i
  if (tokens.word(i + 1) === 'SYSTEM_TIME') {
    i += 2
    if (tokens.word(i) === 'ALL') return i + 1
    if (tokens.word(i) === 'AS' && tokens.word(i + 1) === 'OF') return skipMoment(walk, i + 2, to, scope)
    const second = tokens.word(i) === 'BETWEEN' ? 'AND' : tokens.word(i) === 'FROM' ? 'TO' : ''
    if (second === '') return confused(walk, i)
    return skipPeriod(walk, i + 1, to, scope, second)
  }
  if (tokens.word(i + 1) === 'PORTION' && tokens.word(i + 2) === 'OF' && tokens.word(i + 4) === 'FROM')
    return skipPeriod(walk, i + 5, to, scope, 'TO')
  return confused(walk, i)
}

function skipPeriod(
  walk: SyntaxWalk,
  index: number,
  to: number,
  scope: Scope | undefined,
  separator: string,
): number | undefined {
  const middle = skipMoment(walk, index, to, scope)
  if (middle === undefined) return undefined
  return walk.tokens.word(middle) === separator ? skipMoment(walk, middle + 1, to, scope) : confused(walk, middle)
}

/** A point in time: a literal, a parameter, a call, a bracketed expression, each with `± INTERVAL n unit`. */
function skipMoment(walk: SyntaxWalk, index: number, to: number, scope: Scope | undefined): number | undefined {
  const { tokens } = walk
  let i = index
  if ((tokens.word(i) === 'TIMESTAMP' || tokens.word(i) === 'TRANSACTION') && tokens.word(i + 1) !== '(') i++
  if (tokens.word(i + 1) === '(' && i + 1 < to) i = tokens.partner(i + 1) + 1
  else if (tokens.word(i) === '(') i = tokens.partner(i) + 1
  else i++
  if ((tokens.word(i) === '-' || tokens.word(i) === '+') && tokens.word(i + 1) === 'INTERVAL') i += 4
  if (i > to) return confused(walk, to)
  return scanExpression(walk, index, i, scope) ? i : undefined
}

/** `[AS] alias [(columns)]`. */
export function skipAlias(walk: SyntaxWalk, index: number, to: number): { alias: string | undefined; next: number } {
  const { tokens } = walk
  if (index >= to) return { alias: undefined, next: index }
  let i = index
  if (tokens.word(i) === 'AS') i++
  else if (isJoinWord(walk, i) || isClause(walk, i)) return { alias: undefined, next: index }
  const alias = i < to ? walk.nameAt(i) : undefined
  if (alias === undefined) return { alias: undefined, next: index }
  i++
  if (i < to && tokens.word(i) === '(') i = tokens.partner(i) + 1
  return { alias, next: i }
}

/** Words that are no alias, although they are not reserved in every version. */
function isClause(walk: SyntaxWalk, index: number): boolean {
  const { tokens } = walk
  if (walk.syntax.dialect === 'sqlite')
    return (
      (tokens.word(index) === 'INDEXED' && tokens.word(index + 1) === 'BY') ||
      (tokens.word(index) === 'NOT' && tokens.word(index + 1) === 'INDEXED')
    )
  return false
}

function skipIndexHints(walk: SyntaxWalk, index: number, to: number): number {
  const { tokens } = walk
  let i = index
  if (walk.syntax.dialect === 'sqlite') {
    if (tokens.word(i) === 'INDEXED' && tokens.word(i + 1) === 'BY' && i < to) return i + 3
    if (tokens.word(i) === 'NOT' && tokens.word(i + 1) === 'INDEXED' && i < to) return i + 2
    return i
  }
  for (;;) {
    const word = tokens.word(i)
    if (i >= to || (word !== 'USE' && word !== 'FORCE' && word !== 'IGNORE')) return i
    if (tokens.word(i + 1) !== 'INDEX' && tokens.word(i + 1) !== 'KEY') return i
    let open = i + 2
    while (open < to && tokens.word(open) !== '(' && open < i + 6) open++
    if (tokens.word(open) !== '(') return i
    i = tokens.partner(open) + 1
    if (tokens.word(i) === ',' && /^(USE|FORCE|IGNORE)$/.test(tokens.word(i + 1))) i++
  }
}

/** SQLite lets most words of joins be names too: they are join words only in front of another one. */
function isJoinWord(walk: SyntaxWalk, index: number): boolean {
  const { tokens } = walk
  const word = tokens.word(index)
  if (!joinWords.has(word)) return false
  if (word === 'JOIN') return true
  if (word === 'STRAIGHT_JOIN') return walk.syntax.dialect === 'mysql'
  return joinWords.has(tokens.word(index + 1)) && tokens.type(index + 1) === tokenType.word
}

function endOfCondition(walk: SyntaxWalk, from: number, to: number): number {
  const { tokens } = walk
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (word === ')' || word === '}' || word === ',' || word === 'ON' || word === 'USING' || isJoinWord(walk, i))
      return i
  }
  return to
}
