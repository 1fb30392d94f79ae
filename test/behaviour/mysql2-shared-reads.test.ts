import { isDeepStrictEqual } from 'node:util'
import type bare from 'mysql2'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Client } from '../../src/index.ts'
import { Random } from '../../src/testing/history/random.ts'
import { testedEngines } from '../support/servers.ts'
import { SharedReadsBench, type Statement } from '../support/shared-reads.ts'
import { writesTo } from '../support/socket-writes.ts'

type Row = Readonly<Record<string, unknown>>

const definitions = [
  `create table item (id integer primary key, name varchar(40), price decimal(12,4), big bigint unsigned, ratio double, made datetime(3),
     day date, data json, bytes blob, bits bit(10), text longtext)`,
  `insert into item values (1, 'item é𝒳', 1.5, 18446744073709551615, 0.1, '2026-01-02 03:04:05.678', '2026-01-02', '{"a": [1, "x"]}',
     x'00ff10fe', b'1000000001', 'long'), (2, '', 0, 0, 0, null, null, '[]', '', b'0', ''), (3, null, null, null, null, null, null, null, null, null, null)`,
  'create table other (id integer primary key, name varchar(20))',
  "insert into other values (1, 'one'), (2, 'two')",
  'create table empty (id integer)',
  'create table log (id integer primary key auto_increment, text text)',
]

const quick: Statement = ['select id, name from other where id = ?', [1]]
/** Some that are alike in nothing. What a value makes of one may be an error. */
const reads: readonly Statement[] = [
  quick,
  ['select * from item order by id'],
  ['select * from item where id = ?', [1]],
  ['select * from item where id = ?', [3]],
  ['select * from empty'],
  ['select * from item where id = ?', [99]],
  ['select i.id, o.id, o.name as name, 1 as `a.b` from item i join other o using (id) order by 1'],
  ['select ? as a, ? as b, ? as c, ? as d', [null, 'é𝒳 \\ \' " \0', 7, Buffer.from([0, 255, 254, 39])]],
  ['select made, day, big, price from item where made < ?', [new Date(2e12)]],
  ['select repeat(?, 251) as a, repeat(?, 252) as b, repeat(?, 70000) as c', ['x', 'y', 'é']],
  ["select '' as a, null as b, repeat('z', 254) as c from item order by id"],
  ['select id from item where id = (select id from other where id <= ?)', [1]],
  ['select id from item where id = (select id from other where id <= ?)', [2]],
  ['select seq as n, (select 1 union all select 2 from dual where seq > ?) as x from seq_1_to_900', [800]],
]
const big: readonly Statement[] = [
  quick,
  ["select repeat('x', 4000000) as wide, ? as n", [1]],
  ["select repeat('é', 2000000) as wide, ? as n, repeat('x', 3000000) as wider", [2]],
  ['select seq as n, seq * ? as m, repeat(?, 10) as t from seq_1_to_20000', [3, 'é']],
  ["select seq as n, repeat('w', 100000) as wide from seq_1_to_20 where seq > ?", [0]],
  ['select * from item where id = ?', [1]],
]

const typeCast: bare.TypeCast = (field, next) =>
  field.name === 'id' ? `<${field.type} ${field.table} ${field.string()}>` : next()
/** Those of the pools that share a connection. */
const settings: readonly bare.PoolOptions[] = [
  {},
  { typeCast },
  { typeCast: false },
  { rowsAsArray: true, timezone: '+03:00' },
  { nestTables: '_', dateStrings: true },
  { supportBigNumbers: true, bigNumberStrings: true, decimalNumbers: true, dateStrings: ['DATE'] },
  { disableEval: true, jsonStrings: true, timezone: '-05:30' },
]

/** All that mysql2 says of a column. */
function columnOf(column: unknown): unknown {
  const { name, orgName, table, orgTable, columnType, type, flags, decimals, characterSet, encoding, columnLength } =
    column as Row
  return { name, orgName, table, orgTable, columnType, type, flags, decimals, characterSet, encoding, columnLength }
}

function answerOf(error: unknown, rows: unknown, fields: unknown): unknown {
  if (error !== null) {
    const { name, message, code, errno, sqlState, sqlMessage, sql, fatal } = error as Error & Row
    return { name, message, code, errno, sqlState, sqlMessage, sql, fatal }
  }
  return { rows, fields: (fields as unknown[]).map(columnOf) }
}

