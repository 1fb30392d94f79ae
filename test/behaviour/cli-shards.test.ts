import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CheckReport } from '../../src/cli/check-report.ts'
import type { ShardsReport } from '../../src/cli/shards-report.ts'
import type { StatusReport } from '../../src/cli/status-report.ts'
import { connect, hashShards, type Client } from '../../src/index.ts'
import { startPostgresCluster } from '../../src/testing/index.ts'
import { folderOfEachTest, runCli, type CliAnswer } from '../support/cli.ts'
import { ownedShop, type OwnedShop } from '../support/owned-shop.ts'
import { freshDatabase, sharedServer, testedEngines, type TestDatabase } from '../support/servers.ts'

const index = new URL('../../src/index.ts', import.meta.url).href
const names = ['a', 'b', 'c']

const folder = folderOfEachTest()

const tables = {
  customer: { database: 'orders', shardKey: 'id' },
  purchase: { database: 'orders', shardKey: 'customer_id' },
  country: { database: 'orders', kind: 'reference' },
  setting: { database: 'orders', kind: 'unsharded' },
} as const

/** A configuration file of a database with these shards, a hash map, and the tables above. */
async function configFile(shards: unknown, more: object = {}, declared: object = tables): Promise<string> {
  const file = join(folder.path, `${Math.random()}.mjs`)
  const rest = JSON.stringify({ tables: declared, ...more })
  await writeFile(
    file,
    `import { hashShards } from ${JSON.stringify(index)}
     const orders = { shards: ${JSON.stringify(shards)}, shardMap: hashShards({ key: 'integer' }) }
     export default { databases: { default: 'orders', orders }, ...${rest} }`,
  )
  return file
}

