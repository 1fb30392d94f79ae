import * as fc from 'fast-check'
import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { effectOf } from '../../src/routing/effect.ts'
import type { Analysis } from '../../src/statement/analysis.ts'
import { createMysqlAnalyzer } from '../../src/statement/mysql.ts'
import { mysqlSafeFunctions } from '../../src/statement/mysql/functions.ts'
import { dsnOf } from '../../src/testing/index.ts'
import { freshDatabase, sharedServer, type TestDatabase, testedEngines } from '../support/servers.ts'
import { corpusSchema, readCorpus } from './engine-corpus.ts'
import { randomQuery, randomQueryRows, restriction } from './random-query.ts'

/** ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION. */
const refusedAsWrite = 1792

describe.runIf(testedEngines.includes('mysql'))('MariaDB agrees about reads', () => {
  const analyzer = createMysqlAnalyzer()
  const account = { user: `soundness_${process.pid}`, password: 'soundness' }
  let database: TestDatabase
  let admin: Connection
  let connection: Connection

  beforeAll(async () => {
    database = await freshDatabase('mysql')
    const name = new URL(database.dsn).pathname.slice(1)
    const server = sharedServer('mysql')
    admin = await createConnection({ uri: dsnOf(server, name, true) })
    for (const statement of corpusSchema('mysql').split(/;\n/))
      if (statement.trim() !== '') await admin.query(statement)
    await admin.query(`create user ${account.user} identified by '${account.password}'`)
    await admin.query(`grant all on \`${name}\`.* to ${account.user}`)
    const { host, port } = server
    connection = await createConnection({ host, port, database: name, ...account, multipleStatements: true })
    await connection.query('set session max_statement_time = 2')
  })

  afterAll(async () => {
    await connection.end()
    await admin.query(`drop user ${account.user}`)
    await admin.end()
    await database.drop()
  })

  const isRead = (sql: string): boolean =>
    effectOf(analyzer.analyze(sql), (fn) =>
      fn.schema === undefined && mysqlSafeFunctions.has(fn.name) ? 'safe' : 'unknown',
    ).effect === 'read'

  /** What the server says of the text in a read-only transaction: 0, or its error number. */
  const judge = async (sql: string): Promise<number> => {
    await connection.query('rollback; set session transaction read only; start transaction read only')
    try {
      await connection.query(sql)
      return 0
    } catch (error) {
      const { errno } = error as { errno?: unknown }
      if (typeof errno !== 'number' || errno <= 0) throw error
      return errno
    }
  }

  test('on whatever texts are made from pieces of the corpus', async () => {
    const samples = readCorpus('mysql')
      .filter(({ sql, kind }) => /^(read|locking-read|write|ddl)$/.test(kind) && !sql.includes('?'))
      .map(({ sql }) => sql)
      .filter((sql) => !/kill|shutdown|flush|sleep|benchmark|wait|set |local infile/i.test(sql))
    const split = /(?<=[ (),;'"*/])/
    const pieces = [
      ...samples.flatMap((sql) => sql.split(split)),
      '/*!',
      '/*!40000 ',
      '/*!99999 ',
      '*/',
      '-- ',
      '# ',
      "'",
      '"',
      "\\'",
      ';',
      '\n',
    ]
    const text = fc
      .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(3), fc.array(fc.constantFrom(...pieces), { maxLength: 3 }))
      .map(([sql, at, length, added]) => {
        const parts = sql.split(split)
        parts.splice(at % (parts.length + 1), length, ...added)
        return parts.join('')
      })
    const answers = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(text, async (sql) => {
        const answer = await judge(sql)
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
        if (answer === refusedAsWrite) expect(isRead(sql)).toBe(false)
      }),
      { numRuns: 5000 },
    )
    console.log(`MariaDB: ${answers.get(0) ?? 0} texts accepted, ${answers.get(refusedAsWrite) ?? 0} refused as writes`)
    expect(answers.get(refusedAsWrite)).toBeGreaterThan(100)
  })

  test('the values of a query hold for every row that matters: without the other rows, the server answers the same', async () => {
    await connection.query('rollback')
    for (const table of ['t', 'u']) {
      await admin.query(`create table ${table} (a int, b int, c int)`)
      await admin.query(`insert into ${table} values ?`, [randomQueryRows])
    }
    let restricted = 0
    await fc.assert(
      fc.asyncProperty(randomQuery('mysql'), async (sql) => {
        const analysis = analyzer.analyze(sql)
        expect(analysis.kind).toBe('read')
        if (analysis.values.length === 0) return
        restricted++
        expect(await answer(restrict(sql, analysis))).toEqual(await answer(sql))
      }),
      { numRuns: 2000 },
    )
    expect(restricted).toBeGreaterThan(100)
  })

  const answer = async (sql: string): Promise<string[]> => {
    const [found] = await connection.query({ sql, rowsAsArray: true })
    return (found as readonly unknown[]).map((row) => JSON.stringify(row)).sort()
  }
})

/** The query with a subquery in the place of each table, which leaves out the rows that its values exclude. */
function restrict(sql: string, { tables, values }: Analysis): string {
  const places = tables.flatMap(({ name, spans }) => spans.map((span) => ({ ...span, name })))
  return places
    .sort((left, right) => right.start - left.start)
    .reduce(
      (text, { start, end, name }) =>
        `${text.slice(0, start)}(select * from ${name} where ${restriction(values, name)})${text.slice(end)}`,
      sql,
    )
}
