import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Client, type Config, type Dsn, type ReplicationOptions } from '../../src/index.ts'
import { type ClusterDatabase, type TestCluster } from '../../src/testing/index.ts'
import { testedEngines, privateCluster } from '../support/servers.ts'

const keys = ['a secret of sixteen bytes']
const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

describe.each(engines)('replicas on %s', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase
  const clients: Client[] = []
  const placeholder = (n: number): string => (engine === 'postgres' ? `$${n}` : '?')

  beforeAll(async () => {
    cluster = await privateCluster(engine)
  }, 60_000)
  afterAll(async () => {
    await cluster.stop()
  })
  beforeEach(async () => {
    database = await cluster.createDatabase()
    const client = await open()
    await client.query('create table item (id integer primary key, n integer not null)')
    await client.query('insert into item values (1, 0)')
    await cluster.caughtUp()
  })
  afterEach(async () => {
    for (const server of cluster.servers) server.thaw()
    for (const client of clients.splice(0)) await client.close()
    for (const replica of cluster.replicas) await cluster.resumeReplay(replica)
  })

  async function open(replication: Partial<ReplicationOptions> = {}): Promise<Client> {
    const primary = database.dsnOf(cluster.primary)
    const replicas = cluster.replicas.map((server) => database.dsnOf(server))
    const config: Config = { databases: { default: { primary, replicas, replication } }, tokens: { keys } }
    const client = await connect(config)
    clients.push(client)
    return client
  }

  async function read(client: Client): Promise<{ n: number; role: string; server: string | undefined }> {
    const { rows, route } = await client.query<{ n: number }>('select n from item where id = 1')
    return { n: rows[0]!.n, role: route.role, server: route.server }
  }

  const increment = `update item set n = n + 1 where id = ${placeholder(1)}`

  it('keep no connection on which they refused to write: their address may lead to a primary by now', async () => {
    const client = await connect(database.dsnOf(cluster.replicas[0]!))
    clients.push(client)
    const total = (): number => Object.values(client.stats())[0]!.total
    for (const write of [
      async () => await client.query('insert into item values (2, 0)'),
      async () => await client.transaction(async (tx) => await tx.query('insert into item values (2, 0)')),
    ]) {
      await expect(write()).rejects.toMatchObject({ errorClass: 'read-only' })
      await expect.poll(total, { timeout: 2_000 }).toBe(0)
    }
  })

  it.runIf(engine === 'postgres')(
    'serve sessions of an ordinary account, which may not see their receivers',
    async () => {
      const admin = await open()
      await admin.query("create role clerk login password 'clerk'")
      await admin.query('grant select, update on item to clerk')
      await cluster.caughtUp()
      const asClerk = (dsn: string): Dsn => dsn.replace(/\/\/[^@]*@/, '//clerk:clerk@') as Dsn
      const client = await connect({
        databases: {
          default: {
            primary: asClerk(database.dsnOf(cluster.primary)),
            replicas: cluster.replicas.map((server) => asClerk(database.dsnOf(server))),
            replication: { waitMs: 2_000 },
          },
        },
      })
      clients.push(client)
      await client.session(async () => {
        for (let n = 1; n <= 5; n++) {
          await client.query(increment, [1])
          expect(await read(client)).toMatchObject({ n, role: 'replica' })
        }
      })
      await client.close()
      await admin.query('drop owned by clerk')
      await admin.query('drop role clerk')
    },
  )

  it('take the reads, and the primary everything else', async () => {
    const client = await open({ balancer: 'round-robin' })
    const servers = new Set<string | undefined>()
    for (let i = 0; i < 10; i++) {
      const { role, server } = await read(client)
      expect(role).toBe('replica')
      servers.add(server)
    }
    expect(servers.size).toBe(2)
    const roleOf = async (sql: string): Promise<string> => (await client.query(sql)).route.role
    expect(await roleOf('select n from item where id = 1 for update')).toBe('primary')
    expect(await roleOf('update item set n = n where id = 1')).toBe('primary')
    expect((await client.query('select n from item', [], { role: 'primary' })).route.role).toBe('primary')
    expect((await client.primary(() => read(client))).role).toBe('primary')
    await client.transaction(async (tx) => {
      expect((await tx.query('select n from item')).route.role).toBe('primary')
    })
    const readOnly = { readOnly: true }
    await client.transaction(async (tx) => {
      expect((await tx.query('select n from item')).route.role).toBe('replica')
    }, readOnly)
    expect(client.explain('select n from item').role).toBe('replica')
  })

  it('show what the client wrote, in a session and outside', async () => {
    const client = await open()
    for (let n = 1; n <= 50; n++) {
      await client.query(increment, [1])
      expect((await read(client)).n).toBe(n)
    }
    await client.session(async () => {
      for (let n = 51; n <= 100; n++) {
        await client.query(increment, [1])
        expect((await read(client)).n).toBe(n)
        await client.transaction(async (tx) => {
          await tx.query(increment, [1])
        })
        await client.query('update item set n = n - 1 where id = 1')
        expect((await read(client)).n).toBe(n)
      }
    })
  })

  it('are left for the primary while they are behind, by a session that wrote, and by no other', async () => {
    const client = await open({ waitMs: 20 })
    for (const replica of cluster.replicas) await cluster.pauseReplay(replica)
    await client.session(async () => {
      await client.query(increment, [1])
      expect(await read(client)).toMatchObject({ n: 1, role: 'primary' })
    })
    const other = await open()
    expect(await read(other)).toMatchObject({ n: 0, role: 'replica' })
    const [first] = cluster.replicas
    await cluster.resumeReplay(first!)
    await client.session(async () => {
      await client.query(increment, [1])
      await cluster.caughtUp()
      expect(await read(client)).toMatchObject({ n: 2, role: 'replica' })
    })
  })

  it('carry a session over to another process by its token', async () => {
    const [one, other] = [await open({ waitMs: 20 }), await open({ waitMs: 20 })]
    for (const replica of cluster.replicas) await cluster.pauseReplay(replica)
    const token = await one.session(async (session) => {
      expect(session.wrote).toBe(false)
      await one.query(increment, [1])
      expect(session.wrote).toBe(true)
      return await session.token()
    })
    expect(await other.session(() => read(other), { token })).toMatchObject({ n: 1, role: 'primary' })
    expect(
      await other.session(() => read(other), {
        token: token!.replace(/.(?=.{5}$)/, (char) => (char === 'A' ? 'B' : 'A')),
      }),
    ).toMatchObject({ n: 0, role: 'replica' })
    expect(other.ignoredTokens).toEqual({ signature: 1 })
  })

  it('never go back in time within a session when the replica that it reads dies', async () => {
    const client = await open({ waitMs: 20 })
    const writer = await open()
    await client.session(async () => {
      await writer.query(increment, [1])
      await cluster.caughtUp()
      const { n, server } = await read(client)
      expect(n).toBe(1)
      const mine = cluster.replicas.find((replica) => server!.includes(`:${replica.port}`))!
      const other = cluster.replicas.find((replica) => replica !== mine)!
      await cluster.pauseReplay(other)
      await writer.query(increment, [1])
      await expect.poll(async () => (await read(client)).n).toBe(2)
      expect((await read(client)).server).toBe(server)
      mine.kill('SIGKILL')
      await mine.exited()
      for (let i = 0; i < 20; i++) expect(await read(client)).toMatchObject({ n: 2, role: 'primary' })
      await mine.restart()
    })
  })

  it('may be dead from the start, and serve again soon after they are back', async () => {
    const [first, second] = cluster.replicas
    for (const replica of [first!, second!]) {
      replica.kill('SIGKILL')
      await replica.exited()
    }
    const client = await open()
    for (let i = 0; i < 20; i++) expect((await read(client)).role).toBe('primary')
    await first!.restart()
    await expect.poll(async () => (await read(client)).role, { timeout: 1_500 }).toBe('replica')
    await second!.restart()
  })

  it('that hang cost no read more than about a second', async () => {
    const client = await open()
    await Promise.all(Array.from({ length: 8 }, () => read(client)))
    for (const replica of cluster.replicas) replica.freeze()
    const begun = performance.now()
    const results = await Promise.all(Array.from({ length: 8 }, () => read(client)))
    expect(performance.now() - begun).toBeLessThan(2_500)
    for (const { role } of results) expect(role).toBe('primary')
  })

  it('are read while there is no primary, by whom wrote nothing, and by whom they are known to have shown it', async () => {
    const [client, writer] = [await open({ holdMs: 300 }), await open({ holdMs: 300 })]
    await writer.query(increment, [1])
    await cluster.caughtUp()
    expect((await read(client)).n).toBe(1)
    expect((await read(writer)).n).toBe(1)
    const dead = cluster.primary
    dead.kill('SIGKILL')
    await dead.exited()
    // Longer than it takes every replica to say that it receives nothing.
    const end = performance.now() + 2_000
    while (performance.now() < end) {
      for (const each of [client, writer]) expect(await read(each)).toMatchObject({ n: 1, role: 'replica' })
      await delay(20)
    }
    expect(client.status()[0]!.primary.kind).toBe('none')
    await dead.restart()
    await expect.poll(() => client.status()[0]!.primary.kind).toBe('primary')
    await cluster.caughtUp()
  })

  it('become primaries: writes wait for the new one, and none is lost or made twice', async () => {
    const client = await open()
    await client.query(increment, [1])
    await cluster.caughtUp()
    const old = cluster.primary
    old.kill('SIGKILL')
    await old.exited()
    // A write that is sent to a server about to die may or may not take effect, and is not repeated.
    await expect.poll(() => client.status()[0]!.primary.kind).toBe('none')
    const [next] = cluster.replicas
    const write = client.query(increment, [1])
    await cluster.promote(next!)
    expect((await write).route.server).toContain(`:${next!.port}`)
    expect((await read(client)).n).toBe(2)
    await client.session(async () => {
      await client.query(increment, [1])
      expect((await read(client)).n).toBe(3)
    })
    await old.restart()
    await cluster.rejoin(old)
  })
})
