import { tracingChannel } from 'node:diagnostics_channel'
import mysql2 from 'mysql2'
import promise from 'mysql2/promise'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { mysql2For, mysql2PromiseFor, signalboxErrorOf, type Mysql2Promise } from '../../src/adapters/mysql2.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import type { TestCluster } from '../../src/testing/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

const isTested = testedEngines.includes('mysql')

type Rows = mysql2.RowDataPacket[]
type Header = mysql2.ResultSetHeader

describe.runIf(isTested)('the façade of mysql2', () => {
  let cluster: TestCluster
  let client: Client<'default'>
  let module: Mysql2Promise
  let pool: promise.Pool

  beforeAll(async () => {
    cluster = await privateCluster('mysql', { replicas: 2 })
  })
  afterAll(async () => await cluster.stop())

  beforeEach(async () => {
    const { primary, replicas } = await cluster.createDatabase()
    client = await connect({
      databases: { default: { primary, replicas } },
      tokens: { keys: ['a key of sixteen bytes'] },
      replication: { waitMs: 5_000 },
    })
    module = mysql2PromiseFor(client)
    pool = module.createPool({ connectionLimit: 4 })
    onTestFinished(async () => {
      if (!(pool.pool as unknown as { _closed: boolean })._closed) await pool.end()
      await client.close()
    })
    await pool.query(
      'create table item (id integer primary key auto_increment, name varchar(40), made datetime default now())',
    )
    await pool.query(
      "insert into item (id, name) values (1, 'item 1'), (2, 'item 2'), (3, 'item 3'), (4, 'item 4'), (5, 'item 5')",
    )
  })

  interface Asks {
    query(sql: string): Promise<[unknown, unknown]>
  }

  /** Where statements run, as the server itself says it. */
  const isReplica = async (by: Asks): Promise<boolean> => {
    const [rows] = await by.query('select @@global.port as port, count(*) as n from item')
    return Number((rows as Rows)[0]!['port']) !== cluster.primary.port
  }

  it('is a pool of the application’s own mysql2, by class and by name', async () => {
    const plain = mysql2For(client)
    const core = plain.createPool({})
    onTestFinished(() => core.end())
    const { Pool, Connection } = mysql2 as unknown as Record<string, new () => object>
    expect(core).toBeInstanceOf(Pool)
    expect(core.constructor.name).toBe('Pool')
    expect(pool.constructor).toBe(promise.createPool({}).constructor)
    expect(Object.keys(plain)).toEqual(expect.arrayContaining(Object.keys(mysql2)))
    const leased = await pool.getConnection()
    expect(leased.connection).toBeInstanceOf(Connection)
    expect(leased.connection.constructor.name).toBe('PoolConnection')
    leased.release()
  })

  it('has classes by which connections are known, wherever they come from', async () => {
    const plain = mysql2For(client)
    const { Connection, PoolConnection } = plain as unknown as Record<string, new () => object>
    class Own extends Connection! {}
    const [alone, native] = [plain.createConnection({}), mysql2.createConnection(cluster.primary.dsn())]
    onTestFinished(async () => {
      for (const each of [alone, native]) await each.promise().end()
    })
    const leased = await pool.getConnection()
    const { connection } = leased
    for (const each of [alone, native, connection]) {
      expect(each).toBeInstanceOf(Connection)
      expect(each).not.toBeInstanceOf(Own)
    }
    expect([alone, native, connection].map((each) => each instanceof PoolConnection!)).toEqual([false, false, true])
    leased.release()
  })

  it('reads names of columns and texts of errors in the character set of its settings', async () => {
    const charset = 'KOI8R_GENERAL_CI'
    const kept = await module.createConnection({ charset })
    const ours = module.createPool({ charset })
    onTestFinished(async () => {
      await kept.end()
      await ours.end()
    })
    await kept.query('create temporary table `таблица` (`имя` varchar(20), `число` int) default charset utf8mb4')
    await kept.query("insert into `таблица` values ('мир', 47)")
    expect((await kept.query('select * from `таблица`'))[0]).toEqual([{ имя: 'мир', число: 47 }])
    expect((await ours.query('select 1 as `число`'))[0]).toEqual([{ число: 1 }])
    expect((await ours.execute('select ? + 1 as `число`', [1]))[0]).toEqual([{ число: 2 }])
    await expect(ours.query('select * from `нигде`')).rejects.toThrow('нигде')
    // The connection beneath is anybody's again.
    expect((await pool.query('select 1 as `число`'))[0]).toEqual([{ число: 1 }])
  })

  it('tells who measures pools of each connection that one opens, as mysql2 does', async () => {
    const channel = tracingChannel('mysql2:pool:connect')
    const told: string[] = []
    const databases: unknown[] = []
    const subscribers = Object.fromEntries(
      (['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const).map((event) => [
        event,
        (trace: unknown) => {
          told.push(event)
          databases.push((trace as { readonly database: unknown }).database)
        },
      ]),
    ) as unknown as Parameters<typeof channel.subscribe>[0]
    channel.subscribe(subscribers)
    onTestFinished(() => {
      channel.unsubscribe(subscribers)
    })
    const leased = await module.createPool({ database: 'shop' }).getConnection()
    leased.release()
    expect(told).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(new Set(databases)).toEqual(new Set(['shop']))
  })

  it('gives results of mysql2 itself, in each shape that a call may have', async () => {
    const text = 'select id, name from item where id < ? order by id'
    const [rows, fields] = await pool.query<Rows>(text, [3])
    expect(rows).toEqual([
      { id: 1, name: 'item 1' },
      { id: 2, name: 'item 2' },
    ])
    expect(fields.map(({ name, columnType }) => [name, columnType])).toEqual([
      ['id', 3],
      ['name', 253],
    ])
    expect((await pool.execute<Rows>(text, [2]))[0]).toEqual([{ id: 1, name: 'item 1' }])
    expect((await pool.query<Rows>({ sql: text, values: [2], rowsAsArray: true }))[0]).toEqual([[1, 'item 1']])
    expect((await pool.query<Rows>({ sql: text, values: [2], nestTables: true }))[0]).toEqual([
      { item: { id: 1, name: 'item 1' } },
    ])
    const typeCast = (field: { string(): string | null }): string => `<${field.string()}>`
    expect((await pool.query<Rows>({ sql: text, values: [2], typeCast }))[0]).toEqual([{ id: '<1>', name: '<item 1>' }])
    const named = { sql: 'select :b as b, :a as a', namedPlaceholders: true, values: { a: 1, b: 'x' } }
    expect((await pool.query<Rows>(named))[0]).toEqual([{ b: 'x', a: 1 }])
    expect((await pool.query<Rows>('select id from ?? where id in (?)', ['item', [1, 2]]))[0]).toHaveLength(2)
    const [header] = await pool.query<Header>('insert into item set ?', { name: 'new' })
    expect(header.constructor.name).toBe('ResultSetHeader')
    expect(header).toMatchObject({ affectedRows: 1, insertId: 6, fieldCount: 0 })
    expect(header).not.toHaveProperty('stateChanges')
  })

  it('throws the errors of mysql2, and says what Signalbox knows of them', async () => {
    const error: unknown = await pool.query('insert into item (id) values (?)', [1]).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'ER_DUP_ENTRY',
      errno: 1062,
      sqlState: '23000',
      sqlMessage: "Duplicate entry '1' for key 'PRIMARY'",
      sql: 'insert into item (id) values (1)',
    })
    expect(signalboxErrorOf(error)).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', role: 'primary' })
    expect((await pool.query<Rows>('select 1 as one'))[0]).toEqual([{ one: 1 }])
  })

  it('reads from replicas what the session wrote, and writes on the primary, whatever the text is', async () => {
    await client.session(async () => {
      await pool.query("update item set name = 'new' where id = 1")
      expect((await pool.query<Rows>('select name from item where id = ?', [1]))[0]).toEqual([{ name: 'new' }])
      expect(await isReplica(pool)).toBe(true)
    })
    const [rows] = await pool.query<Rows>(
      "insert into item (id, name) values (9, 'x') returning id, @@global.port as port",
    )
    expect(rows).toEqual([{ id: 9, port: cluster.primary.port }])
    const [locked] = await pool.query<Rows>('select @@global.port as port from item where id = 1 for update')
    expect(locked).toEqual([{ port: cluster.primary.port }])
  })

  it('begins a transaction on the server of its first statement: a read-only one on a replica', async () => {
    const leased = await pool.getConnection()
    onTestFinished(() => leased.release())
    await leased.beginTransaction()
    expect(await isReplica(leased)).toBe(false)
    await leased.query('insert into item (id) values (6)')
    expect((await pool.query<Rows>('select 1 from item where id = 6'))[0]).toEqual([])
    const [header] = await leased.query<Header>('COMMIT')
    expect(header.constructor.name).toBe('ResultSetHeader')
    await leased.query('START TRANSACTION READ ONLY')
    expect(await isReplica(leased)).toBe(true)
    await leased.rollback()
    await leased.query('set session transaction isolation level read committed')
    await leased.query('set transaction read only')
    await leased.query('begin')
    expect(await isReplica(leased)).toBe(true)
    await leased.commit()
    await leased.beginTransaction()
    const [[level]] = await leased.query<Rows>('select @@tx_isolation as one, id from item limit 1')
    expect(level).toMatchObject({ id: 1 })
    await leased.rollback()
  })

  it('has savepoints, and commits of its own accord where the server would', async () => {
    const leased = await pool.getConnection()
    onTestFinished(() => leased.release())
    await leased.beginTransaction()
    await leased.query('insert into item (id) values (6)')
    await leased.query('savepoint `one`')
    await leased.query('insert into item (id) values (7)')
    await expect(leased.query('insert into item (id) values (6)')).rejects.toMatchObject({ errno: 1062 })
    await leased.query('rollback to one')
    await leased.query('release savepoint one')
    await expect(leased.query('rollback to one')).rejects.toMatchObject({ code: 'ER_SP_DOES_NOT_EXIST', errno: 1305 })
    await leased.query('create table other (id integer)')
    await leased.rollback()
    await leased.query('set autocommit = 0')
    await leased.query('insert into item (id) values (8)')
    await leased.rollback()
    await leased.query('insert into item (id) values (9)')
    await leased.query('set autocommit = 1')
    expect((await pool.query<Rows>('select id from item where id > 5'))[0]).toEqual([{ id: 6 }, { id: 9 }])
  })

  it('streams rows, also of prepared statements and in a transaction, and takes several results', async () => {
    const leased = await pool.getConnection()
    onTestFinished(() => leased.release())
    const core = leased.connection as unknown as mysql2.PoolConnection
    const ids = async (query: mysql2.Query): Promise<unknown[]> =>
      (await query.stream({ highWaterMark: 1 }).toArray()).map((row: unknown) => (row as { id: number }).id)
    expect(await ids(core.query('select id from item order by id'))).toEqual([1, 2, 3, 4, 5])
    expect(await ids(core.execute('select id from item where id > ? order by id', [3]) as never)).toEqual([4, 5])
    await leased.beginTransaction()
    await leased.query('insert into item (id) values (6)')
    expect(await ids(core.query('select id from item where id > 4 order by id'))).toEqual([5, 6])
    for await (const _ of core.query('select id from item').stream()) break
    await leased.rollback()
    expect((await leased.query<Rows>('select count(*) as n from item'))[0]).toEqual([{ n: 5 }])
    const several = module.createPool({ multipleStatements: true })
    onTestFinished(async () => await several.end())
    expect((await several.query('select 1 as a; select 2 as b'))[0]).toEqual([[{ a: 1 }], [{ b: 2 }]])
    await expect(pool.query('select 1 as a; select 2 as b')).rejects.toMatchObject({ code: 'ER_PARSE_ERROR' })
    await pool.query('create procedure two() begin select 1 as a; select 2 as b; end')
    expect((await pool.query<Rows[]>('call two()'))[0]).toMatchObject([[{ a: 1 }], [{ b: 2 }], { fieldCount: 0 }])
  })

  it('prepares a statement once for all servers', async () => {
    const leased = await pool.getConnection()
    onTestFinished(() => leased.release())
    const statement = await leased.prepare('select id, @@global.port as port from item where id = ?')
    const ports = new Set<unknown>()
    for (let id = 1; id < 6; id++) {
      const [rows] = (await statement.execute([id])) as unknown as [{ id: number; port: number }[]]
      expect(rows[0]!.id).toBe(id)
      ports.add(rows[0]!.port)
    }
    expect(ports.has(cluster.primary.port)).toBe(false)
    await statement.close()
    await expect(leased.prepare('select nothing from nowhere')).rejects.toMatchObject({ errno: 1146 })
  })

  it('has its settings wherever a statement runs, and nobody else has them', async () => {
    const dressed = module.createPool({ connectionLimit: 2 })
    onTestFinished(async () => await dressed.end())
    dressed.pool.on('connection', (made) => made.query("set session time_zone = '+03:00', sql_mode = 'ANSI_QUOTES'"))
    const text = 'select @@time_zone as zone, @@sql_mode as mode, @@global.port as port, count(*) as n from item'
    for (let round = 0; round < 6; round++) {
      const [[row]] = await dressed.query<Rows>(text)
      expect(row).toMatchObject({ zone: '+03:00', mode: 'ANSI_QUOTES' })
      expect((await dressed.query<Rows>('select "id" from item limit 1'))[0]).toEqual([{ id: 1 }])
      const [[other]] = await pool.query<Rows>(text)
      expect(other!['zone']).not.toBe('+03:00')
    }
    const leased = await dressed.getConnection()
    await leased.beginTransaction()
    await leased.query('insert into item (id) values (6)')
    expect((await leased.query<Rows>(text))[0][0]).toMatchObject({ zone: '+03:00', n: 6 })
    await leased.rollback()
    await expect(leased.query("set time_zone = 'nowhere'")).rejects.toMatchObject({ code: 'ER_UNKNOWN_TIME_ZONE' })
    expect((await leased.query<Rows>(text))[0][0]).toMatchObject({ zone: '+03:00' })
    expect(await isReplica(leased)).toBe(true)
    leased.release()
  })

  it('keeps what belongs to a connection on one, and leaves nothing of it to the next user', async () => {
    const leased = await pool.getConnection()
    await leased.query('set @mine = 5')
    await leased.query('create temporary table own (id integer)')
    await leased.query('insert into own values (1)')
    expect((await leased.query<Rows>('select id, @mine as mine from own'))[0]).toEqual([{ id: 1, mine: 5 }])
    expect((await leased.query<Rows>("select get_lock('of mine', 0) as got"))[0]).toEqual([{ got: 1 }])
    expect((await pool.query<Rows>("select get_lock('of mine', 0) as got"))[0]).toEqual([{ got: 0 }])
    leased.release()
    for (let round = 0; round < 6; round++) {
      await expect(pool.query('select * from own')).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' })
      expect((await pool.query<Rows>('select @mine as mine'))[0]).toEqual([{ mine: null }])
    }
    await expect
      .poll(async () => (await pool.query<Rows>("select get_lock('of mine', 0) as got"))[0])
      .toEqual([{ got: 1 }])
  })

  it('knows the numbers of its last statements, though these ran anywhere', async () => {
    const leased = await pool.getConnection()
    onTestFinished(() => leased.release())
    await leased.query("insert into item (name) values ('a'), ('b')")
    expect((await leased.query<Rows>('select row_count() as n'))[0]).toEqual([{ n: 2 }])
    expect((await leased.query<Rows>('select last_insert_id()'))[0]).toEqual([{ 'last_insert_id()': 6 }])
    await leased.query('select id from item where id < 4')
    expect((await leased.query<Rows>('select found_rows() as `n`'))[0]).toEqual([{ n: 3 }])
    expect((await leased.query<Rows>('select connection_id() as id'))[0]).toEqual([{ id: leased.threadId }])
    const [all] = await leased.query<Rows>('select sql_calc_found_rows id from item limit 2')
    expect(all).toHaveLength(2)
    expect((await leased.query<Rows>('select found_rows() as n'))[0]).toEqual([{ n: 7 }])
  })

  it('kills the statement of the connection that is meant, and nobody else’s', async () => {
    const [one, other] = [await pool.getConnection(), await pool.getConnection()]
    const sleeping = one.query('select sleep(20)').catch((error: unknown) => error)
    const untouched = other.query<Rows>('select sleep(0.5) as s')
    await pool.query(`KILL QUERY ${one.threadId}`)
    expect(await sleeping).toMatchObject({ code: 'ER_QUERY_INTERRUPTED', errno: 1317, sqlState: '70100' })
    expect((await untouched)[0]).toEqual([{ s: 0 }])
    expect((await one.query<Rows>('select 1 as one'))[0]).toEqual([{ one: 1 }])
    const dying = one.query('select sleep(20)').catch((error: unknown) => error)
    await other.query(`kill ${one.threadId}`)
    expect(await dying).toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST', fatal: true })
    await expect(other.query(`kill ${one.threadId}`)).rejects.toMatchObject({ code: 'ER_NO_SUCH_THREAD', errno: 1094 })
    other.release()
  })

  it('belongs to the session in which it is called, also where a pool makes it wait', async () => {
    const narrow = module.createPool({ connectionLimit: 1 })
    onTestFinished(async () => await narrow.end())
    const both = await Promise.all(
      [1, 2].map(
        async (id) =>
          await client.session(async () => {
            await narrow.query('update item set name = ? where id = ?', [`session ${id}`, id])
            return (await narrow.query<Rows>('select name from item where id = ?', [id]))[0]
          }),
      ),
    )
    expect(both).toEqual([[{ name: 'session 1' }], [{ name: 'session 2' }]])
  })

  it('is misused as mysql2 is: with the same errors, in the same order', async () => {
    const bare = promise.createPool({ uri: cluster.primary.dsn(), connectionLimit: 1, queueLimit: 1 })
    const ours = module.createPool({ connectionLimit: 1, queueLimit: 1 })
    const told = [await misuse(bare), await misuse(ours)]
    expect(told[1]).toEqual(told[0])
  })

  it('ends with the connection that it kept, and goes on without one that it did not', async () => {
    const admin = await promise.createConnection(cluster.primary.dsn())
    onTestFinished(async () => await admin.end())
    const cut = async (text: string): Promise<void> => {
      const find = `select id from information_schema.processlist where info = '${text}'`
      await expect.poll(async () => (await admin.query<Rows>(find))[0]).toHaveLength(1)
      const [[row]] = await admin.query<Rows>(find)
      await admin.query(`kill ${row!['id']}`)
    }
    const lost = { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }
    const leased = await pool.getConnection()
    const free = leased.query('select sleep(21)').catch((error: unknown) => error)
    await cut('select sleep(21)')
    expect(await free).toMatchObject(lost)
    await leased.query('set @mine = 1')
    const kept = leased.query('select sleep(22)').catch((error: unknown) => error)
    await cut('select sleep(22)')
    expect(await kept).toMatchObject(lost)
    await expect(leased.query('select @mine as mine')).rejects.toMatchObject({ fatal: true })
    const streamed = (await pool.getConnection()).connection as unknown as mysql2.PoolConnection
    const rows = streamed.query('select sleep(23)').stream().toArray()
    const failed = rows.catch((error: unknown) => error)
    await cut('select sleep(23)')
    expect(await failed).toMatchObject(lost)
    streamed.release()
    expect((await pool.query<Rows>('select 1 as one'))[0]).toEqual([{ one: 1 }])
  })

  it('goes on when a replica dies, at the start and under way', async () => {
    const [first] = cluster.replicas
    first!.kill('SIGKILL')
    onTestFinished(async () => await first!.restart())
    const fresh = module.createPool({})
    onTestFinished(async () => await fresh.end())
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => (await fresh.query('select count(*) as n from item'))[0]),
    )
    expect(answers).toEqual(Array.from({ length: 20 }, () => [{ n: 5 }]))
  })
})

