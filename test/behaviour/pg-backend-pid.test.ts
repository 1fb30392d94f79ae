import bare from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { pgFor } from '../../src/adapters/pg.ts'
import { connect, type Client } from '../../src/index.ts'
import type { ClusterDatabase, TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

type Asks = Pick<bare.ClientBase, 'query'>

const pidOf = async (client: Asks): Promise<number> => {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]!.pid
}

const outcomeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  await promise.then(
    () => 'done',
    ({ code, message }: { code?: string; message: string }) => ({ code, message }),
  )

describe.runIf(testedEngines.includes('postgres'))('the number of a connection, asked for by pg_backend_pid()', () => {
  let cluster: TestCluster
  let database: ClusterDatabase
  let client: Client<'default'>
  let pool: bare.Pool
  beforeAll(async () => {
    cluster = await privateCluster('postgres', { replicas: 1 })
  })
  afterAll(async () => await cluster.stop())
  beforeEach(async () => {
    database = await cluster.createDatabase()
    const { primary, replicas } = database
    client = await connect({ databases: { default: { primary, replicas } } })
    pool = new (pgFor(client).Pool)({ max: 4 })
    onTestFinished(async () => {
      await pool.end()
      await client.close()
    })
  })

  /** Connections that somebody has to himself. */
  const used = (): number => Object.values(client.stats()).reduce((sum, { total, idle }) => sum + total - idle, 0)

  const lent = async (from: bare.Pool): Promise<bare.PoolClient> => {
    const one = await from.connect()
    one.on('error', () => undefined)
    onTestFinished(() => one.release())
    return one
  }

  /** As the primary says it, to somebody of whom the façade knows nothing. */
  const activityOf = async (pid: number): Promise<unknown> => {
    const watcher = new bare.Client(database.primary)
    await watcher.connect()
    const { rows } = await watcher.query('select state, query from pg_stat_activity where pid = $1', [pid])
    await watcher.end()
    return rows[0]
  }

  const asleep = async (pid: number): Promise<void> =>
    await expect.poll(async () => await activityOf(pid)).toEqual({ state: 'active', query: 'select pg_sleep(20)' })

  it('holds for all that its client says later, and is nobody else’s', async () => {
    const [one, other] = [await lent(pool), await lent(pool)]
    const pid = await pidOf(one)
    const later = await Promise.all(Array.from({ length: 10 }, async () => [await pidOf(one), await pidOf(other)]))
    expect(new Set(later.map(([own]) => own))).toEqual(new Set([pid]))
    expect(later.map(([, theirs]) => theirs)).not.toContain(pid)
    await one.query('begin')
    await one.query('select 1 as inside')
    expect(await activityOf(pid)).toEqual({ state: 'idle in transaction', query: 'select 1 as inside' })
    await one.query('rollback')
    await one.query('select 1 as outside')
    expect(await activityOf(pid)).toEqual({ state: 'idle', query: 'select 1 as outside' })
  })

  /** By a client of the same pool, as programs do that stop their own queries. */
  const stopped = async (from: bare.Pool, how: 'cancel' | 'terminate'): Promise<unknown> => {
    const [one, other] = [await lent(from), await lent(from)]
    const pid = await pidOf(one)
    const running = outcomeOf(one.query('select pg_sleep(20)'))
    const untouched = outcomeOf(other.query('select pg_sleep(0.2)'))
    await asleep(pid)
    const { rows } = await from.query(`select pg_${how}_backend($1) as stopped`, [pid])
    return [rows, await running, await untouched, await outcomeOf(one.query('select 1'))]
  }

  it.each(['cancel', 'terminate'] as const)('is what pg_%s_backend() takes, as with pg itself', async (how) => {
    const own = new bare.Pool({ connectionString: database.primary, max: 4 })
    onTestFinished(async () => await own.end())
    const expected = await stopped(own, how)
    expect(expected).toMatchObject([[{ stopped: true }], { code: expect.any(String) as string }, 'done', {}])
    expect(await stopped(pool, how)).toEqual(expected)
  })

  it('is kept for its client until that is given back, and not for a statement that told none', async () => {
    const one = await pool.connect()
    await expect(one.query('select pg_backend_pid() / 0')).rejects.toMatchObject({ code: '22012' })
    await expect.poll(used).toBe(0)
    const pid = await pidOf(one)
    expect(used()).toBe(1)
    one.release()
    await expect.poll(used).toBe(0)
    await expect.poll(async () => await activityOf(pid)).toMatchObject({ state: 'idle' })
    const again = await lent(pool)
    expect(again).toBe(one)
    await again.query('select 1')
    expect(used()).toBe(0)
  })
})
