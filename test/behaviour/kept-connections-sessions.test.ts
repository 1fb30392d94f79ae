import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { mysql2PromiseFor } from '../../src/adapters/mysql2.ts'
import { pgFor } from '../../src/adapters/pg.ts'
import { connect, type Client, type ReservedConnection, type Session } from '../../src/index.ts'
import type { TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

/** A connection that is kept, over whatever sessions use it. */
interface Kept {
  run(sql: string): Promise<unknown>
  /** In a transaction of its own. */
  transact(sql: string): Promise<unknown>
}

const reserved = (connection: ReservedConnection): Kept => ({
  run: async (sql) => await connection.query(sql),
  transact: async (sql) => await connection.transaction(async (tx) => await tx.query(sql)),
})

const leased = (client: pg.ClientBase): Kept => ({
  run: async (sql) => await client.query(sql),
  transact: async (sql) => {
    await client.query('begin')
    await client.query(sql)
    return await client.query('commit')
  },
})

/** Takes one that a façade keeps, and on which texts begin and end transactions. */
const told: Readonly<Record<string, (client: Client<'default'>) => Promise<(sql: string) => Promise<unknown>>>> = {
  postgres: async (client) => {
    const one = new (pgFor(client).Client)()
    await one.connect()
    onTestFinished(async () => await one.end())
    await one.query('listen news')
    return async (sql) => await one.query(sql)
  },
  mysql: async (client) => {
    const one = await mysql2PromiseFor(client).createConnection({})
    onTestFinished(async () => await one.end())
    await one.query('set @mine = 1')
    return async (sql) => await one.query(sql)
  },
}

const engines = testedEngines.filter((engine) => engine !== 'sqlite')

describe.each(engines)('a connection that is kept over several sessions, on %s', (engine) => {
  let cluster: TestCluster
  let client: Client<'default'>
  beforeAll(async () => {
    cluster = await privateCluster(engine, { replicas: 1 })
  })
  afterAll(async () => await cluster.stop())

  beforeEach(async () => {
    const { primary, replicas } = await cluster.createDatabase()
    client = await connect({
      databases: { default: { primary, replicas } },
      tokens: { keys: ['a key of sixteen bytes'] },
      replication: { waitMs: 200 },
    })
    onTestFinished(async () => await client.close())
    await client.query('create table item (id integer primary key)')
    await cluster.caughtUp()
    const [replica] = cluster.replicas
    await cluster.pauseReplay(replica!)
    onTestFinished(async () => await cluster.resumeReplay(replica!))
  })

  const kinds: Readonly<Record<string, () => Promise<Kept>>> = {
    'reserved by Signalbox': async () => {
      const connection = client.reserve()
      onTestFinished(async () => await connection.release())
      await connection.query('select 1')
      return reserved(connection)
    },
    ...(engine === 'postgres' && {
      'of a client of pg that listens': async () => {
        const pool = new (pgFor(client).Pool)({ max: 2 })
        const lent = await pool.connect()
        onTestFinished(async () => {
          lent.release()
          await pool.end()
        })
        await lent.query('listen news')
        return leased(lent)
      },
    }),
  }

  const seen = async (): Promise<{ n: number; role: string }> => {
    const { rows, route } = await client.query<{ n: number | string }>('select count(*) as n from item')
    return { n: Number(rows[0]!.n), role: route.role }
  }
  /** As another request or job. */
  const apart = async <T>(work: (session: Session) => Promise<T>): Promise<T> => await client.session(work)

  it.each(['changed something', 'read'])(
    'told by texts: who %s in a transaction sees it later, whoever says COMMIT',
    async (way) => {
      const run = await apart(async () => await told[engine]!(client))
      const [turn, committed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const other = apart(async () => {
        await run('begin')
        if (way === 'read') await run('insert into item (id) values (1)')
        turn.resolve()
        await committed.promise
      })
      await turn.promise
      const commit = Promise.withResolvers<void>()
      const last = apart(async () => {
        await commit.promise
        await run('commit')
      })
      await apart(async (session) => {
        await run(way === 'read' ? 'select id from item' : 'insert into item (id) values (1)')
        // It learns how far the primary has come, which the replica shows, and is not far enough.
        const [replica] = cluster.replicas
        await cluster.resumeReplay(replica!)
        await cluster.caughtUp()
        expect((await seen()).n).toBe(0)
        await cluster.pauseReplay(replica!)
        commit.resolve()
        await last
        expect(await seen()).toEqual({ n: 1, role: 'primary' })
        const token = await session.token()
        if (way !== 'read') expect(await client.session(seen, { token: token! })).toEqual({ n: 1, role: 'primary' })
      })
      committed.resolve()
      await other
      // Others may read what there was: they have had no part in it.
      expect(await apart(seen)).toEqual({ n: 0, role: 'replica' })
    },
  )

  for (const [kind, keep] of Object.entries(kinds)) {
    const ways: Readonly<Record<string, (kept: Kept) => Promise<unknown>>> = {
      'a statement': async (kept) => await kept.run('insert into item (id) values (1)'),
      'a transaction': async (kept) => await kept.transact('insert into item (id) values (1)'),
    }
    for (const [way, write] of Object.entries(ways))
      it(`${kind}: who changes something by ${way} reads it, whoever took the connection`, async () => {
        const [kept, first] = await apart(async (session) => [await keep(), session] as const)
        // LISTEN counts as a write.
        const { wrote } = first
        await apart(async (session) => {
          expect(session.wrote).toBe(false)
          await write(kept)
          expect(await seen()).toEqual({ n: 1, role: 'primary' })
          expect(session.wrote).toBe(true)
          const token = await session.token()
          expect(await client.session(seen, { token: token! })).toEqual({ n: 1, role: 'primary' })
        })
        expect(first.wrote).toBe(wrote)
        // Others may read what there was: they have written nothing.
        expect(await apart(seen)).toEqual({ n: 0, role: 'replica' })
      })

    it(`${kind}: it writes for the client as a whole outside of sessions, also when it was taken in one`, async () => {
      const kept = await apart(keep)
      await kept.run('insert into item (id) values (1)')
      expect(await seen()).toEqual({ n: 1, role: 'primary' })
    })
  }
})
