import bare from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facade from '../../src/adapters/pg.ts'
import type { Dsn } from '../../src/index.ts'
import type { TestCluster } from '../../src/testing/index.ts'
import { Notes, told, turn } from '../support/notes.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

/** What a misuse is tried on: pg itself, or the façade. */
interface Module {
  readonly Pool: facade.PoolClass
  readonly Client: facade.ClientClass
}

type Misuse = (module: Module, dsn: Dsn, notes: Notes) => Promise<void>

const misuses: Readonly<Record<string, Misuse>> = {
  'a client that is released twice': async ({ Pool }, dsn, notes) => {
    const pool = new Pool({ connectionString: dsn })
    const client = await pool.connect()
    client.release()
    notes.thrown('release', () => client.release())
    notes.add(pool.totalCount, pool.idleCount)
    await pool.end()
  },
  'a client that is released with an error, or with true': async ({ Pool }, dsn, notes) => {
    const pool = new Pool({ connectionString: dsn })
    notes.events(pool, ['remove', 'error'])
    for (const reason of [new Error('broken'), true]) {
      const client = await pool.connect()
      await client.query('begin')
      const removed = new Promise((resolve) => pool.once('remove', resolve))
      client.release(reason)
      await removed
      notes.add(pool.totalCount, pool.idleCount)
    }
    notes.add((await pool.query('select 1 as one')).rows)
    await pool.end()
    await turn()
  },
  'a query on a client that was released': async ({ Pool }, dsn, notes) => {
    const pool = new Pool({ connectionString: dsn, max: 1 })
    const client = await pool.connect()
    client.release()
    await notes.of('query', client.query('select 1'))
    const removed = await pool.connect()
    removed.release(true)
    await turn()
    await notes.of('query', removed.query('select 1'))
    await pool.end()
  },
  'a query after the end of a client, or of a pool': async ({ Client, Pool }, dsn, notes) => {
    const client = new Client(dsn)
    notes.events(client, ['end', 'error'])
    await client.connect()
    await client.end()
    await notes.of('query', client.query('select 1'))
    await notes.of('end', client.end())
    await notes.of('connect', client.connect())
    const pool = new Pool({ connectionString: dsn })
    await pool.query('select 1')
    await pool.end()
    await notes.of('query', pool.query('select 1'))
    await notes.of('connect', pool.connect())
    await notes.of('end', pool.end())
    await new Promise<void>((resolve) => {
      pool.end(((error?: Error) => {
        notes.add('called', told(error))
        resolve()
      }) as () => void)
    })
  },
  'a client whose socket is destroyed before it connects, as pools do after their time limit': async (
    { Client },
    dsn,
    notes,
  ) => {
    const client = new Client(dsn)
    const { connection } = client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }
    connection.stream.destroy()
    await turn()
    await notes.of('connect', client.connect())
    notes.add((await client.query('select 1 as one')).rows)
    await client.end()
  },
  'a client that ends while a query runs': async ({ Client }, dsn, notes) => {
    const client = new Client(dsn)
    notes.events(client, ['end', 'error'])
    await client.connect()
    const running = notes.of('query', client.query('select pg_sleep(20)'))
    await turn()
    await client.end()
    await running
    await turn()
  },
  'a pool that ends while queries run': async ({ Pool }, dsn, notes) => {
    const pool = new Pool({ connectionString: dsn, max: 2 })
    notes.events(pool, ['remove', 'error'])
    const client = await pool.connect()
    const running = notes.of('query', client.query('select pg_sleep(0.2)'))
    const ended = notes.of('end', pool.end())
    await notes.of('late', pool.query('select 1'))
    await running
    client.release()
    await ended
    await turn()
  },
  'a client that connects twice, or asks before it connects': async ({ Client }, dsn, notes) => {
    const client = new Client(dsn)
    const early = notes.of('early', client.query('select 1'))
    await client.connect()
    await early
    await notes.of('connect', client.connect())
    await client.end()
    await notes.of('end', new Client(dsn).end())
  },
  'queries that cannot be': async ({ Client, Pool }, dsn, notes) => {
    const client = new Client(dsn)
    await client.connect()
    notes.thrown('null', () => void client.query(null as never))
    await notes.of('empty', client.query({} as never))
    await notes.of('values', client.query('select $1', 'one' as never))
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    await notes.of('circular', client.query('select $1', [circular]))
    await notes.of('syntax', client.query('selec 1'))
    await notes.of('too few', client.query('select $1::int, $2::int', [1]))
    await notes.of('named', client.query({ name: 'one', text: 'select 1' }))
    await notes.of('named otherwise', client.query({ name: 'one', text: 'select 2' }))
    notes.thrown('no callback', () => client.query('select 1', [], 'callback' as never))
    await notes.of('still there', client.query('select 1'))
    await client.end()
    const pool = new Pool({ connectionString: dsn })
    await new Promise<void>((resolve) => {
      const called = (error: unknown): void => {
        notes.add('function', told(error))
        resolve()
      }
      void pool.query(called as never)
    })
    await pool.end()
  },
  'settings that an ORM understands, and pg does not': async ({ Pool }, dsn, notes) => {
    const settings = {
      connectionString: dsn,
      replicas: [dsn],
      slaves: [{ url: dsn }],
      pool: { max: 1 },
      type: 'postgres',
    }
    const pool = new Pool(settings)
    notes.add((await pool.query('select 1 as one')).rows)
    await pool.end()
  },
  'settings that cannot be': async ({ Pool, Client }, dsn, notes) => {
    notes.thrown('sslnegotiation', () => new Client({ connectionString: dsn, sslnegotiation: 'late' as never }))
    notes.thrown('no URL', () => new Client({ connectionString: 'postgres://[' }))
    const pool = new Pool({ connectionString: dsn, options: '-c no_such_setting=1' })
    await notes.of('options', pool.query('select 1'))
    await pool.end()
  },
}

describe.runIf(testedEngines.includes('postgres'))('misuse comes to the same as with pg itself', () => {
  let cluster: TestCluster
  let dsn: Dsn
  beforeAll(async () => {
    cluster = await privateCluster('postgres', { replicas: 0 })
    dsn = (await cluster.createDatabase()).primary
  })
  afterAll(async () => await cluster.stop())

  it.each(Object.keys(misuses))('%s', async (name) => {
    const [expected, found] = [new Notes(), new Notes()]
    await misuses[name]!(bare, dsn, expected)
    await misuses[name]!(facade, dsn, found)
    expect(expected.lines.length).toBeGreaterThan(0)
    expect(found.lines).toEqual(expected.lines)
  })
})
