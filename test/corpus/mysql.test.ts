import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, describe } from 'vitest'
import { createMysqlAnalyzer } from '../../src/statement/mysql.ts'
import { mysqlSafeFunctions } from '../../src/statement/mysql/functions.ts'
import { dsnOf } from '../../src/testing/index.ts'
import { freshDatabase, sharedServer, type TestDatabase, testedEngines } from '../support/servers.ts'
import { type CorpusOutcome, testCorpus } from './engine-corpus-tests.ts'
import { type CorpusStatement, corpusSchema, readCorpus } from './engine-corpus.ts'

/** ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: MariaDB's own word for "this is a write". */
const refusedAsWrite = 1792

describe.runIf(testedEngines.includes('mysql'))('MariaDB corpus', () => {
  const corpus = readCorpus('mysql')
  const analyzer = createMysqlAnalyzer()
  const account = { user: `corpus_${process.pid}`, password: 'corpus' }
  let database: TestDatabase
  let admin: Connection
  let outcomes: readonly CorpusOutcome[]

  beforeAll(async () => {
    database = await freshDatabase('mysql')
    const name = new URL(database.dsn).pathname.slice(1)
    const server = sharedServer('mysql')
    admin = await createConnection({ uri: dsnOf(server, name, true), multipleStatements: true })
    for (const statement of splitSchema(corpusSchema('mysql'))) await admin.query(statement)
    // No right to what acts on the whole server, so that no statement of the corpus can disturb other tests; but to
    // files, so that it comes to light what the server says of those that read and write them.
    await admin.query(`create user ${account.user} identified by '${account.password}'`)
    await admin.query(`grant file on *.* to ${account.user}`)
    await admin.query(`grant all on \`${name}\`.* to ${account.user}`)
    outcomes = await runAll(corpus, { host: server.host, port: server.port, database: name, ...account })
  })

  afterAll(async () => {
    await admin.query(`drop user ${account.user}`)
    await admin.end()
    await database.drop()
  })

  testCorpus({
    engine: 'MariaDB',
    corpus,
    analyzer,
    isSafe: (fn) => fn.schema === undefined && mysqlSafeFunctions.has(fn.name),
    refusedAsWrite,
    leastRefused: 120,
    outcomes: () => outcomes,
  })
})

/** The schema's statements; a routine or trigger stands on one line, with its semicolons. */
function splitSchema(text: string): string[] {
  return text
    .split(/;\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

interface Login {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}

/**
 * Runs each statement in a read-only transaction. The session is read-only too, because a definition first ends its
 * transaction: so the server refuses definitions as well, and nothing that it would change is changed.
 */
async function runAll(corpus: readonly CorpusStatement[], login: Login): Promise<CorpusOutcome[]> {
  const outcomes: CorpusOutcome[] = []
  for (const statement of corpus) {
    const connection = await createConnection({ ...login, multipleStatements: true })
    try {
      await connection.query('set session transaction read only')
      await connection.query('start transaction read only')
      await runOne(connection, statement.sql)
      outcomes.push({ statement, answer: 0, message: '' })
    } catch (error) {
      const { errno, message } = error as { errno?: unknown; message: string }
      if (typeof errno !== 'number' || errno <= 0) throw error
      outcomes.push({ statement, answer: errno, message })
    } finally {
      connection.destroy()
    }
  }
  return outcomes
}

/** Texts with parameters are prepared, and the parameters are 1. */
async function runOne(connection: Connection, sql: string): Promise<void> {
  if (!sql.includes('?')) {
    await connection.query(sql)
    return
  }
  const prepared = await connection.prepare(sql)
  await prepared.execute(Array.from({ length: sql.split('?').length - 1 }, () => 1))
}
