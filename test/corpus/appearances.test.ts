import { DatabaseSync } from 'node:sqlite'
import * as fc from 'fast-check'
import { createConnection } from 'mysql2/promise'
import { Client, DatabaseError } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Analysis } from '../../src/statement/analysis.ts'
import type { Analyzer } from '../../src/statement/analyzer.ts'
import { createMysqlAnalyzer } from '../../src/statement/mysql.ts'
import { createPostgresAnalyzer } from '../../src/statement/postgres.ts'
import { createSqliteAnalyzer } from '../../src/statement/sqlite.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'
import { checkClaims, type OracleServer } from './appearance-oracle.ts'
import { joinedStatements } from './joined-statements.ts'
import { joinedRows, joinedTables, randomJoin, type JoinDialect } from './random-join.ts'

interface Opened extends OracleServer, AsyncDisposable {
  readonly analyzer: Analyzer
}

/** The statements that fill the tables, and those that make empty ones in another schema. */
function schemaStatements(other: string): string[] {
  return Object.entries(joinedTables).flatMap(([table, columns]) => {
    const definition = `(${columns.map((column) => `${column} integer`).join(', ')})`
    const rows = joinedRows(table).map((row) => `(${row.map((value) => value ?? 'null').join(', ')})`)
    return [
      `create table ${table} ${definition}`,
      `insert into ${table} values ${rows.join(', ')}`,
      `create table ${other}.${table} ${definition}`,
    ]
  })
}

async function openPostgres(): Promise<Opened> {
  const database = await freshDatabase('postgres')
  const client = new Client({ connectionString: database.dsn })
  await client.connect()
  await client.query(['create schema part', ...schemaStatements('part')].join(';'))
  return {
    analyzer: await createPostgresAnalyzer(),
    empty: (table) => `part.${table}`,
    run: async (text) => {
      try {
        return (await client.query<unknown[]>({ text, rowMode: 'array' })).rows
      } catch (error) {
        if (error instanceof DatabaseError) return undefined
        throw error
      }
    },
    [Symbol.asyncDispose]: async () => {
      await client.end()
      await database.drop()
    },
  }
}

async function openMariadb(): Promise<Opened> {
  const [database, part] = [await freshDatabase('mysql'), await freshDatabase('mysql')]
  const name = `\`${new URL(part.dsn).pathname.slice(1)}\``
  const connection = await createConnection({ uri: database.dsn, rowsAsArray: true })
  for (const statement of schemaStatements(name)) await connection.query(statement)
  return {
    analyzer: createMysqlAnalyzer(),
    empty: (table) => `${name}.${table}`,
    run: async (text) => {
      try {
        const [rows] = await connection.query(text)
        return Array.isArray(rows) ? (rows as unknown[][]) : []
      } catch (error) {
        if (typeof (error as { errno?: unknown }).errno === 'number') return undefined
        throw error
      }
    },
    [Symbol.asyncDispose]: async () => {
      await connection.end()
      await database.drop()
      await part.drop()
    },
  }
}

function openSqlite(): Promise<Opened> {
  const database = new DatabaseSync(':memory:')
  database.exec("attach ':memory:' as part")
  for (const statement of schemaStatements('part')) database.exec(statement)
  return Promise.resolve({
    analyzer: createSqliteAnalyzer(),
    empty: (table) => `part.${table}`,
    run: (text) => {
      try {
        const statement = database.prepare(text)
        statement.setReturnArrays(true)
        return Promise.resolve(statement.all() as unknown as unknown[][])
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ERR_SQLITE_ERROR') return Promise.resolve(undefined)
        throw error
      }
    },
    [Symbol.asyncDispose]: () => {
      database.close()
      return Promise.resolve()
    },
  })
}

const openings: Readonly<Record<JoinDialect, () => Promise<Opened>>> = {
  postgres: openPostgres,
  mysql: openMariadb,
  sqlite: openSqlite,
}

/** How many of the random statements each server is asked about. */
const randomStatements = { postgres: 400, mysql: 1000, sqlite: 3000 }

describe.each(testedEngines)('what an appearance claims of its rows, on %s', (dialect) => {
  let server: Opened

  beforeAll(async () => {
    server = await openings[dialect]()
  })

  afterAll(() => server[Symbol.asyncDispose]())

  test('is true of statements written by hand', async () => {
    let checked = 0
    const wrong: string[] = []
    const refused: string[] = []
    for (const sql of joinedStatements(dialect)) {
      const analysis = server.analyzer.analyze(sql)
      expect(analysis.kind, sql).not.toBe('unknown')
      const findings = await checkClaims(server, sql, analysis)
      if (findings === undefined) refused.push(sql)
      checked += findings?.checked ?? 0
      wrong.push(...(findings?.wrong ?? []))
    }
    console.log(`${dialect}: ${checked} claims of ${joinedStatements(dialect).length} statements`)
    expect(refused).toEqual([])
    expect(wrong).toEqual([])
    expect(checked).toBeGreaterThan(100)
  }, 120_000)

  test('is true of random statements', async () => {
    let accepted = 0
    let checked = 0
    const wrong: string[] = []
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const sql = randomJoin(dialect, seed)
        const findings = await checkClaims(server, sql, server.analyzer.analyze(sql))
        if (findings === undefined) return
        accepted += 1
        checked += findings.checked
        wrong.push(...findings.wrong)
      }),
      { numRuns: randomStatements[dialect] },
    )
    console.log(`${dialect}: ${checked} claims of ${accepted} random statements`)
    expect(wrong).toEqual([])
    expect(checked).toBeGreaterThan(300)
  }, 120_000)

  test.each([
    ['select * from t x left join u y on x.k = 1', 0, claim('k')],
    ['select * from t x left join u y on x.k = y.k', 0, equality('k', 1, 'k')],
    ['select * from t x right join u y on y.k = 1', 1, claim('k')],
    ['select * from t x where exists (select 1 from u y where y.k = x.k) or x.b = 1', 0, equality('k', 1, 'k')],
    ['update t set b = 9 where k = 1 or a = 1', 0, claim('k')],
    ['select * from t x join u y on x.k = y.k', 0, equality('b', 1, 'k')],
  ] as const)('a wrong claim would be found: %s', async (sql, place, added) => {
    const analysis = server.analyzer.analyze(sql)
    const appearances = analysis.appearances.map((each, index) => (index === place ? { ...each, ...added } : each))
    expect((await checkClaims(server, sql, { ...analysis, appearances }))?.wrong).toHaveLength(1)
  })
})

type Claims = Pick<Analysis['appearances'][number], 'conditions' | 'equalities'>

function claim(column: string): Claims {
  const values = [{ from: 'constant', value: 1 }] as const
  return { conditions: [{ column, operator: 'equals', values, certain: true }], equalities: [] }
}

function equality(column: string, other: number, otherColumn: string): Claims {
  return { conditions: [], equalities: [{ column, other, otherColumn, certain: true }] }
}