/** Of thousands of rows this takes a fraction of what the matcher takes. */
function expectSame(found: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(found, expected)) expect(found, what).toStrictEqual(expected)
}

function shuffled<T>(of: readonly T[], random: Random): T[] {
  return of
    .map((each) => [random.uint32(), each] as const)
    .sort(([a], [b]) => a - b)
    .map(([, each]) => each)
}

describe.runIf(testedEngines.includes('mysql'))('reads of mysql2 that share connections', () => {
  const at = new SharedReadsBench(definitions)

  /** Asks all of them at once, in any order, until all have gone over one connection, and compares what came with what mysql2 gives. */
  async function compare(client: Client<'default'>, texts: readonly Statement[], of = settings): Promise<void> {
    const asks: [bare.Pool, Statement, unknown][] = []
    for (const options of of) {
      const [ours, theirs] = [at.poolOf(client, options), at.barePool(options)]
      for (const text of texts) asks.push([ours, text, answerOf(...(await at.told(theirs, text)))])
    }
    const random = new Random(1)
    await vi.waitFor(
      async () => {
        const before = at.shared
        await Promise.all(
          shuffled(asks, random).map(async ([by, text, expected]) =>
            expectSame(answerOf(...(await at.told(by, text))), expected, text[0].slice(0, 100)),
          ),
        )
        expect(at.shared - before).toBeGreaterThan(asks.length * 0.9)
      },
      { timeout: 40_000, interval: 1 },
    )
    expect(at.statsOf(client)).toMatchObject({ shared: 1, sharedInFlight: 0 })
    await at.expectOnce()
  }

  it('go out together where they come together, and each at once where it comes alone', async () => {
    const pool = at.poolOf(await at.client())
    await at.taught(pool, quick)
    const writes = writesTo(Number(new URL(at.dsn).port))
    await at.many(pool, quick, 12)
    const sizes = writes.map((text) => text.split('select id').length - 1)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12)
    expect(Math.max(...sizes)).toBeGreaterThan(5)
    writes.length = 0
    for (let n = 0; n < 3; n++) await at.asked(pool, quick)
    expect(writes).toHaveLength(3)
    await at.expectOnce()
  })

  it('give each caller what mysql2 gives, by the settings of its own pool', async () => {
    await compare(await at.client({ multiplexSlowMs: 2_000 }), reads)
  })

  it('give what mysql2 gives where that is much', async () => {
    await compare(await at.client({ multiplexSlowMs: 10_000 }), big, settings.slice(0, 4))
  })

  it('fail each for itself, with the error of mysql2', async () => {
    const [client, theirs] = [await at.client(), at.barePool()]
    const pool = at.poolOf(client)
    const gone: Statement = ['select * from empty where id = ?', [1]]
    const several: Statement = ['select id from item where id = (select id from other where id <= ?)', [1]]
    await at.taught(pool, quick, gone, several)
    await at.asked(theirs, ['drop table empty'])
    const texts = [quick, gone, several, [several[0], [2]] as const, quick]
    const expected = await Promise.all(texts.map(async (text) => answerOf(...(await at.told(theirs, text)))))
    const before = at.shared
    const all = Array.from({ length: 30 }, (_, n) => n % texts.length)
    const found = await Promise.all(all.map(async (n) => answerOf(...(await at.told(pool, texts[n]!)))))
    expect(found).toEqual(all.map((n) => expected[n]))
    expect(expected).toMatchObject([{}, { code: 'ER_NO_SUCH_TABLE' }, {}, { code: 'ER_SUBQUERY_NO_1_ROW' }, {}])
    // The first has nobody to share with.
    expect(at.shared - before).toBe(29)
    expect(at.statsOf(client)).toMatchObject({ shared: 1, sharedInFlight: 0 })
    await at.expectOnce()
  })

  it('have the columns that their table has now', async () => {
    const [client, theirs] = [await at.client(), at.barePool()]
    const pool = at.poolOf(client)
    const all: Statement = ['select * from other where id = ?', [2]]
    await at.taught(pool, all, quick)
    for (let n = 0; n < 4; n++) {
      await at.asked(theirs, [n < 3 ? `alter table other add c${n} int default ${n}` : 'alter table other drop c1'])
      const expected = answerOf(...(await at.told(theirs, all)))
      const before = at.shared
      const found = await Promise.all(
        Array.from({ length: 12 }, async () => {
          void at.asked(pool, quick)
          return answerOf(...(await at.told(pool, all)))
        }),
      )
      for (const each of found) expect(each).toEqual(expected)
      expect(at.shared).toBeGreaterThan(before)
    }
    await at.expectOnce()
  })

  it('share none where that is off, or nobody else reads', async () => {
    const off = await at.client({ multiplexConnections: 0 })
    const offPool = at.poolOf(off)
    for (let n = 0; n < 20; n++) await at.many(offPool, quick)
    expect([at.shared, at.alone]).toEqual([0, expect.toSatisfy((count: number) => count > 200)])
    expect(at.statsOf(off)).toMatchObject({ shared: 0, sharedInFlight: 0 })
    const { createPool } = await import('../../src/adapters/mysql2.ts')
    const compressed = createPool({ uri: at.dsn, compress: true })
    onTestFinished(async () => await compressed.promise().end())
    for (let n = 0; n < 20; n++) await at.many(compressed, quick)
    expect(at.shared).toBe(0)
    const client = await at.client()
    const pool = at.poolOf(client)
    await at.taught(pool, quick)
    const [before, beforeAlone] = [at.shared, at.alone]
    for (let n = 0; n < 50; n++) expect(await at.asked(pool, quick)).toEqual([{ id: 1, name: 'one' }])
    expect([at.shared - before, at.alone - beforeAlone]).toEqual([0, 50])
    await at.expectOnce()
  })

  it('are counted while they are on their way, and answered though their client is closed meanwhile', async () => {
    const client = await at.client()
    const pool = at.poolOf(client)
    const nap = (n: number): Statement => ['select count(*) as n from seq_1_to_3000000 where seq <= ?', [n]]
    await at.taught(pool, quick, nap(1))
    expect(at.statsOf(client)).toMatchObject({ shared: 1, sharedInFlight: 0 })
    const before = at.shared
    const answers = [at.many(pool, quick, 2), at.asked(pool, nap(2_000_000)), at.many(pool, quick, 27)]
    await vi.waitFor(() => expect(at.shared - before).toBe(29), { interval: 1 })
    expect(at.statsOf(client).sharedInFlight).toBeGreaterThan(20)
    const closed = client.close()
    const late = at.asked(pool, quick)
    const one = [{ id: 1, name: 'one' }]
    const expected = [Array.from({ length: 2 }, () => one), [{ n: 2_000_000 }], Array.from({ length: 27 }, () => one)]
    expect(await Promise.all(answers)).toEqual(expected)
    expect(await late).toBeInstanceOf(Error)
    await closed
    expect(client.stats()).toEqual({})
    await at.expectOnce()
  })

  it('are those that nobody minds where they run: no writes, no transactions, no state of a session', async () => {
    const client = await at.client()
    const pool = at.poolOf(client)
    await at.taught(pool, quick)
    const others: readonly Statement[] = [
      ['insert into log (text) values (?)', ['x']],
      ['update log set text = text where id = ?', [1]],
      ['delete from log where id = ?', [-1]],
      ['select id from other where id = ? for update', [1]],
      ['select id from other where id = ? lock in share mode', [1]],
      ['select last_insert_id() as n'],
      ['select connection_id() as n'],
      ['select @a as a, id from other where id = ?', [1]],
      ['select @a := 1 as a'],
      ['select get_lock(concat(database(), ?), 0) as n', ['a']],
      ['do sleep(?)', [0]],
    ]
    const before = at.shared
    for (const other of others) for (let n = 0; n < 6; n++) await at.many(pool, other, 6)
    const leased = await pool.promise().getConnection()
    const { connection } = leased as unknown as { readonly connection: bare.Connection }
    const inState: readonly (readonly [string, string])[] = [
      ['begin', 'commit'],
      ['set autocommit = 0', 'set autocommit = 1'],
      ['set @a = 5', "set time_zone = '+05:00'"],
    ]
    for (const [begins, ends] of inState) {
      await at.asked(connection, [begins])
      const onOthers = Array.from({ length: 6 }, async () => await pool.promise().execute(quick[0], [1]))
      for (let n = 0; n < 6; n++) expect(await at.asked(connection, quick)).toEqual([{ id: 1, name: 'one' }])
      await Promise.all(onOthers)
      await at.asked(connection, [ends])
    }
    leased.release()
    // All that there are to share are taken.
    const settled = at.poolOf(client, { charset: 'LATIN1_SWEDISH_CI' })
    for (let n = 0; n < 6; n++) await at.many(settled, quick, 6)
    expect(at.shared).toBe(before)
    await at.taught(pool, quick)
    await at.expectOnce()
  })

  /** One thing that somebody does on a pool; resolves with what is wrong with it. */
  type Step = (pool: bare.Pool, marker: number, random: Random) => Promise<unknown>

  const isRow = (rows: unknown, marker: number): unknown =>
    Array.isArray(rows) && rows.length > 0 && (rows as Row[]).every((row) => row['marker'] === marker) ? true : rows
  const steps: readonly Step[] = [
    ...[1, 2, 3].map((id): Step => {
      const sql = `select ? as marker, name from item where id <= ${id}`
      return async (pool, marker) => isRow(await at.asked(pool, [sql, [marker]]), marker)
    }),
    async (pool, marker) => {
      const [rows] = await pool.promise().query('select ? as marker, repeat(?, 9000) as t from item', [marker, 'é'])
      return isRow(rows, marker)
    },
    async (pool, marker) => isRow(await at.asked(pool, [`select ${marker} as marker, name from other`]), marker),
    async (pool, marker, random) => {
      const text = `select ${random.below(20)} as kind, ? as marker, (select count(*) from seq_1_to_2000000 where seq < ?) as n`
      return isRow(await at.asked(pool, [text, [marker, random.chance(0.03) ? 2_000_000 : 1]]), marker)
    },
    async (pool, marker) => {
      const sql = 'select ? as marker, (select id from other where id <= ?) as id'
      const [found, error] = await Promise.all([at.asked(pool, [sql, [marker, 1]]), at.asked(pool, [sql, [marker, 2]])])
      return isRow(found, marker) === true && (error as bare.QueryError).code === 'ER_SUBQUERY_NO_1_ROW' ? true : error
    },
    async (pool, marker) => {
      const { insertId } = (await at.asked(pool, [
        'insert into log (text) values (?)',
        [marker],
      ])) as bare.ResultSetHeader
      return isRow(
        await at.asked(pool, ['select cast(text as int) as marker from log where id = ?', [insertId]]),
        marker,
      )
    },
    async (pool, marker) => {
      const leased = await pool.promise().getConnection()
      const { connection } = leased as unknown as { readonly connection: bare.Connection }
      const found = await Promise.all(
        [0, 1, 2].map(async (n) => await at.asked(connection, ['select ? as marker', [marker + n]])),
      )
      leased.release()
      return found.every((rows, n) => isRow(rows, marker + n) === true) ? true : found
    },
    async (pool, marker) => {
      const cast = (): number => {
        throw new RangeError(`no ${marker}`)
      }
      const sql = 'select ? as marker, name from item where id <= 1'
      const error = await new Promise((resolve) => pool.query({ sql, values: [marker], typeCast: cast }, resolve))
      return (error as Error).message === `no ${marker}` ? true : error
    },
  ]

  it('give each of many what it has asked for, whatever the others do', async () => {
    const client = await at.client({ multiplexConnections: 2, multiplexSlowMs: 40 })
    const pools = [at.poolOf(client), at.poolOf(client, { dateStrings: true, connectionLimit: 7 })]
    for (const id of [1, 2, 3])
      await at.taught(pools[0]!, [`select ? as marker, name from item where id <= ${id}`, [0]])
    const before = at.shared
    const wrong: unknown[] = []
    const work = async (part: number): Promise<void> => {
      const random = Random.ofPart(3, part)
      for (let n = 0; n < 60; n++) {
        const marker = part * 100_000 + n * 10
        // What throws takes its connection along: not too often.
        const step = random.below(steps.length * 5) % (steps.length + (random.chance(0.9) ? -1 : 0))
        const found = await steps[step]!(pools[random.below(2)]!, marker, random)
        if (found !== true) wrong.push([step, marker, found])
      }
    }
    await Promise.all(Array.from({ length: 30 }, async (_, part) => await work(part)))
    expect(wrong).toEqual([])
    expect(at.shared - before).toBeGreaterThan(500)
    await at.expectOnce()
    await expect.poll(() => at.statsOf(client)).toMatchObject({ sharedInFlight: 0, waiting: 0 })
  })
})
