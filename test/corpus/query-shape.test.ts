import * as fc from 'fast-check'
import { createConnection, type Connection } from 'mysql2/promise'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Span } from '../../src/statement/analysis.ts'
import { mysqlSafeFunctions } from '../../src/statement/mysql/functions.ts'
import { aggregateNames } from '../../src/statement/shape/aggregate-names.ts'
import type { QueryShape } from '../../src/statement/shape/query-shape.ts'
import { readQueryShape } from '../../src/statement/shape/read-query-shape.ts'
import type { Dialect } from '../../src/statement/statement.ts'
import { sqliteSafeFunctions } from '../../src/statement/sqlite/functions.ts'
import { freshDatabase, type TestDatabase, testedEngines } from '../support/servers.ts'
import { type Written, writtenQuery } from './written-query.ts'

/** The names and rows of an answer; undefined if the engine refuses the text. */
interface Answer {
  readonly names: readonly string[]
  readonly rows: readonly string[]
}

interface Judge {
  ask(sql: string): Promise<Answer | undefined>
  close(): Promise<void>
}

const rows = [
  "(1, 2, '2024-01-01', 'x', 7, 1)",
  "(2, null, '2024-02-01', 'Y', 6, 1)",
  "(3, 1, null, 'z', 5, 2)",
  "(null, 1, '2024-03-01', null, 4, 2)",
  "(2, 2, '2024-03-01', 'x', 3, 3)",
]

/** The table and its rows, in the dialect's quotes. */
function schema(dialect: Dialect): readonly string[] {
  const quoted = (name: string): string => (dialect === 'mysql' ? `\`${name}\`` : `"${name}"`)
  return [
    `create table t (a int, b int, d date, s varchar(10), ${quoted('order')} int, ${quoted('value')} int)`,
    `insert into t values ${rows.join(', ')}`,
  ]
}

async function mysqlJudge(database: TestDatabase): Promise<Judge> {
  const connection: Connection = await createConnection({ uri: database.dsn, dateStrings: true })
  for (const statement of schema('mysql')) await connection.query(statement)
  return {
    async ask(sql) {
      try {
        const [found, fields] = await connection.query({ sql, rowsAsArray: true })
        return { names: fields.map(({ name }) => name), rows: (found as unknown[]).map((row) => JSON.stringify(row)) }
      } catch (error) {
        if (isRefusal(error, 'sqlState')) return undefined
        throw error
      }
    },
    close: () => connection.end(),
  }
}

async function postgresJudge(database: TestDatabase): Promise<Judge> {
  const client = new Client({ connectionString: database.dsn })
  await client.connect()
  for (const statement of schema('postgres')) await client.query(statement)
  return {
    async ask(sql) {
      try {
        const { fields, rows: found } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
        return { names: fields.map(({ name }) => name), rows: found.map((row) => JSON.stringify(row)) }
      } catch (error) {
        if (isRefusal(error, 'severity')) return undefined
        throw error
      }
    },
    close: () => client.end(),
  }
}

function sqliteJudge(): Judge {
  const database = new DatabaseSync(':memory:')
  for (const statement of schema('sqlite')) database.exec(statement)
  return {
    ask(sql) {
      try {
        const statement = database.prepare(sql)
        statement.setReturnArrays(true)
        const found = statement.all() as unknown as unknown[]
        const names = statement.columns().map(({ name }) => name)
        return Promise.resolve({ names, rows: found.map((row) => JSON.stringify(row)) })
      } catch (error) {
        if (isRefusal(error, 'errcode')) return Promise.resolve(undefined)
        throw error
      }
    },
    close: () => Promise.resolve(database.close()),
  }
}

/** True if it is the engine's own error, which has that field. */
function isRefusal(error: unknown, field: string): boolean {
  return error instanceof Error && field in error
}

