import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startFaultProxy, type TestServer } from '../../src/testing/index.ts'
import { isRunning, processTree } from '../../src/testing/process-tree.ts'
import { freshDatabase, privateServer, sharedServer, testedEngines } from '../support/servers.ts'

interface Session {
  query(sql: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

/** A plain connection, without Signalbox. */
async function open(engine: string, dsn: string): Promise<Session> {
  if (engine === 'postgres') {
    const client = new Client({ connectionString: dsn })
    client.on('error', () => undefined)
    await client.connect()
    return {
      query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
      close: () => client.end(),
    }
  }
  const connection = await createConnection(dsn)
  connection.on('error', () => undefined)
  return {
    query: async (sql) => {
      const [rows] = await connection.query(sql)
      return Array.isArray(rows) ? rows.map((row) => Object.fromEntries(Object.entries(row))) : []
    },
    close: () => connection.end(),
  }
}

/** The ids of the System V shared memory segments of the machine. */
async function sharedMemorySegments(): Promise<string[]> {
  if (process.platform !== 'linux') return []
  const lines = (await readFile('/proc/sysvipc/shm', 'utf8')).trim().split('\n').slice(1)
  return lines.map((line) => line.trim().split(/\s+/)[1] ?? '')
}

/** The segment that PostgreSQL notes in postmaster.pid, if it exists. */
async function sharedMemoryOf(server: TestServer): Promise<string[]> {
  const file = await readFile(join(server.dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')
  const id = file.split('\n')[6]?.trim().split(/\s+/)[1]
  return (await sharedMemorySegments()).filter((segment) => segment === id)
}

async function ask(engine: string, dsn: string, sql: string): Promise<Record<string, unknown>[]> {
  const session = await open(engine, dsn)
  try {
    return await session.query(sql)
  } finally {
    await session.close()
  }
}

const engines = testedEngines.filter((engine) => engine !== 'sqlite')

describe.each(engines)('a private %s server', (engine) => {
  let server: TestServer
  let dsn: string

  beforeAll(async () => {
    server = await privateServer(engine)
    dsn = (await server.createDatabase()).dsn
    await ask(engine, dsn, 'create table note (text varchar(100))')
  })
  afterAll(() => server.stop())

  test('asks for its password, and is told apart from all others by it', async () => {
    const wrong = dsn.replace(server.password, 'wrong')
    await expect(open(engine, wrong)).rejects.toThrow(/password|Access denied/)
    expect(await ask(engine, dsn, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('tells its version', async () => {
    const [row] = await ask(engine, dsn, 'select version() as version')
    expect(row?.['version']).toContain(server.version)
    expect(server.version).toMatch(/^\d+\.\d+/)
  })

  test('creates and drops databases, also used ones', async () => {
    const { name, dsn: named } = await server.createDatabase('odd-"`name')
    expect(name).toBe('odd-"`name')
    const session = await open(engine, named)
    await server.dropDatabase(name)
    await server.dropDatabase(name)
    await expect(open(engine, named)).rejects.toThrow(/does not exist|Unknown database/)
    await session.close().catch(() => undefined)
  })

  test('restarts in order, with changed settings, on the same port and data', async () => {
    const { pid, port } = server
    await ask(engine, dsn, "insert into note values ('kept')")
    const [name, value] = engine === 'postgres' ? ['work_mem', '7MB'] : ['max-connections', '77']
    await server.restart({ [name ?? '']: value ?? '' })
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
    expect(isRunning(pid)).toBe(false)
    expect(await ask(engine, dsn, "select text from note where text = 'kept'")).toHaveLength(1)
    const setting = engine === 'postgres' ? 'show work_mem' : 'select @@max_connections as work_mem'
    expect(String((await ask(engine, dsn, setting))[0]?.['work_mem'])).toBe(value)
  })

  test('kill -9 ends all its processes and its connections; a restart brings back what was committed', async () => {
    const session = await open(engine, dsn)
    await session.query("insert into note values ('committed')")
    const tree = processTree(server.pid)
    expect(tree.length).toBeGreaterThan(engine === 'postgres' ? 3 : 0)
    const lost = expect(
      session.query(engine === 'postgres' ? 'select pg_sleep(60)' : 'select sleep(60)'),
    ).rejects.toThrow()
    server.kill('SIGKILL')
    await server.exited()
    await lost
    expect(server.running).toBe(false)
    await expect(open(engine, dsn)).rejects.toThrow('ECONNREFUSED')
    await server.restart()
    expect(tree.filter(isRunning)).toEqual([])
    expect(await ask(engine, dsn, "select text from note where text = 'committed'")).toHaveLength(1)
  })

  test('frozen, it answers nobody, old connections or new; thawed, it goes on', async () => {
    await using proxy = await startFaultProxy(server)
    const session = await open(engine, proxy.through(dsn))
    const [connection] = proxy.connections
    server.freeze()
    expect(server.running).toBe(true)
    let answered = false
    const answer = session.query("select 'awake' as state").finally(() => (answered = true))
    // The query has gone out, and the port still accepts.
    await connection?.seen('awake')
    const accepted = proxy.nextConnection()
    const second = open(engine, proxy.through(dsn))
    await accepted
    const limit = await Promise.race([answer, second, new Promise((resolve) => setTimeout(resolve, 300, 'timed out'))])
    expect(limit).toBe('timed out')
    expect(answered).toBe(false)
    server.thaw()
    expect(await answer).toEqual([{ state: 'awake' }])
    await (await second).close()
    await session.close()
  })

  test('keeps its log over restarts', () => {
    const ready = engine === 'postgres' ? /ready to accept connections/g : /ready for connections/g
    expect(server.log().match(ready)?.length).toBeGreaterThanOrEqual(3)
  })
})

describe.each(engines)('stopping %s', (engine) => {
  test.each(['running', 'frozen', 'killed'] as const)('leaves nothing when it is %s', async (state) => {
    const server = await privateServer(engine)
    const session = await open(engine, server.dsn())
    const tree = processTree(server.pid)
    const folder = dirname(server.dataDirectory)
    const segments = await sharedMemoryOf(server)
    expect(segments).toHaveLength(engine === 'postgres' && process.platform === 'linux' ? 1 : 0)
    expect(existsSync(folder)).toBe(true)
    if (state === 'frozen') server.freeze()
    if (state === 'killed') server.kill('SIGKILL')
    await server.stop()
    await server.stop()
    expect(tree.filter(isRunning)).toEqual([])
    expect(existsSync(folder)).toBe(false)
    for (const id of segments) expect(await sharedMemorySegments()).not.toContain(id)
    await expect(server.restart()).rejects.toThrow('was stopped')
    await session.close().catch(() => undefined)
  })

  test('a start that fails says why, with the log, and leaves nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-test-'))
    await chmod(folder, 0o755)
    vi.stubEnv('TMPDIR', folder)
    try {
      await expect(privateServer(engine, { nonsense_setting: '1' })).rejects.toThrow(/nonsense_setting/)
      expect(await readdir(folder)).toEqual([])
    } finally {
      vi.unstubAllEnvs()
      await rm(folder, { recursive: true })
    }
  })
})

describe.runIf(engines.includes('mysql'))('accounts of MariaDB', () => {
  test('the application may not write to a read-only server, the administrator may', async () => {
    await using server = await privateServer('mysql')
    await server.createDatabase('shop')
    await ask('mysql', server.dsn('shop'), 'create table t (a int)')
    await server.restart({ 'read-only': '1' })
    await expect(ask('mysql', server.dsn('shop'), 'insert into t values (1)')).rejects.toThrow('--read-only')
    await ask('mysql', server.adminDsn('shop'), 'insert into t values (1)')
    expect(await ask('mysql', server.dsn('shop'), 'select a from t')).toEqual([{ a: 1 }])
  })
})

describe.each(testedEngines)('a fresh %s database', (engine) => {
  test('is empty, of its own, and gone when dropped', async () => {
    await using first = await freshDatabase(engine)
    await using second = await freshDatabase(engine)
    expect(first.dsn).not.toBe(second.dsn)
    if (engine === 'sqlite') {
      const folder = dirname(first.dsn.slice('sqlite:'.length))
      expect(existsSync(folder)).toBe(true)
      await first.drop()
      expect(existsSync(folder)).toBe(false)
      return
    }
    expect(first.dsn).toContain(`:${sharedServer(engine).port}/`)
    await ask(engine, first.dsn, 'create table t (a int)')
    await expect(ask(engine, second.dsn, 'select * from t')).rejects.toThrow(/does not exist|doesn't exist/)
    await first.drop()
    await expect(open(engine, first.dsn)).rejects.toThrow(/does not exist|Unknown database/)
  })
})
