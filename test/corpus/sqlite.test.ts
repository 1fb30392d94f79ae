import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { effectOf } from '../../src/routing/effect.ts'
import { createSqliteAnalyzer } from '../../src/statement/sqlite.ts'
import { sqliteSafeFunctions } from '../../src/statement/sqlite/functions.ts'
import { freshDatabase, type TestDatabase, testedEngines } from '../support/servers.ts'
import { type CorpusStatement, corpusSchema, readCorpus } from './engine-corpus.ts'

/** SQLITE_READONLY: SQLite's own word for "this is a write"; the low byte of its extended codes. */
const refusedAsWrite = 8

interface Outcome {
  readonly statement: CorpusStatement
  /** 0, or the primary result code. */
  readonly answer: number
  readonly message: string
}

describe.runIf(testedEngines.includes('sqlite'))('SQLite corpus', () => {
  const corpus = readCorpus('sqlite')
  const analyzer = createSqliteAnalyzer()
  let database: TestDatabase
  let outcomes: readonly Outcome[]

  beforeAll(async () => {
    database = await freshDatabase('sqlite')
    const path = database.dsn.slice('sqlite:'.length)
    const writable = new DatabaseSync(path)
    writable.exec(corpusSchema('sqlite'))
    writable.close()
    outcomes = corpus.map((statement) => run(path, statement))
  })

  afterAll(() => database.drop())

  const effect = (sql: string): string =>
    effectOf(analyzer.analyze(sql), (fn) => (sqliteSafeFunctions.has(fn.name) ? 'safe' : 'unknown')).effect

  test('has at least 400 different statements', () => {
    expect(new Set(corpus.map(({ sql }) => sql)).size).toBe(corpus.length)
    expect(corpus.length).toBeGreaterThanOrEqual(400)
  })

  test('gives every statement its kind, and its effect once the functions are known', () => {
    const wrong = corpus
      .map((statement) => ({ statement, kind: analyzer.analyze(statement.sql).kind, effect: effect(statement.sql) }))
      .filter(({ statement, ...actual }) => actual.kind !== statement.kind || actual.effect !== statement.effect)
    expect(wrong).toEqual([])
  })

  test('every statement does in SQLite what the corpus says', () => {
    const surprising = outcomes.filter(
      ({ statement, answer }) => answer !== refusedAsWrite && answer !== (statement.error?.code ?? 0),
    )
    expect(surprising.map(({ statement, answer, message }) => `${answer} ${message} :: ${statement.sql}`)).toEqual([])
  })

  test('calls no statement a read that SQLite refuses as a write', () => {
    const refused = outcomes.filter(({ answer }) => answer === refusedAsWrite)
    expect(refused.length).toBeGreaterThan(100)
    expect(refused.filter(({ statement }) => effect(statement.sql) === 'read')).toEqual([])
  })

  test('calls at least 97 % of the accepted plain reads reads', () => {
    const plain = outcomes.filter(({ statement, answer }) => statement.effect === 'read' && answer === 0)
    const seen = plain.filter(({ statement }) => effect(statement.sql) === 'read')
    const refused = outcomes.filter(({ answer }) => answer === refusedAsWrite)
    const misjudged = refused.filter(({ statement }) => effect(statement.sql) === 'read')
    const listed = corpus.filter(({ error }) => error !== undefined).length
    console.log(
      `SQLite: ${corpus.length} statements run, ${listed} listed with another error; reads seen as reads: ` +
        `${seen.length} of ${plain.length}; refused as writes: ${refused.length}, of them seen as read: ${misjudged.length}`,
    )
    expect(plain.length).toBeGreaterThan(200)
    expect(seen.length / plain.length).toBeGreaterThanOrEqual(0.97)
  })
})

function run(path: string, statement: CorpusStatement): Outcome {
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
