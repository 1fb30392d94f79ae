import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { connect, CopyConflictError, CopyMismatchError, type Client, type Dsn, type Engine } from '../../src/index.ts'
import { ItemCluster } from '../support/item-cluster.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'
import type { CopyOrder } from '../support/copy-process.ts'

const copy = { from: 'here', to: 'there', table: 'thing' } as const
const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

interface Things {
  readonly client: Client<'here' | 'there'>
  readonly here: TestDatabase
  readonly there: TestDatabase
}

/** Two databases with a table, and so many rows in the first. */
async function things(rows: number, engine: Engine = 'postgres'): Promise<Things> {
  const [here, there] = [await freshDatabase(engine), await freshDatabase(engine)]
  const client = await connect({ databases: { here: here.dsn as Dsn, there: there.dsn as Dsn } })
  open.push(here, there, client)
  for (const name of ['here', 'there'] as const)
    await client
      .using(name)
      .query('create table thing (id integer primary key, part integer not null, text varchar(100))')
  const numbers =
    engine === 'postgres'
      ? `generate_series(1, ${rows}) as s (n)`
      : `(with recursive s (n) as (select 1 union all select n + 1 from s where n < ${rows}) select n from s) s`
  const text = engine === 'postgres' ? "'text ' || n" : engine === 'mysql' ? "concat('text ', n)" : "'text ' || n"
  const recursion = engine === 'mysql' ? 'set statement max_recursive_iterations = 1000000 for ' : ''
  if (rows > 0)
    await client.using('here').query(`${recursion}insert into thing select n, n % 7, ${text} from ${numbers}`)
  return { client, here, there }
}

async function count({ client }: Things): Promise<number> {
  const { rows } = await client.using('there').query<{ n: string }>('select count(*) as n from thing')
  return Number(rows[0]?.n)
}

describe.runIf(testedEngines.includes('postgres'))('rows that PostgreSQL copies in bulk', () => {
  it('are those of the condition, in one piece or in many', async () => {
    const all = await things(5_000)
    const { client } = all
    const where = 'part = 3'
    const once = await client.copyRows({ ...copy, where })
    await client.using('there').query('truncate thing')
    const told: number[] = []
    const parts = {
      ...copy,
      where,
      resume: 'parts',
      batchSize: 100,
      onProgress: ({ read }: { read: number }) => void told.push(read),
    }
    const many = await client.copyRows(parts)
    expect(many).toEqual(once)
    expect(once.tables).toMatchObject([{ read: 714, inserted: 714 }])
    expect(told.at(-1)).toBe(714)
    expect(new Set(told).size).toBeGreaterThanOrEqual(8)
    expect(await count(all)).toBe(714)
    expect(await client.copyRows({ ...copy, where: 'id < 0' })).toMatchObject({ tables: [{ read: 0 }] })
  })

  it.each(['in bulk', 'row by row'])('are undone if they are not what was read: %s', async (how) => {
    const all = await things(2_000)
    const { client } = all
    const there = client.using('there')
    await there.query(
      "create function spoil() returns trigger language plpgsql as $$ begin if new.id = 1234 then new.text := 'spoilt'; end if; return new; end $$",
    )
    await there.query('create trigger spoil before insert on thing for each row execute function spoil()')
    const options = how === 'in bulk' ? copy : ({ ...copy, onConflict: 'skip' } as const)
    const spoilt = client.copyRows(options)
    await expect(spoilt).rejects.toThrow(CopyMismatchError)
    await expect(spoilt).rejects.toThrow(
      how === 'in bulk' ? /2000 rows with the sum/ : /thing.text of the row 1234 .*spoilt/,
    )
    expect(await count(all)).toBe(0)
    await there.query(
      'create or replace function spoil() returns trigger language plpgsql as $$ begin if new.id = 1234 then return null; end if; return new; end $$',
    )
    await expect(client.copyRows(options)).rejects.toThrow(CopyMismatchError)
    await expect(
      client.copyRows({ ...copy, resume: how, batchSize: 900, onConflict: options === copy ? 'error' : 'skip' }),
    ).rejects.toThrow(CopyMismatchError)
    // Batches that are right stay.
    expect(await count(all)).toBe(900)
    await there.query('truncate thing')
    await there.query(
      'create function lose() returns trigger language plpgsql as $$ begin delete from thing where id = 77; return null; end $$',
    )
    await there.query('drop trigger spoil on thing')
    await there.query('create trigger lose after insert on thing for each row execute function lose()')
    const lost = client.copyRows(options)
    await expect(lost).rejects.toThrow(CopyMismatchError)
    await expect(lost).rejects.toThrow(
      how === 'in bulk' ? /1999 rows with the sum/ : /row 77 of thing .* not there: 999 of 1000/,
    )
    if (how === 'in bulk')
      await expect(client.copyRows({ ...copy, verify: false })).resolves.toMatchObject({
        tables: [{ checksum: undefined }],
      })
  })

  it('fail with the error of the side that failed, and both connections are good again', async () => {
    const all = await things(300_000)
    const { client } = all
    const failing = client.copyRows({ ...copy, where: '1 / (id - 250000) < 1' })
    await expect(failing).rejects.toMatchObject({
      database: 'here',
      message: expect.stringContaining('division by zero'),
    })
    await client.using('there').query('alter table thing add constraint small check (id < 200000)')
    const refused = client.copyRows(copy)
    await expect(refused).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', database: 'there' })
    await client.using('there').query('alter table thing drop constraint small')
    await client.using('there').query('insert into thing values (150000, 1)')
    await expect(client.copyRows(copy)).rejects.toThrow(CopyConflictError)
    expect(await count(all)).toBe(1)
    const { total, idle } = Object.values(client.stats()).reduce(
      (sum, each) => ({ total: sum.total + each.total - each.shared, idle: sum.idle + each.idle }),
      { total: 0, idle: 0 },
    )
    expect(idle).toBe(total)
  }, 60_000)

  it('stop at a signal', async () => {
    const all = await things(300_000)
    const controller = new AbortController()
    const stopped = all.client.copyRows({ ...copy, signal: controller.signal, onProgress: () => controller.abort() })
    await expect(stopped).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED' })
    expect(await count(all)).toBe(0)
    await expect(all.client.copyRows({ ...copy, where: 'id <= 10' })).resolves.toMatchObject({
      tables: [{ inserted: 10 }],
    })
  }, 60_000)
})

