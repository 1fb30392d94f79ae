import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import type { ClusterDatabase, TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

const block = 8192n
const header = 24n

/**
 * PostgreSQL names as the end of its log the place of the next record, which is behind the header of a block that does
 * not exist yet if the last record filled its block. No replica gets there before something else is written.
 */
describe.runIf(testedEngines.includes('postgres'))('a commit that ends where a block of the log ends', () => {
  let cluster: TestCluster
  let database: ClusterDatabase
  let admin: pg.Client
  let client: Client

  beforeAll(async () => {
    cluster = await privateCluster('postgres', { replicas: 1, settings: { autovacuum: 'off' } })
    database = await cluster.createDatabase()
    admin = new pg.Client(database.primary)
    await admin.connect()
    await admin.query('create table item (id integer)')
    await cluster.caughtUp()
    const { primary, replicas } = database
    client = await connect({ databases: { default: { primary, replicas } } })
  }, 60_000)
  afterAll(async () => {
    await client.close()
    await admin.end()
    await cluster.stop()
  })

  async function end(): Promise<bigint> {
    const sql = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text as at"
    return BigInt((await admin.query<{ at: string }>(sql)).rows[0]!.at)
  }

  /** How many bytes of log `work` makes within one block. */
  async function grownBy(work: () => Promise<unknown>): Promise<bigint> {
    for (;;) {
      const before = await end()
      await work()
      const after = await end()
      if (before / block === after / block) return after - before
    }
  }

  const note = (bytes: number): Promise<unknown> =>
    admin.query("select pg_logical_emit_message(true, '', repeat('x', $1))", [bytes])

  /** Writes until a row of the session ended where its block ends. */
  async function writeToTheEndOfABlock(): Promise<void> {
    const write = (): Promise<unknown> => client.query('insert into item values (1)')
    for (let attempt = 0; attempt < 20; attempt++) {
      const row = await grownBy(write)
      const noted = (await grownBy(() => note(1_000))) - 1_000n
      const at = await end()
      const room = block - (at % block) - row - noted
      if (room < 300n) {
        await note(2_000)
        continue
      }
      await note(Number(room))
      await write()
      if ((await end()) % block === header) return
    }
    throw new Error('No row of 20 ended at the end of a block.')
  }

  it('is on a replica that has replayed it, though nobody writes any more', async () => {
    await client.session(async () => {
      await writeToTheEndOfABlock()
      const since = performance.now()
      // The server itself writes something at the latest after 15 seconds (`LOG_SNAPSHOT_INTERVAL_MS`).
      while (performance.now() - since < 5_000) {
        const { route } = await client.query('select count(*) from item')
        if (route.role === 'replica') break
        await delay(20)
      }
      expect((await client.query('select count(*) from item')).route.role).toBe('replica')
      expect((await end()) % block).toBe(header)
    })
  })
})
