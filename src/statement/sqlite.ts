import type { Analyzer, AnalyzerLimits } from './analyzer.ts'
import { sqliteSafeFunctions } from './sqlite/functions.ts'
import { defaultAnalyzerLimits } from './analyzer.ts'
import { lexSqlite } from './sqlite/lexer.ts'
import { isSqliteCompound, readSqliteStatement } from './sqlite/statements.ts'
import { aggregateNames } from './shape/aggregate-names.ts'
import { rowFunctions } from './shallow/select-columns.ts'
import type { DialectSyntax } from './shallow/syntax-walk.ts'
import { analyzeHead, analyzeTokens, headOf, isTooLong } from './shallow/text-analysis.ts'

/** Keywords that SQLite never takes for a name (https://sqlite.org/lang_keywords.html, less those that fall back). */
const reserved: ReadonlySet<string> = new Set(
  `ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE
  DISTINCT DROP ELSE ESCAPE EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN LIMIT
  NOT NOTHING NOTNULL NULL ON OR ORDER PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNION UNIQUE
  UPDATE USING VALUES WHEN WHERE`.split(/\s+/),
)

const notFunctions: ReadonlySet<string> = new Set([...reserved, 'BY', 'CAST'])

const syntax: DialectSyntax = {
  dialect: 'sqlite',
  reserved,
  notFunctions,
  rowFunctions: rowFunctions(sqliteSafeFunctions, aggregateNames.sqlite),
  stringNames: true,
  functionTablePrefix: 'pragma_',
  tableFunctions: /^(pragma_.*|jsonb?_(each|tree)|generate_series|fts3tokenize|carray|bytecode|tables_used)$/i,
  mutualWith: true,
}

/**
 * The analyzer for SQLite: an own lexer, and a shallow walk that finds out what a statement does, to which tables, with
 * which functions and values. It doesn't check grammar: SQLite does.
 */
export function createSqliteAnalyzer(limits: AnalyzerLimits = defaultAnalyzerLimits): Analyzer {
  return {
    dialect: 'sqlite',
    analyze: (sql) =>
      isTooLong(sql, limits)
        ? analyzeHead(lexSqlite(headOf(sql, limits)), syntax)
        : analyzeTokens(lexSqlite(sql), syntax, readSqliteStatement, isSqliteCompound),
  }
}
