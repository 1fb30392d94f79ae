import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { pgFor } from '../../src/adapters/pg.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import { startFaultProxy, type TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

/** What a client of the façade has besides its types. */
type Told = pg.Client & { readonly connection: NodeJS.EventEmitter; getTransactionStatus(): unknown }

/** pg-cursor has no types of its own. */
interface Cursor extends pg.Submittable {
  read(rows: number): Promise<readonly unknown[]>
  close(): Promise<void>
}

describe.runIf(testedEngines.includes('postgres'))('settings of a virtual client of pg', () => {
  let cluster: TestCluster
  let primary: string
  let client: Client<'default'>
  let module: typeof pg

  beforeAll(async () => {
    cluster = await privateCluster('postgres', { replicas: 1 })
  })
  afterAll(async () => await cluster.stop())

  beforeEach(async () => {
    const database = await cluster.createDatabase()
    primary = database.primary
    client = await connect({
      databases: { default: { primary, replicas: database.replicas } },
      pool: { maxConnections: 4 },
      replication: { waitMs: 10_000, holdMs: 20_000 },
    })
    module = pgFor(client)
    onTestFinished(async () => await client.close())
    await client.query('create table item (id integer primary key, who text)')
    await client.query('insert into item (id) values (1)')
  })

  async function virtual(config?: pg.ClientConfig): Promise<Told> {
    const made = new module.Client(config) as Told
    await made.connect()
    onTestFinished(async () => await made.end())
    return made
  }

  const setting = async (by: Pick<pg.ClientBase, 'query'>, name: string): Promise<unknown> =>
    (await by.query<{ value: unknown }>('select current_setting($1, true) as value', [name])).rows[0]!.value

  /** Where a read of a table runs, and with which setting, as the server itself says it. */
  const readsOn = async (by: Pick<pg.ClientBase, 'query'>, name: string): Promise<readonly unknown[]> => {
    const text =
      "select current_setting('port')::integer as port, current_setting($1, true) as value, count(*) from item"
    const { port, value } = (await by.query<{ port: number; value: unknown }>(text, [name])).rows[0]!
    return [port === cluster.primary.port ? 'primary' : 'replica', value]
  }

  const used = (): number =>
    Object.values(client.stats()).reduce((sum, { total, idle, waiting }) => sum + total - idle + waiting, 0)

  it('go along to whichever server a statement runs on, and to nobody else', async () => {
    const [one, other] = [await virtual(), await virtual()]
    const told: unknown[] = []
    one.connection.on('parameterStatus', ({ parameterName, parameterValue }) =>
      told.push([parameterName, parameterValue]),
    )
    expect((await one.query("set application_name = 'one'")).command).toBe('SET')
    await one.query("SET TIME ZONE 'Asia/Tokyo'; SET app.tenant TO '1'")
    await other.query("select set_config('app.tenant', $1, false)", ['2'])
    for (let round = 0; round < 4; round++) {
      expect(await readsOn(one, 'app.tenant')).toEqual(['replica', '1'])
      expect(await readsOn(other, 'app.tenant')).toEqual(['replica', '2'])
      expect(
        (await one.query("insert into item values ($1, current_setting('app.tenant')) returning who", [round + 10]))
          .rows,
      ).toEqual([{ who: '1' }])
      // A setting that was known once is empty, and not unknown, as after DISCARD ALL.
      expect(
        (await client.query<{ t: unknown }>("select current_setting('app.tenant', true) as t, count(*) from item"))
          .rows[0]!.t || '',
      ).toBe('')
    }
    expect((await one.query('show timezone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }])
    expect(await setting(other, 'timezone')).not.toBe('Asia/Tokyo')
    expect(told).toEqual([
      ['application_name', 'one'],
      ['TimeZone', 'Asia/Tokyo'],
    ])
    expect(used()).toBe(0)
  })

  it('are refused by the server at once, and then stay what they were', async () => {
    const one = await virtual()
    await one.query("set timezone = 'Asia/Tokyo'")
    await expect(one.query("set timezone = 'Nowhere'")).rejects.toMatchObject({ code: '22023' })
    await expect(one.query('set nonsense = 1')).rejects.toMatchObject({ code: '42704' })
    await expect(one.query("set timezone = 'UTC'; set nonsense = 1")).rejects.toMatchObject({ code: '42704' })
    expect(await readsOn(one, 'timezone')).toEqual(['replica', 'Asia/Tokyo'])
    await one.query('reset time zone')
    expect(await setting(one, 'timezone')).not.toBe('Asia/Tokyo')
    await one.query("set timezone = 'Asia/Tokyo'; set app.tenant = '1'")
    expect((await one.query('reset all')).command).toBe('RESET')
    expect([await setting(one, 'timezone'), await setting(one, 'app.tenant')]).not.toContain('Asia/Tokyo')
    expect((await one.query('discard all')).command).toBe('DISCARD')
  })

  it('are undone with their transaction, and with its savepoints', async () => {
    const one = await virtual()
    await one.query("set app.tenant = '1'")
    await one.query('begin')
    await one.query("set app.tenant = '2'")
    await one.query('savepoint a')
    await one.query("set app.tenant = '3'")
    expect(await setting(one, 'app.tenant')).toBe('3')
    await one.query('rollback to a')
    expect(await setting(one, 'app.tenant')).toBe('2')
    await one.query("set local app.tenant = '4'")
    expect(await setting(one, 'app.tenant')).toBe('4')
    await one.query('commit')
    expect(await readsOn(one, 'app.tenant')).toEqual(['replica', '2'])
    await one.query('begin read only')
    expect(await readsOn(one, 'app.tenant')).toEqual(['replica', '2'])
    await one.query("set app.tenant = '5'")
    await expect(one.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    expect((await one.query('commit')).command).toBe('ROLLBACK')
    expect(await setting(one, 'app.tenant')).toBe('2')
    await one.query('begin')
    await one.query("select set_config('app.tenant', '6', true)")
    expect(await setting(one, 'app.tenant')).toBe('6')
    await one.query('commit')
    expect(await setting(one, 'app.tenant')).toBe('2')
  })

  it('may be said when the client is made, and are what a reset goes back to', async () => {
    const one = await virtual({ application_name: 'mine', statement_timeout: 1234, options: '-c app.tenant=7' })
    expect(await readsOn(one, 'app.tenant')).toEqual(['replica', '7'])
    expect([await setting(one, 'application_name'), await setting(one, 'statement_timeout')]).toEqual([
      'mine',
      '1234ms',
    ])
    await one.query("set app.tenant = '8'; set statement_timeout = 0")
    expect([await setting(one, 'app.tenant'), await setting(one, 'statement_timeout')]).toEqual(['8', '0'])
    await one.query('reset app.tenant')
    expect([await setting(one, 'app.tenant'), await setting(one, 'statement_timeout')]).toEqual(['7', '0'])
    await one.query('reset all')
    expect(await setting(one, 'statement_timeout')).toBe('1234ms')
    await one.query("set statement_timeout = '50ms'")
    await expect(one.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' })
    await expect(new module.Client({ options: '-c nonsense=1' }).connect()).rejects.toMatchObject({ code: '42704' })
  })

  it('of a pool’s clients are those that the pool gives them, and not those of their last user', async () => {
    const pool = new module.Pool({ max: 1 })
    onTestFinished(async () => await pool.end())
    pool.on('connect', (made) => void made.query("set app.tenant = 'all'"))
    expect(await readsOn(pool, 'app.tenant')).toEqual(['replica', 'all'])
    const leased = await pool.connect()
    await leased.query("set app.tenant = 'one'; set timezone = 'Asia/Tokyo'")
    expect(await setting(leased, 'app.tenant')).toBe('one')
    leased.release()
    expect([await setting(pool, 'app.tenant'), await setting(pool, 'timezone')]).toEqual([
      'all',
      expect.not.stringMatching('Tokyo'),
    ])
  })

  it('hold for cursors, several statements, and queries whose rows are events', async () => {
    const name = 'pg-cursor'
    const { default: cursorClass } = (await import(name)) as { default: new (text: string) => Cursor }
    const one = await virtual()
    const text = "select current_setting('app.tenant') as t from item"
    await new Promise((resolve) =>
      one.query(new module.Query("set app.tenant = '1'")).on('end', resolve).on('row', resolve),
    )
    const cursor = one.query(new cursorClass(text))
    expect(await cursor.read(1)).toEqual([{ t: '1' }])
    await cursor.close()
    expect(await one.query(`select 1; ${text}`)).toMatchObject([{}, { rows: [{ t: '1' }] }])
    const row = await new Promise((resolve) => one.query(new module.Query(text)).on('row', resolve))
    expect(row).toEqual({ t: '1' })
    await one.query('begin')
    await new Promise((resolve) =>
      one.query(new module.Query("set app.tenant = '2'")).on('end', resolve).on('row', resolve),
    )
    expect((await one.query(text)).rows).toEqual([{ t: '2' }])
    await one.query('rollback')
    expect((await one.query(text)).rows).toEqual([{ t: '1' }])
  })

  it('decide what a text means, each time that it runs', async () => {
    await client.query(
      'create schema a; create table a.own (n integer); create schema b; create table b.own (n integer, m text)',
    )
    await client.query("insert into a.own values (1); insert into b.own values (2, 'b')")
    const [one, other] = [await virtual(), await virtual()]
    await one.query("set search_path = a; set timezone = 'Asia/Tokyo'")
    await other.query("set search_path = b; set timezone = 'UTC'")
    const text = "select *, '2026-01-01 00:00'::timestamptz::text as at from own"
    for (let round = 0; round < 5; round++) {
      await one.query('begin')
      expect((await one.query(text)).rows).toEqual([{ n: 1, at: '2026-01-01 00:00:00+09' }])
      await one.query('commit')
      await other.query('begin')
      expect((await other.query(text)).rows).toEqual([{ n: 2, m: 'b', at: '2026-01-01 00:00:00+00' }])
      await other.query('commit')
      await client.session(async () => expect((await one.query(text)).rows).toHaveLength(1))
    }
  })

  it('may be who the session is; a replica that does not know that yet is left for another server', async () => {
    const role = `reader_${Date.now()}`
    await client.query(`create role ${role}; grant select on item to ${role}`)
    onTestFinished(async () => {
      await client.query(`drop owned by ${role}; drop role ${role}`)
    })
    await cluster.caughtUp()
    const one = await virtual()
    await one.query(`set role ${role}`)
    await one.query("set app.tenant = '1'")
    for (let round = 0; round < 3; round++) {
      expect(await readsOn(one, 'role')).toEqual(['replica', role])
      await expect(one.query('insert into item values (99)')).rejects.toMatchObject({ code: '42501' })
      await client.query('insert into item values ($1)', [round + 20])
    }
    await one.query('reset role')
    await one.query('insert into item values (99)')
    const [replica] = cluster.replicas
    await cluster.pauseReplay(replica!)
    await client.query(`create role ${role}_2 in role ${role}`)
    const late = await virtual()
    await client.primary(async () => await late.query(`set role ${role}_2`))
    expect(
      await client
        .within({ role: 'replica' })(async () => await readsOn(late, 'role'))
        .call(undefined),
    ).toEqual(['primary', `${role}_2`])
    await cluster.resumeReplay(replica!)
    await late.query('reset role')
    await client.query(`drop role ${role}_2`)
  })

  it('that make a session read-only say nothing about its server; those that no standby takes lead to the primary', async () => {
    const one = await virtual()
    await one.query('set session characteristics as transaction read only')
    await expect(one.query('insert into item values (2)')).rejects.toMatchObject({ code: '25006' })
    await one.query('begin')
    await expect(one.query('insert into item values (2)')).rejects.toMatchObject({ code: '25006' })
    await one.query('rollback')
    await client.query('insert into item values (3)')
    await one.query('set default_transaction_read_only = off')
    expect((await one.query('insert into item values (4)')).rowCount).toBe(1)
    await one.query('set session characteristics as transaction isolation level serializable')
    expect(await readsOn(one, 'transaction_isolation')).toEqual(['primary', 'serializable'])
    // What it begins with, too.
    const other = await virtual({ options: '-c default_transaction_isolation=serializable' })
    expect(await readsOn(other, 'transaction_isolation')).toEqual(['primary', 'serializable'])
  })

  it.each([
    ['as it is', {}],
    ['with parsers of its own, as Sequelize sets them', { types: { getTypeParser: () => (text: string) => text } }],
  ])('are said to another server where the connection breaks over them, by a client %s', async (_, config) => {
    const database = await cluster.createDatabase()
    await using proxy = await startFaultProxy(cluster.replicas[0]!)
    const through = proxy.through(database.replicas[0] as string) as Dsn
    await using other = await connect({ databases: { default: { primary: database.primary, replicas: [through] } } })
    await other.query('create table item (id integer)')
    const one = new (pgFor(other).Client)(config)
    await one.connect()
    onTestFinished(async () => await one.end())
    proxy.apply({ kind: 'cut-on', pattern: 'app.tenant', moment: 'before' })
    await one.query("set app.tenant = '7'; set time zone 'Asia/Tokyo'")
    expect(proxy.accepted).toBeGreaterThan(0)
    expect(await setting(one, 'app.tenant')).toBe('7')
  })

  it('are asked for of any server when a client connects, whatever was written before', async () => {
    const [replica] = cluster.replicas
    await cluster.pauseReplay(replica!)
    onTestFinished(async () => await cluster.resumeReplay(replica!))
    await client.query('insert into item values (2)')
    using queries = subscribedQueries()
    expect(await setting(await virtual({ options: '-c geqo=off' }), 'geqo')).toBe('off')
    const [welcome] = queries.all
    expect(welcome).toMatchObject({ sql: expect.stringContaining('unnest') as string, route: { role: 'replica' } })
  })

  it('do not hold a connection for what failed; DISCARD ALL gives one back', async () => {
    const one = await virtual()
    await one.query("set app.tenant = '1'")
    await expect(one.query('selec 1')).rejects.toMatchObject({ code: '42601' })
    await expect(one.query('create temporary table item (id integer); selec')).rejects.toMatchObject({ code: '42601' })
    await expect(one.query('listen "a" b')).rejects.toMatchObject({ code: '42601' })
    await expect.poll(used).toBe(0)
    expect(await readsOn(one, 'app.tenant')).toEqual(['replica', '1'])
    await one.query('create temporary table own as select 1 as n')
    expect(used()).toBe(1)
    await one.query("set app.tenant = '2'")
    await one.query('begin')
    await one.query("set app.tenant = '3'")
    await one.query('rollback')
    expect(await readsOn(one, 'app.tenant')).toEqual(['primary', '2'])
    // Its connection is lost, and with it the table: that ends the client.
    const lost = new Promise((resolve) => one.once('error', resolve))
    one.on('error', () => undefined)
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like '%current_setting%' and pid <> pg_backend_pid() and usename = current_user and application_name = 'signalbox' and backend_type = 'client backend' and state = 'idle'",
    )
    expect(await lost).toMatchObject({ code: '57P01' })
    const other = await virtual()
    await other.query('create temporary table own as select 1 as n')
    expect((await other.query('discard all')).command).toBe('DISCARD')
    await expect.poll(used).toBe(0)
    expect(await readsOn(other, 'timezone')).toEqual(['replica', expect.any(String)])
  })

  it('never stay on a connection of the application’s own pool', async () => {
    const own = new pg.Pool({ connectionString: primary, max: 1 })
    onTestFinished(async () => await own.end())
    await using lent = await connect({ databases: { default: own } })
    const one = new (pgFor(lent).Client)()
    await one.connect()
    await one.query("set timezone = 'Asia/Tokyo'")
    expect((await one.query('show timezone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }])
    expect((await own.query('show timezone')).rows).not.toEqual([{ TimeZone: 'Asia/Tokyo' }])
    await one.end()
  })

  it('lift no guard: a database that takes no writes takes none', async () => {
    await using guarded = await connect({
      databases: { default: (await cluster.createDatabase()).primary, archive: primary },
      noWritesTo: ['archive'],
      tables: { item: 'archive' },
    })
    const one = new (pgFor(guarded).Client)()
    await one.connect()
    await one.query('set default_transaction_read_only = off')
    await expect(one.query('select id from item')).rejects.toMatchObject({ code: 'SIGNALBOX_NO_WRITES' })
    await one.query('reset default_transaction_read_only')
    expect((await one.query('select id from item')).rowCount).toBe(1)
    await one.end()
  })
})
