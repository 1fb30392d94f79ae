import { lexMysql } from '../mysql/lexer.ts'
import { mysqlReserved } from '../mysql/words.ts'
import { lexPostgres } from '../postgres/lexer.ts'
import type { TokenList } from '../shallow/token-list.ts'
import { lexSqlite } from '../sqlite/lexer.ts'
import type { Dialect } from '../statement.ts'
import { aggregateNames } from './aggregate-names.ts'

/** What the reader of shapes has to know of a dialect: the words that decide where an expression ends. */
export interface ShapeSyntax {
  readonly dialect: Dialect
  readonly lex: (sql: string) => TokenList
  readonly aggregates: ReadonlySet<string>
  /** Words that are no column, unless a bracket follows. */
  readonly reserved: ReadonlySet<string>
  /** Words that are no column but a value. */
  readonly values: ReadonlySet<string>
  /** Words that are no alias without AS. */
  readonly noBareAlias: ReadonlySet<string>
  /** Words between two operands. */
  readonly infix: ReadonlySet<string>
  /** Words in front of an operand. */
  readonly prefix: ReadonlySet<string>
  /** Words behind an operand. */
  readonly postfix: ReadonlySet<string>
  /** Operators; on PostgreSQL, where everybody may make more, the characters that they are made of. */
  readonly isOperator: (text: string) => boolean
  /** True for keys `+1`: unary plus is nothing on this engine. */
  readonly plusIsNothing: boolean
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

const operators = words('+ - * / % = <> != < <= > >= << >> & | || -> ->>')
const mysqlOperators = words('<=> := && ^ ! ~')
const sqliteOperators = words('== ~')

// `select catcode, barelabel from pg_get_keywords()` gives both lists.
const postgresReserved = words(`
  ALL ANALYSE ANALYZE AND ANY AS ASC ASYMMETRIC BOTH CAST CHECK COLLATE COLUMN CONSTRAINT CREATE DEFAULT DEFERRABLE DESC
  DISTINCT DO ELSE END EXCEPT FETCH FOR FOREIGN FROM GRANT GROUP HAVING IN INITIALLY INTERSECT INTO LATERAL LEADING
  LIMIT NOT OFFSET ON ONLY OR ORDER PLACING PRIMARY REFERENCES RETURNING SELECT SOME SYMMETRIC TABLE THEN TO TRAILING
  UNION UNIQUE USING VARIADIC WHEN WHERE WINDOW WITH`)

const postgresNoBareAlias = words(`
  ARRAY AS CHAR CHARACTER CREATE DAY EXCEPT FETCH FILTER FOR FROM GRANT GROUP HAVING HOUR INTERSECT INTO ISNULL LIMIT
  MINUTE MONTH NOTNULL OFFSET ON ORDER OVER OVERLAPS PRECISION RETURNING SECOND TO UNION VARYING WHERE WINDOW WITH WITHIN
  WITHOUT YEAR`)

/** Keywords that SQLite never takes for a name (https://sqlite.org/lang_keywords.html, less those that fall back). */
const sqliteReserved = words(`
  ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE
  DISTINCT DROP ELSE ESCAPE EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN LIMIT
  NOT NOTHING NOTNULL ON OR ORDER PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNION UNIQUE UPDATE
  USING VALUES WHEN WHERE CROSS INNER LEFT NATURAL OUTER RIGHT FULL`)

const postgres: ShapeSyntax = {
  dialect: 'postgres',
  lex: lexPostgres,
  aggregates: aggregateNames.postgres,
  reserved: postgresReserved,
  values: words(`
    NULL TRUE FALSE CURRENT_CATALOG CURRENT_DATE CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
    LOCALTIME LOCALTIMESTAMP SESSION_USER SYSTEM_USER USER`),
  noBareAlias: postgresNoBareAlias,
  infix: words('AND OR NOT IN LIKE ILIKE BETWEEN COLLATE ESCAPE OVERLAPS'),
  prefix: words('NOT SYMMETRIC ASYMMETRIC'),
  // What follows a type (`double precision`, `interval day to second`, `int array`) as well as operators.
  postfix: words('ISNULL NOTNULL YEAR MONTH DAY HOUR MINUTE SECOND TO PRECISION VARYING CHARACTER CHAR ARRAY'),
  isOperator: (text) => /^[+\-*/<>=~!@#%^&|`?]+$/.test(text),
  plusIsNothing: false,
}

const mysqlValues = words(`
  NULL TRUE FALSE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURRENT_ROLE LOCALTIME LOCALTIMESTAMP UTC_DATE
  UTC_TIME UTC_TIMESTAMP`)

const mysql: ShapeSyntax = {
  dialect: 'mysql',
  lex: lexMysql,
  aggregates: aggregateNames.mysql,
  reserved: mysqlReserved,
  values: mysqlValues,
  noBareAlias: mysqlReserved,
  infix: words('AND OR XOR NOT IN LIKE BETWEEN COLLATE ESCAPE DIV MOD REGEXP RLIKE'),
  prefix: words('NOT BINARY'),
  postfix: new Set(),
  isOperator: (text) => operators.has(text) || mysqlOperators.has(text),
  plusIsNothing: true,
}

const sqlite: ShapeSyntax = {
  dialect: 'sqlite',
  lex: lexSqlite,
  aggregates: aggregateNames.sqlite,
  reserved: sqliteReserved,
  values: words('NULL TRUE FALSE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP'),
  noBareAlias: sqliteReserved,
  infix: words('AND OR NOT IN LIKE BETWEEN COLLATE ESCAPE GLOB REGEXP MATCH'),
  prefix: words('NOT'),
  postfix: words('ISNULL NOTNULL'),
  isOperator: (text) => operators.has(text) || sqliteOperators.has(text),
  plusIsNothing: true,
}

export const shapeSyntaxes: Readonly<Record<Dialect, ShapeSyntax>> = { postgres, mysql, sqlite }
