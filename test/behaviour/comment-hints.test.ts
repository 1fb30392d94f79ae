import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { pgFor } from '../../src/adapters/pg.ts'
import { kysely } from '../../src/adapters/kysely.ts'
import { connect, HintError, listShards, type Client, type Router } from '../../src/index.ts'
import { freshDatabase, privateCluster, testedEngines, type TestDatabase } from '../support/servers.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

describe.each(testedEngines)('hints in comments on %s', (engine) => {
  const made: TestDatabase[] = []
  let client: Client<'default' | 'archive' | 'orders'>

  beforeAll(async () => {
    for (let index = 0; index < 4; index += 1) made.push(await freshDatabase(engine))
    const [shop = '', archive = '', a = '', b = ''] = made.map(({ dsn }) => dsn)
    client = await connect({
      databases: {
        default: shop,
        archive,
        orders: {
          shards: { a, b },
          shardMap: listShards({ key: 'integer', lists: { a: [1], b: [2] } }),
        },
      },
      tables: { purchase: { database: 'orders', shardKey: 'customer_id' } },
    })
    for (const [alias, name] of [
      ['default', 'of the shop'],
      ['archive', 'of the archive'],
    ] as const) {
      await client.using(alias).query('create table product (id integer primary key, name varchar(80))')
      await client.using(alias).query(`insert into product values (1, '${name}')`)
    }
    await client.query('create table purchase (customer_id integer, id integer)')
    await client.query('insert into purchase (customer_id, id) values (1, 10), (2, 20)')
  })
  afterAll(async () => {
    await client.close()
    for (const database of made) await database.drop()
  })

  const nameBy = async (text: string): Promise<string | undefined> =>
    (await client.query<{ name: string }>(text)).rows[0]?.name

  it.each([
    '/* signalbox: using=archive */ select name from product',
    '/*signalbox:using=archive*/ select name from product',
    '-- signalbox: using=archive\nselect name from product',
    '  /* a page */ /* signalbox: using=archive */ select name from product',
    'select name from product /* signalbox: using=archive */',
    'select name from product; /* signalbox: using=archive */ ',
    "select name from product where name <> '--' /* signalbox: using=archive */",
    'select name from product -- of a page\n/* signalbox: using=archive */ /* and more */',
  ])('name the database, at the start or at the end: %j', async (text) => {
    expect(await nameBy(text)).toBe('of the archive')
    const { database, reasons } = client.explain(text)
    expect(database).toBe('archive')
    expect(reasons.slice(0, 2).map(({ rule, text: why }) => [rule, why])).toEqual([
      ['hint', 'a comment in the text says using=archive'],
      ['using', 'using("archive") was asked for'],
    ])
  })

  it('are no comments where they stand in data, or begin with something else', async () => {
    for (const text of [
      "select '/* signalbox: using=archive */' as x, name from product",
      "select name from product where name <> '/* signalbox: nonsense=1 */'",
      "select name from product where name <> 'it''s /* signalbox: using=archive */'",
      "select name as \"a\", '/* signalbox: using=archive */' as name from product where name <> ' '",
      '/* about signalbox: using=archive */ select name from product',
      'select name from product /* signalbox is heard of, using=archive */',
    ]) {
      const { route } = await client.query(text)
      expect([text, route.database]).toEqual([text, 'default'])
      expect(route.reasons.some(({ rule }) => rule === 'hint')).toBe(false)
    }
  })

  it.each<[string, RegExp]>([
    [
      '/* signalbox: usin=archive */ select 1',
      /There is no hint "usin". Did you mean "using"\? Hints: using, role, tags/,
    ],
    ['/* signalbox: rowMode=array */ select 1', /There is no hint "rowMode"/],
    ['/* signalbox: atLeast=token */ select 1', /There is no hint "atLeast"/],
    ['/* signalbox: role=secondary */ select 1', /role="secondary" is not accepted\. Allowed: "primary", "replica"/],
    ['/* signalbox: timeoutMs=soon */ select 1', /timeoutMs="soon" is not accepted\. Allowed: milliseconds/],
    ['/* signalbox: allShards=yes */ select 1', /allShards="yes" is not accepted\. Allowed: true, false/],
    ['/* signalbox: using=archive, using=default */ select 1', /says "using" twice/],
    ['/* signalbox: using=archive */ select 1 /* signalbox: using=archive */', /says "using" twice/],
    ['/* signalbox: */ select 1', /says nothing/],
    ['/* signalbox: archive */ select 1', /"archive" where key=value/],
    ['/* signalbox: using=%zz */ select 1', /percent-encoding/],
    ['select /* signalbox: using=archive */ 1', /stands within the statement/],
    ['select 1 -- signalbox: using=archive', /stands on a line/],
    ['select 1 /* signalbox: using=archive */ -- and more', /A line comment stands behind the hint/],
    ['select 1; /* signalbox: using=archive */ select 2', /stands within the statement/],
    ['/* signalbox: using=mysql://app:secret@db/x */ select 1', /names a data source/],
  ])('are refused by name, and nothing is sent: %j', async (text, message) => {
    using queries = subscribedQueries()
    const refused = client.query(text)
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toBeInstanceOf(HintError)
    await expect(refused).rejects.toMatchObject({
      code: 'SIGNALBOX_HINT',
      message: expect.stringMatching(/Nothing was sent\.$/) as string,
    })
    await expect(refused).rejects.not.toThrow(/secret/)
    await expect(Array.fromAsync(client.stream(text))).rejects.toThrow(message)
    await expect(client.transaction(async (tx) => await tx.query(text))).rejects.toThrow(message)
    expect(() => client.explain(text)).toThrow(message)
    expect(() => client.preview(text)).toThrow(message)
    expect(queries.all).toEqual([])
  })

  it('are refused with the alias that may have been meant', async () => {
    await expect(client.query('/* signalbox: using=archiv */ select 1')).rejects.toThrow(/Did you mean "archive"\?/)
  })

  it('count less than the options of the call, and more than the scope', async () => {
    const text = '/* signalbox: using=archive */ select name from product'
    expect((await client.query(text, [], { using: 'default' })).route).toMatchObject({ database: 'default' })
    expect(client.explain(text, [], { using: 'default' }).reasons.some(({ rule }) => rule === 'hint')).toBe(false)
    expect((await client.using('default').query(text)).route.database).toBe('archive')
    expect((await client.query(text, [], { timeoutMs: 5_000 })).route.database).toBe('archive')
    // What was decided with an option is not remembered for calls without it.
    expect((await client.query(text)).route.database).toBe('archive')
  })

  it('hold for streams, pages, prepared statements and reserved connections', async () => {
    const text = '/* signalbox: using=archive */ select name from product'
    const rows = await Array.fromAsync(client.stream<{ name: string }>(text))
    expect(rows.map(({ name }) => name)).toEqual(['of the archive'])
    const page = await client.page<{ name: string }>(
      'select id, name from product order by id /* signalbox: using=archive */',
      [],
      { size: 5 },
    )
    expect(page.rows.map(({ name }) => name)).toEqual(['of the archive'])
    const mark = engine === 'postgres' ? '$1' : '?'
    for (let round = 0; round < 5; round += 1) {
      const { rows: found } = await client.query(
        `select name from product where id = ${mark} /* signalbox: using=archive */`,
        [1],
      )
      expect(found).toEqual([{ name: 'of the archive' }])
    }
    await using connection = client.reserve()
    expect((await connection.query(text)).route.database).toBe('archive')
    await expect(connection.query('/* signalbox: using=default */ select name from product')).rejects.toMatchObject({
      code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
    })
  })

  it('within a transaction name its database, or roll it back as `using` does', async () => {
    await client.transaction(async (tx) => {
      expect((await tx.query('/* signalbox: using=archive */ select name from product')).route.database).toBe('archive')
      expect(tx.database).toBe('archive')
    })
    const failing = client.transaction(async (tx) => {
      await tx.query("insert into product values (2, 'undone')")
      await tx.query('/* signalbox: using=archive */ select name from product')
    })
    await expect(failing).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_DATABASE_TRANSACTION' })
    expect((await client.query('select * from product')).rowCount).toBe(1)
  })

  it('name the shard by its key, or say that all are meant', async () => {
    for (const [key, shard, id] of [
      [1, 'a', 10],
      [2, 'b', 20],
    ] as const) {
      const { rows, route } = await client.query<{ id: number }>(
        `/* signalbox: shardKey=${key} */ select id from purchase`,
      )
      expect([route.shards, rows.map((row) => row.id)]).toEqual([[shard], [id]])
    }
    await expect(client.query('update purchase set id = id')).rejects.toMatchObject({
      code: 'SIGNALBOX_SHARD_KEY_MISSING',
    })
    const { route } = await client.query('/* signalbox: allShards=true */ update purchase set id = id')
    expect(route.shards).toEqual(['a', 'b'])
    await expect(
      client.shard(1, async () => await client.query('select id from purchase /* signalbox: shardKey=2 */'), {
        lock: true,
      }),
    ).rejects.toMatchObject({ code: 'SIGNALBOX_WRONG_SHARD' })
  })

  it('set a time limit, which also of several statements the nearest one sets', async () => {
    const text = '/* signalbox: timeoutMs=1 */ select id from purchase'
    expect(client.explain(text).reasons[0]?.text).toBe('a comment in the text says timeoutMs=1')
    if (engine === 'sqlite') return
    const sleep = engine === 'postgres' ? 'pg_sleep(5)' : 'sleep(5)'
    await expect(client.query(`/* signalbox: timeoutMs=50 */ select ${sleep}`)).rejects.toMatchObject({
      code: 'SIGNALBOX_TIMEOUT',
    })
  })

  it('speak to routers', async () => {
    const byYear: Router = { name: 'byYear', route: (_, hints) => (hints['year'] === '2019' ? 'archive' : undefined) }
    const [shop = '', archive = ''] = made.map(({ dsn }) => dsn)
    await using routed = await connect({ databases: { default: shop, archive }, routers: [byYear] })
    const text = 'select name from product /* signalbox: hints.year=2019 */'
    expect((await routed.query(text)).rows).toEqual([{ name: 'of the archive' }])
    expect((await routed.query('select name from product')).rows).toEqual([{ name: 'of the shop' }])
    expect(
      routed
        .explain(text)
        .reasons.map(({ rule }) => rule)
        .slice(0, 2),
    ).toEqual(['hint', 'router'])
  })

  it('are comments like others where the configuration says so', async () => {
    const [shop = '', archive = ''] = made.map(({ dsn }) => dsn)
    await using deaf = await connect({ databases: { default: shop, archive }, hints: 'none' })
    for (const text of [
      '/* signalbox: using=archive */ select name from product',
      'select /* signalbox: nonsense */ name from product',
    ])
      expect((await deaf.query(text)).rows).toEqual([{ name: 'of the shop' }])
    await expect(connect({ databases: { default: shop }, hints: 'all' as 'none' })).rejects.toThrow(
      /^hints: "all" is not accepted\. Allowed: "comments"/,
    )
  })
})

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))('hints and replicas on %s', (engine) => {
  it('say which server may answer', async () => {
    await using stack = new AsyncDisposableStack()
    const cluster = await privateCluster(engine, { replicas: 1 })
    stack.defer(async () => await cluster.stop())
    const database = await cluster.createDatabase()
    const primary = database.dsnOf(cluster.primary)
    const url = database.dsnOf(cluster.replicas[0]!)
    const client = await connect({ databases: { default: { primary, replicas: [{ url, tags: ['reports'] }] } } })
    stack.defer(async () => await client.close())
    await client.query('create table item (id integer primary key)')
    await cluster.caughtUp()
    const roleOf = async (hint: string): Promise<string> => {
      const { route } = await client.query(`select id from item /* signalbox: ${hint} */`)
      return `${route.role} ${route.reasons.map(({ rule }) => rule).includes('hint')}`
    }
    // On a busy machine what is known of the replica may be old for a moment.
    const patience = { timeout: 10_000 }
    await expect.poll(() => roleOf('role=replica'), patience).toBe('replica true')
    await expect.poll(() => roleOf('role=primary'), patience).toBe('primary true')
    await expect.poll(() => roleOf('role=replica, tags=reports'), patience).toBe('replica true')
    await expect.poll(() => roleOf('role=replica tags=search'), patience).toBe('primary true')
    await expect.poll(() => roleOf('role=replica, tags=reports+search'), patience).toBe('primary true')
    await expect.poll(() => roleOf('maxStalenessMs=60000'), patience).toBe('replica true')
    await expect.poll(() => client.primary(async () => await roleOf('role=replica')), patience).toBe('replica true')
    // What may write is never a replica's.
    const { route } = await client.query('/* signalbox: role=replica */ insert into item values (1)')
    expect(route.role).toBe('primary')
    const asked = await client.query('select id from item /* signalbox: role=replica */', [], { role: 'primary' })
    expect(asked.route.role).toBe('primary')
  }, 60_000)
})

