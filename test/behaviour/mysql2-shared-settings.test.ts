import bare from 'mysql2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testedEngines } from '../support/servers.ts'
import { SharedReadsBench, upTo, type Statement } from '../support/shared-reads.ts'

const definitions = [
  'create table item (id integer primary key, made timestamp not null)',
  "insert into item values (1, '2026-06-01 12:00:00'), (2, '2026-06-01 12:00:00'), (3, '2026-06-01 12:00:00')",
  'create table slow (id integer primary key)',
]

/** What it says depends on the time zone, on how many rows one may get, and on what quotes mean. */
const telling = (n: number): Statement => [
  'select ? as n, cast(made as char) as made, "id" as quoted from item order by id',
  [n],
]
const slow: Statement = ['select id from slow where id = ?', [1]]
/** What sessions of a pool have set. */
const sets: readonly (readonly string[])[] = [
  [],
  ["set time_zone = '+05:00'"],
  ["set time_zone = '+05:00'", 'set sql_select_limit = 1'],
  ["set sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')", "set session time_zone = '-03:30', sql_select_limit = 2"],
]

describe.runIf(testedEngines.includes('mysql'))('reads of mysql2 that share connections under settings', () => {
  const at = new SharedReadsBench(definitions)

  /** Each connection of the pool has these settings. */
  const settled = (pool: bare.Pool, statements: readonly string[]): bare.Pool => {
    pool.on('connection', (connection) => {
      for (const sql of statements) connection.query(sql)
    })
    return pool
  }
  const leased = async (pool: bare.Pool, count: number, greeting = telling(1)): Promise<bare.PoolConnection[]> =>
    await Promise.all(
      upTo(count).map(async () => {
        const made = (await pool.promise().getConnection()) as unknown as { readonly connection: bare.PoolConnection }
        await at.asked(made.connection, greeting)
        return made.connection
      }),
    )
  /** What mysql2 itself answers there. */
  const expectedOf = async (statements: readonly string[], n: number): Promise<unknown> =>
    await at.asked(settled(at.barePool({ connectionLimit: 1 }), statements), telling(n))

  it('share one with those of the same settings, in the same order, and with no others', async () => {
    const client = await at.client({ multiplexConnections: 4 })
    const groups = await Promise.all(
      sets.map(async (statements) => ({
        pools: [settled(at.poolOf(client), statements), settled(at.poolOf(client, { timezone: '+01:00' }), statements)],
        expected: await expectedOf(statements, 1),
      })),
    )
    expect(new Set(groups.map(({ expected }) => JSON.stringify(expected))).size).toBe(sets.length)
    for (const { pools } of groups) await at.taught(pools[0]!, telling(1))
    const before = at.shared
    const answers = upTo(200).map(async (n) => {
      const { pools, expected } = groups[n % groups.length]!
      expect(await at.asked(pools[n % 2]!, telling(1))).toEqual(expected)
    })
    await Promise.all(answers)
    expect(at.shared - before).toBeGreaterThan(190)
    expect(at.statsOf(client)).toMatchObject({ shared: 4, sharedInFlight: 0 })
    await at.expectOnce()
  })

  it('follow what a session sets from one read to the next', async () => {
    const client = await at.client({ multiplexConnections: 3 })
    const expected = await Promise.all(sets.slice(0, 3).map(async (statements) => await expectedOf(statements, 1)))
    const [pool, others] = [at.poolOf(client), settled(at.poolOf(client), sets[1]!)]
    await at.taught(pool, telling(1))
    await at.taught(others, telling(1))
    const before = at.shared
    const sessions = await leased(pool, 10)
    for (let round = 0; round < 5; round++) {
      const work = sessions.map(async (session) => {
        const found = [await at.asked(session, telling(1))]
        for (const sql of sets[2]!) {
          await at.asked(session, [sql])
          found.push(await at.asked(session, telling(1)))
        }
        expect(found).toEqual(expected)
        await at.asked(session, ["set time_zone = 'SYSTEM', sql_select_limit = default"])
        expect(await at.asked(session, telling(1))).toEqual(expected[0])
        await session.promise().changeUser({})
      })
      await Promise.all([...work, at.many(others, telling(1), 20)])
    }
    expect(at.shared - before).toBeGreaterThan(100)
    for (const session of sessions) session.release()
    await at.expectOnce()
  })

  it('have at most as many for all settings together, in the order in which they came, and make room', async () => {
    const client = await at.client({ multiplexConnections: 1, idleTimeoutMs: 300 })
    const [first, second] = [settled(at.poolOf(client), sets[1]!), settled(at.poolOf(client), sets[2]!)]
    await at.taught(first, telling(1))
    const before = at.shared
    const expected = await expectedOf(sets[2]!, 1)
    for (let n = 0; n < 10; n++) for (const rows of await at.many(second, telling(1))) expect(rows).toEqual(expected)
    expect(at.shared).toBe(before)
    expect(at.statsOf(client).shared).toBe(1)
    await expect.poll(() => at.statsOf(client).shared).toBe(0)
    await at.taught(second, telling(1))
    expect(await at.many(second, telling(1))).toEqual(upTo(12).map(() => expected))
    expect(at.statsOf(client).shared).toBe(1)
    await at.expectOnce()
  })

  it('take their settings along where they are held up, and go on elsewhere', async () => {
    const client = await at.client({ multiplexSlowMs: 50 })
    const pool = settled(at.poolOf(client), sets[3]!)
    await at.taught(pool, slow, telling(1))
    const expected = await expectedOf(sets[3]!, 1)
    const locker = bare.createConnection(at.dsn).promise()
    onTestFinished(async () => await locker.end())
    await locker.query('lock tables slow write')
    const [first, second, ...others] = await leased(pool, 22)
    const before = at.shared
    // The first has nobody to share with.
    const alone = at.asked(first!, telling(1))
    const held = at.asked(second!, slow)
    const behind = others.map(async (by) => await at.asked(by, telling(1)))
    expect(at.shared - before).toBe(21)
    expect(await Promise.all([alone, ...behind])).toEqual(upTo(21).map(() => expected))
    await locker.query('unlock tables')
    expect(await held).toEqual([])
    for (const each of [first!, second!, ...others]) each.release()
    await at.taught(pool, telling(1))
    expect(await at.asked(pool, telling(1))).toEqual(expected)
    await at.expectOnce()
  })

  it('have connections of their own where one to share cannot be made like that', async () => {
    const own = at.barePool().promise()
    await own.query('create function most() returns integer deterministic return 2')
    const client = await at.client({ multiplexConnections: 2 })
    const pool = settled(at.poolOf(client), ['set sql_select_limit = most()'])
    const expected = await expectedOf(['set sql_select_limit = most()'], 1)
    // As many as the client has connections: each has one, which stays as it is.
    const sessions = await leased(pool, 8, ['do sleep(?)', [0.1]])
    await own.query('drop function most')
    const before = at.shared
    for (let round = 0; round < 20; round++)
      for (const rows of await Promise.all(sessions.map(async (by) => await at.asked(by, telling(1)))))
        expect(rows).toEqual(expected)
    expect([at.shared - before, at.statsOf(client).shared]).toEqual([0, 0])
    for (const each of sessions) each.release()
    await own.query('create function most() returns integer deterministic return 2')
    await at.taught(pool, telling(1))
    expect(await at.many(pool, telling(1))).toEqual(upTo(12).map(() => expected))
    await at.expectOnce()
  })
})
