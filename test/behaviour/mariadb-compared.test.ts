import mariadb from 'mariadb'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mariadbFor, type MariadbPool, type ValueOptions } from '../../src/adapters/mariadb.ts'
import { connect } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

/**
 * `mariadb` itself beside its façade, on one server. Columns of points and lines are left out, which the façade gives as mysql2 does, and so
 * are marks without a value, which `mariadb` refuses by itself and the façade leaves to the server.
 */
const columns = `ti tinyint, tu tinyint unsigned, flag tinyint(1), si smallint, mi mediumint, i integer, iu integer unsigned, bi bigint,
  bu bigint unsigned, d decimal(20,5), d0 decimal(65,0), f float, db double, y year, dt date, tm time, tm6 time(6), moment datetime,
  moment3 datetime(3), moment6 datetime(6), ts timestamp null, ts6 timestamp(6) null, c char(5), vc varchar(100), tx text, lt longtext,
  bn binary(4), vb varbinary(10), bl blob, b bit(1), b8 bit(8), e enum('a','b'), s set('x','y','z'), j json, u uuid`

const rows = [
  `1, -128, 255, 1, -32768, -8388608, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, '-12345678901234.56789',
   '12345678901234567890123456789', 1.5, 1e300, 2026, '2026-02-03', '12:34:56', '-12:34:56.789012', '2026-02-03 04:05:06',
   '2026-02-03 04:05:06.789', '2026-02-03 04:05:06.000001', '2026-02-03 04:05:06', '2026-02-03 04:05:06.1', 'ab', 'ünï😀', 'text', 'l',
   x'0102', x'00ff', x'deadbeef', b'1', b'10101010', 'b', 'x,z', '{"a": [1, 2.5, "x"]}', '123e4567-e89b-12d3-a456-426655440000'`,
  `2, ${Array.from({ length: 35 }, () => 'null').join(', ')}`,
  `3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.1, 0.1, 1901, '0001-01-01', '838:59:59', '00:00:00', '1000-01-01', '9999-12-31 23:59:59',
   '1970-01-01 00:00:00', '1970-01-02', '2038-01-19 00:00:00', '', '', '', '', '', x'', '', b'0', b'0', 'a', '', '[]',
   '00000000-0000-0000-0000-000000000000'`,
]

/** As Prisma's adapter asks. */
const prisma: ValueOptions = {
  rowsAsArray: true,
  dateStrings: true,
  autoJsonMap: false,
  jsonStrings: true,
  bitOneIsBoolean: false,
  typeCast: (field, next) => (field.type === 'GEOMETRY' ? field.buffer() : next()),
}

const kinds: Readonly<Record<string, ValueOptions>> = {
  'as they are': {},
  "as Prisma's adapter does": prisma,
  'as arrays': { rowsAsArray: true },
  'with numbers': { bigIntAsNumber: true, decimalAsNumber: true, insertIdAsNumber: true },
  'with dates as text': { dateStrings: true },
}

const statements: readonly (readonly [sql: string, values?: readonly unknown[]])[] = [
  ['select * from item order by id'],
  ['select id, bi, j from item where i = ? or vc = ?', [-2_147_483_648, 'x']],
  ['select id from item where bi = ? or bu = ?', [-9_223_372_036_854_775_808n, 18_446_744_073_709_551_615n]],
  [
    'select count(*) as n, sum(i) as total, avg(i) as mean, cast(1 as signed) as one, json_object("a", 1) as o from item',
  ],
  ['select ? as whole, ? as fraction, ? as text, ? as big', [1, 1.5, 'x', 12_345_678_901n]],
  ['select ? as yes, ? as least, ? as most, ? as huge', [true, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 64n - 1n]],
  ['update item set si = ? where id = ?', [4, 1]],
  [
    'update item set db = ?, moment6 = ?, vb = ? where id = ?',
    [0.1, '2026-01-02 03:04:05.000006', Buffer.from([1]), 3],
  ],
  ['insert into item (id) values (1)'],
  ['select * from missing'],
  ['selec 1'],
]

interface Column {
  readonly type: string
  readonly columnType: number
  readonly columnLength: number
  readonly scale: number
  readonly flags: number
  readonly dataTypeFormat?: string
  readonly collation: { readonly index: number }
  name(): string
  orgName(): string
  table(): string
  orgTable(): string
}

interface Described {
  readonly meta: readonly Column[]
}

const described = (column: Column): unknown => {
  const { type, columnType, columnLength, scale, flags, collation } = column
  const names = [column.name(), column.orgName(), column.table(), column.orgTable()]
  const isJson = column.dataTypeFormat === 'json'
  return { names, type, columnType, columnLength, scale, flags, isJson, collation: collation.index }
}

/** What came of a statement, without the classes that the two have for it. */
async function answerOf(work: Promise<unknown>): Promise<unknown> {
  try {
    const answer = await work
    if (!Array.isArray(answer)) return { ...(answer as object) }
    return { rows: [...(answer as unknown[])], columns: (answer as unknown as Described).meta.map(described) }
  } catch (error) {
    const { sqlMessage, errno, sqlState, code } = error as Record<string, unknown>
    return { sqlMessage, errno, sqlState, code }
  }
}

type Asks = (how: 'query' | 'execute', asked: object, values?: readonly unknown[]) => Promise<unknown>

async function openBoth(): Promise<readonly [bare: Asks, ours: Asks]> {
  const database = await freshDatabase('mysql')
  onTestFinished(async () => await database.drop())
  const { hostname, port, username, password, pathname } = new URL(database.dsn)
  const there = { host: hostname, port: Number(port), user: username, password, database: pathname.slice(1) }
  const bare = mariadb.createPool({ ...there, connectionLimit: 1 })
  onTestFinished(async () => await bare.end())
  const client = await connect({ databases: { default: { primary: database.dsn } } })
  onTestFinished(async () => await client.close())
  const ours: MariadbPool = mariadbFor(client).createPool({ connectionLimit: 1 })
  onTestFinished(async () => await ours.end())
  await ours.query(`create table item (id bigint primary key, ${columns}) charset utf8mb4`)
  for (const row of rows) await ours.query(`insert into item values (${row})`)
  return [
    async (how, asked, values) => await bare[how](asked as mariadb.QueryOptions, values),
    async (how, asked, values) => await ours[how](asked as { sql: string }, values),
  ]
}

describe.runIf(testedEngines.includes('mysql'))('the façade of mariadb answers as mariadb itself', () => {
  it.each(Object.keys(kinds))('rows and columns %s', async (kind) => {
    const [bare, ours] = await openBoth()
    for (const how of ['query', 'execute'] as const)
      for (const [sql, values] of statements) {
        const asked = { sql, ...kinds[kind] }
        expect(await answerOf(ours(how, asked, values)), `${how}: ${sql}`).toEqual(
          await answerOf(bare(how, asked, values)),
        )
      }
  })
})
