import type { TokenList } from './shallow/token-list.ts'
import { shapeSyntaxes } from './shape/shape-syntax.ts'
import type { Dialect } from './statement.ts'

/** A comment of a text, as the dialect has them. */
export interface TextComment {
  /** What stands in it. */
  readonly text: string
  /** A line, or a block between its marks. */
  readonly isLine: boolean
  /** `start`: before everything else; `end`: behind everything but semicolons. */
  readonly place: 'start' | 'within' | 'end'
}

/** The comments of a text; those up to the place from which on it cannot be read. */
export interface TextComments {
  readonly comments: readonly TextComment[]
  /** Whether it could be read to its end. */
  readonly isWhole: boolean
}

/** What stands in strings and quoted names is no comment; MySQL's executable comments are none either. */
export function commentsOf(sql: string, dialect: Dialect): TextComments {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  const isWhole = tokens.trouble === ''
  const comments: TextComment[] = []
  const last = lastIndexBut(tokens, ';')
  const gaps = isWhole || tokens.length === 0 ? tokens.length + 1 : tokens.length
  for (let gap = 0; gap < gaps; gap += 1) {
    const from = gap === 0 ? 0 : tokens.end(gap - 1)
    const to = gap < tokens.length ? tokens.start(gap) : sql.length
    const place = gap === 0 ? 'start' : isWhole && gap > last ? 'end' : 'within'
    for (const comment of blanksAndComments(sql, from, to, dialect)) comments.push({ ...comment, place })
  }
  return { comments, isWhole }
}

function lastIndexBut(tokens: TokenList, word: string): number {
  let index = tokens.length - 1
  while (index >= 0 && tokens.word(index) === word) index -= 1
  return index
}

/** Begins, or ends, what is code to some servers. */
const executableMark = /^(?:\/\*M?!|\*\/)/

/** The comments in a part of a text that holds nothing but blanks, comments, and the marks of executable comments. */
function* blanksAndComments(
  sql: string,
  from: number,
  to: number,
  dialect: Dialect,
): Generator<Omit<TextComment, 'place'>> {
  let position = from
  while (position < to) {
    const two = sql.slice(position, position + 2)
    if (two === '--' || (two.startsWith('#') && dialect === 'mysql')) {
      const end = endOfLine(sql, position, to, dialect)
      yield { text: sql.slice(position + (two === '--' ? 2 : 1), end), isLine: true }
      position = end
    } else if (dialect === 'mysql' && executableMark.test(sql.slice(position, position + 4))) {
      position += two === '*/' ? 2 : 3
      while (/[\d!]/.test(sql.charAt(position)) && position < to) position += 1
    } else if (two === '/*') {
      const end = endOfBlock(sql, position, dialect === 'postgres')
      // One without an end is the last thing that can be read.
      if (end > to) return
      yield { text: sql.slice(position + 2, end - 2), isLine: false }
      position = end
    } else if (sql.charCodeAt(position) <= 0x20) position += 1
    else return
  }
}

function endOfLine(sql: string, from: number, to: number, dialect: Dialect): number {
  const length = sql.slice(from, to).search(dialect === 'postgres' ? /[\n\r]/ : /\n/)
  return length < 0 ? to : from + length
}

/** Behind its end; beyond the text if it has none. */
function endOfBlock(sql: string, from: number, nests: boolean): number {
  const marks = /\/\*|\*\//g
  marks.lastIndex = from + 2
  let depth = 1
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    if (mark[0] === '*/') depth -= 1
    else if (nests) depth += 1
    if (depth === 0) return marks.lastIndex
  }
  return sql.length + 1
}
