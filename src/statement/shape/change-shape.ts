import type { Span } from '../analysis.ts'
import { type TokenList, tokenType } from '../shallow/token-list.ts'
import type { Dialect } from '../statement.ts'
import { shapeSyntaxes } from './shape-syntax.ts'

/** The clauses of a statement that changes rows, as they stand in its text. */
export interface ChangeShape {
  readonly verb: 'insert' | 'update' | 'delete' | 'merge'
  /** `WITH …` in front, its last bracket included. */
  readonly with?: Span
  /** Where the text between `WITH` and the verb, or another clause, changes rows itself. */
  readonly changesInWith: boolean
  /** The name of the table that is changed, with its schema. */
  readonly target: Span
  /** The last part of that: by what the statement calls the table if it has no alias. */
  readonly name: Span
  /** The alias of that table as it is written. */
  readonly alias?: string
  /** Further tables: behind the `FROM` of an UPDATE, the `USING` of a DELETE. */
  readonly from?: Span
  /** Behind the word `WHERE`. */
  readonly where?: Span
  /** Where behind `RETURNING` a column is called by the name of this table: those names. */
  readonly returned: readonly Span[]
  /** The items of `RETURNING` that hold such a name, and whose column is called as the item is written. */
  readonly unnamed: readonly Span[]
  /** `ORDER BY`, `LIMIT`: as many rows are changed. */
  readonly isLimited: boolean
}

const verbs: ReadonlyMap<string, ChangeShape['verb']> = new Map([
  ['INSERT', 'insert'],
  ['REPLACE', 'insert'],
  ['UPDATE', 'update'],
  ['DELETE', 'delete'],
  ['MERGE', 'merge'],
])

/** Words that end one clause and begin the next. */
const clauseWords: ReadonlySet<string> = new Set(['SET', 'FROM', 'USING', 'WHERE', 'RETURNING', 'ORDER', 'LIMIT', ';'])

/** `undefined`: the text is not understood, or changes no rows. Pure. */
export function readChangeShape(sql: string, dialect: Dialect): ChangeShape | undefined {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  if (tokens.trouble !== '' || tokens.executableEnds.length > 0) return undefined
  const verbAt = outside(tokens, 0, (word) => verbs.has(word))
  const verb = verbs.get(tokens.word(verbAt))
  // `EXPLAIN ANALYZE` changes, too.
  if (verb === undefined || (verbAt > 0 && tokens.word(0) !== 'WITH')) return undefined
  const nameAt = nameStart(tokens, verbAt + 1, dialect)
  let end = nameAt + 1
  while (tokens.word(end) === '.') end += 2
  // PostgreSQL: `table *` is the table with those that inherit from it.
  const alias = aliasAt(tokens, end, verb, dialect)
  const afterAlias = alias === undefined ? end : alias + 1
  return {
    verb,
    ...(verbAt > 0 ? { with: { start: tokens.start(0), end: tokens.end(verbAt - 1) } } : {}),
    changesInWith: verbAt > 0 && changesWithin(tokens, verbAt),
    target: { start: tokens.start(nameAt), end: tokens.end(end - 1) },
    name: { start: tokens.start(end - 1), end: tokens.end(end - 1) },
    ...(alias === undefined ? {} : { alias: tokens.text(alias) }),
    ...returnedParts(tokens, afterAlias, tokens.unquoted(end - 1), dialect),
    ...(verb === 'update' || verb === 'delete' ? clausesOf(tokens, afterAlias, verb) : { isLimited: false }),
  }
}

/** Behind the verb: SQLite's `OR IGNORE` and so on, `INTO` or `FROM`, PostgreSQL's `ONLY`. SQLite takes most such words for names, too. */
function nameStart(tokens: TokenList, from: number, dialect: Dialect): number {
  let at = tokens.word(from) === 'OR' ? from + 2 : from
  if (tokens.word(at) === 'INTO' || tokens.word(at) === 'FROM') at++
  return dialect === 'postgres' && tokens.word(at) === 'ONLY' ? at + 1 : at
}

function aliasAt(tokens: TokenList, at: number, verb: ChangeShape['verb'], dialect: Dialect): number | undefined {
  if (tokens.word(at) === 'AS') return at + 1
  // Without AS, only PostgreSQL knows aliases here, and not in an INSERT.
  if (dialect !== 'postgres' || verb === 'insert' || at >= tokens.length) return undefined
  const word = tokens.word(at)
  return clauseWords.has(word) || word === '*' || word === '(' ? undefined : at
}