describe.each(testedEngines)('a sharded database on %s', (engine) => {
  let databases: TestDatabase[]
  let shards: Record<string, string>
  let client: Client<'orders'>

  beforeEach(async () => {
    databases = await Promise.all(names.map(async () => await freshDatabase(engine)))
    shards = Object.fromEntries(names.map((name, place) => [name, databases[place]!.dsn]))
    client = await connect({
      databases: { orders: { shards, shardMap: hashShards({ key: 'integer' }), pool: { maxConnections: 2 } } },
      tables,
    })
    await client.query('create table customer (id integer primary key, name varchar(40))')
    await client.query('create table purchase (customer_id integer, id integer, primary key (customer_id, id))')
    await client.query('create table country (code varchar(2) primary key)')
    await client.query('create table setting (name varchar(40) primary key)')
    for (let id = 1; id <= 30; id++) await client.query(`insert into customer (id, name) values (${id}, 'n')`)
    await client.query(`insert into country (code) values ('de')`)
    await client.query(`insert into setting (name) values ('at home')`)
  })
  afterEach(async () => {
    await client.close()
    for (const database of databases) await database.drop()
  })

  /** Runs statements on one shard, past Signalbox's routing. */
  async function on(shard: string, ...statements: readonly string[]): Promise<void> {
    await using plain = await connect(shards[shard]!)
    for (const statement of statements) await plain.query(statement)
  }

  async function check(
    file: string,
    args: readonly string[] = [],
  ): Promise<CliAnswer & { readonly report: CheckReport; readonly findings: readonly string[] }> {
    const answer = await runCli(['check', '--json', ...args, '--config', file])
    const report = JSON.parse(answer.out) as CheckReport
    const findings = report.findings.map(({ severity, code, shard = '-', tables: about }) =>
      [severity, code, shard, ...about.map((name) => name.replace('public.', ''))].join(' '),
    )
    return { ...answer, report, findings: findings.sort() }
  }

  it('that is well is checked shard by shard, without a finding', async () => {
    const file = await configFile(shards)
    const { code, report, err, out, findings } = await check(file, ['--strict'])
    expect({ code, err, findings }).toEqual({ code: 0, err: '', findings: [] })
    const [orders] = report.databases
    expect(orders).toMatchObject({ alias: 'orders', aliases: ['default'], reachable: true, tableCount: 4 })
    expect(
      orders?.shards?.map(({ shard, reachable, tableCount, role }) => [shard, reachable, tableCount, role]),
    ).toEqual(names.map((name) => [name, true, name === 'a' ? 4 : 3, 'primary']))
    expect(new Set(orders?.shards?.map(({ address }) => address)).size).toBe(3)
    expect(report.tables.map(({ state }) => state)).toEqual(['found', 'found', 'found', 'found'])
    const text = await runCli(['check', '--config', file])
    expect(text.out).toMatch(/^orders \(default\) +3 shards +4\n {2}a +ok .* 4\n {2}b +ok .* 3\n {2}c +ok .* 3$/m)
    expect(text.out).toContain('1 of 1 database reachable, 3 of 3 shards, 0 problems, 0 warnings.')
    if (engine !== 'sqlite') expect(out + text.out).not.toContain(new URL(shards['a']!).password)
  })

  it('has no findings about the tables that the client keeps on each shard', async () => {
    await client.verifyShardMaps()
    expect((await check(await configFile(shards), ['--strict'])).findings).toEqual([])
  })

  it('has its tables compared between the shards', async () => {
    await on('b', 'drop table purchase', 'alter table customer add column nick varchar(9)', 'delete from country')
    await on('b', 'create table setting (name varchar(40))', `insert into setting values ('stray')`)
    await on('c', 'drop table country', 'create table mystery (id integer)', 'create table setting (name varchar(40))')
    await on('c', 'drop table purchase', 'create table purchase (id integer, customer_id integer)')
    const { code, findings, report } = await check(await configFile(shards))
    expect(code).toBe(1)
    expect(findings).toEqual([
      'error table-beside-its-shard - setting',
      'error table-differs-on-shard b customer',
      'error table-missing-on-shard b purchase',
      'error table-missing-on-shard c country',
      'error table-undeclared-in-shards - mystery',
      'warning column-order-differs c purchase',
      'warning reference-rows-differ - country',
    ])
    const messages = report.findings.map(({ message }) => message).join('\n')
    expect(messages).toMatch(/customer on "orders" \(shard b\) is not what it is on the shard a: it also has nick\./)
    expect(messages).toMatch(/country of "orders" has not the same rows on each shard: 1 on a, 0 on b\./)
    expect(messages).toMatch(/setting of "orders" is unsharded.* first shard, a, but has rows on b too/)
  })

  it('has rows shown that are on another shard than that of their key', async () => {
    const ids = Array.from({ length: 30 }, (_, id) => id + 1)
    for (const name of names) await on(name, ...ids.map((id) => `insert into customer (id) values (${1_000 + id})`))
    const { code, report, findings } = await check(await configFile(shards))
    expect(code).toBe(1)
    expect(findings).toEqual(names.map((name) => `error rows-on-wrong-shard ${name} customer`))
    const counts = report.findings.map(({ message }) => Number(/other shards: (\d+) of the/.exec(message)?.[1]))
    // Each of the thirty is right on one shard, and wrong on the two others.
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60)
  })

  it('has shard keys that its tables lack, and columns of another type, shown', async () => {
    await on('c', 'drop table customer', 'create table customer (id varchar(20), name varchar(40))')
    const wrong = { ...tables, purchase: { database: 'orders', shardKey: 'customer' } }
    const { findings, report } = await check(await configFile(shards, {}, wrong))
    expect(findings).toEqual([
      'error shard-key-missing a purchase',
      'error shard-key-missing b purchase',
      'error shard-key-missing c purchase',
      'error table-differs-on-shard c customer',
    ])
    const messages = report.findings.map(({ message }) => message).join('\n')
    expect(messages).toMatch(/id is (?:character varying|varchar)\(20\), not int/i)
    expect(messages).toMatch(/has no column "customer", which its shardKey names\. It has: customer_id, id\./)
  })

  it('of which one shard is gone is looked at as far as it is there', async () => {
    const gone = engine === 'sqlite' ? `sqlite:${join(folder.path, 'gone.db')}` : `${shards['b']!}_gone`
    const { code, findings, report } = await check(await configFile({ ...shards, b: gone }))
    expect([code, findings]).toEqual([1, ['error unreachable b']])
    expect(report.findings[0]?.message).toMatch(/^"orders" \(shard b\) cannot be reached \(no-such-/)
    const [orders] = report.databases
    expect(orders).toMatchObject({ reachable: false, failure: { kind: expect.stringMatching(/^no-such-/) as string } })
    expect(orders?.shards?.map(({ reachable }) => reachable)).toEqual([true, false, true])
    // What nobody could be asked for is not missing.
    const first = await check(await configFile({ a: gone, b: shards['b'], c: shards['c'] }))
    expect(first.report.tables.map(({ state }) => state)).toEqual(['found', 'found', 'found', 'unknown'])
    expect(first.findings).toEqual(['error unreachable a'])
  })

  it('is no stranger to a database that is one of its shards', async () => {
    const file = await configFile(shards)
    const text = `import config from ${JSON.stringify(file)}
      export default { ...config, databases: { ...config.databases, second: ${JSON.stringify(shards['b'])} } }`
    const both = join(folder.path, 'both.mjs')
    await writeFile(both, text)
    const { findings, report } = await check(both)
    expect(findings).toEqual([])
    expect(report.databases[1]).not.toHaveProperty('shards')
  })

  it('has its rows, sizes, buckets and skew shown', async () => {
    await on('b', `insert into purchase (customer_id, id) values (2, 1), (2, 2), (2, 3)`)
    const file = await configFile(shards)
    const { code, out, err } = await runCli(['shards', '--json', '--config', file])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const report = JSON.parse(out) as ShardsReport
    expect(report).toMatchObject({ ok: true, estimated: false })
    const [orders] = report.databases
    expect(orders).toMatchObject({ database: 'orders', engine, map: 'hash', buckets: 4096 })
    const { data } = hashShards({ key: 'integer' }).bind(names)
    const owned = names.map((name) =>
      data.kind === 'hash' ? data.owners[name]!.reduce((sum, [first, last]) => sum + last - first + 1, 0) : 0,
    )
    expect(orders?.shards.map((shard) => shard.buckets)).toEqual(owned)
    const map = hashShards({ key: 'integer' }).bind(names)
    const customers = names.map((name) => {
      return Array.from({ length: 30 }, (_, place) => place + 1).filter((id) => map.shardOf(id) === name).length
    })
    const rows = (parts: readonly { readonly rows: number | null }[] = []): unknown => parts.map((part) => part.rows)
    expect(orders?.tables.map(({ table }) => table.replace('public.', ''))).toEqual(['customer', 'purchase'])
    expect(rows(orders?.tables[0]?.shards)).toEqual(customers)
    expect(rows(orders?.tables[1]?.shards)).toEqual([0, 3, 0])
    expect(orders?.tables[1]).toMatchObject({ skew: 3, shards: [{ share: 0 }, { share: 1 }, { share: 0 }] })
    const totals = customers.map((count, place) => count + (place === 1 ? 3 : 0))
    expect(rows(orders?.shards)).toEqual(totals)
    expect(orders?.skew).toBeCloseTo(Math.max(...totals) / 11)
    for (const { bytes } of orders?.tables.flatMap((table) => table.shards) ?? []) expect(bytes).toBeGreaterThan(1_000)

    const text = await runCli(['shards', 'default', '--config', file])
    expect(text.code).toBe(0)
    expect(text.out).toMatch(/^orders: 3 shards, hash map of 4,096 buckets$/m)
    expect(text.out).toMatch(/^(?:public\.)?purchase +a +0 +\S+ kB +0\.0 %\n +b +3 +\S+ kB +100\.0 % +█{30}\n +c +0/m)
    expect(text.out).toContain(`skew ${(Math.max(...totals) / 11).toFixed(2)} (largest by average`)
    expect(text.out.trimEnd().split('\n').at(-1)).toMatch(
      /^Largest: \w with \d+ rows, smallest: \w with \d+ rows; skew/,
    )
    expect(Math.max(...text.out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100)
  })

  it('has its rows estimated by the statistics, as far as there are any', async () => {
    const statistics = engine === 'mysql' ? 'analyze table customer' : 'analyze customer'
    for (const name of names) await on(name, statistics)
    const { code, out } = await runCli(['shards', '--estimate', '--json', '--config', await configFile(shards)])
    expect(code).toBe(0)
    const report = JSON.parse(out) as ShardsReport
    expect(report.estimated).toBe(true)
    const [customer, purchase] = report.databases[0]?.tables ?? []
    const rows = customer?.shards.map((part) => part.rows ?? 0) ?? []
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(30)
    // InnoDB always has an estimate; elsewhere nobody has looked at the table yet.
    expect(purchase?.shards[0]?.rows).toBe(engine === 'mysql' ? 0 : null)
  })

  it('has a shard that is gone, or lacks a table, among its shards, with exit code 1', async () => {
    await on('c', 'drop table purchase')
    const gone = engine === 'sqlite' ? `sqlite:${join(folder.path, 'gone.db')}` : `${shards['b']!}_gone`
    const file = await configFile({ ...shards, b: gone })
    const { code, out } = await runCli(['shards', '--json', '--config', file])
    expect(code).toBe(1)
    const [orders] = (JSON.parse(out) as ShardsReport).databases
    expect(orders?.shards.map(({ failure }) => failure?.kind ?? null)).toEqual([
      null,
      expect.stringMatching(/^no-such/),
      null,
    ])
    expect(orders).toMatchObject({ skew: null })
    expect(orders?.tables.map((table) => table.shards.map(({ failure }) => failure !== null))).toEqual([
      [false, true, false],
      [false, true, true],
    ])
    const text = await runCli(['shards', '--config', file])
    expect(text.out).toMatch(/✗ The shard b failed \(no-such/)
    expect(text.out).toMatch(/✗ The shard c failed .*There is no .*purchase/)
    expect(text.out).toContain('No skew can be told: the rows of not all shards are known.')
  })

  it('has the servers of all its shards in status', async () => {
    const well = await status(await configFile(shards))
    expect(well).toMatchObject({ code: 0, err: '', report: { ok: true, problems: [] } })
    expect(well.report.shards.map(({ shard, primary }) => [shard, primary])).toEqual(
      names.map((name) => [name, `orders/${name}/primary`]),
    )
    const servers = well.report.shards.flatMap((shard) => shard.servers)
    for (const [place, { address, state, role, connections }] of servers.entries()) {
      expect({ state, role }).toEqual({ state: 'up', role: 'primary' })
      expect(address).toContain(
        engine === 'sqlite' ? shards[names[place]!]!.slice(7) : new URL(shards[names[place]!]!).pathname,
      )
      if (engine === 'sqlite') expect(connections).toBeNull()
      else expect(connections?.open).toBeGreaterThan(0)
    }
    const text = await runCli(['status', '--config', await configFile(shards)])
    for (const name of names) expect(text.out).toMatch(new RegExp(`^orders +${name} +primary +primary +up`, 'm'))
    expect(text.out).toContain('3 of 3 servers can be used, 3 of 3 shards have a primary.')

    const gone = engine === 'sqlite' ? `sqlite:${join(folder.path, 'gone.db')}` : `${shards['b']!}_gone`
    const lost = await status(await configFile({ ...shards, b: gone }))
    expect(lost.code).toBe(1)
    expect(lost.report.shards.map(({ primary }) => primary !== null)).toEqual([true, false, true])
    expect(lost.report.problems.map(({ code, shard }) => [code, shard])).toEqual([
      ['no-primary', 'b'],
      ['out', 'b'],
    ])
    expect(existsSync(join(folder.path, 'gone.db'))).toBe(false)
  })
})

async function status(file: string): Promise<CliAnswer & { readonly report: StatusReport }> {
  const answer = await runCli(['status', '--json', '--config', file])
  return { ...answer, report: JSON.parse(answer.out) as StatusReport }
}

describe.runIf(testedEngines.includes('postgres'))('shards of PostgreSQL with replicas', () => {
  it('are watched each by itself, and checked each with its replicas', async () => {
    const { template } = sharedServer('postgres')
    await using cluster = await startPostgresCluster({ template, replicas: 1 })
    await using other = await startPostgresCluster({ template, replicas: 1 })
    const [first, second] = [await cluster.createDatabase(), await other.createDatabase()]
    await Promise.all([cluster.caughtUp(), other.caughtUp()])
    const shards = {
      a: { primary: first.primary, replicas: first.replicas },
      b: { primary: second.primary, replicas: second.replicas },
    }
    const file = await configFile(shards, { replication: { probeTimeoutMs: 5_000 } }, {})
    const well = await status(file)
    expect(well.report.problems).toEqual([])
    const found = well.report.shards.flatMap(({ servers }) => servers)
    expect(found.map(({ server, role, address }) => [server, role, address.split('@')[1]])).toEqual([
      ['orders/a/primary', 'primary', first.primary.split('@')[1]],
      ['orders/a/replica-1', 'replica', first.replicas[0]?.split('@')[1]],
      ['orders/b/primary', 'primary', second.primary.split('@')[1]],
      ['orders/b/replica-1', 'replica', second.replicas[0]?.split('@')[1]],
    ])
    for (const { connections, position, lagMs } of found) {
      expect(connections?.open).toBeGreaterThan(0)
      expect(position).toMatch(/^1:/)
      expect(lagMs).toBe(0)
    }
    const [a, b] = [first.primary, second.primary]
    const crossed = await configFile({ a: { primary: a, replicas: [b] }, b: { primary: b, replicas: [a] } }, {}, {})
    const check = await runCli(['check', '--json', '--config', crossed])
    const { databases, findings } = JSON.parse(check.out) as CheckReport
    expect(databases[0]?.shards?.map(({ replicas }) => replicas.map(({ server }) => server))).toEqual([
      ['orders/a/replica-1'],
      ['orders/b/replica-1'],
    ])
    expect(databases[0]?.replicas).toHaveLength(2)
    expect(findings.map(({ code, shard }) => [code, shard])).toEqual(
      databases[0]?.shards?.map(({ shard }) => ['replica-takes-writes', shard]),
    )
  }, 60_000)
})

describe('shards', () => {
  it.each([
    [['nowhere'], /There is no database "nowhere"\. With shards: orders\./],
    [['shop'], /"shop" has no shards\. With shards: orders\./],
    [['--timeout', '0'], /whole number of milliseconds/],
  ])('answers %j with exit code 2', async (args, message) => {
    const shop = {
      databases: { shop: 'sqlite:./shop.db', orders: { shards: { a: 'sqlite:./a.db', b: 'sqlite:./b.db' } } },
    }
    const file = join(folder.path, 'signalbox.config.mjs')
    await writeFile(file, `export default ${JSON.stringify(shop)}`)
    const { code, err } = await runCli(['shards', ...args, '--config', file])
    expect(code).toBe(2)
    expect(err.replace(/\s+/g, ' ')).toMatch(message)
  })

  it('has nothing to show without shards', async () => {
    const { code, err } = await runCli(['shards', '--url', 'sqlite::memory:'])
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('has shards') as string })
  })
})

