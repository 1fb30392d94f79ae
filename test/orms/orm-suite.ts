import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mariadbFor } from '../../src/adapters/mariadb.ts'
import { mysql2For } from '../../src/adapters/mysql2.ts'
import { pgFor, type Bound } from '../../src/adapters/pg.ts'
import { connect, formatRoute, onQuery, type Client, type QueryEvent } from '../../src/index.ts'
import type { TestCluster, TestServer } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'
import type { MysqlPlace, Orm, OrmUnderTest, Product } from './orm.ts'

const schema = [
  'create table product (id integer primary key, name varchar(100) not null, stock integer not null)',
  "insert into product values (1, 'product 1', 10), (2, 'two', 10), (3, 'three', 10), (4, 'four', 10), (5, 'five', 10)",
  'create table review (id integer primary key, product_id integer not null, text varchar(200) not null)',
]

/** What is said in other words on each engine. */
interface Dialect {
  readonly engine: 'postgres' | 'mysql'
  /** The server's own word for where a statement runs. */
  readonly port: string
  readonly database: string
  /** Texts that change the stock of a product by one, and look like something else. */
  readonly changes: (id: number) => readonly string[]
}

const postgres: Dialect = {
  engine: 'postgres',
  port: "current_setting('port')::integer",
  database: 'current_database()',
  changes: (id) => [
    `update product set stock = stock + 1 where id = ${id} returning id`,
    `with changed as (update product set stock = stock + 1 where id = ${id} returning id) select id from changed`,
  ],
}

const mysql: Dialect = {
  engine: 'mysql',
  port: '@@port',
  database: 'database()',
  changes: (id) => [
    `/* select */ update product set stock = stock + 1 where id = ${id}`,
    `insert into product values (${id}, 'twice', 1) on duplicate key update stock = stock + 1`,
  ],
}

type ShopClient = Client<'default' | 'reviews'>

interface Opened {
  readonly client: ShopClient
  readonly shop: OrmUnderTest
}

/**
 * What Signalbox does beneath a query tool, on a primary and a replica whose lag can be held, with reviews in another database: the same for
 * all of them. Each runs it in a file of its own.
 */
export function ormSuite(orm: Orm): void {
  suite(orm.name, postgres, async (scope, url) => await orm.open({ pg: pgFor(scope), url }))
}

/** The same on MariaDB. */
export function mysqlOrmSuite(orm: Orm<MysqlPlace>): void {
  suite(
    orm.name,
    mysql,
    async (scope, url) => await orm.open({ mysql2: mysql2For(scope), mariadb: mariadbFor(scope), url }),
  )
}

