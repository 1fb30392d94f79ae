import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Explanation } from '../../src/cli/explanation-text.ts'
import type { FileReport } from '../../src/cli/file-report.ts'
import { connect, hashShards } from '../../src/index.ts'
import { folderOfEachTest, runCli, type CliAnswer } from '../support/cli.ts'
import { startShardedShop } from '../support/sharded-shop.ts'
import { testedEngines } from '../support/servers.ts'

const index = new URL('../../src/index.ts', import.meta.url).href

const folder = folderOfEachTest()

const tables = {
  customer: { database: 'orders', shardKey: 'id' },
  purchase: { database: 'orders', shardKey: 'customer_id' },
  country: { database: 'orders', kind: 'reference' },
  setting: { database: 'orders', kind: 'unsharded' },
} as const

/** Servers that are not there: nothing may be asked of them. */
const addresses = {
  postgres: 'postgres://u:secret@127.0.0.1:1/',
  mysql: 'mysql://u:secret@127.0.0.1:1/',
  sqlite: 'sqlite:./none-',
} as const

describe.each(['postgres', 'mysql', 'sqlite'] as const)('explain over shards of %s', (engine) => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => `${addresses[engine]}${name}`)
  const mark = (number: number): string => (engine === 'postgres' ? `$${number}` : '?')
  const owner = (id: number): string => hashShards({ key: 'integer' }).bind(['a', 'b', 'c']).shardOf(id)

  async function explain(args: readonly string[], input = ''): Promise<CliAnswer> {
    const file = join(folder.path, 'shards.mjs')
    await writeFile(
      file,
      `import { hashShards } from ${JSON.stringify(index)}
       const orders = { shards: ${JSON.stringify({ a, b, c })}, shardMap: hashShards({ key: 'integer' }) }
       const databases = { default: 'orders', orders, shop: 'sqlite::memory:' }
       export default { databases, tables: { ...${JSON.stringify(tables)}, product: 'shop' } }`,
    )
    return await runCli(['explain', ...args, '--config', file], { input })
  }

  async function explainFile(text: string): Promise<CliAnswer & { readonly report: FileReport }> {
    const answer = await explain(['--file', '-', '--json'], text)
    return { ...answer, report: JSON.parse(answer.out) as FileReport }
  }

  it('says of each statement of a file where it goes, or why it is refused', async () => {
    const text = `-- a; comment
select * from customer where id = ${mark(1)}; select name from customer where id = 7;
/* another; */
select * from customer
  where name = 'x;y' order by name limit 3;
insert into purchase (customer_id, id) values (${mark(1)}, ${mark(2)});
update customer set name = 'x' where id in (${mark(1)}, ${mark(2)});
insert into country (code) values ('de');
update setting set name = 'x' where name = ${mark(1)};
select 1;
update customer set name = 'x';
select name, rank() over (order by name) from customer;
select * from customer c join purchase p on p.id = c.id;
begin;
select * from nowhere;
select * from product
`
    const { code, report } = await explainFile(text)
    expect(code).toBe(1)
    expect(
      report.statements.map(({ line, kind, route, error }) => [line, kind, route?.destination ?? error?.code]),
    ).toEqual([
      [2, 'read', 'by-key'],
      [2, 'read', 'one'],
      [4, 'read', 'scatter'],
      [6, 'write', 'by-key'],
      [7, 'write', 'by-key'],
      [8, 'write', 'every'],
      [9, 'write', 'one'],
      [10, 'read', 'one'],
      [11, 'write', 'SIGNALBOX_SHARD_KEY_MISSING'],
      [12, 'read', 'SIGNALBOX_CANNOT_SCATTER'],
      [13, 'read', 'SIGNALBOX_SHARD_KEY_MISSING'],
      [14, 'transaction', 'SIGNALBOX_TRANSACTION_CONTROL'],
      [15, 'read', 'SIGNALBOX_NO_ROUTE'],
      [16, 'read', 'one'],
    ])
    expect(report).toMatchObject({
      ok: false,
      file: '-',
      counts: { one: 4, 'by-key': 3, scatter: 1, every: 1, refused: 5 },
    })
    const [byKey, constant, scattered, , either] = report.statements
    expect(byKey?.route?.shards).toEqual(['a', 'b', 'c'])
    expect(constant?.route?.shards).toEqual([owner(7)])
    expect(scattered?.sql).toBe(`select * from customer\n  where name = 'x;y' order by name limit 3`)
    expect(scattered?.route?.scatter?.kind).toBe('rows')
    expect(either?.route?.reasons.at(-1)?.text).toMatch(/with values of several shards it is refused$/)
    expect(report.statements[9]?.error?.construct).toBe('a window function')
    expect(report.statements[13]?.route).toMatchObject({ database: 'shop', shards: ['main'] })
  })

  it('has a table of a file for people, and exit code 0 if nothing is refused', async () => {
    const file = join(folder.path, 'queries.sql')
    await writeFile(file, `select * from customer where id = ${mark(1)};\nselect * from customer`)
    const { code, out, err } = await explain(['--file', file])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(await explain(['--dry-run', file])).toEqual({ code, out, err })
    expect(out).toMatch(
      /^LINE +KIND +GOES TO +STATEMENT\n1 +read +orders, one shard by key +select .*\n2 +read +orders, scatter to 3 /,
    )
    expect(out).toContain('2 statements: 0 to one shard, 1 to one by key, 1 scattered, 0 to all shards, 0 refused.')
    await writeFile(file, `select 1;\nupdate customer set name = 'x'`)
    const refused = await explain(['--file', file])
    expect(refused.code).toBe(1)
    expect(refused.out).toMatch(/^2 +write +refused: SHARD_KEY_MISSING +update customer/m)
    expect(refused.out).toMatch(/^✗ line 2: The statement would change rows on/m)
    expect(Math.max(...refused.out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100)
  })

  it('shows the shards of one statement, and the way its answers are put together', async () => {
    const byKey = await explain([`select * from customer where id = ${mark(1)}`, '7'])
    expect(byKey.code).toBe(0)
    expect(byKey.out).toMatch(new RegExp(`^→ orders, shard ${owner(7)}, primary.*\\[shard-key\\]`, 's'))
    expect(byKey.out).not.toContain('Put together')
    const unknown = await explain([`select * from customer where id = ${mark(1)}`])
    expect(unknown.out).toMatch(/^→ orders, one shard by key of a, b, c, primary, as a read/)

    const sql = `select id, name from customer order by name desc limit 3 offset 2`
    const text = await explain([sql])
    expect(text.code).toBe(0)
    expect(text.out).toMatch(/^→ orders, shards a, b, c, primary, as a read\n.*\[scatter\]\n\nEach shard is asked\n/s)
    expect(text.out).toMatch(
      / {4}select id, name, \(name\) AS signalbox_order_1 from customer order by name desc LIMIT 5\n/,
    )
    expect(text.out).toMatch(/Put together\n.* merged by name descending, NULL (?:first|last)\n/)
    expect(text.out).toMatch(/the first 2 rows are left out\n.*at most 3 rows are taken\n.*signalbox_order_1/)
    const { destination, scatter, route } = JSON.parse((await explain([sql, '--json'])).out) as Explanation
    expect([destination, route?.shards, scatter?.steps.length]).toEqual(['scatter', ['a', 'b', 'c'], 4])
    const unordered = JSON.parse((await explain(['select id from customer', '--json'])).out) as Explanation
    expect(unordered.scatter).toMatchObject({
      sql: 'select id from customer',
      steps: [expect.stringContaining('come after')],
    })
    const groups = JSON.parse((await explain(['select count(*) from customer', '--json'])).out) as Explanation
    expect(groups).toMatchObject({ destination: 'scatter', scatter: { kind: 'groups' } })
    expect(groups.scatter?.sql).toMatch(/count\(\*\).* from customer/i)
    // Values of several shards are known here.
    const several = `select id from customer where id in (${mark(1)}, ${mark(2)}, ${mark(3)})`
    const second = Array.from({ length: 99 }, (_, id) => id).find((id) => owner(id) !== owner(1))
    const scattered = JSON.parse((await explain([several, '1', '1', `${second}`, '--json'])).out) as Explanation
    expect(scattered.destination).toBe('scatter')
    expect(new Set(scattered.route?.shards)).toEqual(new Set([owner(1), owner(second!)]))
    const own = { [owner(1)]: ['1', '1', '1'], [owner(second!)]: [`${second}`, `${second}`, `${second}`] }
    expect(scattered.shardParams).toEqual(own)
    const shown = (await explain([several, '1', '1', `${second}`])).out
    expect(shown).toContain(`  ${owner(1)}: ["1","1","1"]`)
    expect(shown).toContain(`  ${owner(second!)}: ["${second}","${second}","${second}"]`)
    const constants = await explain([`select id from customer where id in (1, ${second!})`])
    expect(constants.out).toMatch(
      new RegExp(`With its own keys alone\\n(?:.*\\n)?  ${owner(1)}: select id from customer where id in \\(1 `),
    )
    const one = JSON.parse(
      (await explain([several, '--json', '--param', '7', '--param', '7', '--param', '7'])).out,
    ) as object
    expect(one).toMatchObject({ destination: 'one', route: { shards: [owner(7)] } })
    const refused = await explain(['select name, rank() over (order by name) from customer'])
    expect(refused.code).toBe(1)
    expect(refused.out).toMatch(/refused: SIGNALBOX_CANNOT_SCATTER\n.*a window\s+function/s)
  })

  it('says nothing of shards where there are none', async () => {
    const answer = JSON.parse((await explain(['select * from product', '--json'])).out) as Explanation
    expect(Object.keys(answer)).toEqual(['sql', 'route', 'analysis'])
    expect(answer.route).not.toHaveProperty('destination')
  })

  it.each([
    [[], /missing required argument/],
    [['select 1', '--file', 'x.sql'], /--file stands in place of a statement/],
    [['--file', 'x.sql', '--param', '1'], /takes no parameters/],
    [['--file', 'there-is-none.sql'], /there-is-none\.sql could not be read/],
  ])('answers %j with exit code 2', async (args, message) => {
    const { code, err } = await explain(args)
    expect(code).toBe(2)
    expect(err).toMatch(message)
  })
})

