import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type CallOptions, type Client, type Config, type Dsn } from '../../src/index.ts'
import { ItemCluster } from '../support/item-cluster.ts'
import { testedEngines } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

/**
 * Defects of other tools that split reads from writes, one test for each: where it was seen, and what went wrong there.
 * Those that have to do with servers that fail are in `known-defects-of-servers.test.ts`.
 */
describe.each(engines)('known defects of read/write splitting, on %s', (engine) => {
  let items: ItemCluster
  let client: Client

  beforeAll(async () => {
    items = await ItemCluster.start(engine)
  }, 60_000)
  afterAll(async () => {
    await items.cluster.stop()
  })
  beforeEach(async () => {
    await items.begin()
    client = await items.open({ replication: { waitMs: 20 } })
  })
  afterEach(async () => {
    await items.end()
  })

  /** Where a statement goes, which must be decided beforehand: a replica that refuses a write helps the others, too. */
  const roleOf = async (sql: string, params: readonly unknown[] = [], options: CallOptions = {}): Promise<string> => {
    const decided = client.explain(sql, params, options).role
    const { route } = await client.query(sql, params, options)
    expect(route.role).toBe(decided)
    return decided
  }
  /** Shows that a read would have gone to a replica, so that a test of its exceptions can fail. */
  const expectReplicas = async (): Promise<void> => expect(await roleOf('select n from item')).toBe('replica')

  describe('what goes to a replica that must not', () => {
    beforeEach(expectReplicas)

    it('Sequelize, kysely-replication, Drizzle, Django 19918: a locking read outside of a transaction', async () => {
      const forms = ['for update', engine === 'postgres' ? 'for no key update' : 'lock in share mode']
      for (const form of forms) expect(await roleOf(`select n from item where id = 1 ${form}`)).toBe('primary')
    })

    it('kysely-replication: a read that takes a number from a sequence', async () => {
      await client.query('create sequence ticket')
      expect(await roleOf(engine === 'postgres' ? "select nextval('ticket')" : 'select nextval(ticket)')).toBe(
        'primary',
      )
    })

    it('Sequelize #14860: INSERT … RETURNING, which returns rows and so was named a SELECT', async () => {
      const insert = 'insert into item (id, n) values (2, 7) returning n'
      expect(await roleOf(insert, [], { role: 'replica' })).toBe('primary')
      expect((await client.query('select n from item where id = 2')).rows).toEqual([{ n: 7 }])
    })

    it.runIf(engine === 'postgres')('Drizzle #4185: a write in a common table expression', async () => {
      expect(await roleOf('with changed as (update item set n = 5 returning n) select n from changed')).toBe('primary')
    })

    it.runIf(engine === 'postgres')('kysely-replication: the same below the outermost level', async () => {
      const sql =
        'with outermost as (with changed as (select n from item for update) select n from changed) select n from outermost'
      expect(await roleOf(sql)).toBe('primary')
    })

    it('multidb-router #6: a read that calls a function which writes', async () => {
      const body =
        engine === 'postgres'
          ? 'create function change() returns integer language sql as $$ update item set n = 9 returning n $$'
          : 'create function `change`() returns integer deterministic modifies sql data begin update item set n = 9; return 9; end'
      await client.using(items.cluster.primary.adminDsn(items.database.name) as Dsn).query(body)
      await client.session(async (session) => {
        expect(await roleOf(engine === 'postgres' ? 'select change()' : 'select `change`()')).toBe('primary')
        expect(session.wrote).toBe(true)
        expect((await items.read(client)).n).toBe(9)
      })
    })

    it('Prisma, Drizzle #6234, authentik: a read within a transaction, which does not see the transaction’s own rows', async () => {
      await items.pauseReplicas()
      await client.transaction(async (tx) => {
        expect((await tx.query('select n from item where id = 1')).route.role).toBe('primary')
        await items.increment(tx)
        const { rows, route } = await tx.query('select n from item where id = 1')
        expect([rows, route.role]).toEqual([[{ n: 1 }], 'primary'])
        // Also one that says that it may be read anywhere.
        expect((await client.replica(() => tx.query('select n from item'))).rows).toEqual([{ n: 1 }])
      })
    })

    it('django-rest-framework #3370: a locking read in a read-only transaction, which no replica takes', async () => {
      await client.transaction(
        async (tx) => {
          expect((await tx.query('select n from item')).route.role).toBe('replica')
          const refused = { code: 'SIGNALBOX_READ_ONLY_TRANSACTION' }
          await expect(tx.query('select n from item for update')).rejects.toMatchObject(refused)
          // Nothing was sent, so nothing is broken.
          expect((await tx.query('select n from item')).rows).toEqual([{ n: 0 }])
        },
        { readOnly: true },
      )
    })

    it('dis-wagtail #68: the change of a row that was read from a replica', async () => {
      const { rows } = await client.query<{ id: number }>('select id from item')
      const remove = items.sql('delete from item where id = ?')
      expect(await client.replica(() => roleOf(remove, [rows[0]!.id]))).toBe('primary')
    })

    it('multidb-router before 0.7: a migration', async () => {
      expect(await roleOf('create table note (text varchar(10))')).toBe('primary')
      expect(await roleOf('alter table note add column author varchar(10)')).toBe('primary')
      expect(await client.replica(() => roleOf('drop table note'))).toBe('primary')
    })
  })

  describe('what is read too old', () => {
    it('TypeORM #9427, Sequelize #7844, Prisma #172: what was just saved is not found', async () => {
      await items.pauseReplicas()
      await client.session(async () => {
        await items.increment(client)
        expect(await items.read(client)).toMatchObject({ n: 1, role: 'primary' })
      })
      const other = await items.open()
      expect(await items.read(other)).toMatchObject({ n: 0, role: 'replica' })
    })

    it('GitLab #413203: one replica has caught up, so the slower one is read, too', async () => {
      await items.pauseReplicas()
      const token = await client.session(async (session) => {
        await items.increment(client)
        await items.cluster.resumeReplay(items.replica(0))
        await items.cluster.caughtUp()
        // One is not all: the next request still has to know.
        return await session.token()
      })
      expect(token).toBeDefined()
      for (let i = 0; i < 10; i++) {
        const { n, server } = await client.session(() => items.read(client), { token })
        expect([n, items.isOn(items.replica(1), { server })]).toEqual([1, false])
      }
      const unaware = await items.open({ replication: { balancer: 'round-robin' } })
      const seen = [await items.read(unaware), await items.read(unaware)].map(({ n }) => n)
      expect(new Set(seen)).toEqual(new Set([0, 1]))
    })

    it('multidb-router #46: one request reads from two replicas, and goes back in time', async () => {
      await items.cluster.pauseReplay(items.replica(1))
      await items.increment(client)
      await items.cluster.caughtUp()
      const other = await items.open({ replication: { balancer: 'round-robin' } })
      const seen = new Set<number>()
      for (let i = 0; i < 6; i++) {
        await other.session(async () => {
          const { n } = await items.read(other)
          seen.add(n)
          for (let again = 0; again < 5; again++) expect((await items.read(other)).n).toBe(n)
        })
      }
      expect(seen).toEqual(new Set([0, 1]))
    })

    it('Kilo #4887: a replica that is far behind goes on being read', async () => {
      const writer = await items.open()
      const reader = await items.open({ replication: { maxLagMs: 200, probeIntervalMs: 50 } })
      await items.cluster.pauseReplay(items.replica(0))
      await items.increment(writer)
      await items.cluster.caughtUp()
      const fresh = async (): Promise<boolean> => {
        const reads = await Promise.all(Array.from({ length: 10 }, () => items.read(reader)))
        return reads.every(({ n, role }) => n === 1 && role === 'replica')
      }
      await expect.poll(fresh, { timeout: 5_000 }).toBe(true)
      await items.cluster.resumeReplay(items.replica(0))
      const isBack = async (): Promise<boolean> => items.isOn(items.replica(0), await items.read(reader))
      await expect.poll(isBack, { timeout: 5_000 }).toBe(true)
    })

    it('multidb-router 2.4.5, Baserow #4077: who has no cookie, as a job, does not see what it belongs to', async () => {
      await items.pauseReplicas()
      const job = await client.session(async (session) => {
        await items.increment(client)
        return JSON.stringify({ task: 'mail', token: await session.token() })
      })
      const worker = await items.open({ replication: { waitMs: 20 } })
      const { token } = JSON.parse(job) as { token: string }
      expect((await worker.session(() => items.read(worker), { token })).n).toBe(1)
      expect((await worker.session(() => items.read(worker))).n).toBe(0)
    })
  })

  describe('whom the primary is pinned for', () => {
    const roleNow = async (): Promise<string> => (await items.read(client)).role

    it('multidb-router: nested scopes of the primary leave it pinned for ever', async () => {
      const inner = async (): Promise<string> => await client.primary(async () => await client.primary(roleNow))
      expect(await inner()).toBe('primary')
      expect(await roleNow()).toBe('replica')
      await client.primary(async () => {
        await expect(client.primary(() => Promise.reject(new Error('within')))).rejects.toThrow('within')
        expect(await client.replica(roleNow)).toBe('replica')
        expect(await roleNow()).toBe('primary')
      })
      expect(await roleNow()).toBe('replica')
    })

    it('multidb-router before 0.7, and whatever pins a thread: requests at the same time share the pin', async () => {
      const meeting = Promise.withResolvers<void>()
      const pinned = client.primary(async () => {
        await meeting.promise
        return await roleNow()
      })
      const writing = client.session(async () => {
        await items.increment(client)
        await meeting.promise
        return (await client.session(() => items.read(client))).n
      })
      await items.pauseReplicas()
      const reading = client.session(async () => {
        const before = await roleNow()
        meeting.resolve()
        await Promise.all([pinned, writing])
        return [before, await roleNow()]
      })
      expect(await reading).toEqual(['replica', 'replica'])
      expect([await pinned, await writing]).toEqual(['primary', 1])
    })

    it('multidb-router #2, #8: those who may have written by their method, and not those who did', async () => {
      const post = await client.session(async (session) => {
        await items.read(client)
        return [session.wrote, await session.token()]
      })
      expect(post).toEqual([false, undefined])
      await items.pauseReplicas()
      const get = await client.session(async (session) => {
        await items.increment(client)
        return [session.wrote, typeof (await session.token())]
      })
      expect(get).toEqual([true, 'string'])
    })

    it('multidb-router PR #66: everybody who says so, since the cookie is not signed', async () => {
      for (const token of ['y', '1', 'x'.repeat(5_000)])
        expect((await client.session(() => items.read(client), { token })).role).toBe('replica')
      expect(Object.values(client.ignoredTokens).reduce((sum, count) => sum + count)).toBe(3)
    })
  })

  describe('how replicas are chosen', () => {
    it('Sequelize: a turn for each new connection, so that the balance depends on the pool', async () => {
      const balanced = await items.open({ replication: { balancer: 'round-robin' } })
      const counts = new Map<string | undefined, number>()
      // One at a time, each pool keeps its first connection.
      for (let i = 0; i < 20; i++) {
        const { server } = await items.read(balanced)
        counts.set(server, (counts.get(server) ?? 0) + 1)
      }
      expect([...counts.values()]).toEqual([10, 10])
    })

    it('mysql2: a name of a selector that is wrong is a TypeError when it is first used', async () => {
      const databases = { default: { primary: 'sqlite::memory:', replication: { balancer: 'RAND' } } }
      await expect(connect({ databases } as unknown as Config)).rejects.toMatchObject({
        code: 'SIGNALBOX_CONFIG_INVALID',
        message: expect.stringMatching(/replication\.balancer: "RAND".*least-outstanding/) as string,
      })
    })

    it('multidb-router #52, django_replicated #64: there is one primary, and no other with replicas of its own', async () => {
      const { database, cluster } = items
      const second = await cluster.createDatabase()
      const replicasOf = (each: typeof database) => cluster.replicas.map((server) => each.dsnOf(server))
      const both = await connect({
        databases: {
          default: { primary: database.primary, replicas: replicasOf(database) },
          series: { primary: second.primary, replicas: replicasOf(second) },
        },
        tables: { sample: 'series' },
      })
      try {
        await both.query('create table sample (n integer)')
        await both.query('insert into sample values (3)')
        await cluster.caughtUp()
        await items.pauseReplicas()
        await both.session(async () => {
          await items.increment(both)
          const { rows, route } = await both.query('select n from sample')
          expect([rows, route.database, route.role]).toEqual([[{ n: 3 }], 'series', 'replica'])
          expect(await items.read(both)).toMatchObject({ n: 1, role: 'primary' })
        })
      } finally {
        await both.close()
      }
    })

    it('Pinchot: a replica inherits user and password of the primary', async () => {
      const isPostgres = engine === 'postgres'
      await client.query(
        isPostgres ? "create role reader login password 'other'" : "create user reader@'%' identified by 'other'",
      )
      await client.query(isPostgres ? 'grant select on item to reader' : "grant select on item to reader@'%'")
      await items.cluster.caughtUp()
      const asReader = (dsn: string): string => dsn.replace(/\/\/[^@]*@/, '//reader:other@')
      const replicas = items.database.replicas.map(asReader) as typeof items.database.replicas
      const mixed = await items.open({ replicas })
      const { rows, route } = await mixed.query<{ name: string }>('select current_user as name from item')
      expect([rows[0]!.name.replace('@%', ''), route.role]).toEqual(['reader', 'replica'])
      await mixed.close()
      await client.query(isPostgres ? 'drop owned by reader' : "drop user reader@'%'")
      if (isPostgres) await client.query('drop role reader')
    })

    it('Pinchot: rows of a replica and of the primary are held to be of two databases', async () => {
      const ofReplica = await client.query<{ n: number }>('select n from item')
      const ofPrimary = await client.query<{ n: number }>('select n from item', [], { role: 'primary' })
      expect([ofReplica.route.role, ofPrimary.route.role]).toEqual(['replica', 'primary'])
      for (const { rows } of [ofReplica, ofPrimary]) expect(client.databaseOf(rows[0]!)).toBe('default')
    })
  })
})
