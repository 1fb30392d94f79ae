import type { FunctionUse } from '../analysis.ts'
import { lexMysql } from '../mysql/lexer.ts'
import { tokenType } from '../shallow/token-list.ts'
import type { TokenList } from '../shallow/token-list.ts'
import type { Dialect } from '../statement.ts'
import type { Clauses } from './clauses.ts'
import { findClauses } from './clauses.ts'
import { readExpression, readItem } from './expression.ts'
import { readGroupKeys, readSortKeys } from './keys.ts'
import { readLimit } from './limit.ts'
import type { QueryShape, SelectItem } from './query-shape.ts'
import type { Tokens } from './shape-reader.ts'
import { ShapeReader } from './shape-reader.ts'
import { shapeSyntaxes } from './shape-syntax.ts'
import { readWithClause } from './with-clause.ts'

/**
 * The shape of a text that is one SELECT, perhaps behind a WITH; undefined for every other text, and where two readings are possible. Never
 * throws. It checks no grammar: what it says holds for texts that the engine accepts.
 *
 * `isOwnAggregate`: true for functions that are aggregates without being the engine's own (CREATE AGGREGATE).
 */
export function readQueryShape(
  sql: string,
  dialect: Dialect,
  isOwnAggregate: (call: FunctionUse) => boolean = () => false,
): QueryShape | undefined {
  const tokens = readableTokens(sql, dialect)
  const bounds = tokens === undefined ? undefined : statementBounds(tokens)
  if (tokens === undefined || bounds === undefined) return undefined
  const reader = new ShapeReader(tokens, shapeSyntaxes[dialect], isOwnAggregate)
  if (tokens.word(bounds.from) !== 'WITH') return readSelect(reader, bounds)?.shape
  const clause = readWithClause(reader, bounds.from, bounds.to)
  const select = clause === undefined ? undefined : readSelect(reader, { from: clause.next, to: bounds.to })
  if (clause === undefined || select === undefined) return undefined
  const withClause = reader.span({ from: bounds.from, to: clause.next })
  return { ...select.shape, span: reader.span(bounds), with: withClause }
}

/** The tokens of a text; undefined if it cannot be read, or means different things to different servers. */
export function readableTokens(sql: string, dialect: Dialect): TokenList | undefined {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  return tokens.trouble === '' && isPlainlyWritten(tokens, dialect) ? tokens : undefined
}

/** The tokens of the one statement, without semicolons around it. */
export function statementBounds(tokens: TokenList): Tokens | undefined {
  let from = 0
  let to = tokens.length
  while (tokens.word(from) === ';') from++
  while (to > from && tokens.word(to - 1) === ';') to--
  for (let i = from; i < to; i++) if (tokens.word(i) === ';') return undefined
  return to > from ? { from, to } : undefined
}

/** False for what other servers read otherwise (MySQL's executable comments), and for names with Unicode escapes. */
function isPlainlyWritten(tokens: TokenList, dialect: Dialect): boolean {
  if (dialect === 'mysql') {
    return tokens.executableEnds.length === 0 && !hasHashComment(tokens) && !otherQuotingReadable(tokens)
  }
  if (dialect === 'sqlite') return true
  for (let i = 0; i < tokens.length; i++) {
    if (tokens.type(i) !== tokenType.quotedName) continue
    if (/^u&/i.test(tokens.text(i)) && (tokens.text(i).includes('\\') || tokens.word(i + 1) === 'UESCAPE')) return false
  }
  return true
}

/** True if the strings may end elsewhere, because of a backslash, on a server that has another `sql_mode`. */
function otherQuotingReadable({ sql, escapedSingle, escapedDouble }: TokenList): boolean {
  if (!escapedSingle && !escapedDouble) return false
  return [true, false].some((singleEscapes) => {
    const other = lexMysql(sql, { singleEscapes, doubleEscapes: false, runComments: true })
    return other.trouble === '' && (escapedDouble || !singleEscapes)
  })
}

