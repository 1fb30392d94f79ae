import { isDeepStrictEqual } from 'node:util'
import type bare from 'mysql2'
import { describe, expect, it } from 'vitest'
import { testedEngines } from '../support/servers.ts'
import { executedOn, SharedReadsBench, type Statement } from '../support/shared-reads.ts'

const columns: Readonly<Record<string, string>> = {
  small: 'tinyint',
  n: 'int',
  big: 'bigint',
  natural: 'bigint unsigned',
  exact: 'decimal(12,3)',
  ratio: 'double',
  rough: 'float',
  name: 'varchar(20)',
  fixed: 'char(8) character set latin1',
  exactly: 'varchar(20) collate utf8mb4_bin',
  long_text: 'text',
  bytes: 'varbinary(20)',
  day: 'date',
  made: 'datetime(3)',
  touched: 'timestamp null',
  at: 'time',
  year: 'year',
  wide: 'varchar(20) character set utf16',
  address: 'inet6',
  bits: 'bit(10)',
  kind: "enum('a', 'b', 'é')",
  kinds: "set('a', 'b')",
  data: 'json',
  flag: 'boolean',
}
/** By statistics that change at times of the server's own choice it would look for rows in other ways. */
const table = [
  `create table item (id integer primary key auto_increment, other int not null default 0, ${Object.entries(columns)
    .map(([name, type]) => `\`${name}\` ${type}`)
    .join(', ')}, unique (n), index (name), index (day), index (big))
     stats_persistent = 1 stats_auto_recalc = 0`,
]

const numbers = [0, 1, -1, 5, 127, 300, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1, -0, 20260102, 2026]
const texts = [
  '',
  'a',
  'b',
  'A',
  'a,b',
  'é𝒳',
  '\ud800',
  '12abc',
  ' 7 ',
  '1e3',
  '007',
  "it's",
  'a\0b',
  '\\',
  '%',
  'a%',
  '_',
]
const more = [
  '{"a": 1}',
  '[]',
  '2026-01-02',
  '2026-01-02 03:04:05.678',
  '0000-00-00',
  '10:11:12',
  '2026',
  'x'.repeat(30),
]
const others = [true, false, null, undefined, 1.5, 1e21, 12n, new Date(1767322800000), Buffer.from('xé')]
const values: readonly unknown[] = [...numbers, ...texts, ...others, ...more, 'y'.repeat(70_000)]

/** SERVER_QUERY_NO_GOOD_INDEX_USED and SERVER_QUERY_NO_INDEX_USED: which hangs on how much of what was deleted the server has cleared away. */
const usedNoIndex = 16 | 32

function answerOf(error: unknown, rows: unknown, fields: unknown): unknown {
  if (error === null) {
    const header = rows as bare.ResultSetHeader
    return { ...header, serverStatus: header.serverStatus & ~usedNoIndex, fields }
  }
  const { name, message, code, errno, sqlState, sqlMessage, sql } = error as bare.QueryError & Record<string, unknown>
  // Each has a database of its own.
  const [told, asTold] = [message, String(sqlMessage)].map((text) => text.replace(/`signalbox_\w+`/, '`shop`'))
  return { name, told, code, errno, sqlState, asTold, sql }
}

describe.runIf(testedEngines.includes('mysql'))('writes of mysql2 that are sent prepared', () => {
  const at = new SharedReadsBench(table)

  /** The same statements in the same order, on tables of the same contents. */
  async function compare(statements: readonly Statement[], atLeast: number): Promise<void> {
    const ours = at.poolOf(await at.client({ maxConnections: 1 }), { connectionLimit: 1 })
    const theirs = at.barePool({ connectionLimit: 1, uri: (await at.place(table)).dsn })
    const asked = async (by: bare.Pool, statement: Statement): Promise<unknown> =>
      answerOf(...(await at.told(by, statement)))
    for (const by of [ours, theirs])
      for (let n = 1; n <= 4; n++)
        await asked(by, [
          'insert into item (n, name, day, flag) values (?, ?, ?, ?)',
          [-n, `no ${n}`, '2026-01-01', n % 2],
        ])
    for (const statement of statements) {
      const [found, expected] = [await asked(ours, statement), await asked(theirs, statement)]
      if (!isDeepStrictEqual(found, expected))
        expect({ statement, answer: found }).toStrictEqual({ statement, answer: expected })
    }
    const all = 'select *, hex(name) as h1, hex(bytes) as h2, hex(data) as h3 from item order by id'
    const [[rows], [expectedRows]] = await Promise.all([ours.promise().query(all), theirs.promise().query(all)])
    expect(rows).toEqual(expectedRows)
    expect(await executedOn(ours)).toBeGreaterThan(atLeast)
    expect(await executedOn(theirs)).toBe(0)
  }

  const forms: Readonly<Record<string, (column: string) => readonly Statement[]>> = {
    'are inserted': (column) =>
      values.map((value) => [`insert into item (${column}, other) values (?, ?)`, [value, 1]]),
    'are inserted whatever is lost': (column) =>
      values.flatMap((value): Statement[] => [
        [`insert ignore into item (other, ${column}) values (?, ?), (?, ?)`, [1, value, 2, value]],
        [
          `insert into item (id, other, ${column}) values (?, 2, ?) on duplicate key update other = other + ?, ${column} = ?`,
          [3, value, 1, value],
        ],
        [`replace into item set id = ?, other = 5, ${column} = ?`, [4, value]],
      ]),
    'are put in the place of others': (column) =>
      values.map((value) => [`update item set ${column} = ?, other = other + 1 where id = ?`, [value, 1]]),
    'are put there whatever is lost': (column) =>
      values.map((value) => [`update ignore item set ${column} = ? where id = ? or id = ?`, [value, 2, 3]]),
    'are compared': (column) => [
      ...values.map((value): Statement => [
        `update ignore item set ${column} = ? where id >= ? and id < 4`,
        [value, 2],
      ]),
      ...values.flatMap((value): Statement[] =>
        ['=', '<=>', '<>', '>='].map((sign) => [
          `update item set other = other + ? where ${column} ${sign} ?`,
          [1, value],
        ]),
      ),
      ...values.map((value): Statement => [
        `delete from item where not (${column} = ?) and id > ? order by ${column}, id limit 1`,
        [value, 4],
      ]),
    ],
    'are added': (column) =>
      values.map((value) => [`update ignore item set ${column} = ${column} - ? where id < ?`, [value, 3]]),
  }

  it.each(Object.keys(forms))('say the same of each value and column: values that %s', async (form) => {
    await compare(
      Object.keys(columns).flatMap((column) => forms[form]!(`\`${column}\``)),
      Object.keys(columns).length * 20,
    )
  })
})
