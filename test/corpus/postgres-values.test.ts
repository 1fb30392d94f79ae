import * as fc from 'fast-check'
import { Client, DatabaseError } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ColumnValues } from '../../src/statement/analysis.ts'
import type { Analyzer } from '../../src/statement/analyzer.ts'
import { createPostgresAnalyzer } from '../../src/statement/postgres.ts'
import { freshDatabase, type TestDatabase, testedEngines } from '../support/servers.ts'

/** Random queries over two small tables, `t (a, b)` and `u (c, d)`, some of which the server refuses as ambiguous. */
const { query } = fc.letrec<Record<'query' | 'select' | 'from' | 'condition', string>>((tie) => {
  const value = fc.constantFrom('0', '1', 'null')
  const column = fc.constantFrom(...'x.a x.a x.a x.a x.b x.b a a b x.a x.b y.c y.c y.d t.a s.a c'.split(' '))
  const text = (strings: TemplateStringsArray, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
    fc.tuple(...parts).map((values) => String.raw({ raw: strings }, ...values))
  const join = fc.constantFrom('join', 'join', 'left join', 'right join', 'full join')
  return {
    condition: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      text`${column} = ${value}`,
      text`${value} = ${column}`,
      text`${column} in (${value}, ${value})`,
      text`${column} = any (array[${value}, 1])`,
      text`(${column}, ${column}) = (${value}, 1)`,
      text`(${column}, ${column}) in ((${value}, 1), (0, ${value}))`,
      text`${column} = ${column}`,
      text`${column} is null`,
      text`(${tie('condition')} and ${tie('condition')})`,
      text`${tie('condition')} and ${tie('condition')}`,
      text`(${tie('condition')} or ${tie('condition')})`,
      text`not (${tie('condition')})`,
      text`coalesce(${tie('condition')}, true)`,
      text`case when ${tie('condition')} then true else ${tie('condition')} end`,
      text`exists (${tie('select')})`,
      text`not exists (select from u y where ${fc.constantFrom('a', 'c')} = ${value})`,
      text`not exists (${tie('select')})`,
      text`${column} in (select ${column} from ${tie('from')} where ${tie('condition')})`,
    ),
    from: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fc.constantFrom('t x', 't x', 't x', 't', 't x, u y', 't x, u y', 'u y, t x', 't x, t s', 't as x (b, a)'),
      text`t x ${join} u y on ${tie('condition')}`,
      text`${tie('from')} ${join} u y on ${tie('condition')}`,
      text`u y ${join} (t x ${join} t s on ${tie('condition')}) on ${tie('condition')}`,
      text`(t x ${join} u y on ${tie('condition')}) as s`,
      text`u y, (${tie('select')}) s`,
      text`u y, lateral (${tie('select')}) s`,
    ),
    select: fc.oneof(
      text`select * from ${tie('from')} where ${tie('condition')}`,
      text`select * from ${tie('from')} where x.a = ${value} and ${tie('condition')}`,
      text`select * from t x, u y where x.b in (${value}, 1) and ${tie('condition')}`,
    ),
    query: fc.oneof(
      { weight: 6, arbitrary: tie('select') },
      text`${tie('select')} union all ${tie('select')}`,
      text`with t as (${tie('select')}) ${tie('select')}`,
      text`with s as (${tie('select')}) ${tie('select')}`,
      text`delete from t x using u y where ${tie('condition')} returning *`,
      text`update t set a = 2 where ${tie('condition')} returning *`,
      text`update t x set a = 2 from ${fc.constantFrom('u y', 'u y join t s on true')} where ${tie('condition')} returning *`,
    ),
  }
})

describe.runIf(testedEngines.includes('postgres'))('values that a condition gives', () => {
  let database: TestDatabase
  let client: Client
  let analyzer: Analyzer

  beforeAll(async () => {
    analyzer = await createPostgresAnalyzer()
    database = await freshDatabase('postgres')
    client = new Client({ connectionString: database.dsn })
    await client.connect()
    const rows = 'select p, q from unnest(array[0, 1, 2, null]) p, unnest(array[0, 1, null]) q'
    await client.query(`create table t (a, b) as ${rows}; create table u (c, d) as ${rows}`)
  })

  afterAll(async () => {
    await client.end()
    await database.drop()
  })

  test('the answer is the same when the tables hold only the rows that fulfil them', async () => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(query, async (sql) => {
        const { values } = analyzer.analyze(sql)
        if (values.length === 0) return
        const whole = await answer(client, [], sql)
        if (whole === undefined) return
        compared += 1
        const restrictions = values.map(deleteOthers)
        expect(await answer(client, restrictions, sql)).toEqual(whole)
      }),
      { numRuns: 3_000, endOnFailure: false },
    )
    console.log(`${compared} queries compared`)
    expect(compared).toBeGreaterThan(300)
  })
})

/** Leaves only the rows that fulfil a condition; one without a table is about the table that has the column. */
function deleteOthers({ table, column, operator, values }: ColumnValues): string {
  const constants = values.map((source) => (source.from === 'constant' ? String(source.value) : 'unexpected'))
  const condition = operator === 'equals' ? `${column} = ${constants.join()}` : `${column} in (${constants.join()})`
  return `delete from ${table ?? (column < 'c' ? 't' : 'u')} where (${condition}) is not true`
}

/** The rows in some fixed order; undefined if the server refuses the query. Changes are undone. */
async function answer(client: Client, before: readonly string[], sql: string): Promise<string[] | undefined> {
  await client.query(['begin', ...before].join(';'))
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
    return rows.map((row) => JSON.stringify(row)).toSorted()
  } catch (error) {
    if (error instanceof DatabaseError && before.length === 0) return undefined
    throw error
  } finally {
    await client.query('rollback')
  }
}