function clausesOf(
  tokens: TokenList,
  from: number,
  verb: 'update' | 'delete',
): Pick<ChangeShape, 'from' | 'where' | 'isLimited'> {
  const fromWord = verb === 'update' ? 'FROM' : 'USING'
  const fromAt = outside(tokens, from, (word, at) => word === fromWord && tokens.word(at - 1) !== 'DISTINCT')
  const whereAt = outside(tokens, from, (word) => word === 'WHERE')
  const endAt = outside(tokens, from, (word) => word === 'RETURNING' || word === ';')
  const limitAt = outside(tokens, from, (word) => word === 'LIMIT' || word === 'ORDER')
  const end = Math.min(endAt, limitAt)
  const behind = (at: number, to: number): Span => ({ start: tokens.end(at), end: tokens.end(Math.min(to, end) - 1) })
  return {
    ...(fromAt < Math.min(whereAt, end) ? { from: behind(fromAt, whereAt) } : {}),
    ...(whereAt < end ? { where: behind(whereAt, end) } : {}),
    isLimited: limitAt < tokens.length,
  }
}

function returnedParts(
  tokens: TokenList,
  from: number,
  table: string,
  dialect: Dialect,
): Pick<ChangeShape, 'returned' | 'unnamed'> {
  const returned = returnedNames(tokens, from, table, dialect)
  const unnamed: Span[] = []
  let at = outside(tokens, from, (word) => word === 'RETURNING') + 1
  while (returned.length > 0 && at < tokens.length) {
    const end = outside(tokens, at, (word) => word === ',' || word === ';')
    const item = { start: tokens.start(at), end: tokens.end(end - 1) }
    const holds = returned.some(({ start }) => item.start <= start && start < item.end)
    // `table.column` and `table.*` are called by the columns' names.
    if (holds && end - at !== 3 && !hasAlias(tokens, at, end, dialect)) unnamed.push(item)
    at = end + 1
  }
  return { returned, unnamed }
}

/** Whether an item gives its column a name, with AS or without. */
function hasAlias(tokens: TokenList, from: number, to: number, dialect: Dialect): boolean {
  const { noBareAlias, values, infix, prefix, postfix } = shapeSyntaxes[dialect]
  if (outside(tokens, from, (word) => word === 'AS') < to) return true
  const [last, before] = [to - 1, to - 2]
  const isName = tokens.type(last) === tokenType.quotedName || tokens.type(last) === tokenType.word
  const word = tokens.word(last)
  if (!isName || noBareAlias.has(word) || values.has(word) || postfix.has(word)) return false
  const isBehindOperator = tokens.type(before) === tokenType.punctuation && tokens.word(before) !== ')'
  return !isBehindOperator && !infix.has(tokens.word(before)) && !prefix.has(tokens.word(before)) && before >= from
}

/** Names of the table in `RETURNING table.column`; inside of queries only where that can be no table of their own. */
function returnedNames(tokens: TokenList, from: number, table: string, dialect: Dialect): readonly Span[] {
  const found: Span[] = []
  const isTable = (at: number): boolean => tokens.unquoted(at).toLowerCase() === table.toLowerCase()
  for (let i = outside(tokens, from, (word) => word === 'RETURNING') + 1; i < tokens.length; i++) {
    if (opensQuery(tokens, i) && hasOwn(tokens, i, isTable, dialect)) i = tokens.partner(i)
    else if (tokens.word(i + 1) === '.' && tokens.word(i - 1) !== '.' && isTable(i))
      found.push({ start: tokens.start(i), end: tokens.end(i) })
  }
  return found
}

function opensQuery(tokens: TokenList, at: number): boolean {
  return tokens.word(at) === '(' && /^(?:SELECT|WITH|VALUES)$/.test(tokens.word(at + 1))
}

/** Whether something in a query may be called so. A table that has an alias is not. */
function hasOwn(tokens: TokenList, open: number, isTable: (at: number) => boolean, dialect: Dialect): boolean {
  const { noBareAlias } = shapeSyntaxes[dialect]
  for (let i = open + 1; i < tokens.partner(open); i++) {
    if (!isTable(i) || tokens.word(i + 1) === '.') continue
    const next = tokens.type(i + 1)
    const isAlias = next === tokenType.quotedName || (next === tokenType.word && !noBareAlias.has(tokens.word(i + 1)))
    if (!isAlias && tokens.word(i + 1) !== 'AS') return true
  }
  return false
}

function changesWithin(tokens: TokenList, to: number): boolean {
  for (let i = 0; i < to; i++) {
    const word = tokens.word(i)
    if (verbs.has(word) && /^(?:\(|MATERIALIZED)$/.test(tokens.word(i - 1))) return true
  }
  return false
}

/** The first token outside of brackets for which something is true, or the number of tokens. */
function outside(tokens: TokenList, from: number, isIt: (word: string, at: number) => boolean): number {
  for (let i = from; i < tokens.length; i++) {
    const word = tokens.word(i)
    if (isIt(word, i)) return i
    if (word === '(') i = tokens.partner(i)
  }
  return tokens.length
}
