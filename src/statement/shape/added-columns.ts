import type { Span } from '../analysis.ts'
import { type TokenList, tokenType } from '../shallow/token-list.ts'
import type { Dialect } from '../statement.ts'
import { shapeSyntaxes } from './shape-syntax.ts'

/** One `ADD COLUMN`, as it stands in its text. */
export interface AddedColumn {
  /** Without quotes; a bare name as it is written. */
  readonly name: string
  /** The name, and all that follows it. */
  readonly definition: Span
  /** `IF NOT EXISTS`. */
  readonly isOptional: boolean
  /** The tables behind `REFERENCES`: as they are written, with their schemas, and their own names. */
  readonly references: readonly { readonly span: Span; readonly name: string }[]
  /** What stands in the brackets of `CHECK`. */
  readonly checks: readonly Span[]
}

/** An `ALTER TABLE` that adds columns and does nothing else. */
export interface AddedColumns {
  /** The name of the table, with its schema. */
  readonly target: Span
  /** The last part of that. */
  readonly name: Span
  readonly columns: readonly AddedColumn[]
}

/** Words that begin a constraint of the table where `COLUMN` is missing. */
const constraintWords: ReadonlySet<string> = new Set(['CONSTRAINT', 'CHECK', 'UNIQUE', 'PRIMARY', 'FOREIGN'])

/** `undefined`: the text is not understood, or does something else. Pure. */
export function readAddedColumns(sql: string, dialect: Dialect): AddedColumns | undefined {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  if (tokens.trouble !== '' || tokens.executableEnds.length > 0) return undefined
  if (tokens.word(0) !== 'ALTER' || tokens.word(1) !== 'TABLE') return undefined
  let at = 2
  if (tokens.word(at) === 'IF' && tokens.word(at + 1) === 'EXISTS') at += 2
  if (dialect === 'postgres' && tokens.word(at) === 'ONLY') at++
  const nameAt = at++
  while (tokens.word(at) === '.') at += 2
  const target = { start: tokens.start(nameAt), end: tokens.end(at - 1) }
  const name = { start: tokens.start(at - 1), end: tokens.end(at - 1) }
  if (dialect === 'postgres' && tokens.word(at) === '*') at++
  const length = tokens.word(tokens.length - 1) === ';' ? tokens.length - 1 : tokens.length
  const columns: AddedColumn[] = []
  while (at < length) {
    const end = actionEnd(tokens, at, length)
    const column = columnOf(tokens, at, end, dialect)
    if (column === undefined) return undefined
    columns.push(column)
    at = end + 1
  }
  return columns.length === 0 ? undefined : { target, name, columns }
}

function columnOf(tokens: TokenList, from: number, end: number, dialect: Dialect): AddedColumn | undefined {
  if (tokens.word(from) !== 'ADD') return undefined
  const hasWord = tokens.word(from + 1) === 'COLUMN'
  let at = from + (hasWord ? 2 : 1)
  const isOptional = dialect !== 'sqlite' && tokens.word(at) === 'IF' && tokens.word(at + 1) === 'NOT'
  if (isOptional) at += 3
  if (at >= end || (!hasWord && isConstraint(tokens, at, dialect))) return undefined
  const references: AddedColumn['references'][number][] = []
  const checks: Span[] = []
  for (let i = at + 1; i < end; i++) {
    const word = tokens.word(i)
    if (word === 'REFERENCES') references.push(tableAt(tokens, i + 1))
    if (word === 'CHECK' && tokens.word(i + 1) === '(')
      checks.push({ start: tokens.end(i + 1), end: tokens.start(tokens.partner(i + 1)) })
    // What an expression is made of is no clause of the definition.
    if (word === '(') i = tokens.partner(i)
  }
  const definition = { start: tokens.start(at), end: tokens.end(end - 1) }
  return { name: tokens.unquoted(at), definition, isOptional, references, checks }
}

/** `EXCLUDE` is a name in PostgreSQL, unless what it excludes by follows. */
function isConstraint(tokens: TokenList, at: number, dialect: Dialect): boolean {
  const next = tokens.word(at + 1)
  return (
    constraintWords.has(tokens.word(at)) ||
    (dialect === 'postgres' && tokens.word(at) === 'EXCLUDE' && (next === 'USING' || next === '('))
  )
}

function tableAt(tokens: TokenList, from: number): AddedColumn['references'][number] {
  let last = from
  while (tokens.word(last + 1) === '.' && tokens.type(last + 2) !== tokenType.punctuation) last += 2
  return { span: { start: tokens.start(from), end: tokens.end(last) }, name: tokens.unquoted(last) }
}

/** The comma, outside of brackets, that ends an action, or the end. */
function actionEnd(tokens: TokenList, from: number, length: number): number {
  for (let i = from; i < length; i++) {
    if (tokens.word(i) === ',') return i
    if (tokens.word(i) === '(') i = tokens.partner(i)
  }
  return length
}
