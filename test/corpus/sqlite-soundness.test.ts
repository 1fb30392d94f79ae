import * as fc from 'fast-check'
import { constants, DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Analysis } from '../../src/statement/analysis.ts'
import { createSqliteAnalyzer } from '../../src/statement/sqlite.ts'
import { sqliteSafeFunctions } from '../../src/statement/sqlite/functions.ts'
import { testedEngines } from '../support/servers.ts'
import { corpusSchema, readCorpus } from './engine-corpus.ts'
import { randomQuery, randomQueryRows, restriction } from './random-query.ts'

/** What SQLite reports while it prepares a statement: the tables it touches itself, not through views and triggers. */
interface Touched {
  readonly read: Set<string>
  readonly written: Set<string>
  /** It changes something other than rows: schema, transaction, schemas of the connection. */
  changes: boolean
}

const harmlessCodes: ReadonlySet<number> = new Set([
  constants.SQLITE_READ,
  constants.SQLITE_SELECT,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
])
const rowCodes: ReadonlySet<number> = new Set([
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_DELETE,
])

const analyzer = createSqliteAnalyzer()

describe.runIf(testedEngines.includes('sqlite'))('SQLite agrees about tables', () => {
  let database: DatabaseSync
  let touched: Touched = { read: new Set(), written: new Set(), changes: false }

  beforeAll(() => {
    database = new DatabaseSync(':memory:')
    database.exec(corpusSchema('sqlite'))
    // Else every change of a parent table is reported as a read of its children.
    database.exec('pragma foreign_keys = off')
    database.setAuthorizer((code, table, _column, _schema, inside) => {
      if (!harmlessCodes.has(code) && !rowCodes.has(code)) touched.changes = true
      if (inside === null && table !== null && code === constants.SQLITE_READ) touched.read.add(table.toLowerCase())
      if (inside === null && table !== null && rowCodes.has(code)) touched.written.add(table.toLowerCase())
      return constants.SQLITE_OK
    })
  })

  afterAll(() => database.close())

  /** Undefined if SQLite doesn't accept the text. */
  const prepare = (sql: string): Touched | undefined => {
    touched = { read: new Set(), written: new Set(), changes: false }
    try {
      database.prepare(sql)
      return touched
    } catch {
      return undefined
    }
  }

  const samples = readCorpus('sqlite')
    .filter(({ sql, kind }) => /^(read|write)$/.test(kind) && !/;|pragma|explain|vacuum/i.test(sql))
    .map(({ sql }) => sql)

  test('on every query and change of the corpus', () => {
    const judged = samples.flatMap((sql) => {
      const seen = prepare(sql)
      return seen === undefined ? [] : [{ sql, ...difference(analyzer.analyze(sql), seen) }]
    })
    expect(judged.length).toBeGreaterThan(200)
    expect(judged.filter(({ missing, notWritten }) => missing.length + notWritten.length > 0)).toEqual([])
  })

  test('on whatever it accepts of texts made from pieces of the corpus', () => {
    const pieces = samples.flatMap((sql) => sql.split(/(?<=[ (),])/))
    const text = fc
      .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(4), fc.array(fc.constantFrom(...pieces), { maxLength: 2 }))
      .map(([sql, at, length, added]) => {
        const parts = sql.split(/(?<=[ (),])/)
        parts.splice(at % (parts.length + 1), length, ...added)
        return parts.join('')
      })
      .filter((sql) => !/;|pragma|explain|vacuum/i.test(sql))
    let accepted = 0
    fc.assert(
      fc.property(text, (sql) => {
        const seen = prepare(sql)
        if (seen === undefined) return
        accepted++
        const analysis = analyzer.analyze(sql)
        if (seen.written.size > 0 || seen.changes) expect(analysis.kind).not.toBe('read')
        if (!analysis.complete) return
        // SQLite reports a WITH name as read where none of its columns is used.
        for (const name of seen.read) if (isWithName(sql, name)) seen.read.delete(name)
        expect(difference(analysis, seen)).toEqual({ missing: [], notWritten: [] })
      }),
      { numRuns: 20_000 },
    )
    expect(accepted).toBeGreaterThan(500)
  })
})

function isWithName(sql: string, name: string): boolean {
  return new RegExp(
    `\\b${name.replaceAll(/\W/g, '.')}\\s*(\\([^)]*\\)\\s*)?as\\s+(not\\s+)?(materialized\\s*)?\\(`,
    'i',
  ).test(sql)
}

function difference(analysis: Analysis, seen: Touched): { missing: string[]; notWritten: string[] } {
  const alias = (name: string): string => (name === 'sqlite_schema' ? 'sqlite_master' : name)
  const named = new Set(analysis.tables.map(({ name }) => alias(name.toLowerCase())))
  const written = new Set(
    analysis.tables.filter(({ access }) => access === 'write').map(({ name }) => name.toLowerCase()),
  )
  const called = new Set(analysis.functions.map(({ name }) => name))
  return {
    missing: [...seen.read, ...seen.written].filter((name) => !named.has(alias(name)) && !called.has(name)),
    notWritten: [...seen.written].filter((name) => !written.has(name)),
  }
}

function databaseOf(conditions: Readonly<Record<'t' | 'u', string>>): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  for (const table of ['t', 'u'] as const) {
    database.exec(`create table ${table} (a integer, b integer, c integer)`)
    const insert = database.prepare(`insert into ${table} values (?, ?, ?)`)
    for (const row of randomQueryRows) insert.run(...row)
    database.exec(`delete from ${table} where not (${conditions[table]})`)
  }
  return database
}

test('every built-in function of SQLite is known as safe, or left out on purpose', () => {
  const database = new DatabaseSync(':memory:')
  const names = database.prepare('select distinct name from pragma_function_list').all()
  database.close()
  const unknown = names
    .map(({ name }) => String(name))
    .filter((name) => /^\w+$/.test(name) && !sqliteSafeFunctions.has(name))
  expect(unknown.sort()).toEqual([
    'fts3_tokenizer',
    'fts5',
    'geopoly_debug',
    'load_extension',
    'optimize',
    'sqlite_log',
  ])
})

describe.runIf(testedEngines.includes('sqlite'))('the values of a query', () => {
  const whole = databaseOf({ t: '1', u: '1' })
  afterAll(() => whole.close())

  test('hold for every row that matters: without the other rows, SQLite answers the same', () => {
    let restricted = 0
    fc.assert(
      fc.property(randomQuery('sqlite'), (sql) => {
        const { values } = analyzer.analyze(sql)
        if (values.length === 0) return
        restricted++
        const part = databaseOf({ t: restriction(values, 't'), u: restriction(values, 'u') })
        try {
          expect(answer(part, sql)).toEqual(answer(whole, sql))
        } finally {
          part.close()
        }
      }),
      { numRuns: 5000 },
    )
    expect(restricted).toBeGreaterThan(300)
  })
})

function answer(database: DatabaseSync, sql: string): Record<string, SQLOutputValue>[] {
  const found = database.prepare(sql).all()
  return found.sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))
}
