import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Client, Dsn } from '../../src/index.ts'
import { startFaultProxy, type TestServer } from '../../src/testing/index.ts'
import { ItemCluster } from '../support/item-cluster.ts'
import { testedEngines } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

/** Defects of other tools when servers fail, one test for each: where it was seen, and what went wrong there. */
describe.each(engines)('known defects when servers fail, on %s', (engine) => {
  let items: ItemCluster

  beforeAll(async () => {
    items = await ItemCluster.start(engine)
  }, 60_000)
  afterAll(async () => {
    await items.cluster.stop()
  })
  beforeEach(async () => {
    await items.begin()
  })
  afterEach(async () => {
    await items.end()
  })

  /** Reads without a pause until `over` resolves; every failure is one of the test. */
  async function readUntil(client: Client, over: Promise<unknown>): Promise<{ reads: number; longestMs: number }> {
    let [reads, longestMs] = [0, 0]
    const stop = new AbortController()
    const ended = over.finally(() => stop.abort())
    while (!stop.signal.aborted) {
      const begun = performance.now()
      await items.read(client)
      longestMs = Math.max(longestMs, performance.now() - begun)
      reads += 1
    }
    await ended
    return { reads, longestMs }
  }

  const servesAgain = async (client: Client, server: TestServer): Promise<void> => {
    const reads = async (): Promise<boolean> => {
      const found = await Promise.all(Array.from({ length: 10 }, () => items.read(client)))
      return found.some((read) => items.isOn(server, read))
    }
    await expect.poll(reads, { timeout: 5_000 }).toBe(true)
  }

  describe('a replica that is down', () => {
    it('TypeORM, Prisma, MikroORM: stops the start', async () => {
      await items.kill(items.replica(0))
      const client = await items.open()
      for (let i = 0; i < 10; i++) {
        const { role, server } = await items.read(client)
        expect([role, items.isOn(items.replica(1), { server })]).toEqual(['replica', true])
      }
      await items.increment(client)
    })

    it('Sequelize #8832, TypeORM #4262: fails the reads, though another one and the primary are well', async () => {
      const client = await items.open({ replication: { balancer: 'round-robin' } })
      await Promise.all(Array.from({ length: 8 }, () => items.read(client)))
      const [first, second] = [items.replica(0), items.replica(1)]
      const killing = async (): Promise<void> => {
        await items.kill(first)
        await delay(100)
        await items.kill(second)
        await delay(100)
      }
      expect((await readUntil(client, killing())).reads).toBeGreaterThan(5)
      expect((await items.read(client)).role).toBe('primary')
    })

    it('mysql2’s PoolCluster, TypeORM on MySQL: is removed for ever by one refused connection', async () => {
      const replica = items.replica(0)
      await items.kill(items.replica(1))
      const client = await items.open()
      await servesAgain(client, replica)
      await items.kill(replica)
      // More than once is refused until it is back.
      await readUntil(client, delay(400))
      expect((await items.read(client)).role).toBe('primary')
      await replica.restart()
      await servesAgain(client, replica)
    })

    it('TypeORM #7640: ends the process by the error of an idle connection', async () => {
      const unhandled: unknown[] = []
      const note = (error: unknown): unknown => unhandled.push(error)
      process.on('uncaughtExceptionMonitor', note)
      const client = await items.open({ replication: { balancer: 'round-robin' } })
      try {
        await Promise.all(Array.from({ length: 16 }, () => items.read(client)))
        const idle = Object.values(client.stats()).reduce((sum, { total }) => sum + total, 0)
        expect(idle).toBeGreaterThanOrEqual(2)
        for (const replica of items.cluster.replicas) await items.kill(replica)
        await delay(50)
      } finally {
        process.off('uncaughtExceptionMonitor', note)
      }
      expect(unhandled).toEqual([])
      expect((await items.read(client)).role).toBe('primary')
    })

    it('Pinchot: fails what is under way, for only connecting anew is tried elsewhere', async () => {
      const client = await items.open({ replication: { probeIntervalMs: 60_000, probeTimeoutMs: 60_000 } })
      await client.session(async () => {
        const before = await items.read(client)
        const replica = items.cluster.replicas.find((each) => items.isOn(each, before))!
        replica.freeze()
        const underWay = items.read(client)
        // It is sent by then; nobody answers.
        await delay(30)
        await items.kill(replica)
        expect((await underWay).server).not.toBe(before.server)
      })
    })
  })

  describe('a server that hangs', () => {
    it('GitLab #238556, django_replicated #18, Pinchot: a black hole costs every request the time limit of connecting', async () => {
      await using hole = await startFaultProxy(items.replica(0))
      hole.apply({ kind: 'black-hole' })
      const through = hole.through(items.database.dsnOf(items.replica(0))) as Dsn
      const client = await items.open({ replicas: [through], pool: { connectTimeoutMs: 5_000 } })
      const begun = performance.now()
      await Promise.all(Array.from({ length: 8 }, () => items.read(client)))
      expect(performance.now() - begun).toBeLessThan(4_000)
      const { reads, longestMs } = await readUntil(client, delay(1_200))
      expect(longestMs).toBeLessThan(2_500)
      expect(reads).toBeGreaterThan(20)
      expect(hole.accepted).toBeGreaterThan(0)
    })

    it('Pinchot: a replica of which only the answers are lost is waited for by what is under way', async () => {
      await using hole = await startFaultProxy(items.replica(0))
      const through = hole.through(items.database.dsnOf(items.replica(0))) as Dsn
      const client = await items.open({ replicas: [through] })
      expect((await items.read(client)).role).toBe('replica')
      hole.apply({ kind: 'half-open' })
      const begun = performance.now()
      expect((await items.read(client)).role).toBe('primary')
      expect(performance.now() - begun).toBeLessThan(4_000)
    })
  })

  describe('all servers are down', () => {
    it('GitLab #344888, Pinchot without FAILOVER_RETRIES: a read is tried for ever', async () => {
      const client = await items.open({ replication: { holdMs: 300 } })
      await items.read(client)
      for (const server of items.cluster.servers) await items.kill(server)
      const begun = performance.now()
      const outcomes = await Promise.allSettled([items.read(client), items.increment(client)])
      expect(performance.now() - begun).toBeLessThan(3_000)
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { code: expect.stringMatching(/^SIGNALBOX_/) as string },
        })
      }
    })

    it('mariadb #138: a client does not recover from that', async () => {
      const client = await items.open({ replication: { holdMs: 100 } })
      await items.read(client)
      for (const server of items.cluster.servers) await items.kill(server)
      await expect(items.read(client)).rejects.toThrow()
      await expect(items.increment(client)).rejects.toThrow()
      await items.cluster.primary.restart()
      for (const replica of items.cluster.replicas) await replica.restart()
      const works = async (): Promise<boolean> =>
        await items.increment(client).then(
          () => true,
          () => false,
        )
      await expect.poll(works, { timeout: 5_000 }).toBe(true)
      for (const replica of items.cluster.replicas) await servesAgain(client, replica)
    })
  })

  describe('the primary', () => {
    it('postgres.js #815: a standby passes for a server that takes writes', async () => {
      const dsnOf = (server: TestServer): Dsn => items.database.dsnOf(server)
      const [standby, primary] = [items.replica(0), items.cluster.primary]
      const client = await items.open({ primary: dsnOf(standby), replicas: [dsnOf(primary)] })
      // The first one is sent where the configuration says, which it refuses; all servers are asked then.
      await items.increment(client)
      const { route } = await client.query('update item set n = n + 1 where id = 1')
      expect([items.isOn(primary, route), items.isOn(standby, route)]).toEqual([true, false])
      await client.session(async () => {
        await items.increment(client)
        expect((await items.read(client)).n).toBe(3)
      })
    })

    it('MikroORM (lido-keys-api #268): after a failover the old one is written to, until the application is restarted', async () => {
      // What refused a write is asked about at once; nobody else would find out.
      const client = await items.open({ replication: { probeIntervalMs: 60_000 } })
      await items.increment(client)
      await items.cluster.caughtUp()
      const [old, next] = [items.cluster.primary, items.replica(0)]
      await items.cluster.promote(next)
      // It comes back as a replica, and refuses writes: 25006, 1290.
      await items.cluster.rejoin(old)
      for (let n = 2; n <= 6; n++) {
        const { route } = await client.query('update item set n = n + 1 where id = 1')
        expect(items.isOn(next, route)).toBe(true)
        await client.session(async () => {
          expect((await client.primary(() => items.read(client))).n).toBe(n)
        })
      }
    })
  })
})
