import { createPool } from 'mysql2'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, listShards, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

const names = ['a', 'b', 'c', 'd']
/** Each shard has a row of each group. */
const groups = 30_000

describe.each(testedEngines)('more groups than are held in memory on %s', (engine) => {
  let databases: readonly TestDatabase[]
  let client: Client<'default'>

  beforeAll(async () => {
    databases = await Promise.all(names.map(async () => await freshDatabase(engine)))
    client = await connectWith({})
    const text = {
      postgres: 'text collate "C"',
      mysql: 'varchar(20) collate utf8mb4_general_ci',
      sqlite: 'text collate nocase',
    }
    await client.query(
      `create table event (id integer, g integer, word ${text[engine]}, n numeric(20, 3), y ${engine === 'postgres' ? 'bytea' : 'blob'})`,
    )
    const series = {
      postgres: `generate_series(1, ${groups}) as s(seq)`,
      mysql: `seq_1_to_${groups} as s`,
      sqlite: `(with recursive s(seq) as (select 1 union all select seq + 1 from s where seq < ${groups}) select seq from s) as s`,
    }
    const word = engine === 'mysql' ? `concat('w', seq % 20000)` : `'w' || (seq % 20000)`
    const bytes = {
      postgres: `decode(lpad(to_hex(seq % 256), 2, '0'), 'hex')`,
      mysql: 'char(seq % 256)',
      sqlite: 'zeroblob(seq % 4)',
    }
    for (const [i, name] of names.entries()) {
      await using shard = await connect(databases[i]!.dsn)
      const shown = i % 2 === 0 || engine === 'postgres' ? word : `upper(${word})`
      await shard.query(
        `insert into event (id, g, word, n, y) select ${i}, seq, ${shown}, seq + ${i}.125, ${bytes[engine]} from ${series[engine]}`,
      )
      expect(name).toBe(names[i])
    }
  }, 120_000)

  afterAll(async () => {
    await client.close()
    for (const database of databases) await database.drop()
  })

  async function connectWith(
    limits: Readonly<Record<string, number>>,
    dsns = databases.map(({ dsn }) => dsn),
  ): Promise<Client<'default'>> {
    return await connect({
      databases: {
        default: {
          shards: Object.fromEntries(names.map((name, i) => [name, dsns[i]!])),
          shardMap: listShards({ key: 'integer', lists: Object.fromEntries(names.map((name, i) => [name, [i]])) }),
          pool: { maxConnections: 3 },
        },
      },
      tables: {
        event: { database: 'default', shardKey: 'id' },
        // On the first shard, whose server finishes.
        signalbox_partial_rows: { database: 'default', kind: 'unsharded' },
      },
      limits,
    })
  }

  /** On no connection of the server that finishes is there a table left. */
  async function expectNothingLeft(): Promise<void> {
    const find = async (): Promise<unknown> =>
      await client.query('select count(*) as c from signalbox_partial_rows').catch(String)
    const said = await Promise.all(Array.from({ length: 6 }, find))
    for (const each of said) expect(each).toMatch(/does not exist|doesn't exist|no such table/)
    if (engine !== 'postgres') return
    const text = `select count(*)::int as c from pg_class where relname = 'signalbox_partial_rows'`
    await using shard = await connect(databases[0]!.dsn)
    expect((await shard.query(text)).rows).toEqual([{ c: 0 }])
  }

  it('come from a temporary table, exact and in order', async () => {
    const { rows, fields } = await client.query(
      'select g, count(*) as c, sum(n) as s, y from event group by g, y order by g desc',
    )
    expect(rows).toHaveLength(groups)
    expect(fields.map(({ name }) => name)).toEqual(['g', 'c', 's', 'y'])
    const bytes = { postgres: '2f', mysql: '2f', sqlite: '000000' }
    expect(Buffer.from(rows[1]!['y'] as Uint8Array).toString('hex')).toBe(bytes[engine])
    for (const [i, { g, c, s }] of rows.entries()) {
      const seq = groups - i
      if (Number(g) !== seq || Number(c) !== 4 || Number(s) !== 4 * seq + 6.5)
        expect([g, c, s]).toEqual([seq, 4, 4 * seq + 6.5])
    }
  }, 60_000)

  it('are grouped by the collation, and cut by HAVING and LIMIT, as few are', async () => {
    const sql = `select word, count(*) as c, sum(n) as s from event where g <= ? group by word having sum(n) > 1000 order by s desc, word limit 5 offset 2`
    const text = engine === 'postgres' ? sql.replace('?', '$1') : sql
    const all = await client.query(text, [groups])
    const streamed = await Array.fromAsync(client.stream(text, [groups], { fetchSize: 2 }))
    const folded = (rows: readonly object[]) => JSON.stringify(rows).toLowerCase()
    expect(folded(streamed)).toBe(folded(all.rows))
    expect(all.rows.map(({ s }) => Number(s))).toEqual(
      [9_998, 9_997, 9_996, 9_995, 9_994].map((rest) => 4 * (2 * rest + 20_000) + 13),
    )
    expect(all.rows.map(({ c }) => Number(c))).toEqual([8, 8, 8, 8, 8])
  }, 60_000)

  it('count what is distinct, and gather rows', async () => {
    const { rows } = await client.query(
      'select count(distinct g) as d, count(distinct word) as w, count(*) as c from event',
    )
    expect(rows.map(({ d, w, c }) => [d, w, c].map(Number))).toEqual([[groups, 20_000, 4 * groups]])
    const list = {
      postgres: `string_agg(g::text, ',' order by g, id)`,
      mysql: 'group_concat(g order by g, id)',
      sqlite: `group_concat(g, ',' order by g, id)`,
    }
    const gathered = await client.query(
      `select id, length(${list[engine]}) as l, count(*) as c from event group by id order by id`,
    )
    const length = Array.from({ length: groups }, (_, i) => String(i + 1)).join(',').length
    expect(gathered.rows.map(({ l, c }) => [l, c].map(Number))).toEqual(names.map(() => [length, groups]))
  }, 60_000)

  it('are streamed, and leave nothing behind when a reader leaves, a signal fires, or a statement fails', async () => {
    // Of a stream, less is held in memory.
    const sql = 'select g, count(*) as c from event where g <= 3000 group by g order by g'
    let seen = 0
    for await (const row of client.stream<{ g: number; c: unknown }>(sql)) {
      seen += 1
      if (row.g !== seen || Number(row.c) !== 4) expect(row).toEqual({ g: seen, c: 4 })
    }
    expect(seen).toBe(3_000)
    for await (const { g } of client.stream<{ g: number }>(sql)) if (g === 7) break
    const controller = new AbortController()
    const aborted = (async () => {
      for await (const { g } of client.stream<{ g: number }>(sql, [], { signal: controller.signal }))
        if (g === 10) controller.abort()
    })()
    await expect(aborted).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED' })
    for (const ms of [15, 40, 90]) {
      const reading = Array.fromAsync(client.stream(sql, [], { signal: AbortSignal.timeout(ms) }))
      await reading.catch((error: unknown) => expect(error).toMatchObject({ code: 'SIGNALBOX_ABORTED' }))
    }
    if (engine === 'postgres') {
      const failing = client.stream('select g, 1 / (sum(n) - sum(n)) from event where g <= 3000 group by g')
      await expect(Array.fromAsync(failing)).rejects.toMatchObject({ database: 'default', shard: 'a' })
    }
    await expectNothingLeft()
    expect(await Array.fromAsync(client.stream('select count(*) as c from event where g = 1'))).toHaveLength(1)
  }, 60_000)

  it.runIf(engine !== 'sqlite')(
    'do without a table up to 100,000 where the account may make none',
    async () => {
      const account = { name: 'reader_of_events', password: 'a secret for tests' }
      const dsns = databases.map(({ dsn }) => {
        const url = new URL(dsn)
        url.username = account.name
        url.password = account.password
        return url.href
      })
      for (const [i, { dsn }] of databases.entries()) {
        await using shard = await connect(dsn)
        const name = `"${decodeURIComponent(new URL(dsn).pathname.slice(1))}"`
        if (engine === 'mysql') {
          if (i === 0) await shard.query(`create user ${account.name} identified by '${account.password}'`)
          await shard.query(`grant select on ${name.replaceAll('"', '`')}.* to ${account.name}`)
          continue
        }
        if (i === 0) await shard.query(`create role ${account.name} login password '${account.password}'`)
        await shard.query(`revoke temporary on database ${name} from public`)
        await shard.query(`grant select on event to ${account.name}`)
      }
      try {
        await using reader = await connectWith({}, dsns)
        const sql = 'select g, count(*) as c from event where g <= 4000 group by g order by g'
        expect(await Array.fromAsync(reader.stream(sql))).toHaveLength(4_000)
        const all = sql.replace('<= 4000', '> 0')
        const refused = expect.stringMatching(
          /more than 100000 groups.* the shard "a" makes no temporary table \(.*denied/,
        )
        await expect(reader.query(all)).rejects.toMatchObject({ code: 'SIGNALBOX_CANNOT_SCATTER', message: refused })
        await expect(Array.fromAsync(reader.stream(all))).rejects.toMatchObject({ message: refused })
      } finally {
        for (const [i, { dsn }] of databases.entries()) {
          await using shard = await connect(dsn)
          if (engine === 'postgres') await shard.query(`drop owned by ${account.name}`)
          if (i === names.length - 1) await shard.query(`drop ${engine === 'mysql' ? 'user' : 'role'} ${account.name}`)
        }
      }
    },
    60_000,
  )

  it('are refused where no table may be made, and where they are more than the limit', async () => {
    const sql = 'select g, count(*) as c from event group by g'
    await using none = await connectWith({ scatterSpill: 0 })
    const refused = { code: 'SIGNALBOX_CANNOT_SCATTER', message: expect.stringContaining('more than 100000 groups') }
    await expect(none.query(sql)).rejects.toMatchObject(refused)
    await expect(Array.fromAsync(none.stream(sql))).rejects.toMatchObject(refused)
    // What fits in memory does without.
    expect(await Array.fromAsync(none.stream(sql.replace(' group', ' where g <= 20000 group')))).toHaveLength(20_000)
    await using few = await connectWith({ scatterSpill: 110_000 })
    await expect(few.query(sql)).rejects.toThrow('more than 110000 groups of all shards together (limits.scatterSpill)')
  }, 60_000)
})

describe.runIf(testedEngines.includes('sqlite'))('many groups on the only connection that a shard has', () => {
  it('leave no table on a handle of the application', async () => {
    const handles = names.map(() => new DatabaseSync(':memory:'))
    for (const handle of handles)
      handle.exec(
        'create table event (id integer, g integer); insert into event with recursive s(seq) as (select 1 union all select seq + 1 from s where seq < 4000) select 1, seq from s',
      )
    // One value of another type, in the last batch only.
    handles.at(-1)!.exec("insert into event values (1, 'seventeen')")
    {
      await using client = await connect({
        databases: {
          default: {
            shards: Object.fromEntries(names.map((name, i) => [name, handles[i]!])),
            shardMap: listShards({ key: 'integer', lists: Object.fromEntries(names.map((name, i) => [name, [i]])) }),
          },
        },
        tables: { event: { database: 'default', shardKey: 'id' } },
      })
      const sql = 'select g, count(*) as c from event group by g order by g'
      const rows = await Array.fromAsync(client.stream<{ g: number | string; c: number }>(sql))
      const numbers = Array.from({ length: 4_000 }, (_, i) => ({ g: i + 1, c: 4 }))
      expect(rows).toEqual([...numbers, { g: 'seventeen', c: 1 }])
      for await (const { g } of client.stream<{ g: number }>(sql)) if (g === 7) break
    }
    for (const handle of handles) {
      expect(handle.prepare('select name from sqlite_temp_schema').all()).toEqual([])
      handle.close()
    }
  })
})

describe.runIf(testedEngines.includes('mysql'))('many groups on a pool of the application', () => {
  it('leave no table on its connections', async () => {
    const databases = await Promise.all(['a', 'b'].map(async () => await freshDatabase('mysql')))
    const pools = databases.map(({ dsn }) => createPool({ uri: dsn, connectionLimit: 2 }))
    for (const pool of pools) {
      await pool.promise().query('create table event (id integer, g integer)')
      await pool.promise().query('insert into event select 1, seq from seq_1_to_8000')
    }
    {
      await using client = await connect({
        databases: {
          default: {
            shards: { a: pools[0]!, b: pools[1]! },
            shardMap: listShards({ key: 'integer', lists: { a: [1], b: [2] } }),
          },
        },
        tables: { event: { database: 'default', shardKey: 'id' } },
      })
      const sql = 'select g, count(*) as c from event group by g order by g'
      expect(await Array.fromAsync(client.stream(sql))).toHaveLength(8_000)
      for await (const { g } of client.stream<{ g: number }>(sql)) if (g === 7) break
      expect(await Array.fromAsync(client.stream(sql))).toHaveLength(8_000)
    }
    for (const pool of pools) {
      const find = async (): Promise<unknown> =>
        await pool.promise().query('select sleep(0.1) from signalbox_partial_rows').catch(String)
      for (const said of await Promise.all([find(), find(), find()])) expect(said).toMatch("doesn't exist")
      await pool.promise().end()
    }
    for (const database of databases) await database.drop()
  }, 30_000)
})