describe.each(testedEngines)('client.preview on %s', (engine) => {
  it('tells the text that a shard answers, and agrees with what runs', async () => {
    await using shop = await startShardedShop(engine)
    const sql = `select id, name from customer where credit > 100 order by name desc, id limit 5 offset 3`
    const { scatter, destination, shards } = shop.sharded.preview(sql)
    const { rows, route } = await shop.sharded.query(sql)
    expect([destination, shards]).toEqual(['scatter', route.shards])
    expect(rows).toHaveLength(5)
    await using shard = await connect(shop.shards[0]!.dsn)
    const part = await shard.query(scatter?.sql ?? '')
    expect(Object.keys(part.rows[0] ?? {})).toEqual(['id', 'name', 'signalbox_order_1', 'signalbox_order_2'])
    expect(part.rows.length).toBeLessThanOrEqual(8)
    const byKey = engine === 'postgres' ? 'id = $1' : 'id = ?'
    expect(shop.sharded.preview(`select 1 from customer where ${byKey}`).destination).toBe('by-key')
    await shop.sharded.shard(7, async () => {
      const bound = shop.sharded.preview(`select 1 from customer where ${byKey}`)
      expect([bound.destination, bound.shards]).toEqual([
        'one',
        (await shop.sharded.query('select 1 from customer')).route.shards,
      ])
    })
    const change = `update customer set name = 'x'`
    expect(() => shop.sharded.preview(change)).toThrow(expect.objectContaining({ code: 'SIGNALBOX_SHARD_KEY_MISSING' }))
    expect(shop.sharded.preview(change, undefined, { allShards: true }).destination).toBe('every')
  })
})
