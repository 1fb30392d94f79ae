import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  connect,
  type CallOptions,
  type Client,
  type Config,
  type Dsn,
  type TransactionOptions,
} from '../../src/index.ts'
import { type ClusterDatabase, type TestCluster } from '../../src/testing/index.ts'
import type { JobAnswer } from '../support/job-process.ts'
import { testedEngines, privateCluster } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))
/** MariaDB delays by whole seconds, and up to one less. */
const delays = { postgres: 500, mysql: 2_000 }
const leastDelays = { postgres: 500, mysql: 1_000 }
const afterCommitMs = 3
const countSql = 'select count(*) as n from purchase'

describe.each(engines)('a token on %s, with replicas half a second late:', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase
  const clients: Client[] = []
  let lastId = 0

  beforeAll(async () => {
    cluster = await privateCluster(engine)
    database = await cluster.createDatabase()
    const client = await open()
    await client.query('create table purchase (id integer primary key)')
    await cluster.caughtUp()
    for (const replica of cluster.replicas) await cluster.delayReplay(replica, delays[engine])
  }, 60_000)
  afterAll(async () => {
    await cluster.stop()
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close()
  })

  function config(replicas: readonly (Dsn | { url: Dsn; tags: string[] })[] = replicaDsns()): Config {
    const primary = database.dsnOf(cluster.primary)
    return { databases: { default: { primary, replicas } }, tokens: { keys: ['a secret of sixteen bytes'] } }
  }

  const replicaDsns = (): readonly Dsn[] => cluster.replicas.map((server) => database.dsnOf(server))

  /** A client of its own is a process of its own, as far as sessions are concerned. */
  async function open(given = config()): Promise<Client> {
    const client = await connect(given)
    clients.push(client)
    return client
  }

  /** A purchase, and what stands in the queue for it. */
  async function bought(client: Client): Promise<{ readonly id: number; readonly queued: string }> {
    const id = ++lastId
    return await client.session(async () => {
      await client.query(`insert into purchase values (${id})`)
      return { id, queued: JSON.stringify(await client.withToken({ id })) }
    })
  }

  /** What a job reads that begins so soon after the commit. */
  async function read(client: Client, payload: { id: number }): Promise<readonly number[]> {
    await setTimeout(afterCommitMs)
    return await client.job(payload, async ({ id }) => {
      const { rows } = await client.query<{ id: number }>(`select id from purchase where id = ${id}`)
      return rows.map((row) => row.id)
    })
  }

  const count = async (client: Client, options?: CallOptions): Promise<number> =>
    Number((await client.query<{ n: number }>(countSql, [], options)).rows[0]?.n)

  const parsed = (queued: string): { id: number; signalbox?: string } => JSON.parse(queued) as { id: number }

  /** Repeats what is to be seen before replicas show a write, until it was quick enough to prove anything. */
  async function inTime<T>(scenario: () => Promise<T>): Promise<T> {
    for (;;) {
      const begun = performance.now()
      const seen = await scenario()
      if (performance.now() - begun < leastDelays[engine] * 0.9) return seen
    }
  }

  it('jobs read what was written before they were queued, and without it do not', async () => {
    const [shop, worker] = [await open(), await open()]
    for (let round = 0; round < 10; round += 1) {
      const { id, queued, without } = await inTime(async () => {
        const purchase = await bought(shop)
        return { ...purchase, without: await read(worker, { id: purchase.id }) }
      })
      expect(without).toEqual([])
      expect(await read(worker, parsed(queued))).toEqual([id])
    }
    expect(worker.ignoredTokens).toEqual({})
  })

  it('with one that cannot be used jobs run as with none, and it is counted', async () => {
    const [shop, worker] = [await open(), await open()]
    const bad: readonly unknown[] = ['garbage', 7, null, { s1: 1 }, '']
    for (const signalbox of bad) {
      const ids = await inTime(async () => {
        const { id } = await bought(shop)
        return await read(worker, { id, signalbox } as { id: number })
      })
      expect(ids).toEqual([])
    }
    expect(Object.keys(worker.ignoredTokens)).toEqual(['malformed'])
    expect(worker.ignoredTokens['malformed']).toBeGreaterThanOrEqual(bad.length)
  })

  it('jobs read what was written in the transaction that queued them', async () => {
    const [shop, worker] = [await open(), await open()]
    const id = ++lastId
    let queued = ''
    // So that they are behind by this transaction only.
    await cluster.caughtUp()
    await shop.transaction(async (tx) => {
      await tx.query(`insert into purchase values (${id})`)
      queued = JSON.stringify(await shop.withToken({ id }))
    })
    expect(await read(worker, parsed(queued))).toEqual([id])
  })

  it('jobs queue further jobs, which read what was written before the first', async () => {
    const [shop, worker, other] = [await open(), await open(), await open()]
    const { id, queued } = await bought(shop)
    const again = await worker.job(parsed(queued), async (payload) => {
      expect(payload).toEqual({ id })
      return JSON.stringify(await worker.withToken(payload))
    })
    expect(await read(other, parsed(again))).toEqual([id])
  })

  it('jobs do so in a process of their own', async () => {
    const shop = await open()
    const child = fork(join(import.meta.dirname, '../support/job-process.ts'), { execPath: process.execPath })
    const exited = once(child, 'exit')
    try {
      child.send({ config: config() })
      await once(child, 'message')
      const run = async (payload: string): Promise<JobAnswer> => {
        await setTimeout(afterCommitMs)
        child.send({ payload })
        return ((await once(child, 'message')) as [JobAnswer])[0]
      }
      const { id, queued, without } = await inTime(async () => {
        const purchase = await bought(shop)
        return { ...purchase, without: await run(JSON.stringify({ id: purchase.id })) }
      })
      expect(without).toEqual({ ids: [], role: 'replica' })
      expect(await run(queued)).toMatchObject({ ids: [id] })
      child.send('end')
      expect(await exited).toEqual([0, null])
    } finally {
      child.kill()
      await exited
    }
  })

  it('calls, scopes and read-only transactions read at least what it stands for', async () => {
    const [shop, other] = [await open(), await open()]
    const inTransaction = async (options: TransactionOptions): Promise<number> =>
      await other.transaction(async (tx) => Number((await tx.query<{ n: number }>(countSql)).rows[0]?.n), options)
    await cluster.caughtUp()
    const { all, atLeast, without } = await inTime(async () => {
      const token = await shop.session(async (session) => {
        await shop.query(`insert into purchase values (${++lastId})`)
        return (await session.token())!
      })
      const seen = [await count(other), await inTransaction({ readOnly: true })]
      return { all: await count(shop, { role: 'primary' }), atLeast: token, without: seen }
    })
    for (const seen of without) expect(seen).toBeLessThan(all)
    expect(await count(other, { atLeast })).toBe(all)
    expect(await inTransaction({ readOnly: true, atLeast })).toBe(all)
    expect(await other.within({ atLeast })(count)(other)).toBe(all)
    expect(other.explain(countSql, [], { atLeast }).reasons.map(({ rule }) => rule)).toContain('at-least')
    await cluster.caughtUp()
    await expect.poll(async () => (await other.query(countSql, [], { atLeast })).route.role).toBe('replica')
    expect(await count(other, { atLeast })).toBe(all)
  })

  it('with what was only read keeps the next request from an older state, whatever replica it reads', async () => {
    const [shop, [ahead]] = [await open(), cluster.replicas]
    const aheadDsn = database.dsnOf(ahead!)
    const tagged = replicaDsns().map((url) => ({ url, tags: [url === aheadDsn ? 'ahead' : 'behind'] }))
    const site = await open(config(tagged))
    const countBehind = async (): Promise<number> => await count(site, { tags: ['behind'] })
    await cluster.delayReplay(ahead!, 0)
    try {
      await cluster.caughtUp()
      const { all, tokens, without } = await inTime(async () => {
        await shop.query(`insert into purchase values (${++lastId})`)
        const written = await count(shop, { role: 'primary' })
        const given = await site.session(async (session) => {
          await expect.poll(() => count(site, { tags: ['ahead'] }), { interval: 2 }).toBe(written)
          return [await session.token(), await session.token({ reads: true })]
        })
        return { all: written, tokens: given, without: await site.session(countBehind) }
      })
      expect(without).toBeLessThan(all)
      expect(tokens).toEqual([undefined, expect.any(String)])
      expect(await site.session(countBehind, { token: tokens[1] })).toBe(all)
    } finally {
      await cluster.delayReplay(ahead!, delays[engine])
    }
  })
})
