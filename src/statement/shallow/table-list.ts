import { noConjuncts, type Conjuncts } from '../appearances/conjuncts.ts'
import type { JoinLevel } from '../appearances/join-level.ts'
import type { LevelItem } from '../appearances/relation.ts'
import { placeWithin } from '../appearances/table-entry.ts'
import { readConjuncts } from './condition-values.ts'
import { noteDisguisedCall, scanExpression } from './expression-scan.ts'
import { JoinReader, joinKind } from './join-reader.ts'
import type { TableListItem } from './table-names.ts'
import { withName, type QualifiedName, type Scope, type SyntaxWalk } from './syntax-walk.ts'
import { tokenType } from './token-list.ts'
import { splitAtCommas } from './value-source.ts'

/** What a `FROM` clause, or the table list of an `UPDATE` or `DELETE`, names. */
export interface TableList {
  readonly items: TableListItem[]
  /** What the `ON` conditions say; empty where an outer join is among the joins. */
  conditions: Conjuncts[]
  outerJoin: boolean
  readonly level: JoinLevel
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

/** The scope of a query that stands in a `FROM`, a `WITH`, a `UNION` or an `INSERT`. */
export function derived(scope: Scope): Scope {
  return { ...scope, place: placeWithin(scope.place, 'derived') }
}

/**
 * Reads the tables of a range of tokens that holds table references and nothing else, as items of a query level; undefined
 * if it doesn't.
 */
export function readTableList(
  walk: SyntaxWalk,
  from: number,
  to: number,
  scope: Scope,
  level: JoinLevel,
  access: 'read' | 'write' = 'read',
): TableList | undefined {
  const reader = new TableListReader(walk, scope, level, access)
  return reader.read(from, to) ? reader.list : undefined
}

class TableListReader {
  readonly list: TableList
  readonly #walk: SyntaxWalk
  readonly #context: ItemContext
  readonly #joins: JoinReader
  /** The words of a join before `JOIN`. */
  readonly #words = new Set<string>()

  constructor(walk: SyntaxWalk, scope: Scope, level: JoinLevel, access: 'read' | 'write') {
    this.list = { items: [], conditions: [], outerJoin: false, level }
    this.#walk = walk
    this.#joins = new JoinReader(level, walk.syntax.dialect)
    // An ON sees the tables of its join, and what stands beside tables sees those before it.
    this.#context = { list: this.list, access, scope, beside: { ...scope, outer: { level, whole: false } } }
  }