describe.runIf(testedEngines.includes('postgres'))('hints beneath query tools', () => {
  it('reach Signalbox through the façade of pg, and through Kysely', async () => {
    await using stack = new AsyncDisposableStack()
    const shop = stack.use(await freshDatabase('postgres'))
    const archive = stack.use(await freshDatabase('postgres'))
    const client = await connect({ databases: { default: shop.dsn, archive: archive.dsn } })
    stack.defer(async () => await client.close())
    for (const alias of ['default', 'archive'] as const) {
      await client.using(alias).query('create table product (name text)')
      await client.using(alias).query('insert into product values ($1)', [alias])
    }
    const pool = new (pgFor(client).Pool)()
    const text = 'select name from product /* signalbox: using=archive */'
    expect((await pool.query(text)).rows).toEqual([{ name: 'archive' }])
    expect((await pool.query({ text, rowMode: 'array', name: 'of the archive' })).rows).toEqual([['archive']])
    expect((await pool.query('select name from product')).rows).toEqual([{ name: 'default' }])
    const leased = await pool.connect()
    await leased.query('begin')
    expect((await leased.query(text)).rows).toEqual([{ name: 'archive' }])
    expect((await leased.query("insert into product values ('new') /* signalbox: using=archive */")).rowCount).toBe(1)
    await leased.query('rollback')
    await leased.query('begin')
    await leased.query('select name from product')
    await expect(leased.query(text)).rejects.toMatchObject({ code: 'SIGNALBOX_CROSS_DATABASE_TRANSACTION' })
    await leased.query('rollback')
    await leased.query('set lock_timeout = 1000')
    await expect(leased.query('/* signalbox: rol=primary */ select 1')).rejects.toBeInstanceOf(HintError)
    leased.release()
    await expect(pool.query('/* signalbox: rol=primary */ select 1')).rejects.toThrow(/Did you mean "role"\?/)
    type Tables = { product: { name: string } }
    const hint = sql`/* signalbox: using=archive */`
    for (const db of [new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), kysely<Tables>(client)])
      expect(await db.selectFrom('product').select('name').modifyEnd(hint).execute()).toEqual([{ name: 'archive' }])
    await pool.end()
  })
})
