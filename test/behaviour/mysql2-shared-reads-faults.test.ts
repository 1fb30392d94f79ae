import bare from 'mysql2'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Client } from '../../src/index.ts'
import { turn } from '../support/notes.ts'
import { testedEngines } from '../support/servers.ts'
import {
  marked,
  markedTable,
  rowsOf,
  SharedReadsBench,
  upTo,
  type Asks,
  type Statement,
} from '../support/shared-reads.ts'

const definitions = [
  ...markedTable,
  'create table slow (id integer primary key, name varchar(40))',
  "insert into slow values (1, 'slow')",
]

/** Of a table that others lock. */
const slow: Statement = ['select id, name from slow where id = ?', [1]]
const slowRows = [{ id: 1, name: 'slow' }]
/** More than comes in one piece. */
const big: Statement = ["select seq as n, repeat('x', 100000) as wide from seq_1_to_30"]
/** Answers that come in several pieces, or in one with those behind. */
const wide = (n: number): Statement => [
  `select seq as n, repeat('x', ${(n < 2 ? 5_000 : 5) + n}) as wide from seq_1_to_30`,
]

describe.runIf(testedEngines.includes('mysql'))('reads of mysql2 that share connections', () => {
  const at = new SharedReadsBench(definitions)
  let client: Client<'default'>
  let pool: bare.Pool

  beforeEach(async () => {
    client = await at.client({ multiplexSlowMs: 50 })
    pool = at.poolOf(client)
  })

  const markers = async (by: Asks, from: number, count = 30): Promise<void> =>
    void (await Promise.all(
      upTo(count).map(async (n) => expect(await at.asked(by, marked(from + n))).toEqual(rowsOf(from + n))),
    ))
  const leased = async (by = pool): Promise<bare.PoolConnection> => {
    const made = (await by.promise().getConnection()) as unknown as { readonly connection: bare.PoolConnection }
    if (made.connection.listenerCount('error') < 2) made.connection.on('error', () => undefined)
    return made.connection
  }
  /** Nobody else reads `slow` meanwhile. */
  const locked = async (): Promise<() => Promise<void>> => {
    const locker = bare.createConnection(at.dsn).promise()
    onTestFinished(async () => await locker.end())
    await locker.query('lock tables slow write')
    return async () => void (await locker.query('unlock tables'))
  }
  const waiting = "select id from information_schema.processlist where db = database() and state like '%table%lock%'"
  /** Sends all of them over one shared connection, in this order, each from a connection of its own. */
  const onLane = async (
    asks: readonly ((by: bare.PoolConnection) => Promise<unknown>)[],
  ): Promise<Promise<unknown>[]> => {
    const [first, ...others] = await Promise.all([undefined, ...asks].map(async () => await leased()))
    const before = at.shared
    // The first has nobody to share with.
    const alone = at.asked(first!, marked(-1))
    const answers = asks.map((ask, n) => ask(others[n]!))
    expect(at.shared - before).toBe(asks.length)
    expect(await alone).toEqual(rowsOf(-1))
    for (const [n, each] of [alone, ...answers].entries()) void each.then(() => [first, ...others][n]!.release())
    return answers
  }
  const strangers = (from: number, count = 20) =>
    upTo(count).map((n) => async (by: Asks) => await at.asked(by, marked(from + n)))

  it.each([1, 2])('do not wait for a table that somebody has locked, with %i connections to share', async (count) => {
    client = await at.client({ multiplexConnections: count })
    pool = at.poolOf(client)
    const nap: Statement = ['select count(*) as n from seq_1_to_10000 where seq > ?', [0]]
    await at.taught(pool, slow, marked(0))
    await vi.waitFor(
      async () => {
        await Promise.all(upTo(50).map(async () => await at.asked(pool, nap)))
        expect(at.statsOf(client).shared).toBe(count)
      },
      { timeout: 20_000 },
    )
    const unlock = await locked()
    let slowAnswers = 0
    const answers = await onLane([
      async (by) => await at.asked(by, marked(1)),
      async (by) => {
        const rows = await at.asked(by, slow)
        slowAnswers += 1
        return rows
      },
      ...strangers(100, 30),
    ])
    const [before, held, ...others] = answers
    expect(await before).toEqual(rowsOf(1))
    expect(await Promise.all(others)).toEqual(upTo(30).map((n) => rowsOf(100 + n)))
    await markers(pool, 200)
    expect([slowAnswers, (await at.barePool().promise().query(waiting))[0]]).toEqual([0, [expect.anything()]])
    expect(at.statsOf(client).sharedInFlight).toBeGreaterThan(0)
    await unlock()
    expect(await held).toEqual(slowRows)
    await vi.waitFor(() => expect(at.statsOf(client)).toMatchObject({ shared: count, sharedInFlight: 0 }))
    await at.taught(pool, marked(300))
    await markers(pool, 400)
    await at.expectOnce()
  })

  it('one is stopped while it waits behind others, and no others with it', async () => {
    client = await at.client({ multiplexSlowMs: 1_000 })
    pool = at.poolOf(client)
    await at.taught(pool, slow, marked(0))
    const [victim, killer] = [await leased(), await leased()]
    const unlock = await locked()
    const [held, stopped, ...others] = await onLane([
      async (by) => await at.asked(by, slow),
      async () => await at.asked(victim, marked(1)),
      ...strangers(100),
    ])
    await at.asked(killer, ['kill query ?', [victim.threadId]])
    expect(await stopped).toMatchObject({ code: 'ER_QUERY_INTERRUPTED', errno: 1317, sqlState: '70100' })
    expect(at.statsOf(client).sharedInFlight).toBe(22)
    // Its connection goes on, and so does whoever stands in its old place.
    expect(await at.asked(victim, marked(2))).toEqual(rowsOf(2))
    await unlock()
    expect(await held).toEqual(slowRows)
    expect(await Promise.all(others)).toEqual(upTo(20).map((n) => rowsOf(100 + n)))
    await markers(victim, 200, 3)
    for (const each of [victim, killer]) each.release()
    await at.expectOnce()
  })

  it('one that the server works on is stopped there, once nobody is behind it', async () => {
    await at.taught(pool, slow, marked(0))
    const [victim, killer, watching] = [await leased(), await leased(), at.barePool().promise()]
    const unlock = await locked()
    const [stopped, ...others] = await onLane([async () => await at.asked(victim, slow), ...strangers(100)])
    await at.asked(killer, ['kill query ?', [victim.threadId]])
    expect(await stopped).toMatchObject({ code: 'ER_QUERY_INTERRUPTED' })
    expect(await Promise.all(others)).toEqual(upTo(20).map((n) => rowsOf(100 + n)))
    await expect.poll(async () => (await watching.query(waiting))[0], { interval: 10 }).toEqual([])
    await unlock()
    await at.taught(pool, marked(0))
    await markers(pool, 200)
    for (const each of [victim, killer]) each.release()
    await at.expectOnce()
  })

  it.each(['kill query ?', 'kill ?'])('one is stopped by "%s" while its answer comes in', async (kill) => {
    client = await at.client({ multiplexSlowMs: 2_000 })
    pool = at.poolOf(client)
    await at.taught(pool, big, marked(0))
    for (let round = 0; round < 5; round++) {
      const [victim, killer] = [await leased(), await leased()]
      const begun = Promise.withResolvers<void>()
      const [, stopped, ...others] = await onLane([
        async (by) => await at.asked(by, marked(1)),
        async () =>
          await at.asked(victim, big, (query) =>
            query.on('fields', () => {
              victim.pause()
              begun.resolve()
            }),
          ),
        ...strangers(100),
      ])
      await begun.promise
      await at.asked(killer, [kill, [victim.threadId]])
      expect(await stopped).toMatchObject({
        code: kill === 'kill ?' ? 'PROTOCOL_CONNECTION_LOST' : 'ER_QUERY_INTERRUPTED',
      })
      expect(await Promise.all(others)).toEqual(upTo(20).map((n) => rowsOf(100 + n)))
      victim.destroy()
      killer.release()
      await at.taught(pool, marked(0))
    }
    await at.expectOnce()
  })

  it.each([
    ['waits', slow],
    ['is short', marked(7)],
    ['is long', big],
  ] as const)('one that %s is answered though its connection is destroyed, as with mysql2', async (_, text) => {
    client = await at.client({ multiplexSlowMs: text === big ? 2_000 : 50 })
    pool = at.poolOf(client)
    await at.taught(pool, text, marked(0))
    const one = await leased()
    const unlock = await locked()
    const [, destroyed, ...others] = await onLane([
      async (by) => await at.asked(by, marked(1)),
      async () => await at.asked(one, text),
      ...strangers(100),
    ])
    one.destroy()
    expect(await Promise.all(others)).toEqual(upTo(20).map((n) => rowsOf(100 + n)))
    await unlock()
    expect(await destroyed).toHaveLength(text === slow ? 1 : text === big ? 30 : 3)
    await at.taught(pool, marked(0))
    await at.expectOnce()
  })

  it.each([
    ['a function for values', { typeCast: true }],
    ['a listener', { event: 'fields' }],
  ])('are answered though %s of one among them throws', async (_, how) => {
    client = await at.client({ multiplexSlowMs: 1_000 })
    pool = at.poolOf(client)
    await at.taught(pool, big, marked(0))
    const fails = (): never => {
      throw new RangeError('not so')
    }
    for (const text of [marked(1), big, ['select id from item where id = 1'] as const])
      for (let round = 0; round < 3; round++) {
        await at.taught(pool, text)
        const answers = await onLane([
          ...strangers(0, 10),
          async (by) =>
            'event' in how
              ? await at.asked(by, text, (query) => query.on(how.event, fails))
              : await at.asked(by, { sql: text[0], values: text[1] as bare.QueryValues, typeCast: fails }),
          ...strangers(10),
        ])
        const [failed] = answers.splice(10, 1)
        expect(await failed).toMatchObject({ message: 'not so' })
        expect(await Promise.all(answers)).toEqual(upTo(30).map(rowsOf))
      }
    await at.expectOnce()
  })

  it('wait with the connection of their user, and let nobody else wait', async () => {
    await at.taught(pool, marked(0))
    const one = await leased()
    for (let round = 0; round < 4; round++) {
      // One that has held others up is not trusted at once.
      await at.taught(pool, wide(round))
      let answered = 0
      const [paused, ...others] = await onLane([
        async () => {
          const rows = await at.asked(one, wide(round), (query) => {
            query.on('fields', () => one.pause())
            if (round % 2 === 1) query.on('end', () => one.pause())
          })
          answered += 1
          return rows
        },
        ...strangers(100, 19),
        async (by) => {
          const last = at.asked(by, marked(119))
          // Meanwhile all their answers come in.
          const begun = performance.now()
          while (performance.now() - begun < 20);
          return await last
        },
      ])
      expect(await Promise.all(others)).toEqual(upTo(20).map((n) => rowsOf(100 + n)))
      await markers(pool, 200)
      expect(answered).toBe(0)
      one.resume()
      expect(await paused).toHaveLength(30)
      one.resume()
      expect(await at.asked(one, marked(3))).toEqual(rowsOf(3))
      await at.taught(pool, marked(0))
      await vi.waitFor(() => expect(at.statsOf(client)).toMatchObject({ shared: 1, sharedInFlight: 0 }))
    }
    await at.expectOnce()
  })

  it('of a connection that is paused are not told before it goes on, as with mysql2', async () => {
    await at.taught(pool, marked(0))
    const [one, theirs] = [await leased(), bare.createConnection(at.dsn)]
    onTestFinished(async () => await theirs.promise().end())
    const told: string[][] = []
    for (const [n, by] of [theirs, one].entries()) {
      const lines = (told[n] = [] as string[])
      const run = async (): Promise<void> => {
        const answer = at.asked(by, marked(1)).then(() => lines.push('answered'))
        by.pause()
        await turn()
        lines.push('goes on')
        by.resume()
        await answer
      }
      await (by === one ? Promise.all(await onLane([run, ...strangers(10, 5)])) : run())
    }
    expect(told[0]).toEqual(['goes on', 'answered'])
    expect(told[1]).toEqual(told[0])
    await at.expectOnce()
  })
})
