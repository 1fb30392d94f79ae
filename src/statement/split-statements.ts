import type { TokenList } from './shallow/token-list.ts'
import type { Dialect } from './statement.ts'

/** One statement of a text that holds several. */
export interface SplitStatement {
  /** Without the semicolon, and without comments before and behind it. */
  readonly sql: string
  /** The line of the text that it begins in, from 1. */
  readonly line: number
}

interface Splitter {
  readonly lex: (text: string) => TokenList
  /** Whether the statement that begins there may hold others, between BEGIN and END. */
  readonly isCompound: (tokens: TokenList, from: number) => boolean
}

/**
 * The statements of a text, split at its semicolons by the lexical rules of the dialect: not at those in strings, quoted names,
 * comments, and the bodies of triggers and routines. What is no SQL to the dialect (`\connect` of psql, `DELIMITER` of
 * mysql) is part of a statement. Where the text cannot be read on, such as at a string that is not closed, the rest is one statement.
 *
 * @example
 * ```ts
 * import { splitStatements } from 'signalbox'
 *
 * const statements = await splitStatements("select ';'; -- one\nselect 2;", 'sqlite')
 * console.log(statements.map(({ sql, line }) => `${line}: ${sql}`)) // [ "1: select ';'", '2: select 2' ]
 * ```
 */
export async function splitStatements(text: string, dialect: Dialect): Promise<readonly SplitStatement[]> {
  const { lex, isCompound } = await loadSplitter(dialect)
  const tokens = lex(text)
  const statements: SplitStatement[] = []
  let [line, counted] = [1, 0]
  for (let from = 0; from < tokens.length;) {
    const to = endOfStatement(tokens, from, isCompound(tokens, from))
    if (to > from) {
      const start = tokens.start(from)
      line += lineEnds(text, counted, start)
      counted = start
      const isRest = to === tokens.length && tokens.trouble !== ''
      statements.push({ sql: isRest ? text.slice(start).trimEnd() : statementText(tokens, from, to), line })
    }
    from = to + 1
  }
  return statements
}

/** Loads no more than one dialect needs. */
async function loadSplitter(dialect: Dialect): Promise<Splitter> {
  switch (dialect) {
    case 'postgres': {
      const { lexPostgres } = await import('./postgres/lexer.ts')
      return { lex: lexPostgres, isCompound: (tokens, from) => tokens.word(from) === 'CREATE' }
    }
    case 'mysql': {
      const [{ lexMysql }, { isMysqlCompound }] = await Promise.all([
        import('./mysql/lexer.ts'),
        import('./mysql/statements.ts'),
      ])
      return { lex: (text) => lexMysql(text), isCompound: isMysqlCompound }
    }
    case 'sqlite': {
      const [{ lexSqlite }, { isSqliteCompound }] = await Promise.all([
        import('./sqlite/lexer.ts'),
        import('./sqlite/statements.ts'),
      ])
      return { lex: (text) => lexSqlite(text), isCompound: isSqliteCompound }
    }
  }
}

/** What ends these was not counted as begun: `IF` and `REPEAT` are functions, too. */
const otherEnds = /^(?:IF|LOOP|WHILE|REPEAT|FOR)$/

/** The index of the semicolon that ends the statement, or that behind the last token. */
function endOfStatement(tokens: TokenList, from: number, isCompound: boolean): number {
  let depth = 0
  for (let i = from; i < tokens.length; i++) {
    const word = tokens.word(i)
    if (word === ';' && depth === 0) return i
    if (!isCompound) continue
    if (word === 'BEGIN' || (word === 'CASE' && tokens.word(i - 1) !== 'END')) depth++
    else if (word === 'END' && depth > 0 && !otherEnds.test(tokens.word(i + 1))) depth--
  }
  return tokens.length
}

function statementText(tokens: TokenList, from: number, to: number): string {
  const { sql } = tokens
  const [start, end] = [tokens.start(from), tokens.end(to - 1)]
  // The marks of MySQL's executable comments are no tokens, but belong to what is in them.
  const isMarked = tokens.executableTokens.some((index) => index >= from && index <= to)
  if (!isMarked) return sql.slice(start, end)
  const behind = from === 0 ? 0 : tokens.end(from - 1)
  return sql.slice(behind, to < tokens.length ? tokens.start(to) : sql.length).trim()
}

function lineEnds(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++
  return count
}