function hasHashComment(tokens: TokenList): boolean {
  let position = 0
  for (let i = 0; i <= tokens.length; i++) {
    const gap = tokens.sql.slice(position, tokens.start(i))
    if (gap.includes('#') && /^(?:\s|\/\*[^]*?\*\/|--[^\n]*(?:\n|$))*#/.test(gap)) return true
    position = tokens.end(i)
  }
  return false
}

const mysqlModifiers: ReadonlySet<string> = new Set([
  'ALL',
  'DISTINCT',
  'DISTINCTROW',
  'HIGH_PRIORITY',
  'STRAIGHT_JOIN',
  'SQL_SMALL_RESULT',
  'SQL_BIG_RESULT',
  'SQL_BUFFER_RESULT',
  'SQL_CACHE',
  'SQL_NO_CACHE',
  'SQL_CALC_FOUND_ROWS',
])

/** Modifiers that are no reserved words, so that a column may have such a name. */
const unreservedModifiers = /^SQL_(?:BUFFER_RESULT|CACHE|NO_CACHE)$/

/** Reads what stands between SELECT and the items; undefined if it can't be told from them. */
function readModifiers(
  reader: ShapeReader,
  from: number,
): { next: number; distinct: QueryShape['distinct'] } | undefined {
  const { tokens, syntax } = reader
  let distinct: QueryShape['distinct'] = 'none'
  let i = from
  if (syntax.dialect !== 'mysql') {
    const word = tokens.word(i)
    if (word === 'ALL') i++
    if (word !== 'DISTINCT') return { next: i, distinct }
    if (tokens.word(i + 1) !== 'ON' || syntax.dialect !== 'postgres') return { next: i + 1, distinct: 'all' }
    if (tokens.word(i + 2) !== '(') return undefined
    reader.obstacles.add('DISTINCT ON')
    return { next: tokens.partner(i + 2) + 1, distinct }
  }
  for (; mysqlModifiers.has(tokens.word(i)); i++) {
    const word = tokens.word(i)
    if (word.startsWith('DISTINCT')) distinct = 'all'
    if (word === 'SQL_CALC_FOUND_ROWS') reader.obstacles.add(word)
    if (unreservedModifiers.test(word) && isNameBy(reader, i + 1)) return undefined
  }
  return { next: i, distinct }
}

/** True if what stands behind a word makes a name of it, or may. */
function isNameBy({ tokens }: ShapeReader, behind: number): boolean {
  const word = tokens.word(behind)
  if (behind >= tokens.length || /^(FROM|AS)$/.test(word)) return true
  return tokens.type(behind) === tokenType.punctuation && word !== '('
}

/** Reads the SELECT that a range of tokens holds, without a WITH; undefined if it is none. */
export function readSelect(
  reader: ShapeReader,
  bounds: Tokens,
): { readonly shape: QueryShape; readonly clauses: Clauses } | undefined {
  if (reader.tokens.word(bounds.from) !== 'SELECT') return undefined
  const modifiers = readModifiers(reader, bounds.from + 1)
  const clauses = modifiers === undefined ? undefined : findClauses(reader, modifiers.next, bounds.to)
  if (modifiers === undefined || clauses === undefined) return undefined
  const items = readItems(reader, clauses.items)
  const source = sourceOf(clauses)
  if (items === undefined || source === 'unreadable') return undefined
  const parts = readParts(reader, clauses)
  if (parts === undefined) return undefined
  if (clauses.window !== undefined) reader.obstacles.add('WINDOW')
  if (source !== undefined) noteSamples(reader, source)
  const shape: QueryShape = {
    dialect: reader.syntax.dialect,
    span: reader.span(bounds),
    distinct: modifiers.distinct,
    items,
    itemsSpan: reader.span(clauses.items),
    ...(source === undefined ? {} : { source: reader.span(source) }),
    ...(clauses.where === undefined
      ? {}
      : { where: reader.span({ from: clauses.where.from + 1, to: clauses.where.to }) }),
    ...parts,
    obstacles: [...reader.obstacles],
  }
  return { shape, clauses }
}

function readItems(reader: ShapeReader, range: Tokens): readonly SelectItem[] | undefined {
  const items: SelectItem[] = []
  for (const part of reader.split(range)) {
    const item = readItem(reader, part)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}

/** FROM and WHERE; either may be missing, but not what stands behind their words. */
function sourceOf({ from, where }: Clauses): Tokens | 'unreadable' | undefined {
  for (const clause of [from, where]) if (clause !== undefined && clause.to - clause.from < 2) return 'unreadable'
  const first = from ?? where
  return first === undefined ? undefined : { from: first.from, to: (where ?? first).to }
}

type Parts = Pick<QueryShape, 'groupBy' | 'having' | 'orderBy' | 'limit'>

function readParts(reader: ShapeReader, clauses: Clauses): Parts | undefined {
  const { group, having, order, limit } = clauses
  const parts: { -readonly [Part in keyof Parts]: Parts[Part] } = {}
  if (group !== undefined) {
    const keys = readGroupKeys(reader, { from: group.from + 2, to: group.to })
    if (keys === undefined) return undefined
    parts.groupBy = { span: reader.span(group), keys }
  }
  if (having !== undefined) {
    const condition = readExpression(reader, { from: having.from + 1, to: having.to })
    if (condition === undefined) return undefined
    parts.having = { span: reader.span(having), condition }
  }
  if (order !== undefined) {
    const keys = readSortKeys(reader, { from: order.from + 2, to: order.to })
    if (keys === undefined) return undefined
    parts.orderBy = { span: reader.span(order), keys }
  }
  if (limit !== undefined) {
    const read = readLimit(reader, limit)
    if (read === undefined) return undefined
    parts.limit = read
  }
  return parts
}

/** `TABLESAMPLE` takes other rows on each server. */
function noteSamples({ tokens, obstacles, syntax }: ShapeReader, { from, to }: Tokens): void {
  if (syntax.dialect !== 'postgres') return
  for (let i = from; i < to; i++) if (tokens.word(i) === 'TABLESAMPLE') obstacles.add('TABLESAMPLE')
}
