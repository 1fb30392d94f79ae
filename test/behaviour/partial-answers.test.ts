import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connect, listShards, type Client } from '../../src/index.ts'
import { startFaultProxy, type FaultProxy, type TestServer } from '../../src/testing/index.ts'
import { freshDatabase, privateServer, testedEngines, type TestDatabase } from '../support/servers.ts'

const engines = testedEngines.filter((engine) => engine !== 'sqlite')

describe.each(engines)('aggregates without the shards that cannot be reached on %s', (engine) => {
  let server: TestServer
  let proxy: FaultProxy
  let others: readonly TestDatabase[]
  let client: Client<'default'>

  // The shard a, which finishes the groups of all, is on a server that can be stopped.
  beforeAll(async () => {
    server = await privateServer(engine)
    proxy = await startFaultProxy(server)
    others = [await freshDatabase(engine), await freshDatabase(engine)]
    const [b = '', c = ''] = others.map(({ dsn }) => dsn)
    const a = proxy.through((await server.createDatabase('part')).dsn)
    client = await connectTo({ a, b, c })
    await client.query('create table item (id integer primary key, kind varchar(9) not null, n integer)')
    for (let id = 1; id <= 12; id++) {
      const kind = `'${id % 2 === 0 ? 'even' : 'odd'}'`
      await client.query(`insert into item (id, kind, n) values (${id}, ${kind}, ${id * 10})`)
    }
  }, 60_000)

  afterEach(async () => {
    proxy.apply({ kind: 'pass' })
    await proxy.accept()
    if (!server.running) await server.restart()
    await expect.poll(async () => (await client.query('select n from item where id = 1')).rows).toEqual([{ n: 10 }])
  }, 60_000)

  afterAll(async () => {
    await client.close()
    for (const database of others) await database.drop()
    await proxy.close()
    await server.stop()
  })

  async function connectTo(shards: Readonly<Record<string, string>>): Promise<Client<'default'>> {
    const lists = { a: [1, 2, 3, 4], b: [5, 6, 7, 8], c: [9, 10, 11, 12] }
    return await connect({
      databases: { default: { shards, shardMap: listShards({ key: 'integer', lists }) } },
      tables: { item: { database: 'default', shardKey: 'id' } },
    })
  }

  /** The rows of b and c are 5 to 12; each of 10 times its id. */
  const questions: readonly (readonly [sql: string, rows: readonly (readonly unknown[])[]])[] = [
    ['select count(*) from item', [[8]]],
    ['select count(*) as c, sum(n) as s, min(n) as least, max(n) as most from item', [[8, 680, 50, 120]]],
    ['select avg(n) from item', [[85]]],
    [
      'select kind, sum(n) from item group by kind order by kind',
      [
        ['even', 360],
        ['odd', 320],
      ],
    ],
    ['select kind, count(*) as c from item group by kind having sum(n) > 330 order by c', [['even', 4]]],
    ['select distinct kind from item order by kind desc', [['odd'], ['even']]],
    ['select count(distinct kind), count(distinct n) from item', [[2, 8]]],
    [
      'select id, count(*) from item group by id order by id desc limit 2',
      [
        [12, 1],
        [11, 1],
      ],
    ],
    ['select count(*) from item where id in (1, 5)', [[1]]],
  ]

  const ask = async (sql: string): Promise<{ rows: unknown; missing: readonly string[] }> => {
    const { rows, missingShards } = await client.query(sql, [], { partial: true, rowMode: 'array', timeoutMs: 8_000 })
    const numbers = (rows as unknown as unknown[][]).map((row) =>
      row.map((v) => (/^[\d.]+$/.test(String(v)) ? Number(v) : v)),
    )
    return { rows: numbers, missing: missingShards }
  }

  it('names the shard that is down, and finishes without it; without { partial } it fails', async () => {
    expect((await ask('select count(*) from item')).missing).toEqual([])
    server.kill('SIGKILL')
    await server.exited()
    for (const [sql, rows] of questions) expect(await ask(sql), sql).toEqual({ rows, missing: ['a'] })
    for (const sql of ['select count(*) from item', 'select distinct kind from item'])
      await expect(client.query(sql, [], { timeoutMs: 8_000 })).rejects.toMatchObject({ shard: 'a' })
    await expect(
      Array.fromAsync(client.stream('select count(*) from item', [], { partial: true, timeoutMs: 8_000 })),
    ).rejects.toMatchObject({ shard: 'a' })
  }, 60_000)

  it('answers for a text whose names nobody has told yet while the shard is down', async () => {
    const [b = '', c = ''] = others.map(({ dsn }) => dsn)
    await using fresh = await connectTo({ a: proxy.through(server.dsn('part')), b, c })
    server.kill('SIGKILL')
    await server.exited()
    const { fields, missingShards } = await fresh.query('select count(*), max(n) + 1 from item', [], { partial: true })
    expect(missingShards).toEqual(['a'])
    const names = { postgres: ['count', '?column?'], mysql: ['count(*)', 'max(n) + 1'] }
    expect(fields.map(({ name }) => name)).toEqual(names[engine])
  }, 60_000)

  it('has another server finish if the first is lost after it told its groups: nothing is missing', async () => {
    const sql = 'select kind, sum(n) as s from item group by kind order by kind'
    // Only the final statement begins so. It was not sent before, or else its text might be known as a prepared one.
    proxy.apply({ kind: 'cut-on', pattern: 'with r(', moment: 'before' })
    proxy.refuse()
    expect(await ask(sql)).toEqual({
      rows: [
        ['even', 420],
        ['odd', 360],
      ],
      missing: [],
    })
  })

  /** Few rows, but more of them than are held in memory: 12 of more than 600,000 characters each. */
  const heavy = {
    postgres: "select kind, length(string_agg(repeat(kind, 250000), '' order by id)) as l, count(*) as c",
    mysql: "select kind, length(group_concat(repeat(kind, 250000) order by id separator '')) as l, count(*) as c",
  }
  const heavySql = `${heavy[engine]} from item group by kind order by kind`
  /** MariaDB cuts at a million. */
  const lengthOf = (rows: number, letters: number): number =>
    engine === 'mysql' ? Math.min(rows * letters * 250_000, 1_048_576) : rows * letters * 250_000

  it('leaves a shard out also where the rows are more than fit in memory', async () => {
    const whole = [
      ['even', lengthOf(6, 4), 6],
      ['odd', lengthOf(6, 3), 6],
    ]
    expect(await ask(heavySql)).toEqual({ rows: whole, missing: [] })
    // The table is made on a: then the connection breaks, and no other one is to be had.
    proxy.apply({ kind: 'cut-on', pattern: 'create temporary table', moment: 'before' })
    proxy.refuse()
    const rest = [
      ['even', lengthOf(4, 4), 4],
      ['odd', lengthOf(4, 3), 4],
    ]
    expect(await ask(heavySql)).toEqual({ rows: rest, missing: ['a'] })
  }, 60_000)

  it('fails if no shard can be reached', async () => {
    await using lost = await connectTo(
      Object.fromEntries(['a', 'b', 'c'].map((name) => [name, proxy.through(server.dsn('part'))])),
    )
    server.kill('SIGKILL')
    await server.exited()
    await expect(lost.query('select count(*) from item', [], { partial: true })).rejects.toMatchObject({ shard: 'a' })
  })
})
