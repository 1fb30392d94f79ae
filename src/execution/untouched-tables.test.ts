import { afterEach, describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Client } from '../client.ts'
import type { Config, Dsn } from '../config.ts'
import { simulateDrivers, type SimulatedServer } from '../testing/simulated-driver.ts'
import type { Position } from '../topology/position.ts'
import type { ReplicationOptions } from '../topology/topology.ts'

const at = (lsn: number): Position => ({ kind: 'lsn', timeline: 1, lsn: BigInt(lsn) })
const write = 'update item set n = n + 1'
const ofItem = 'select n from item'
const ofNote = 'select text from note'

describe('a session that wrote to one table, with replication.untouchedTables', () => {
  const clients: Client[] = []
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close()
  })

  /** The primary is ahead of both replicas, for good. */
  async function open(replication: Partial<ReplicationOptions>, more: Partial<Config> = {}) {
    const simulated = simulateDrivers()
    const [primaryDsn, ...replicaDsns] = ['p', 'r1', 'r2'].map((host): Dsn => `postgres://u@${host}/d`)
    const primary = simulated.server(primaryDsn!)
    const replicas = replicaDsns.map((dsn) => simulated.server(dsn))
    primary.setStatus({ position: at(20) })
    for (const replica of replicas) replica.setStatus({ writable: false, position: at(10) })
    for (const server of [primary, ...replicas])
      server.answerWith((_, request) => (request?.sql.includes('pg_proc') === true ? functions : undefined))
    const client = await connect(
      {
        databases: {
          default: { primary: primaryDsn!, replicas: replicaDsns, replication: { waitMs: 2, ...replication } },
        },
        tokens: { keys: ['a secret of sixteen bytes'] },
        ...more,
      },
      { drivers: simulated.drivers },
    )
    clients.push(client)
    return { client, primary, replicas }
  }
  const skip = { untouchedTables: 'skip' } as const
  const functions = [
    { schema: 'public', name: 'price_of', volatile: false },
    { schema: 'public', name: 'lower', volatile: false },
  ]

  const placeOf = async (client: Client, sql: string): Promise<string> => {
    const { route } = await client.query(sql)
    return `${route.role}: ${route.reasons.at(-1)!.rule}`
  }

  it('`wait`, the default, waits for every read', async () => {
    for (const replication of [{}, { untouchedTables: 'wait' } as const]) {
      const { client } = await open(replication)
      await client.session(async () => {
        await client.query(write)
        expect(await placeOf(client, ofNote)).toBe('primary: behind')
      })
    }
  })

  it('`skip` waits for reads of what it wrote, and reads the rest on the replica where it is', async () => {
    const { client, primary } = await open(skip)
    await client.session(async () => {
      await client.query(write)
      const asked = probesOf(primary)
      const { route } = await client.query(ofNote)
      expect([route.role, route.reasons.at(-1)?.rule]).toEqual(['replica', 'untouched'])
      for (let i = 0; i < 3; i++) expect((await client.query(ofNote)).route.server).toBe(route.server)
      expect(client.explain(ofNote).server).toBe(route.server)
      expect(probesOf(primary)).toBe(asked)
      expect(await placeOf(client, ofItem)).toBe('primary: behind')
      // The primary has shown a state that no replica has.
      expect(await placeOf(client, ofNote)).toBe('primary: behind')
    })
  })

  it.each([
    ['in another case, with its schema', 'update "Shop"."Item" set n = 1', ofItem],
    ['joined, or within', write, 'select * from note where exists (select from item)'],
    ['read by a declared view', write, 'select * from item_view'],
    ['read by a function of one’s own', write, 'select price_of(text) from note'],
    ['read by a function of one’s own that has a built-in’s name', write, 'select lower(text) from note'],
    ['of the engine, which may tell of all', write, 'select relname from pg_class join note on true'],
    ['unnamed', write, 'select 1'],
    ['named only when it is written', 'insert into note select n::text from item', ofNote],
    ['that a function may change', 'insert into item values (price_of(1))', ofNote],
    ['that a sequence goes along with', "insert into item values (nextval('s'))", ofNote],
    ['that a read may change', 'select change_all()', ofNote],
    ['that are locked and seen', 'select n from item for update', ofNote],
    ['of a changed schema', 'create index on item (n)', ofNote],
    ['emptied', 'truncate item', ofItem],
    ['in a text of which nothing is known', 'update item set', ofNote],
  ])('`skip` waits for tables %s: %s; %s', async (_, first, second) => {
    const { client } = await open(skip, { views: { item_view: ['item'] } })
    await client.session(async () => {
      await client.query(first)
      expect(await placeOf(client, second)).toBe('primary: behind')
    })
  })

  it.each([
    ['another change of rows', 'delete from review where n = 1'],
    ['a built-in function', 'insert into item values (length(trim($1)))'],
  ])('`skip` does not wait after %s', async (_, sql) => {
    const { client } = await open(skip)
    await client.session(async () => {
      // The catalogue of functions is read with the first read that calls one.
      await client.query("select upper('x') from note")
      await client.query(sql, sql.includes('$1') ? ['x'] : [])
      expect(await placeOf(client, ofNote)).toMatch(/^replica/)
      expect(await placeOf(client, 'select abs(1) from note')).toMatch(/^replica/)
    })
  })

  it('`skip` waits after a transaction, a read on the primary and a token, whatever they name', async () => {
    const { client } = await open(skip)
    const actions: readonly (() => Promise<unknown>)[] = [
      async () => await client.transaction(async (tx) => await tx.query(write)),
      async () => await client.query(ofItem, [], { role: 'primary' }),
    ]
    for (const action of actions) {
      await client.session(async () => {
        await action()
        expect(await placeOf(client, ofNote)).toBe('primary: behind')
      })
    }
    const token = await client.session(async (session) => {
      await client.query(write)
      expect(await placeOf(client, ofNote)).toMatch(/^replica/)
      return await session.token()
    })
    await client.session(async () => expect(await placeOf(client, ofNote)).toBe('primary: behind'), { token })
  })

  it('`skip` never goes back in time: where its replica may have restarted, everything is waited for', async () => {
    const { client, replicas } = await open(skip)
    await client.session(async () => {
      await client.query(write)
      const { route } = await client.query(ofNote)
      replicas[route.server!.includes('@r1/') ? 0 : 1]!.loseConnections()
      expect(await placeOf(client, ofNote)).toBe('primary: behind')
    })
  })

  it('`skip` knows the functions of MariaDB, too', async () => {
    const simulated = simulateDrivers()
    const gtid = (sequence: number): Position => ({
      kind: 'gtid',
      domains: new Map([[0, { server: 1, sequence: BigInt(sequence) }]]),
    })
    simulated.server('mysql://u@p/d').setStatus({ position: gtid(20) })
    simulated.server('mysql://u@r/d').setStatus({ writable: false, position: gtid(10) })
    const replication = { waitMs: 2, untouchedTables: 'skip' } as const
    const client = await connect(
      { databases: { default: { primary: 'mysql://u@p/d', replicas: ['mysql://u@r/d'], replication } } },
      { drivers: simulated.drivers },
    )
    clients.push(client)
    await client.session(async () => {
      await client.query('insert into item values (upper(?))', ['x'])
      expect(await placeOf(client, 'select count(*) from note')).toBe('replica: untouched')
      expect(await placeOf(client, 'select count(*) from `ITEM`')).toBe('primary: behind')
    })
    await client.session(async () => {
      await client.query('insert into item values (price_of(?))', ['x'])
      expect(await placeOf(client, 'select count(*) from note')).toBe('primary: behind')
    })
  })

  function probesOf(server: SimulatedServer): number {
    return server.steps.filter(({ action }) => action === 'status').length
  }
})