/** What becomes of a pool, with one connection and room for one to wait, that is used wrongly. */
async function misuse(pool: promise.Pool): Promise<unknown[]> {
  const told: unknown[] = []
  for (const event of ['acquire', 'connection', 'enqueue', 'release'] as const)
    pool.on(event as 'acquire', () => void told.push(event))
  const tell = (error: unknown): void => {
    const { name, message, code, errno, sqlState, sql, fatal } = error as Error & Record<string, unknown>
    told.push({ name, message, code, errno, sqlState, sql, fatal })
  }
  const leased = await pool.getConnection()
  const waiting = pool.query('select 1')
  await pool.query('select 2').catch(tell)
  await leased.query('selec 1').catch(tell)
  await leased.execute('select ?', [undefined as never]).catch(tell)
  await leased.query('select ?').catch(tell)
  await leased.execute('select ?').catch(tell)
  await leased.query('savepoint').catch(tell)
  await leased.query('rollback to nowhere').catch(tell)
  await leased.query("set nothing = 'x'").catch(tell)
  leased.release()
  leased.release()
  told.push((await waiting)[0])
  const again = await pool.getConnection()
  again.destroy()
  await again.query('select 1').catch(tell)
  const unfinished = pool.query('select sleep(0.2) as s')
  await new Promise((resolve) => setTimeout(resolve, 100))
  await pool.end()
  told.push((await unfinished)[0])
  await pool.query('select 1').catch(tell)
  await pool.getConnection().catch(tell)
  return told
}

it.runIf(isTested)('the façade of mysql2 refuses another engine, by name', async () => {
  await using client = await connect('sqlite::memory:' as Dsn)
  await expect(mysql2PromiseFor(client).createConnection({})).rejects.toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
})