describe.each(testedEngines)('the shape of queries, judged by %s', (dialect) => {
  let database: TestDatabase
  let judge: Judge

  beforeAll(async () => {
    database = await freshDatabase(dialect)
    judge =
      dialect === 'sqlite'
        ? sqliteJudge()
        : await (dialect === 'mysql' ? mysqlJudge(database) : postgresJudge(database))
  })

  afterAll(async () => {
    await judge.close()
    await database.drop()
  })

  test('what is written is what is read, wherever the engine accepts it', async () => {
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(writtenQuery(dialect), async (written) => {
        const answer = await judge.ask(written.sql)
        if (answer === undefined) return
        accepted++
        const shape = readQueryShape(written.sql, dialect)
        expect(shape === undefined ? undefined : summary(written.sql, shape)).toEqual(written.expected)
        checkNames(written, answer)
      }),
      { numRuns: 2_500 },
    )
    console.log(`${dialect}: ${accepted} queries accepted`)
    expect(accepted).toBeGreaterThan(400)
  })

  test('put together again from its parts, with brackets around each expression, it has the same answer', async () => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(writtenQuery(dialect), async ({ sql }) => {
        const shape = readQueryShape(sql, dialect)
        if (shape === undefined || shape.obstacles.length > 0) return
        const answer = await judge.ask(sql)
        if (answer === undefined) return
        compared++
        const again = rebuilt(sql, shape)
        expect((await judge.ask(again))?.rows.toSorted(), again).toEqual(answer.rows.toSorted())
      }),
      { numRuns: 1_500 },
    )
    expect(compared).toBeGreaterThan(200)
  })

  test('what is a place of an item in ORDER BY, and what a constant', async () => {
    const keys = [
      '1',
      '(1)',
      '((1))',
      '+1',
      '+(1)',
      '-1',
      '- -1',
      '1 + 0',
      '1.0',
      '0x1',
      "'1'",
      'coalesce(1)',
      'abs(1)',
    ]
    if (dialect === 'sqlite') keys.push('1 collate nocase', '(1) collate binary')
    const places: string[] = []
    for (const key of keys) {
      // By the first item the largest is first; by a constant, the rows stand as the second key has them.
      const direction = dialect === 'postgres' ? 'desc nulls last' : 'desc'
      const sql = `select a from t order by ${key} ${direction}, t.value, t.s`
      const answer = await judge.ask(sql)
      if (answer === undefined) continue
      const sorted = answer.rows.join() === '[3],[2],[2],[1],[null]'
      if (sorted) places.push(key)
      expect({ key, place: readQueryShape(sql, dialect)?.orderBy?.keys[0]?.ordinal === 1 }).toEqual({
        key,
        place: sorted,
      })
    }
    console.log(`${dialect}: places are ${places.join('; ')}`)
    expect(places).toContain('(1)')
    expect(places).not.toContain('1 + 0')
  })

  test('the aggregates that the engine has are listed', async () => {
    const found = dialect === 'postgres' ? await cataloguedAggregates() : await functionsOfOneRow()
    expect(found.filter((name) => !aggregateNames[dialect].has(name))).toEqual([])
    expect(found.length).toBeGreaterThan(10)
    console.log(`${dialect}: aggregates are ${found.join(' ')}`)
  })

  /** PostgreSQL's catalogue knows; `rank` and the like are aggregates only where WITHIN GROUP shows it. */
  const cataloguedAggregates = async (): Promise<string[]> => {
    const answer = await judge.ask(
      `select distinct proname from pg_proc where prokind = 'a' and pronamespace = 'pg_catalog'::regnamespace
       and oid not in (select aggfnoid from pg_aggregate where aggkind = 'h')`,
    )
    return answer?.rows.map((row) => row.slice(2, -2)) ?? []
  }

  /** The functions that make one row of five. */
  const functionsOfOneRow = async (): Promise<string[]> => {
    const found: string[] = []
    for (const name of dialect === 'mysql' ? mysqlSafeFunctions : sqliteSafeFunctions) {
      const calls = ['a', 'a, b', 's'].map((args) => judge.ask(`select ${name}(${args}) from t`))
      if ((await Promise.all(calls)).some((answer) => answer?.rows.length === 1)) found.push(name)
    }
    return found
  }

  test('nulls stand where the key says', async () => {
    for (const direction of ['', ' asc', ' desc']) {
      const sql = `select a from t order by a${direction}`
      const nulls = readQueryShape(sql, dialect)?.orderBy?.keys[0]?.nulls
      const answer = await judge.ask(sql)
      expect(answer?.rows[0] === '[null]' ? 'first' : answer?.rows.at(-1) === '[null]' ? 'last' : '?').toBe(nulls)
    }
  })
})