describe.each(testedEngines)('a copy on %s', (engine) => {
  it('whose process is killed goes on with the next one', async () => {
    const all = await things(3_000, engine)
    const options = { ...copy, resume: 'killed', batchSize: 250 } as const
    const child = fork(join(import.meta.dirname, '../support/copy-process.ts'), { execPath: process.execPath })
    const order: CopyOrder = { here: all.here.dsn, there: all.there.dsn, options, dieAt: 1_100 }
    child.send(order)
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    expect(signal).toBe('SIGKILL')
    // Four batches were committed.
    expect(await count(all)).toBe(1_000)
    const read: number[] = []
    const { tables } = await all.client.copyRows({
      ...options,
      onProgress: (progress) => void read.push(progress.read),
    })
    expect(read[0]).toBeGreaterThan(1_000)
    expect(tables).toMatchObject([{ read: 3_000, inserted: 3_000 }])
    expect(await count(all)).toBe(3_000)
    const again = await freshDatabase(engine)
    open.push(again)
    await using whole = await connect({ databases: { here: all.here.dsn as Dsn, there: again.dsn as Dsn } })
    await whole
      .using('there')
      .query('create table thing (id integer primary key, part integer not null, text varchar(100))')
    expect((await whole.copyRows({ ...copy, resume: 'other' })).tables).toEqual(tables)
  }, 60_000)
})

describe.runIf(testedEngines.includes('postgres'))('a copy', () => {
  it.each(['in bulk', 'row by row'])(
    'of many rows holds few of them: %s',
    async (how) => {
      const { client } = await things(200_000)
      const most = how === 'in bulk' ? 24 : 48
      globalThis.gc?.()
      const before = process.memoryUsage()
      let peak = 0
      const note = (): void => {
        const { heapUsed, arrayBuffers } = process.memoryUsage()
        peak = Math.max(peak, heapUsed - before.heapUsed + arrayBuffers - before.arrayBuffers)
      }
      const onProgress = (): void => {
        globalThis.gc?.()
        note()
      }
      const options = how === 'in bulk' ? copy : ({ ...copy, onConflict: 'skip' } as const)
      const { tables } = await client.copyRows({ ...options, onProgress })
      expect(tables).toMatchObject([{ inserted: 200_000 }])
      expect(peak / 1_048_576).toBeLessThan(most)
    },
    120_000,
  )
})

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))('a session on replicas of %s', (engine) => {
  it('reads what it has copied', async () => {
    const items = await ItemCluster.start(engine)
    open.push({ [Symbol.asyncDispose]: async () => await items.cluster.stop() })
    await using other = await freshDatabase(engine)
    await using filling = await connect(other.dsn as Dsn)
    await filling.query('create table item (id integer primary key, n integer not null)')
    await filling.query('insert into item values (1, 5), (2, 5)')
    for (const onConflict of ['error', 'replace'] as const) {
      await items.begin()
      const client = await items.open()
      await items.read(client)
      await items.pauseReplicas()
      await client.session(async () => {
        const copy = { from: other.dsn as 'default', to: 'default', table: 'item', onConflict } as const
        await client.copyRows(onConflict === 'error' ? { ...copy, where: 'id = 2' } : copy)
        const { rows, route } = await client.query<{ n: number }>('select n from item order by id')
        expect(rows.map(({ n }) => n)).toEqual([onConflict === 'error' ? 0 : 5, 5])
        expect(route.role).toBe('primary')
      })
      await items.end()
    }
  }, 60_000)
})
