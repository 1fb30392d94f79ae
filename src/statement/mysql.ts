import type { Analysis } from './analysis.ts'
import type { Analyzer, AnalyzerLimits } from './analyzer.ts'
import { notUnderstood } from './not-understood.ts'
import { mysqlSafeFunctions } from './mysql/functions.ts'
import { defaultAnalyzerLimits } from './analyzer.ts'
import type { MysqlReading } from './mysql/lexer.ts'
import { lexMysql, usualReading } from './mysql/lexer.ts'
import { isMysqlCompound, readMysqlStatement } from './mysql/statements.ts'
import { mysqlNotFunctions, mysqlReserved, mysqlWriteWords } from './mysql/words.ts'
import { aggregateNames } from './shape/aggregate-names.ts'
import { rowFunctions } from './shallow/select-columns.ts'
import type { DialectSyntax } from './shallow/syntax-walk.ts'
import { analyzeHead, analyzeTokens, headOf, isTooLong } from './shallow/text-analysis.ts'
import { tokenType } from './shallow/token-list.ts'
import type { TokenList } from './shallow/token-list.ts'

const syntax: DialectSyntax = {
  dialect: 'mysql',
  reserved: mysqlReserved,
  notFunctions: mysqlNotFunctions,
  rowFunctions: rowFunctions(mysqlSafeFunctions, aggregateNames.mysql),
  stringNames: false,
  functionTablePrefix: undefined,
  tableFunctions: /./,
  mutualWith: false,
}

/**
 * The analyzer for MySQL and MariaDB: an own lexer, and a shallow walk that finds out what a statement does, to which
 * tables, with which functions and values. It doesn't check grammar: the server does.
 *
 * A text can mean different things to servers with different settings (`NO_BACKSLASH_ESCAPES`, `ANSI_QUOTES`) and
 * versions (executable comments). Where that makes a difference, all meanings are looked at, and a text that is a read
 * in one and something else in another is `unknown`.
 */
export function createMysqlAnalyzer(limits: AnalyzerLimits = defaultAnalyzerLimits): Analyzer {
  return {
    dialect: 'mysql',
    analyze: (sql) => (isTooLong(sql, limits) ? analyzeLong(headOf(sql, limits)) : analyzeWhole(sql)),
  }
}

function analyzeLong(head: string): Analysis {
  return analyzeHead(lexMysql(head), syntax)
}

function analyzeWhole(sql: string): Analysis {
  const tokens = lexMysql(sql)
  let analysis = analyzeTokens(tokens, syntax, readMysqlStatement, isMysqlCompound)
  for (const reading of otherQuoting(tokens)) analysis = weighQuoting(analysis, lexMysql(sql, reading))
  if (tokens.executableTokens.length > 0) analysis = weighComments(analysis, tokens)
  return analysis
}

/** Readings in which the strings of the text end elsewhere. */
function otherQuoting(tokens: TokenList): MysqlReading[] {
  const readings: MysqlReading[] = []
  if (tokens.escapedSingle || tokens.escapedDouble)
    readings.push({ singleEscapes: false, doubleEscapes: false, runComments: true })
  if (tokens.escapedSingle && tokens.escapedDouble)
    readings.push({ singleEscapes: true, doubleEscapes: false, runComments: true })
  return readings
}

/** A server that reads the strings differently either refuses the text as a whole, or must find the same in it. */
function weighQuoting(analysis: Analysis, other: TokenList): Analysis {
  if (other.trouble !== '' && !other.words.includes(';')) return analysis
  const second = analyzeTokens(other, syntax, readMysqlStatement, isMysqlCompound)
  if (agree(analysis, second)) return withSharedValues(analysis, second)
  return notUnderstood('mysql', 'what the text does depends on how the server reads backslashes in strings')
}

function agree(a: Analysis, b: Analysis): boolean {
  return a.kind === b.kind && tableKey(a) === tableKey(b) && functionKey(a) === functionKey(b)
}

/** The analysis, with what it says of rows only if the other one says the same. */
function withSharedValues(analysis: Analysis, other: Analysis): Analysis {
  const same = valueKey(analysis) === valueKey(other)
  return same ? analysis : Object.freeze({ ...analysis, ...nothingOfRows })
}

const nothingOfRows = Object.freeze({ values: Object.freeze([]), appearances: Object.freeze([]) })

function valueKey({ values, appearances }: Analysis): string {
  return JSON.stringify([values, appearances], (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
}

function tableKey(analysis: Analysis): string {
  return analysis.tables.map((table) => `${table.schema ?? ''}\0${table.name}\0${table.access}`).join('\n')
}

function functionKey(analysis: Analysis): string {
  return analysis.functions.map((call) => `${call.schema ?? ''}\0${call.name}`).join('\n')
}

/**
 * Executable comments are code for some servers and nothing for others. The text is what it is with them; but a read
 * must be a read without them too, and nothing in them may begin something else.
 */
function weighComments(analysis: Analysis, tokens: TokenList): Analysis {
  const skipped = lexMysql(tokens.sql, { ...usualReading, runComments: false })
  const sameEnds = skipped.executableEnds.join() === tokens.executableEnds.join()
  if (analysis.kind === 'unknown') return analysis
  const without = analyzeTokens(skipped, syntax, readMysqlStatement, isMysqlCompound)
  if (analysis.kind === 'read') {
    const harmless = sameEnds && (without.kind === 'read' || without.statements === 0) && !startsChange(tokens)
    if (!harmless)
      return notUnderstood('mysql', 'what the text does depends on whether the server runs its executable comments')
  }
  if (sameEnds && agree(analysis, without) && tokens.executableEnds.length === 1)
    return withSharedValues(analysis, without)
  return Object.freeze({
    ...analysis,
    ...nothingOfRows,
    complete: sameEnds && (without.statements === 0 || agree(analysis, without)),
  })
}

/** True if a word inside an executable comment could begin a change. */
function startsChange(tokens: TokenList): boolean {
  const { executableTokens } = tokens
  for (let pair = 0; pair + 1 < executableTokens.length; pair += 2) {
    for (let i = executableTokens[pair] ?? 0; i < (executableTokens[pair + 1] ?? 0); i++)
      if (tokens.type(i) === tokenType.word && mysqlWriteWords.has(tokens.word(i))) return true
  }
  return false
}
