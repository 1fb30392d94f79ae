import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe } from 'vitest'
import { createSqliteAnalyzer } from '../../src/statement/sqlite.ts'
import { sqliteSafeFunctions } from '../../src/statement/sqlite/functions.ts'
import { freshDatabase, type TestDatabase, testedEngines } from '../support/servers.ts'
import { type CorpusOutcome, testCorpus } from './engine-corpus-tests.ts'
import { type CorpusStatement, corpusSchema, readCorpus } from './engine-corpus.ts'

/** SQLITE_READONLY: SQLite's own word for "this is a write"; the low byte of its extended codes. */
const refusedAsWrite = 8

describe.runIf(testedEngines.includes('sqlite'))('SQLite corpus', () => {
  const corpus = readCorpus('sqlite')
  const analyzer = createSqliteAnalyzer()
  let database: TestDatabase
  let outcomes: readonly CorpusOutcome[]

  beforeAll(async () => {
    database = await freshDatabase('sqlite')
    const path = database.dsn.slice('sqlite:'.length)
    const writable = new DatabaseSync(path)
    writable.exec(corpusSchema('sqlite'))
    writable.close()
    outcomes = corpus.map((statement) => run(path, statement))
  })

  afterAll(() => database.drop())

  testCorpus({
    engine: 'SQLite',
    corpus,
    analyzer,
    isSafe: (fn) => sqliteSafeFunctions.has(fn.name),
    refusedAsWrite,
    leastRefused: 100,
    outcomes: () => outcomes,
  })
})

function run(path: string, statement: CorpusStatement): CorpusOutcome {
  const connection = new DatabaseSync(path, { readOnly: true })
  try {
    // Parameters are NULL; rows are fetched and dropped.
    connection.exec(statement.sql)
    return { statement, answer: 0, message: '' }
  } catch (error) {
    const { errcode, message } = error as { errcode?: unknown; message: string }
    if (typeof errcode !== 'number') throw error
    return { statement, answer: errcode & 0xff, message }
  } finally {
    connection.close()
  }
}