function suite(name: string, dialect: Dialect, tool: (scope: Bound, url: string) => Promise<OrmUnderTest>): void {
  const { engine } = dialect
  /** It names a table, as reads of an application do. */
  const whereami = `select ${dialect.port} as port, count(*) as total from product`
  const portOf = async ({ raw }: Pick<OrmUnderTest, 'raw'>): Promise<number> =>
    Number((await raw<{ port: number | string }>(whereami))[0]?.port)

  describe.runIf(testedEngines.includes(engine))(`Signalbox beneath ${name}`, () => {
    let cluster: TestCluster
    let replica: TestServer
    let client: ShopClient
    let shop: OrmUnderTest
    let open: () => Promise<Opened>
    let elsewhere: string

    beforeAll(async () => {
      cluster = await privateCluster(engine, { replicas: 1 })
      replica = cluster.replicas[0]!
      const [{ primary, replicas }, reviews] = [await cluster.createDatabase(), await cluster.createDatabase()]
      open = async () => {
        const opened = await connect({
          databases: { default: { primary, replicas }, reviews: reviews.primary },
          tables: { review: 'reviews' },
          tokens: { keys: ['a key of sixteen bytes'] },
          // On a machine that is busy with other tests nobody is to be taken for hung.
          replication: { probeTimeoutMs: 10_000 },
        })
        return { client: opened, shop: await tool(opened, primary) }
      }
      elsewhere = reviews.primary
      ;({ client, shop } = await open())
      for (const statement of schema) await client.query(statement)
    })
    afterAll(async () => {
      await shop?.[Symbol.asyncDispose]()
      await client?.close()
      await cluster?.stop()
    })

    /** What the work sent to the tables of the shop, and the server and the database of each. */
    async function watched(work: () => Promise<unknown>): Promise<readonly QueryEvent[]> {
      const events: QueryEvent[] = []
      const stop = onQuery((event) => void (/product|review/.test(event.sql) && events.push(event)))
      try {
        await work()
      } finally {
        stop()
      }
      return events
    }

    async function rolesOf(work: () => Promise<unknown>): Promise<readonly string[]> {
      const events = await watched(work)
      return events.map(({ route }) => `${route.database} ${route.role}`)
    }

    /** In a session of its own that has read the replica, which it does not leave without need. */
    const fresh = async <T>(work: () => Promise<T>): Promise<T> => {
      await cluster.caughtUp()
      return await client.session(async () => {
        const role = async (): Promise<string | undefined> => (await client.query('select 1 from product')).route.role
        await expect.poll(role, { timeout: 5_000 }).toBe('replica')
        return await work()
      })
    }

    async function holdReplay(): Promise<void> {
      await cluster.caughtUp()
      await cluster.pauseReplay(replica)
      onTestFinished(async () => await cluster.resumeReplay(replica))
    }

    const nextId = ((): (() => number) => {
      let id = 100
      return () => ++id
    })()
    const product = (): Product => ({ id: nextId(), name: 'new', stock: 1 })

    it('reads rows as the tool gives them, from the replica', async () => {
      const roles = await fresh(
        async () =>
          await rolesOf(async () => {
            expect(await shop.find(1)).toMatchObject({ id: 1, name: 'product 1', stock: 10 })
            expect(await shop.find(99)).toBeFalsy()
            expect((await shop.findAll()).slice(0, 5).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
            expect(await portOf(shop)).toBe(replica.port)
          }),
      )
      expect(roles).toEqual(Array.from({ length: 4 }, () => 'default replica'))
    })

    it('writes on the primary, whatever the call is named and the text is', async () => {
      const made = product()
      const events = await watched(async () => {
        expect(await shop.insert(made)).toMatchObject(made)
        await shop.setStock(made.id, 2)
        for (const text of dialect.changes(made.id)) await shop.raw(text)
        await shop.raw(`select id from product where id = ${made.id} for update`)
        await shop.lock?.(made.id)
      })
      expect(events.filter(({ sql }) => /insert|update/i.test(sql)).length).toBeGreaterThanOrEqual(5)
      for (const { sql, route } of events)
        if (/insert|update/i.test(sql)) expect(route, sql).toMatchObject({ role: 'primary' })
      expect(await client.primary(async () => await shop.find(made.id))).toMatchObject({ ...made, stock: 4 })
    })

    it('has a transaction and its savepoints in one place', async () => {
      const [kept, undone, lost] = [product(), product(), product()]
      const events = await watched(
        async () =>
          await shop.transaction(async (tx) => {
            await tx.insert(kept)
            expect(await tx.find(kept.id)).toMatchObject(kept)
            expect(await portOf(tx)).toBe(cluster.primary.port)
            expect(await shop.find(kept.id)).toBeFalsy()
            await tx
              .savepoint(async (inner) => {
                await inner.insert(undone)
                throw new Error('back to the savepoint')
              })
              .catch((error: unknown) => expect(error).toMatchObject({ message: 'back to the savepoint' }))
            await tx.savepoint(async (inner) => await inner.setStock(kept.id, 7))
            expect(await tx.lock(kept.id)).toMatchObject({ stock: 7 })
          }),
      )
      const inside = events.filter(({ inTransaction }) => inTransaction)
      expect(inside.length).toBeGreaterThanOrEqual(5)
      for (const { route, sql } of inside) expect(route, sql).toMatchObject({ database: 'default', role: 'primary' })
      await expect(
        shop.transaction(async (tx) => {
          await tx.insert(lost)
          throw new Error('all of it')
        }),
      ).rejects.toThrow('all of it')
      const all = await client.primary(async () => await shop.findAll())
      const ids = all.map(({ id }) => id)
      expect([kept, undone, lost].map(({ id }) => ids.includes(id))).toEqual([true, false, false])
    })

    it('reads what the session wrote while the replica lags, and from the replica when it has it', async () => {
      await holdReplay()
      const made = product()
      await client.session(async () => {
        await shop.insert(made)
        expect(await rolesOf(async () => expect(await shop.find(made.id)).toMatchObject(made))).toEqual([
          'default primary',
        ])
        // The lag is real: who asks for a replica as it is does not see the row.
        expect(await client.replica(async () => await shop.find(made.id))).toBeFalsy()
        await cluster.resumeReplay(replica)
        await cluster.caughtUp()
        await expect
          .poll(async () => await rolesOf(async () => expect(await shop.find(made.id)).toMatchObject(made)), {
            timeout: 10_000,
          })
          .toEqual(['default replica'])
      })
    })

    it('keeps the sessions of concurrent requests apart, also where its pool makes them wait', async () => {
      await holdReplay()
      const stocks = await Promise.all(
        Array.from({ length: 30 }, async (_, request) =>
          client.session(async (session) => {
            const made = product()
            if (request % 2 === 0) await shop.insert(made)
            const found = await shop.find(made.id)
            return [session.wrote, found?.id === made.id]
          }),
        ),
      )
      expect(stocks).toEqual(Array.from({ length: 30 }, (_, request) => [request % 2 === 0, request % 2 === 0]))
    })

    it('streams rows from where the session may read them', async ({ skip }) => {
      const { stream } = shop
      if (stream === undefined) return skip(`${name} has no streams, or none that work.`)
      const ids = async (): Promise<readonly number[]> => (await Array.fromAsync(stream())).map(({ id }) => id)
      await holdReplay()
      const { id } = product()
      await client.session(async () => {
        await shop.insert({ id, name: 'streamed', stock: 1 })
        const shown = await ids()
        expect([shown.slice(0, 5), shown.includes(id)]).toEqual([[1, 2, 3, 4, 5], true])
        expect(await client.replica(ids)).not.toContain(id)
      })
    })

    it('goes on where nobody reads a stream to its end', async ({ skip }) => {
      const { stream, canLeaveStreams = true } = shop
      if (stream === undefined) return skip(`${name} has no streams, or none that work.`)
      if (!canLeaveStreams) return skip(`${name} gives a connection with the rest of a stream on it back to its pool.`)
      for await (const first of stream()) {
        expect(first.id).toBe(1)
        break
      }
      expect(await shop.find(1)).toMatchObject({ id: 1 })
    })

    it('runs a read-only transaction on the replica', async ({ skip }) => {
      const { readOnly } = shop
      if (readOnly === undefined) return skip(`${name} does not say that a transaction is read-only.`)
      const port = async (): Promise<unknown> =>
        await readOnly(async (tx) => {
          expect(await tx.find(1)).toMatchObject({ id: 1 })
          return await portOf(tx)
        })
      expect(await fresh(port)).toBe(replica.port)
      await expect(readOnly(async (tx) => await tx.insert(product()))).rejects.toThrow()
    })

    it('finds a table in its own database, and refuses a join with another one', async () => {
      const id = nextId()
      const roles = await rolesOf(async () => {
        await shop.addReview({ id, productId: id, text: 'fine' })
        expect(await shop.reviewsOf(id)).toMatchObject([{ id, productId: id, text: 'fine' }])
      })
      expect(new Set(roles)).toEqual(new Set(['reviews primary']))
      await expect(shop.raw('select 1 from product p join review r on r.product_id = p.id')).rejects.toThrow()
    })

    it('says why a statement of the tool goes where it goes', async () => {
      const [event] = await fresh(async () => await watched(async () => await shop.find(1)))
      const { sql, params, route } = event!
      const explained = client.explain(sql, params, { dialect: engine })
      expect(explained).toMatchObject({ database: route.database, role: 'replica' })
      expect(formatRoute(explained)).toContain('[read]')
    })

    it('obeys the scope around a call', async () => {
      const roles = async (scope: <T>(work: () => T) => T): Promise<readonly string[]> =>
        await fresh(async () => await rolesOf(async () => await scope(async () => await shop.findAll())))
      expect(await roles((work) => client.primary(work))).toEqual(['default primary'])
      expect(await roles((work) => client.replica(work))).toEqual(['default replica'])
    })

    it('goes to another database by a comment in a text, or by a module that is bound to it', async () => {
      const here = `select ${dialect.database} as name`
      const nameOf = async (by: Pick<OrmUnderTest, 'raw'>, hint = ''): Promise<string | undefined> =>
        (await by.raw<{ name: string }>(`${hint}${here}`))[0]?.name
      const [own, its] = await Promise.all(
        [client, client.using('reviews')].map(
          async (scope) => (await scope.query<{ name: string }>(here)).rows[0]?.name,
        ),
      )
      expect(own).not.toBe(its)
      expect(await nameOf(shop)).toBe(own)
      expect(await nameOf(shop, '/* signalbox: using=reviews */ ')).toBe(its)
      await expect(nameOf(shop, '/* signalbox: usign=reviews */ ')).rejects.toThrow(/usign/)
      const other = await tool(client.using('reviews'), elsewhere)
      onTestFinished(async () => await other[Symbol.asyncDispose]())
      expect(await nameOf(other)).toBe(its)
    })

    it('starts while the replica is dead, and goes on when it dies under way', async () => {
      replica.kill('SIGKILL')
      const restart = async (): Promise<void> => {
        await replica.restart()
        await cluster.caughtUp({ timeoutMs: 30_000 })
      }
      onTestFinished(async () => {
        if (!replica.running) await restart()
      })
      const late = await open()
      onTestFinished(async () => {
        await late.shop[Symbol.asyncDispose]()
        await late.client.close()
      })
      expect(await late.shop.find(1)).toMatchObject({ id: 1 })
      await restart()
      const roles = async (): Promise<readonly string[]> => await rolesOf(async () => await late.shop.find(1))
      await expect.poll(roles, { timeout: 20_000 }).toEqual(['default replica'])
      let read = 0
      const reader = async (): Promise<void> => {
        while (read < 100) {
          read += 1
          if (read === 30) replica.kill('SIGKILL')
          expect((await late.shop.findAll()).length).toBeGreaterThan(4)
        }
      }
      await Promise.all(Array.from({ length: 8 }, reader))
    }, 60_000)
  })
}
