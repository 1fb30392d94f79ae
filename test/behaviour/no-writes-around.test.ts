import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { connect, NoWritesError, type Client, type Config, type Dsn } from '../../src/index.ts'
import { folderOfEachTest, spawnCli } from '../support/cli.ts'
import { freshDatabase, privateCluster, testedEngines } from '../support/servers.ts'

const servers = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

describe.each(servers)('replicas on %s of a primary that takes no writes', (engine) => {
  it('are read, by sessions too, and what the primary refuses is not taken for a failover', async () => {
    await using cluster = await privateCluster(engine, {
      replicas: 1,
      settings: engine === 'mysql' ? { 'log-bin-trust-function-creators': '1' } : {},
    })
    const { primary, replicas } = await cluster.createDatabase()
    await using writer = await connect(primary)
    await writer.query('create table item (id integer primary key)')
    const body = 'insert into item (id) values (99)'
    await writer.query(
      engine === 'postgres'
        ? `create function sneaky() returns integer language sql as '${body}; select 1'`
        : `create function sneaky() returns integer deterministic begin ${body}; return 1; end`,
    )
    await cluster.caughtUp()
    const config: Config = { databases: { default: { primary, replicas } }, harmlessFunctions: ['sneaky'] }
    await using client = await connect({ ...config, noWritesTo: ['default'] })
    await client.session(async () => {
      expect((await client.query('select id from item')).route.role).toBe('replica')
      for (let round = 0; round < 3; round += 1) {
        const refused = await client.primary(async () => await client.query('select sneaky()')).catch(caught)
        expect(refused).toBeInstanceOf(NoWritesError)
      }
      expect((await client.primary(async () => await client.query('select id from item'))).route.role).toBe('primary')
      expect((await client.query('select id from item')).route.role).toBe('replica')
    })
    await client.transaction(async (tx) => {
      expect((await tx.query('select id from item')).route.role).toBe('primary')
      await expect(tx.query(body)).rejects.toBeInstanceOf(NoWritesError)
    })
    const [{ servers: seen, primary: present } = {}] = client.status()
    expect(present).toMatchObject({ kind: 'primary' })
    expect(seen?.map(({ state }) => state)).toEqual(['up', 'up'])
    expect((await writer.query('select id from item')).rows).toEqual([])
  }, 60_000)
})

const shadowed = (['sqlite', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

it.each(shadowed)('a shadow on %s is written although its base is only read', async (engine) => {
  await using base = await freshDatabase(engine)
  await using local = await freshDatabase(engine)
  await using writer = await connect(base.dsn as Dsn)
  for (const table of ['product', 'review']) await writer.query(`create table ${table} (id integer primary key)`)
  await writer.query('insert into product (id) values (1)')
  const databases = {
    default: 'dev',
    shop: base.dsn,
    dev: { shadow: { base: 'shop', local: local.dsn }, tables: { review: 'replace' } },
  }
  const ids = async (client: Client, table: string): Promise<readonly unknown[]> =>
    (await client.query<{ id: number }>(`select id from ${table}`)).rows.map(({ id }) => id)
  {
    await using client = await connect({ databases, noWritesTo: ['shop'] } as Config)
    await client.query('insert into review (id) values (7)')
    expect([await ids(client, 'product'), await ids(client, 'review')]).toEqual([[1], [7]])
    await expect(client.using('shop').query('delete from review')).rejects.toBeInstanceOf(NoWritesError)
  }
  if (engine === 'mysql') {
    await using all = await connect({ databases, noWritesTo: ['*'] } as Config)
    await expect(ids(all, 'review')).rejects.toMatchObject({ code: 'SIGNALBOX_READ_ONLY_SERVER', database: 'dev' })
    return
  }
  await using reader = await connect({ databases, noWritesTo: ['*'] } as Config)
  expect([await ids(reader, 'product'), await ids(reader, 'review')]).toEqual([[1], [7]])
  await expect(reader.query('delete from review')).rejects.toBeInstanceOf(NoWritesError)
  expect([await ids(writer, 'product'), await ids(writer, 'review')]).toEqual([[1], []])
})

describe('the program, where the environment names a database', () => {
  const folder = folderOfEachTest()
  const env = { SIGNALBOX_NO_WRITES_TO: 'default' }

  it('explains the refusal', async () => {
    const url = `sqlite:${join(folder.path, 'shop.db')}`
    const args = ['explain', '--url', url, 'delete from product']
    expect(await spawnCli(args, { cwd: folder.path })).toMatchObject({ code: 0 })
    const { code, out, err } = await spawnCli(args, { cwd: folder.path, env })
    expect(code).toBe(1)
    expect(`${out}${err}`).toContain('SIGNALBOX_NO_WRITES')
  })

  it.each(servers)('recovers no transactions on %s, and finds its server well', async (engine) => {
    await using database = await freshDatabase(engine)
    await using writer = await connect(database.dsn as Dsn)
    await writer.setUpTransactionLog({ log: 'default' })
    const recover = ['recover', '--log', 'default', '--url', database.dsn]
    expect(await spawnCli(recover, { cwd: folder.path })).toMatchObject({ code: 0 })
    const refused = await spawnCli(recover, { cwd: folder.path, env })
    expect(refused.code).not.toBe(0)
    expect(`${refused.out}${refused.err}`).toContain('SIGNALBOX_NO_WRITES')
    const check = ['check', '--url', database.dsn]
    const [free, guarded] = [
      await spawnCli(check, { cwd: folder.path }),
      await spawnCli(check, { cwd: folder.path, env }),
    ]
    expect(guarded.code).toBe(free.code)
    expect(guarded.out).not.toContain('read-only')
  })
})

function caught(error: unknown): unknown {
  return error
}
