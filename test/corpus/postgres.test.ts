import { Client, DatabaseError } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { effectOf } from '../../src/routing/effect.ts'
import type { Analyzer } from '../../src/statement/analyzer.ts'
import { FunctionCatalogue, functionCatalogueSql } from '../../src/statement/function-catalogue.ts'
import { createPostgresAnalyzer } from '../../src/statement/postgres.ts'
import { freshDatabase, type TestDatabase, testedEngines } from '../support/servers.ts'
import { type CorpusStatement, corpusSchema, readCorpus } from './postgres-corpus.ts'

/** read_only_sql_transaction: the server's own word for "this is a write". */
const refusedAsWrite = '25006'
/** active_sql_transaction: the statement cannot run in a transaction, so the server does not come to judge it. */
const notInTransaction = '25001'

interface Outcome {
  readonly statement: CorpusStatement
  /** `accepted`, or the SQLSTATE. */
  readonly answer: string
}

describe.runIf(testedEngines.includes('postgres'))('PostgreSQL corpus', () => {
  const corpus = readCorpus()
  let database: TestDatabase
  let client: Client
  let analyzer: Analyzer
  let catalogue: FunctionCatalogue
  let major: number
  let outcomes: readonly Outcome[]

  beforeAll(async () => {
    analyzer = await createPostgresAnalyzer()
    database = await freshDatabase('postgres')
    client = new Client({ connectionString: database.dsn })
    await client.connect()
    await client.query('drop role if exists corpus_reader')
    await client.query(corpusSchema())
    catalogue = new FunctionCatalogue((await client.query(functionCatalogueSql)).rows)
    const version = await client.query<{ number: number }>(
      `select current_setting('server_version_num')::int / 10000 as number`,
    )
    major = version.rows[0]?.number ?? 0
    outcomes = await runAll(
      client,
      corpus.filter(({ since }) => since <= major),
    )
  })

  afterAll(async () => {
    await client.end()
    await database.drop()
  })

  const effect = (sql: string): string => effectOf(analyzer.analyze(sql), (fn) => catalogue.isSafe(fn)).effect

  test('has at least 400 different statements', () => {
    expect(new Set(corpus.map(({ sql }) => sql)).size).toBe(corpus.length)
    expect(corpus.length).toBeGreaterThanOrEqual(400)
    const newer = corpus.length - outcomes.length
    console.log(`PostgreSQL ${major}: ${outcomes.length} statements run, ${newer} need a newer version`)
    if (major >= 18) expect(newer).toBe(0)
  })

  test('gives every statement its kind, and its effect once the functions are known', () => {
    const actual = corpus.map(({ sql, kind }) => ({ sql, kind: analyzer.analyze(sql).kind, wanted: kind }))
    expect(actual.filter(({ kind, wanted }) => kind !== wanted)).toEqual([])
    const effects = corpus
      .map(({ sql, effect: wanted }) => ({ sql, effect: effect(sql), wanted }))
      .filter(({ effect: each, wanted }) => (each === 'read') !== (wanted === 'read'))
    expect(effects).toEqual([])
  })

  test('every statement does on the server what the corpus says', () => {
    const surprising = outcomes.filter(
      ({ statement, answer }) =>
        answer !== 'accepted' &&
        answer !== refusedAsWrite &&
        answer !== notInTransaction &&
        answer !== statement.sqlstate,
    )
    expect(surprising.map(({ statement, answer }) => `${answer} ${statement.sql}`)).toEqual([])
    const spared = outcomes.filter(({ statement, answer }) => statement.sqlstate !== undefined && answer === 'accepted')
    expect(spared.map(({ statement }) => statement.sql)).toEqual([])
  })

  test('calls no statement a read that the server refuses as a write', () => {
    const refused = outcomes.filter(({ answer }) => answer === refusedAsWrite)
    expect(refused.length).toBeGreaterThan(150)
    expect(refused.filter(({ statement }) => effect(statement.sql) === 'read')).toEqual([])
  })

  test('calls at least 97 % of the accepted plain reads reads', () => {
    const plain = outcomes.filter(({ statement, answer }) => statement.effect === 'read' && answer === 'accepted')
    const seen = plain.filter(({ statement }) => effect(statement.sql) === 'read')
    const refused = outcomes.filter(({ answer }) => answer === refusedAsWrite).length
    console.log(
      `Reads seen as reads: ${seen.length} of ${plain.length}; refused as writes: ${refused}, none seen as read`,
    )
    expect(plain.length).toBeGreaterThan(150)
    expect(seen.length / plain.length).toBeGreaterThanOrEqual(0.97)
  })

  test('the catalogue is small and knows what the schema made', () => {
    expect(catalogue.isSafe({ name: 'double' })).toBe('safe')
    expect(catalogue.isSafe({ name: 'bump' })).toBe('volatile')
    expect(catalogue.isSafe({ name: 'touch', schema: 'app' })).toBe('volatile')
    expect(catalogue.isSafe({ name: 'total_of' })).toBe('volatile')
    expect(catalogue.isSafe({ name: 'biggest' })).toBe('safe')
    expect(catalogue.isSafe({ name: 'operator(<+>)' })).toBe('volatile')
    expect(catalogue.isSafe({ name: 'operator(===)', schema: 'public' })).toBe('safe')
    expect(catalogue.isSafe({ name: 'double', schema: 'app' })).toBe('unknown')
    expect(catalogue.isSafe({ name: 'noted' })).toBe('unknown')
    expect(catalogue.isSafe({ name: 'proc' })).toBe('unknown')
  })
})

async function runAll(client: Client, corpus: readonly CorpusStatement[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const statement of corpus) {
    await client.query('begin read only')
    const answer = await run(client, statement.sql)
    await client.query('rollback')
    await client.query('discard all')
    outcomes.push({ statement, answer })
  }
  return outcomes
}

async function run(client: Client, sql: string): Promise<string> {
  const parameters = Math.max(0, ...[...sql.matchAll(/\$(\d+)/g)].map(([, index]) => Number(index)))
  const values = sql.startsWith('prepare') ? [] : Array.from({ length: parameters }, () => null)
  try {
    await client.query(values.length === 0 ? { text: sql } : { text: sql, values })
    return 'accepted'
  } catch (error) {
    if (error instanceof DatabaseError && error.code !== undefined) return error.code
    throw error
  }
}
