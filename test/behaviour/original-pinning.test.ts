import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Carrier, type Arriving } from '../../src/adapters/http/carrier.ts'
import { connect, type Client, type Dsn, type Position, type ReplicationOptions } from '../../src/index.ts'
import { simulateDrivers, type SimulatedDrivers } from '../../src/testing/index.ts'

/**
 * What the well-known routers of Django for replicas promise (django-multidb-router, django_replicated), row by row, where no
 * other test holds it: cookies and methods are in `src/adapters/http/carrier.test.ts` and `http-replicas.test.ts`,
 * scopes in `src/scope-wrapper.test.ts`. Where Signalbox does otherwise, the test says so.
 */
describe('what is known from routers for replicas', () => {
  let simulated: SimulatedDrivers
  let client: Client<'shop' | 'series' | 'single'>
  const at = (lsn: number): Position => ({ kind: 'lsn', timeline: 1, lsn: BigInt(lsn) })

  function group(name: string): { primary: Dsn; replicas: Dsn[]; replication: Partial<ReplicationOptions> } {
    const dsnOf = (host: string): Dsn => `postgres://u@${name}-${host}/d`
    const [primary, ...replicas] = ['p', 'r1', 'r2'].map(dsnOf) as [Dsn, Dsn, Dsn]
    simulated.server(primary).setStatus({ position: at(20) })
    for (const replica of replicas) simulated.server(replica).setStatus({ writable: false, position: at(10) })
    return { primary, replicas, replication: { waitMs: 20, maxLagMs: 0, balancer: 'round-robin' } }
  }

  beforeEach(async () => {
    simulated = simulateDrivers()
    client = await connect(
      {
        databases: {
          default: 'shop',
          shop: group('shop'),
          series: group('series'),
          single: { primary: 'postgres://u@single/d', replicas: [] },
        },
        tables: { point: 'series', note: 'single' },
      },
      { drivers: simulated.drivers },
    )
  })
  afterEach(() => client.close())

  const hostOf = async (sql: string): Promise<string> =>
    /@([\w-]+)/.exec((await client.query(sql)).route.server ?? '')?.[1] ?? ''
  const hosts = async (count: number): Promise<readonly string[]> => {
    const found: string[] = []
    for (let i = 0; i < count; i++) found.push(await hostOf('select n from item'))
    return found
  }

  it('without replicas every read goes to the primary, and that is no error', async () => {
    const { route } = await client.query('select n from note')
    expect(route).toMatchObject({ database: 'single', role: 'primary' })
    expect((await client.replica(() => client.query('select n from note'))).route.role).toBe('primary')
  })

  it('reads go round all replicas, query by query, where there is no session', async () => {
    const found = await hosts(4)
    expect(new Set(found)).toEqual(new Set(['shop-r1', 'shop-r2']))
    expect(found.slice(2)).toEqual(found.slice(0, 2))
  })

  it('all reads of a request go to one replica (asked for in vain in issue 46), of several to several', async () => {
    const requests = [await client.session(() => hosts(5)), await client.session(() => hosts(5))]
    expect(requests.map((found) => new Set(found).size)).toEqual([1, 1])
    expect(new Set(requests.flat()).size).toBe(2)
  })

  it('writes and changes of the schema go to the primary', async () => {
    for (const sql of ['insert into item values (1)', 'create table extra (id integer)', 'drop table extra'])
      expect(await hostOf(sql)).toBe('shop-p')
  })

  it('several primaries have replicas of their own (issue 52): a write to one says nothing about the other', async () => {
    await client.session(async () => {
      await client.query('update point set n = 1')
      expect(await hostOf('select n from point')).toBe('series-p')
      expect(await hostOf('select n from item')).toMatch(/^shop-r/)
    })
  })

  it('a view that writes reads the primary while it runs, and the next view does not (db_write)', async () => {
    const view = client.within({ session: true, role: 'primary' })(() => hosts(2))
    expect(await view()).toEqual(['shop-p', 'shop-p'])
    const next = client.within({ session: true })(() => hosts(1))
    expect((await next())[0]).toMatch(/^shop-r/)
  })

  it('requests that overlap do not pin each other (the state of a thread is that of all requests here)', async () => {
    const gate = Promise.withResolvers<void>()
    const pinned = client.primary(async () => {
      await gate.promise
      return await hosts(1)
    })
    const free = client.session(() => hosts(2))
    await setImmediate()
    gate.resolve()
    expect(await pinned).toEqual(['shop-p'])
    expect(new Set(await free).size).toBe(1)
    expect((await free)[0]).toMatch(/^shop-r/)
  })

  it('a read sees a write before it, also in a GET (issues 2 and 6), and no other request pays for it', async () => {
    const other = client.session(() => hosts(1))
    await client.session(async () => {
      await client.query('update item set n = 1')
      expect(await hosts(1)).toEqual(['shop-p'])
    })
    expect((await other)[0]).toMatch(/^shop-r/)
    expect((await client.session(() => hosts(1)))[0]).toMatch(/^shop-r/)
  })

  it('otherwise: a write among reads for replicas goes to the primary, and is not refused as in a slave state', async () => {
    await client.replica(async () => {
      expect(await hostOf('update item set n = 1')).toBe('shop-p')
      expect(await hostOf('select n from item')).toMatch(/^shop-r/)
    })
    await expect(
      client.transaction(async (tx) => await tx.query('update item set n = 1'), { readOnly: true }),
    ).rejects.toMatchObject({ code: 'SIGNALBOX_READ_ONLY_TRANSACTION' })
  })

  it('the cookie’s name, time and attributes can all be overridden; HttpOnly is on where the original left it off', () => {
    const post: Arriving = { method: 'POST', url: '/', header: () => undefined }
    const cookiesOf = (carrier: Carrier): readonly string[] | undefined =>
      carrier.depart(carrier.arrive(post), post, { status: 200, wrote: false })?.cookies
    const plain = new Carrier({ pinning: {} })
    expect(cookiesOf(plain)).toEqual(['signalbox_pin=y; Max-Age=15; Path=/; SameSite=Lax; HttpOnly'])
    const overridden = new Carrier({
      pinning: { cookieName: 'override_pin_writes', seconds: 60 },
      cookie: { sameSite: 'Strict', secure: true, httpOnly: false },
    })
    expect(cookiesOf(overridden)).toEqual(['override_pin_writes=y; Max-Age=60; Path=/; SameSite=Strict; Secure'])
  })
})