  read(from: number, to: number): boolean {
    let expectsItem = true
    let i = from
    while (i < to) {
      const step: ItemStart | undefined = expectsItem ? this.#readItem(i, to) : this.#readBetween(i, to)
      if (step === undefined) return false
      expectsItem = step.opened
      i = step.next
    }
    if (expectsItem) {
      confused(this.#walk, to)
      return false
    }
    this.#joins.finish()
    if (this.list.outerJoin) this.list.conditions = []
    return true
  }

  #readItem(index: number, to: number): ItemStart | undefined {
    const start = readItemStart(this.#walk, index, to, this.#context)
    if (start?.opened === true && this.#walk.tokens.word(index) !== 'LATERAL') this.#joins.openBracket()
    return start
  }

  /** What stands behind an item; `opened` if another item must follow. */
  #readBetween(index: number, to: number): ItemStart | undefined {
    const walk = this.#walk
    const { tokens } = walk
    const word = tokens.word(index)
    if (word === ',') {
      this.#joins.comma()
      return { next: index + 1, opened: true }
    }
    if (word === ')' || word === '}') {
      const { alias, next } = skipAlias(walk, index + 1, to)
      this.#joins.closeBracket(alias)
      return { next, opened: false }
    }
    if (word === 'ON') return this.#readOn(index + 1, to)
    if (word === 'USING' && tokens.word(index + 1) === '(') {
      const close = tokens.partner(index + 1)
      this.#joins.condition(noConjuncts, this.#columns(index + 2, close))
      return { next: tokens.word(close + 1) === 'AS' ? skipAlias(walk, close + 1, to).next : close + 1, opened: false }
    }
    if (!isJoinWord(walk, index)) return confused(walk, index)
    if (outerJoins.has(word)) this.list.outerJoin = true
    this.#words.add(word)
    if (word !== 'JOIN' && word !== 'STRAIGHT_JOIN') return { next: index + 1, opened: false }
    this.#joins.join(joinKind(this.#words), this.#words.has('NATURAL'))
    this.#words.clear()
    return { next: index + 1, opened: true }
  }

  #readOn(from: number, to: number): ItemStart | undefined {
    const end = endOfCondition(this.#walk, from, to)
    if (!scanExpression(this.#walk, from, end, this.#context.beside)) return undefined
    const on = readConjuncts(this.#walk, { from, to: end })
    this.list.conditions.push(on)
    this.#joins.condition(on, [])
    return { next: end, opened: false }
  }

  #columns(from: number, to: number): string[] {
    return splitAtCommas(this.#walk, from, to).flatMap((part) =>
      part.to - part.from === 1 ? (this.#walk.nameAt(part.from) ?? []) : [],
    )
  }
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

/** What an item of a list is read with. */
interface ItemContext {
  readonly list: TableList
  readonly access: 'read' | 'write'
  readonly scope: Scope
  /** Of what sees the items before it. */
  readonly beside: Scope
}

function readItemStart(walk: SyntaxWalk, index: number, to: number, context: ItemContext): ItemStart | undefined {
  const { tokens } = walk
  const word = tokens.word(index)
  if (word === '(') {
    if (!walk.opensQuery(index)) return { next: index + 1, opened: true }
    const close = tokens.partner(index)
    const isLateral = tokens.word(index - 1) === 'LATERAL'
    walk.defer(index + 1, close, derived(isLateral ? context.beside : context.scope))
    const { alias, next, names } = skipAlias(walk, close + 1, to)
    const query = { query: walk.queryAt(index + 1), names }
    addItem(context.list, { alias, name: undefined, schema: undefined, appearance: undefined }, query)
    return { next, opened: false }
  }
  if (word === 'LATERAL' && tokens.word(index + 1) === '(') return { next: index + 1, opened: true }
  if (word === '{') return tokens.word(index + 1) === 'OJ' ? { next: index + 2, opened: true } : confused(walk, index)
  const name = walk.qualifiedNameAt(index, to)
  if (name === undefined) return confused(walk, index)
  if (tokens.word(name.next) === '(' && name.next < to) return readCall(walk, name, to, context)
  return readTable(walk, name, to, context)
}

/** A function in the place of a table: `JSON_TABLE(…) AS j`, `json_each(x)`. */
function readCall(walk: SyntaxWalk, name: QualifiedName, to: number, context: ItemContext): ItemStart | undefined {
  const close = walk.tokens.partner(name.next)
  walk.findings.addFunction(name.name, name.schema)
  // A virtual table of SQLite may be called too: `notes('first')`.
  if (!walk.syntax.tableFunctions.test(name.name)) walk.findings.addTable(name, 'read', context.scope.place)
  if (!scanExpression(walk, name.next + 1, close, context.beside)) return undefined
  const { alias, next } = skipAlias(walk, close + 1, to)
  addItem(context.list, { alias: alias ?? name.name, name: undefined, schema: undefined, appearance: undefined })
  return { next, opened: false }
}

function readTable(walk: SyntaxWalk, name: QualifiedName, to: number, context: ItemContext): ItemStart | undefined {
  const { list, access, scope, beside } = context
  let i = skipTableOptions(walk, name.next, to, beside)
  if (i === undefined) return undefined
  const aliased = skipAlias(walk, i, to)
  i = skipIndexHints(walk, aliased.next, to)
  const isDual = walk.syntax.dialect === 'mysql' && name.schema === undefined && /^dual$/i.test(name.name)
  const isTable = !isDual && !noteDisguisedCall(walk, name, scope)
  const appearance = isTable ? walk.findings.addTable(name, access, scope.place) : undefined
  const common = isTable || name.schema !== undefined ? undefined : withName(scope, name.name)
  const names = aliased.names ?? common?.columns
  addItem(
    list,
    { alias: aliased.alias, name: name.name, schema: name.schema, appearance },
    { query: common?.query, names },
  )
  return { next: i, opened: false }
}

/** @param names Those that its columns were given; otherwise they have their own. */
function addItem(
  list: TableList,
  item: TableListItem,
  { query, names }: Pick<LevelItem, 'query' | 'names'> = {},
): void {
  list.items.push(item)
  const { alias, name, schema, appearance } = item
  // A table with an alias is no longer reached by its schema.
  list.level.add({
    alias: alias ?? name,
    schema: alias === undefined ? schema : undefined,
    entry: names === undefined ? appearance?.entry : undefined,
    table: appearance?.entry,
    query,
    names,
  })
}

/** `PARTITION (…)`, and MariaDB's `FOR SYSTEM_TIME …` and `FOR PORTION OF …`. */
export function skipTableOptions(walk: SyntaxWalk, index: number, to: number, scope: Scope): number | undefined {
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

function skipPeriod(walk: SyntaxWalk, index: number, to: number, scope: Scope, separator: string): number | undefined {
  const middle = skipMoment(walk, index, to, scope)
  if (middle === undefined) return undefined
  return walk.tokens.word(middle) === separator ? skipMoment(walk, middle + 1, to, scope) : confused(walk, middle)
}

/** A point in time: a literal, a parameter, a call, a bracketed expression, each with `± INTERVAL n unit`. */
function skipMoment(walk: SyntaxWalk, index: number, to: number, scope: Scope): number | undefined {
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
export function skipAlias(
  walk: SyntaxWalk,
  index: number,
  to: number,
): { alias: string | undefined; next: number; names?: readonly string[] } {
  const { tokens } = walk
  if (index >= to) return { alias: undefined, next: index }
  let i = index
  if (tokens.word(i) === 'AS') i++
  else if (isJoinWord(walk, i) || isClause(walk, i)) return { alias: undefined, next: index }
  const alias = i < to ? walk.nameAt(i) : undefined
  if (alias === undefined) return { alias: undefined, next: index }
  i++
  if (i >= to || tokens.word(i) !== '(') return { alias, next: i }
  return { alias, next: tokens.partner(i) + 1, names: namesIn(walk, i) }
}

/** The names between brackets; what is none is empty. */
export function namesIn(walk: SyntaxWalk, open: number): readonly string[] {
  const parts = splitAtCommas(walk, open + 1, walk.tokens.partner(open))
  return parts.map(({ from, to }) => (to - from === 1 ? (walk.nameAt(from) ?? '') : ''))
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
