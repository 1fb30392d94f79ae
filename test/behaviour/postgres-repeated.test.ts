import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import type { DriverPool, DriverResult } from '../../src/drivers/driver.ts'
import { bindExecuteSync } from '../../src/drivers/postgres/repeated-query.ts'
import { createPostgresDriver } from '../../src/drivers/postgres.ts'
import { readOptions } from '../../src/option.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

/** What of a client tells how often the columns were asked for. */
interface Describing {
  readonly connection: { describe: (message: unknown) => void }
}

describe.runIf(testedEngines.includes('postgres'))('prepared statements that are run again and again', () => {
  let handle: pg.Pool
  let pool: DriverPool
  let drop: () => Promise<unknown>
  let described = 0

  beforeEach(async () => {
    const fresh = await freshDatabase('postgres')
    drop = () => fresh.drop()
    handle = new pg.Pool({ connectionString: fresh.dsn, max: 1 })
    // The database is dropped perhaps before its connection has ended.
    handle.on('error', () => undefined)
    handle.on('connect', (client) => {
      const { connection } = client as unknown as Describing
      const original = connection.describe.bind(connection)
      connection.describe = (message) => {
        described += 1
        original(message)
      }
    })
    pool = await createPostgresDriver().open({ from: 'handle', handle }, readOptions(poolOptions, {}, 'pool'))
    await run('create table item (id integer primary key, name text, price numeric)')
    await run("insert into item values (1, 'pen', 1.50), (2, null, 2)")
    described = 0
  })
  afterEach(async () => {
    await pool.close()
    await handle.end()
    await drop()
  })

  async function run(sql: string, ...params: unknown[]): Promise<DriverResult> {
    return await pool.query({ sql, params, access: 'write' })
  }

  it('are described once, and their rows and fields stay the same', async () => {
    const sql = 'select id, name, price, $2::boolean as flag from item where id = $1'
    // The first run is not prepared, the second prepares, the third knows.
    const results = [
      await run(sql, 2, true),
      await run(sql, 2, true),
      await run(sql, 2, true),
      await run(sql, 2n, 'yes'),
    ]
    expect(described).toBe(2)
    for (const { rows, fields, rowCount } of results) {
      expect(rows).toEqual([{ id: 2, name: null, price: '2', flag: true }])
      expect(fields.map((field) => field.name)).toEqual(['id', 'name', 'price', 'flag'])
      expect(fields.map((field) => (field.native as pg.FieldDef).dataTypeID)).toEqual([23, 25, 1700, 16])
      expect(rowCount).toBe(1)
    }
    expect(results[3]!.fields).not.toBe(results[2]!.fields)
  })

  it('are described once, too, where rows come as arrays or with parsers of their own, each call with its own', async () => {
    const sql = 'select id, name from item where id = $1'
    const types = (mark: string) => ({ getTypeParser: () => (text: string) => `${mark}${text}` })
    const forms = [{}, { rowMode: 'array' }, { types: types('a') }, { rowMode: 'array', types: types('b') }] as const
    const rows: unknown[] = []
    for (const form of [...forms, ...forms]) {
      const { native } = await pool.query({ sql, params: [1], access: 'write', ...form })
      expect(native).toBeInstanceOf(pg.Result)
      rows.push((native as pg.QueryResult).rows[0])
    }
    const each = [{ id: 1, name: 'pen' }, [1, 'pen'], { id: 'a1', name: 'apen' }, ['b1', 'bpen']]
    expect(rows).toEqual([...each, ...each])
    expect(described).toBe(2)
  })

  it('take every plain parameter as text, and others the way of pg', async () => {
    const sql = 'select $1::text as a, $2::text as b'
    const values = [
      '',
      "o'clock — ünïcödé 🖊",
      0,
      -1.5,
      12345678901234567890n,
      false,
      null,
      undefined,
      'x'.repeat(100_000),
    ]
    for (const value of values) {
      const expected = value == null ? null : String(value)
      for (let i = 0; i < 3; i++) expect((await run(sql, value, null)).rows).toEqual([{ a: expected, b: null }])
    }
    expect(described).toBe(2)
    expect((await run(sql, ['a', 'b'], { c: 1 })).rows).toEqual([{ a: '{"a","b"}', b: '{"c":1}' }])
    expect(described).toBe(3)
    expect(bindExecuteSync('s', [new Date(0)])).toBeUndefined()
    expect(bindExecuteSync('s', [Buffer.from('x')])).toBeUndefined()
    expect(
      bindExecuteSync(
        's',
        Array.from({ length: 65_536 }, () => 1),
      ),
    ).toBeUndefined()
  })

  it('without rows answer the number of rows they changed, and none', async () => {
    const sql = 'update item set name = $1 where id <= $2'
    for (const count of [1, 2, 0, 2]) {
      const { rows, rowCount, fields } = await run(sql, 'pen', count)
      expect({ rows, rowCount, fields }).toEqual({ rows: [], rowCount: count, fields: [] })
    }
    expect(described).toBe(2)
    for (let i = 0; i < 3; i++) expect((await run('select from item')).rows).toEqual([{}, {}])
  })

  it('show new columns when the table has changed', async () => {
    for (let i = 0; i < 4; i++) expect((await run('select * from item where id = 1')).rows).toHaveLength(1)
    await run('alter table item add column colour text default $$blue$$')
    const changed = await run('select * from item where id = 1')
    expect(changed.rows).toEqual([{ id: 1, name: 'pen', price: '1.50', colour: 'blue' }])
    await run('alter table item rename column colour to color')
    for (let i = 0; i < 3; i++) {
      expect((await run('select * from item where id = 1')).rows).toEqual([
        { id: 1, name: 'pen', price: '1.50', color: 'blue' },
      ])
    }
  })

  it('are described each time where the columns may be others: FETCH and EXECUTE', async () => {
    const lease = await pool.lease()
    const inLease = async (sql: string): Promise<readonly unknown[]> =>
      (await lease.query({ sql, params: [], access: 'write' })).rows
    for (const columns of ['id', 'name, id', 'price']) {
      await inLease('begin')
      await inLease(`declare c cursor for select ${columns} from item where id = 1`)
      const names = columns.split(', ')
      expect(Object.keys((await inLease('fetch 1 from c'))[0] as object)).toEqual(names)
      await inLease('rollback')
      await inLease(`prepare p as select ${columns} from item where id = 1`)
      expect(Object.keys((await inLease('execute p'))[0] as object)).toEqual(names)
      await inLease('deallocate p')
    }
    await lease.release('clean')
  })

  it('report errors of a run, and go on', async () => {
    const sql = 'select 10 / $1::integer as quotient'
    for (let i = 0; i < 3; i++) expect((await run(sql, 5)).rows).toEqual([{ quotient: 2 }])
    await expect(run(sql, 0)).rejects.toMatchObject({ engineCode: '22012' })
    await expect(run(sql, 'five')).rejects.toMatchObject({ engineCode: '22P02' })
    await expect(run(sql)).rejects.toMatchObject({ code: 'SIGNALBOX_PARAMETERS' })
    expect((await run(sql, 5)).rows).toEqual([{ quotient: 2 }])
    expect(described).toBe(2)
  })
})