describe.each(testedEngines)('a database with a directory of owners on %s', (engine) => {
  let shop: OwnedShop
  beforeEach(async () => {
    shop = await ownedShop(engine)
    for (let customer = 0; customer < 12; customer += 1)
      await shop.client.query(`insert into purchase (customer_id, id, total) values (${customer}, 1, 1)`)
  })
  afterEach(async () => await shop[Symbol.asyncDispose]())

  async function directoryFile(): Promise<string> {
    const { a, b, c, control } = shop.databases
    const file = join(folder.path, `${Math.random()}.mjs`)
    await writeFile(
      file,
      `import { directoryShards } from ${JSON.stringify(index)}
       const shards = ${JSON.stringify({ a: a.dsn, b: b.dsn, c: c.dsn })}
       export default {
         databases: {
           shop: { shards, shardMap: directoryShards({ key: 'integer', directory: 'control' }) },
           control: ${JSON.stringify(control.dsn)},
         },
         tables: {
           purchase: { database: 'shop', shardKey: 'customer_id' },
           country: { database: 'shop', kind: 'reference' },
         },
       }`,
    )
    return file
  }

  it('is shown with the keys of each shard', async () => {
    const file = await directoryFile()
    const answer = await runCli(['shards', '--json', '--config', file])
    const [report] = (JSON.parse(answer.out) as ShardsReport).databases
    const counts = await shop.client.keyCounts()
    expect(report).toMatchObject({ map: 'directory', buckets: null })
    expect(Object.fromEntries((report?.shards ?? []).map(({ shard, keys }) => [shard, keys]))).toEqual(counts)
    expect(Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0)).toBe(12)
    const text = await runCli(['shards', '--config', file])
    expect([text.code, text.err]).toEqual([0, ''])
    expect(text.out).toMatch(/^shop: 3 shards, directory map$/m)
    expect(text.out).toMatch(/ROWS +SIZE +SHARE +KEYS/)
    await shop.behind('control', 'drop table signalbox_shard_owner')
    const without = await runCli(['shards', '--json', '--config', file])
    const [unknown] = (JSON.parse(without.out) as ShardsReport).databases
    expect(unknown?.shards.map(({ keys, rows }) => [keys, rows !== null])).toEqual(names.map(() => [null, true]))
  })

  it('is checked for rows that are not with their owner', async () => {
    const file = await directoryFile()
    const found = async (): Promise<string[]> => {
      const { out } = await runCli(['check', '--json', '--config', file])
      return (JSON.parse(out) as CheckReport).findings.map(({ code, shard = '-' }) => `${code} ${shard}`).sort()
    }
    expect(await found()).toEqual([])
    const { other } = await shop.placesOf(3)
    await shop.behind(other, 'insert into purchase (customer_id, id, total) values (3, 9, 1)')
    expect(await found()).toEqual([`rows-on-wrong-shard ${other}`])
    await shop.behind(other, 'delete from purchase where id = 9')
    // Nobody owns it.
    await shop.behind(other, 'insert into purchase (customer_id, id, total) values (99, 9, 1)')
    expect(await found()).toEqual([`rows-on-wrong-shard ${other}`])
  })
})
