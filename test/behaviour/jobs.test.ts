import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Client, type Config } from '../../src/index.ts'
import {
  startMariadbCluster,
  startPostgresCluster,
  type ClusterDatabase,
  type TestCluster,
} from '../../src/testing/index.ts'
import type { JobAnswer } from '../support/job-process.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))
/** MariaDB delays by whole seconds, and up to one less. */
const delays = { postgres: 500, mysql: 2_000 }
const afterCommitMs = 3

describe.each(engines)('jobs on %s, whose replicas show a commit half a second later', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase
  const clients: Client[] = []
  let lastId = 0

  beforeAll(async () => {
    const { template } = sharedServer(engine)
    cluster = engine === 'postgres' ? await startPostgresCluster({ template }) : await startMariadbCluster({ template })
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

  function config(): Config {
    const primary = database.dsnOf(cluster.primary)
    const replicas = cluster.replicas.map((server) => database.dsnOf(server))
    return { databases: { default: { primary, replicas } }, tokens: { keys: ['a secret of sixteen bytes'] } }
  }

  /** A client of its own is a process of its own, as far as sessions are concerned. */
  async function open(): Promise<Client> {
    const client = await connect(config())
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

  const parsed = (queued: string): { id: number; signalbox?: string } => JSON.parse(queued) as { id: number }

  it('read what was written before they were queued, and without their token do not', async () => {
    const [shop, worker] = [await open(), await open()]
    for (let round = 0; round < 10; round += 1) {
      const { id, queued } = await bought(shop)
      // First, so that it is as soon after the commit as can be.
      expect(await read(worker, { id })).toEqual([])
      expect(await read(worker, parsed(queued))).toEqual([id])
    }
    expect(worker.ignoredTokens).toEqual({})
  })

  it('run with a token that cannot be used as with none, and count it', async () => {
    const [shop, worker] = [await open(), await open()]
    const { id } = await bought(shop)
    const bad: readonly unknown[] = ['garbage', 7, null, { s1: 1 }, '']
    for (const signalbox of bad) expect(await read(worker, { id, signalbox } as { id: number })).toEqual([])
    expect(worker.ignoredTokens).toEqual({ malformed: bad.length })
  })

  it('read what was written in the transaction that queued them', async () => {
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

  it('queue further jobs, which read what was written before the first', async () => {
    const [shop, worker, other] = [await open(), await open(), await open()]
    const { id, queued } = await bought(shop)
    const again = await worker.job(parsed(queued), async (payload) => {
      expect(payload).toEqual({ id })
      return JSON.stringify(await worker.withToken(payload))
    })
    expect(await read(other, parsed(again))).toEqual([id])
  })

  it('do so in a process of their own', async () => {
    const shop = await open()
    const child = fork(join(import.meta.dirname, '../support/job-process.ts'), { execPath: process.execPath })
    const exited = once(child, 'exit')
    try {
      child.send({ config: config() })
      await once(child, 'message')
      const { id, queued } = await bought(shop)
      const run = async (payload: string): Promise<JobAnswer> => {
        child.send({ payload })
        return ((await once(child, 'message')) as [JobAnswer])[0]
      }
      expect(await run(JSON.stringify({ id }))).toEqual({ ids: [], role: 'replica' })
      await setTimeout(afterCommitMs)
      expect(await run(queued)).toMatchObject({ ids: [id] })
      child.send('end')
      expect(await exited).toEqual([0, null])
    } finally {
      child.kill()
      await exited
    }
  })
})
