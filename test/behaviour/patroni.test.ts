import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import { patroniSource } from '../../src/discovery/patroni.ts'
import type { ServerSource } from '../../src/discovery/source.ts'
import { type Client, connect } from '../../src/index.ts'
import { PackagesMissingError } from '../support/debian-packages.ts'
import { PatroniCluster } from '../support/patroni-cluster.ts'
import type { PatroniMember } from '../support/patroni-member.ts'
import { testedEngines } from '../support/servers.ts'
import { SteadyLoad } from '../support/steady-load.ts'

/** Members come and go within a few seconds; Patroni 4 may take 20 to give up a dead one. */
const patience = { timeout: 40_000, interval: 100 }
const limits = { timeoutMs: 2_000 }
const broken = /^SIGNALBOX_(?:CONNECTION_LOST|SHUTTING_DOWN)$/

describe.runIf(testedEngines.includes('postgres'))('a Patroni cluster', { timeout: 120_000 }, () => {
  let cluster: PatroniCluster
  let missing: string | undefined

  beforeAll(async () => {
    try {
      cluster = await PatroniCluster.start()
    } catch (error) {
      if (!(error instanceof PackagesMissingError)) throw error
      missing = error.message
      console.log(`Not tested with Patroni: ${missing}`)
    }
  }, 180_000)
  beforeEach(({ skip }) => skip(missing !== undefined, missing))
  afterAll(() => cluster?.stop(), 60_000)

  const addresses = (members: readonly PatroniMember[]) => members.map(({ port }) => `127.0.0.1:${port}`).toSorted()
  const found = async (source: ServerSource) =>
    (await source.find(limits)).map(({ host, port }) => `${host}:${port}`).toSorted()

  it('is a source of its servers', async () => {
    expect(await found(patroniSource(cluster.restUrls))).toEqual(addresses(cluster.members))
    for (const { restUrl } of cluster.members) {
      expect(await found(patroniSource([restUrl]))).toEqual(addresses(cluster.members))
    }
  })

  it('shows a member that is new, with its tags', async () => {
    const source = patroniSource(cluster.restUrls)
    await source.find(limits)
    const added = await cluster.add({ search: true, zone: 'eu', noloadbalance: true, nofailover: true })
    const server = (await source.find(limits)).find(({ port }) => port === added.port)
    expect(server).toEqual({ host: '127.0.0.1', port: added.port, tags: ['search', 'zone=eu'], reads: false })
    expect(await found(source)).toEqual(addresses(cluster.members))
  })

  it('no longer shows a member that died, nor needs it for its answer, and shows it when it is back', async () => {
    const [victim] = await cluster.replicas()
    const others = cluster.members.filter((member) => member !== victim)
    const source = patroniSource([victim!.restUrl, ...others.map(({ restUrl }) => restUrl)])
    await source.find(limits)
    await victim!.kill()
    expect(await found(source)).toEqual(addresses(cluster.members))
    await expect.poll(() => found(source), patience).toEqual(addresses(others))
    await victim!.restart()
    await expect.poll(() => found(source), patience).toEqual(addresses(cluster.members))
  })

  describe('that a client follows, of which it was told one server', () => {
    let client: Client
    let load: SteadyLoad

    beforeAll(async () => {
      if (missing !== undefined) return
      const { dsn } = await cluster.leader()
      client = await connect({
        databases: {
          default: {
            primary: dsn,
            discovery: { patroni: cluster.restUrls, intervalMs: 500 },
            // Patroni replaces a dead leader when its lock has run out.
            replication: { holdMs: 40_000 },
          },
        },
      })
      await client.query('create table note (id integer primary key)')
      load = new SteadyLoad(client)
    }, 60_000)
    afterAll(async () => {
      await load?.stop()
      await client?.close()
    })

    /** The ports that were read since the last call. */
    const readAt = () => {
      const seen = [...load.reads.keys()]
      load.reads.clear()
      return seen.toSorted((a, b) => a - b)
    }
    /**
     * The writes that failed since the last call were under way on a connection that broke, so nobody can know what became of them.
     * There may be one for each connection of the pool: those of a server that dies break one after the other.
     */
    const expectFewBrokenWrites = () => {
      const failed = load.failedWrites.splice(0)
      expect(failed.length).toBeLessThanOrEqual(poolOptions.maxConnections.default)
      for (const error of failed)
        expect(error).toMatchObject({ code: expect.stringMatching(broken), safeToRetry: false })
    }
    const ports = (members: readonly PatroniMember[]) => members.map(({ port }) => port).toSorted((a, b) => a - b)
    /** The members that take reads where others can: all but the one that the tests above added. */
    const balanced = (members: readonly PatroniMember[]) => members.filter((member) => member !== cluster.members[3])
    const written = async () => {
      const { rows } = await client.query<{ id: number }>('select id from note', [], { role: 'primary' })
      return new Set(rows.map(({ id }) => id))
    }

    it('serves reads on the replicas that were found, and not on one that Patroni wants spared', async () => {
      const replicas = ports(balanced(await cluster.replicas()))
      await expect.poll(readAt, patience).toEqual(replicas)
      expect(replicas).toHaveLength(2)
      const reads = () => load.reads.values().reduce((sum, count) => sum + count, 0)
      await expect.poll(reads, patience).toBeGreaterThan(200)
      // It is read where no other can be, as on a machine too busy to answer probes.
      expect((load.reads.get(cluster.members[3]!.port) ?? 0) / reads()).toBeLessThan(0.1)
      expect(load.failedReads).toEqual([])
    })

    it('keeps reading while the leader hands over, and loses no write', async () => {
      const [next] = balanced(await cluster.replicas())
      await cluster.switchover(next!)
      await expect.poll(() => load.writtenAt, patience).toBe(next!.port)
      await expect.poll(readAt, patience).toEqual(ports(balanced(await cluster.replicas())))
      expect(load.failedReads).toEqual([])
      const acknowledged = [...load.written]
      const present = await written()
      expect(acknowledged.filter((id) => !present.has(id))).toEqual([])
      expectFewBrokenWrites()
    })

    it('keeps reading when the leader dies, and goes on writing at the next one', async () => {
      const victim = await cluster.leader()
      await victim.kill()
      const before = load.written.length
      await expect.poll(() => load.written.length, patience).toBeGreaterThan(before + 10)
      const next = await cluster.leader()
      expect(next).not.toBe(victim)
      expect(load.writtenAt).toBe(next.port)
      expect(load.failedReads).toEqual([])
      expectFewBrokenWrites()
      await victim.restart()
      await expect.poll(readAt, patience).toContain(victim.port)
      expect(load.failedReads).toEqual([])
    })

    it('reads from a member that joins, without being told', async () => {
      const added = await cluster.add({ reports: true })
      await expect.poll(readAt, patience).toContain(added.port)
      const { rows } = await client.query('select inet_server_port() as port', [], {
        role: 'replica',
        tags: ['reports'],
      })
      expect(rows).toEqual([{ port: added.port }])
      expect(load.failedReads).toEqual([])
    })
  })
})
