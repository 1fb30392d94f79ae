import { setTimeout as delay } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import {
  startMariadbCluster,
  startPostgresCluster,
  type ClusterDatabase,
  type TestCluster,
  type TestServer,
} from '../../src/testing/index.ts'
import { testedEngines } from '../support/servers.ts'

const settings = {
  postgres: { synchronous_standby_names: 'ANY 2 (*)' },
  mysql: {
    'rpl-semi-sync-master-enabled': 'ON',
    'rpl-semi-sync-slave-enabled': 'ON',
    'rpl-semi-sync-master-wait-point': 'AFTER_SYNC',
    'rpl-semi-sync-master-timeout': '60000',
  },
} as const

/** Commits wait for the second replica; the first shows them meanwhile. */
async function start(engine: keyof typeof settings): Promise<TestCluster> {
  if (engine === 'postgres') return await startPostgresCluster({ settings: settings.postgres })
  const cluster = await startMariadbCluster({ settings: settings.mysql })
  const first = await createConnection(cluster.replicas[0]!.adminDsn())
  // Nobody waits for its answer, so that the answer of the other is the one that counts.
  for (const sql of ['stop slave io_thread', 'set global rpl_semi_sync_slave_enabled = off', 'start slave io_thread'])
    await first.query(sql)
  await first.end()
  return cluster
}

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

describe.each(engines)('a session that leaves its replica for the primary on %s', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase
  let writer: Client
  let held: TestServer

  beforeAll(async () => {
    cluster = await start(engine)
    database = await cluster.createDatabase()
    held = cluster.replicas[1]!
    writer = await connect(database.primary)
    await writer.query('create table item (id integer primary key)')
    await cluster.caughtUp()
  }, 60_000)
  afterAll(async () => {
    held.thaw()
    await writer.close()
    await cluster.stop()
  })

  async function reader(waitMs: number): Promise<Client> {
    const replicas = [database.replicas[0]!]
    const client = await connect({
      databases: { default: { primary: database.primary, replicas, replication: { waitMs } } },
    })
    onTestFinished(async () => await client.close())
    return client
  }

  async function counted(source: Pick<Client, 'query'>, role: 'primary' | undefined): Promise<number> {
    const { rows } = await source.query<{ n: number | string }>('select count(*) as n from item', [], role && { role })
    return Number(rows[0]!.n)
  }

  /** Writes a row that the first replica shows, and the primary only once the second has answered, which is frozen. */
  async function writeHalf(
    client: Client,
    id: number,
  ): Promise<{ readonly before: number; readonly done: Promise<unknown> }> {
    const before = await counted(client, 'primary')
    held.freeze()
    onTestFinished(() => held.thaw())
    const done = writer.query(`insert into item values (${id})`)
    await expect.poll(async () => await counted(client, undefined), { interval: 5, timeout: 5_000 }).toBe(before + 1)
    return { before, done }
  }

  it('waits until the primary shows what the replica has shown', async () => {
    const client = await reader(10_000)
    await client.session(async () => {
      const { before, done } = await writeHalf(client, 1)
      // Who has not seen it need not wait.
      expect(await counted(writer, undefined)).toBe(before)
      const begun = performance.now()
      void delay(300).then(() => held.thaw())
      expect(await counted(client, 'primary')).toBe(before + 1)
      expect(performance.now() - begun).toBeGreaterThan(250)
      await done
      const again = await client.query('select count(*) as n from item', [], { role: 'primary' })
      expect(again.route.reasons.at(-1)?.rule).toBe('server')
    })
  })

  it('reads the primary all the same when the time is up, and the route says so', async () => {
    const client = await reader(50)
    await client.session(async () => {
      const { done } = await writeHalf(client, 2)
      const begun = performance.now()
      const { route } = await client.query('select count(*) as n from item', [], { role: 'primary' })
      expect(performance.now() - begun).toBeLessThan(5_000)
      expect(route.reasons.at(-1)?.rule).toBe('unproven')
      held.thaw()
      await done
    })
  })

  it.runIf(engine === 'postgres')('waits at the beginning of a transaction, too', async () => {
    const client = await reader(10_000)
    await client.session(async () => {
      const { before, done } = await writeHalf(client, 3)
      void delay(200).then(() => held.thaw())
      await client.transaction(async (tx) => expect(await counted(tx, undefined)).toBe(before + 1))
      await done
    })
  })

  it('does not wait for a transaction that the replica has not shown', async () => {
    const client = await reader(10_000)
    const open = writer.begin()
    onTestFinished(async () => await open.rollback().catch(() => {}))
    await open.query('insert into item values (100)')
    await client.session(async () => {
      const seen = await counted(client, undefined)
      const begun = performance.now()
      expect(await counted(client, 'primary')).toBe(seen)
      expect(performance.now() - begun).toBeLessThan(2_000)
    })
  })
})