const text = (sql: string, { start, end }: Span): string => sql.slice(start, end)

/** A shape in words, comparable with what was meant by who wrote the query. */
function summary(sql: string, shape: QueryShape): Written['expected'] {
  return {
    distinct: shape.distinct,
    items: shape.items.map((item) => ({
      text: text(sql, item.span),
      alias: item.alias?.name,
      star: item.star ?? false,
      column: item.column,
      aggregates: item.aggregates.map(({ span }) => text(sql, span)),
      subquery: item.hasSubquery,
    })),
    source: shape.source === undefined ? undefined : text(sql, shape.source),
    groups: shape.groupBy?.keys.map(({ span }) => text(sql, span)) ?? [],
    having: shape.having === undefined ? undefined : text(sql, shape.having.condition.span),
    sorts: shape.orderBy?.keys.map(({ span, descending }) => ({ text: text(sql, span), descending })) ?? [],
    count: shape.limit?.count?.from === 'constant' ? Number(shape.limit.count.value) : undefined,
    offset: shape.limit?.offset?.from === 'constant' ? Number(shape.limit.offset.value) : undefined,
    obstacles: shape.obstacles.toSorted(),
  }
}

/** The engine shows each alias as it was read, and as many columns as there are items. */
function checkNames({ expected: { items } }: Written, { names }: Answer): void {
  if (items.some(({ star }) => star)) return
  expect(names.length).toBe(items.length)
  for (const [index, { alias, column }] of items.entries()) {
    if (alias !== undefined) expect(names[index]).toBe(alias)
    else if (column !== undefined) expect(names[index]?.toLowerCase()).toBe(column.toLowerCase())
  }
}

/** Names and places must stand alone to be such; everything else bears brackets. */
function rebuilt(sql: string, shape: QueryShape): string {
  const inBrackets = (each: { readonly span: Span; readonly name?: string; readonly ordinal?: number }): string =>
    each.name === undefined && each.ordinal === undefined ? `(${text(sql, each.span)})` : text(sql, each.span)
  const items = shape.items.map((item) => {
    const alias = item.alias === undefined ? '' : ` as ${text(sql, item.alias.span)}`
    return item.star === true ? text(sql, item.span) : `(${text(sql, item.span)})${alias}`
  })
  const nulls = (key: { readonly nulls: string }): string => (shape.dialect === 'mysql' ? '' : ` nulls ${key.nulls}`)
  const sorts = shape.orderBy?.keys.map((key) => `${inBrackets(key)} ${key.descending ? 'desc' : 'asc'}${nulls(key)}`)
  return [
    shape.distinct === 'all' ? 'select distinct' : 'select',
    items.join(', '),
    shape.source === undefined ? '' : text(sql, shape.source),
    shape.groupBy === undefined ? '' : `group by ${shape.groupBy.keys.map(inBrackets).join(', ')}`,
    shape.having === undefined ? '' : `having (${text(sql, shape.having.condition.span)})`,
    sorts === undefined ? '' : `order by ${sorts.join(', ')}`,
    shape.limit === undefined ? '' : text(sql, shape.limit.span),
  ].join(' ')
}
