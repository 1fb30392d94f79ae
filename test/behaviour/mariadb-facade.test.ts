import { expect, it, onTestFinished } from 'vitest'
import { createPool, mariadbFor, OkPacket, useClient, type CastField } from '../../src/adapters/mariadb.ts'
import { connect } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

const isTested = testedEngines.includes('mysql')

interface Described {
  readonly meta: readonly { name(): string; readonly type: string; readonly flags: number }[]
}

it.runIf(isTested)('the façade of mariadb answers in its shapes', async () => {
  await using database = await freshDatabase('mysql')
  await using client = await connect({ databases: { default: { primary: database.dsn } } })
  const pool = mariadbFor(client).createPool({ connectionLimit: 2 })
  onTestFinished(async () => {
    if (!pool.closed) await pool.end()
  })
  const created = await pool.query(
    "create table item (id bigint primary key auto_increment, name varchar(20), price decimal(8,2), flag bit(1), j json, s set('a','b'), t time(3), k integer unsigned)",
  )
  expect(created).toBeInstanceOf(OkPacket)
  const text =
    "insert into item (name, price, flag, j, s, t, k) values (?, ?, b'1', '{\"n\": 1}', 'a,b', '01:02:03.004', 4000000000)"
  expect(await pool.execute(text, ['one', '1.50'])).toEqual({ affectedRows: 1, insertId: 1n, warningStatus: 0 })
  const rows = (await pool.query({ sql: 'select * from item where id = ?' }, [1])) as unknown[] & Described
  expect([...rows]).toEqual([
    { id: 1n, name: 'one', price: '1.50', flag: true, j: { n: 1 }, s: ['a', 'b'], t: '01:02:03.004', k: 4_000_000_000 },
  ])
  expect(Object.keys(rows)).toEqual(['0'])
  expect(rows.meta.map((column) => [column.name(), column.type]).slice(0, 3)).toEqual([
    ['id', 'BIGINT'],
    ['name', 'VAR_STRING'],
    ['price', 'NEWDECIMAL'],
  ])
  const cast = (field: CastField, next: () => unknown): unknown =>
    field.type === 'VAR_STRING' ? `<${field.string()}>` : next()
  const asked = {
    sql: 'select id, name, j, t from item where id = ?',
    rowsAsArray: true,
    typeCast: cast,
    jsonStrings: true,
  }
  expect([...((await pool.execute(asked, [1])) as unknown[])]).toEqual([[1n, '<one>', '{"n": 1}', '01:02:03.004000']])
})

it.runIf(isTested)('the façade of mariadb has transactions, and the errors of the server', async () => {
  await using database = await freshDatabase('mysql')
  await using client = await connect({ databases: { default: { primary: database.dsn } } })
  const pool = mariadbFor(client).createPool()
  await pool.query('create table item (id integer primary key)')
  const connection = await pool.getConnection()
  await connection.query({ sql: 'BEGIN' })
  await connection.execute('insert into item values (?)', [1])
  await connection.query({ sql: 'SAVEPOINT one' })
  await expect(connection.execute('insert into item values (?)', [1])).rejects.toMatchObject({
    errno: 1062,
    sqlState: '23000',
    sqlMessage: "Duplicate entry '1' for key 'PRIMARY'",
  })
  await connection.query({ sql: 'ROLLBACK TO one' })
  await connection.query({ sql: 'COMMIT' })
  await connection.beginTransaction()
  await connection.execute('insert into item values (?)', [2])
  await connection.end()
  await expect.poll(() => pool.activeConnections()).toBe(0)
  expect([...((await pool.query({ sql: 'select id from item', rowsAsArray: true })) as unknown[])]).toEqual([[1]])
  await pool.end()
  await expect(pool.query('select 1')).rejects.toThrow('Pool is closed.')
})

it.runIf(isTested)('the module itself finds the client of a pool as that of mysql2 does', async () => {
  await using database = await freshDatabase('mysql')
  await using other = await freshDatabase('mysql')
  await using client = await connect({ databases: { default: database.dsn } })
  const url = new URL(database.dsn)
  const [user = '', password = '', name = ''] = [url.username, url.password, url.pathname.slice(1)].map(
    decodeURIComponent,
  )
  const settings = { host: url.hostname, port: Number(url.port), user, password, database: name }
  const nameBy = async (...config: Parameters<typeof createPool>): Promise<unknown> => {
    const pool = createPool(...config)
    const rows = (await pool.query('select database() as name, @@session.wait_timeout as wait')) as readonly unknown[]
    await pool.end()
    return rows[0]
  }
  const here = { name, wait: 28_800n }
  expect(await nameBy(settings)).toEqual(here)
  expect(await nameBy(`${database.dsn}?connectionLimit=1`.replace(/^mysql:/, 'mariadb:'))).toEqual(here)
  expect(await nameBy({ signalbox: client })).toEqual(here)
  await expect(createPool({ ...settings, password: 'wrong' }).query('select 1')).rejects.toMatchObject({ errno: 1045 })
  onTestFinished(() => useClient(undefined))
  useClient(client)
  expect(await nameBy()).toEqual(here)
  expect(await nameBy(other.dsn)).not.toEqual(here)
})
