import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/program.ts'
import type { ConnectionsReport } from '../../src/cli/server-connections.ts'
import type { StatusReport } from '../../src/cli/status-report.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import {
  comparePosition,
  connect,
  parsePosition,
  type Config,
  type DatabaseInput,
  type Dsn,
  type ShardView,
} from '../../src/index.ts'
import { startFaultProxy, type ClusterDatabase, type TestCluster } from '../../src/testing/index.ts'
import { freshDatabase, testedEngines, privateCluster } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))
const patience = { timeout: 15_000, interval: 20 }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-status-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Watching {
  /** The pictures so far. */
  readonly pictures: readonly StatusReport[]
  /** The second picture from now on: it was begun after now. */
  readonly next: () => Promise<StatusReport>
}

async function signalbox(args: readonly string[], write: (text: string) => void, enough?: AbortSignal): Promise<void> {
  const terminal: Terminal = {
    write: async (text) => write(text),
    writeError: async (text) => {
      throw new Error(text)
    },
    style: (_style, text) => text,
    columns: 120,
    read: async () => '',
    ask: async () => undefined,
    isInteractive: false,
    interruption: () => enough ?? new AbortController().signal,
  }
  await run(['status', ...args], terminal)
}

async function configFile(databases: Config['databases']): Promise<string> {
  const file = join(folder, `${Math.random()}.mjs`)
  await writeFile(file, `export default ${JSON.stringify({ databases })}`)
  return file
}

async function statusOf(databases: Config['databases'], args: readonly string[] = []): Promise<StatusReport> {
  const texts: string[] = []
  await signalbox(['--json', ...args, '--config', await configFile(databases)], (text) => void texts.push(text))
  return JSON.parse(texts.join('')) as StatusReport
}

/** `status --watch` while `script` goes on. */
async function watch(shop: DatabaseInput, timeoutMs: number, script: (watching: Watching) => Promise<void>) {
  const enough = new AbortController()
  const pictures: StatusReport[] = []
  const args = ['--json', '--watch', '0.1', '--timeout', String(timeoutMs), '--config', await configFile({ shop })]
  const write = (text: string): void => void pictures.push(JSON.parse(text) as StatusReport)
  const ended = signalbox(args, write, enough.signal)
  const next = async (): Promise<StatusReport> => {
    const wanted = pictures.length + 2
    await expect.poll(() => pictures.length, patience).toBeGreaterThanOrEqual(wanted)
    return pictures[wanted - 1]!
  }
  try {
    await script({ pictures, next })
  } finally {
    enough.abort()
    await ended
  }
}

function connectionsIn({ shards }: StatusReport): readonly (ConnectionsReport | null)[] {
  return shards.flatMap(({ servers }) => servers.map(({ connections }) => connections))
}

/** When nothing that was closed before is still on its way out. */
async function settled(next: () => Promise<StatusReport>): Promise<readonly (ConnectionsReport | null)[]> {
  let last: string[] = []
  await expect
    .poll(async () => {
      last = [...last, JSON.stringify(connectionsIn(await next()))].slice(-3)
      return last.length === 3 && new Set(last).size === 1 && !last[0]!.includes('null,')
    }, patience)
    .toBe(true)
  return JSON.parse(last[0]!) as readonly (ConnectionsReport | null)[]
}

/** Connections of other accounts. */
function othersOf(connections: readonly (ConnectionsReport | null)[]): readonly number[] {
  return connections.map((one) => one!.open - one!.mine!)
}

/** Takes this many connections at once. */
async function occupy(dsn: Dsn, count: number): Promise<AsyncDisposable> {
  const client = await connect({ databases: { default: dsn }, pool: { maxConnections: count } })
  const reserved = Array.from({ length: count }, () => client.reserve())
  await Promise.all(reserved.map(async (connection) => await connection.query('select 1')))
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(reserved.map(async (connection) => await connection.release()))
      await client.close()
    },
  }
}

describe.each(engines)('The status of a cluster of %s', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase
  let shop: DatabaseInput
  /** Of an account that may log in, and nothing else. */
  let ordinary: readonly Dsn[]

  beforeAll(async () => {
    cluster = await privateCluster(engine)
    database = await cluster.createDatabase()
    shop = { primary: database.dsnOf(cluster.primary), replicas: cluster.replicas.map((one) => database.dsnOf(one)) }
    await using admin = await connect(cluster.primary.adminDsn(database.name))
    if (engine === 'postgres') await admin.query(`create role ordinary login password 'secret'`)
    else {
      await admin.query(`create user ordinary@'%' identified by 'secret'`)
      await admin.query(`grant select on \`${database.name}\`.* to ordinary@'%'`)
    }
    await cluster.caughtUp()
    ordinary = cluster.servers.map((server) => {
      const url = new URL(database.dsnOf(server))
      Object.assign(url, { username: 'ordinary', password: 'secret' })
      return url.href as Dsn
    })
  }, 60_000)
  afterAll(async () => {
    await cluster.stop()
  })

  it('goes through JSON as it is, for a health endpoint, and its positions can be compared', async () => {
    await using client = await connect({ databases: { shop } })
    await client.query('create table visit (id integer)')
    const [, late] = cluster.servers
    await cluster.pauseReplay(late!)
    try {
      await client.query('insert into visit values (1)')
      await client.query('select count(*) from visit')
      // Until the primary was asked again, it is its picture that is older.
      const compared = ({ servers: [primary, replica] }: ShardView) => {
        const [at, wanted] = [replica, primary].map((server) => parsePosition(server?.position ?? ''))
        return at && wanted && comparePosition(at, wanted)
      }
      await expect.poll(() => client.status().map(compared), patience).toEqual(['behind'])
      const views = client.status()
      const text = JSON.stringify(views)
      const [shard] = JSON.parse(text) as readonly ShardView[]
      // What is undefined is left out.
      expect(shard!.servers).toEqual(views[0]!.servers)
      expect(text).not.toContain(new URL(database.primary).password)
      expect(compared(shard!)).toBe('behind')
      expect(shard!.primary).toMatchObject({ kind: 'primary', server: { id: 'shop/main/primary' } })
      expect(shard!.servers[0]!.bytesBehind).toBe(engine === 'postgres' ? 0 : undefined)
      if (engine === 'postgres') expect(shard!.servers[1]!.bytesBehind).toBeGreaterThan(0)
    } finally {
      await cluster.resumeReplay(late!)
      await cluster.caughtUp()
    }
  })

  /** MariaDB: replicas that receive from a server are its clients. */
  const receivers = (count: number): number => (engine === 'mysql' ? count : 0)

  it('counts the connections of everybody and of the account, for an account that may see no more', async () => {
    const [primary, ...replicas] = ordinary
    await watch({ primary: primary!, replicas }, 5_000, async ({ next }) => {
      const before = await settled(next)
      const facts = await connect(database.primary)
      const sql =
        engine === 'postgres' ? `select current_setting('max_connections') as max` : 'select @@max_connections as max'
      const max = Number((await facts.query(sql)).rows[0]!['max'])
      await facts.close()
      for (const one of before) expect(one).toMatchObject({ max, pool: engine === 'postgres' ? 13 : 11 })
      // Only of the watch itself: one that asks how each server is, one that counts, and that of the first read.
      expect(before.map((one) => one!.mine!).toSorted((a, b) => a - b)).toEqual([2, 2, 3])
      expect(othersOf(before)).toEqual([receivers(2), 0, 0])
      const [on, off] = [database.dsnOf(cluster.servers[1]!), ordinary[1]!]
      const others = await occupy(on, 5)
      const [first, second, third] = before
      await expect
        .poll(async () => connectionsIn(await next()), patience)
        .toEqual([first, { ...second, open: second!.open + 5 }, third])
      const own = await occupy(off, 3)
      const more = { ...second, open: second!.open + 8, mine: second!.mine! + 3 }
      await expect.poll(async () => connectionsIn(await next()), patience).toEqual([first, more, third])
      await others[Symbol.asyncDispose]()
      await own[Symbol.asyncDispose]()
      await expect.poll(async () => connectionsIn(await next()), patience).toEqual(before)
    })
  }, 60_000)

  it('counts them on one connection, however many pictures', async () => {
    await using proxy = await startFaultProxy(cluster.servers[1]!)
    const through = { primary: shop.primary, replicas: [proxy.through(database.dsnOf(cluster.servers[1]!)) as Dsn] }
    await watch({ ...through, replication: { probeTimeoutMs: 5_000 } }, 5_000, async ({ next }) => {
      for (let picture = 0; picture < 3; picture += 1) expect(connectionsIn(await next())).not.toContain(null)
      // The account may see everything: no process of the server's own is counted.
      expect(othersOf(await settled(next))).toEqual([receivers(2), 0])
      // Of the watch, of the first read, and of the count.
      expect(proxy.accepted).toBe(3)
    })
  }, 60_000)

  it('counts those of servers that were found, too', async () => {
    const members = cluster.servers.map(({ host, port }) => ({ name: `${port}`, state: 'running', host, port }))
    const patroni = createServer((_, response) => void response.end(JSON.stringify({ members })))
    await new Promise<void>((resolve) => void patroni.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(patroni.address() as AddressInfo).port}`
    try {
      const found: DatabaseInput = { primary: database.primary, discovery: { patroni: url } }
      await using _occupied = await occupy(database.dsnOf(cluster.servers[2]!), 20)
      const report = await statusOf({ shop: found })
      const numbers = connectionsIn(report)
      const least = (connections: number) => expect.toSatisfy((open: number) => open >= connections) as number
      const pool = engine === 'postgres' ? 13 : 11
      expect(numbers).toMatchObject([
        { open: least(2), pool },
        { open: least(2), pool },
        { open: least(22), pool },
      ])
      expect(numbers[1]!.open).toBeLessThan(20)
    } finally {
      patroni.close()
    }
  }, 60_000)

  it('does not wait for the connections of a frozen server, and shows them when it is back', async () => {
    const [, , frozen] = cluster.servers
    await watch(shop, 10_000, async ({ next, pictures }) => {
      expect(connectionsIn(await next())).not.toContain(null)
      frozen!.freeze()
      try {
        const begun = performance.now()
        const isSeen = (report: StatusReport): boolean => connectionsIn(report)[2] === null
        await expect.poll(async () => isSeen(await next()), patience).toBe(true)
        const after = await next()
        expect(performance.now() - begun).toBeLessThan(8_000)
        expect(connectionsIn(after)).toEqual([expect.any(Object), expect.any(Object), null])
        const once = performance.now()
        const alone = await statusOf({ shop }, ['--timeout', '10000'])
        expect(performance.now() - once).toBeLessThan(8_000)
        expect(connectionsIn(alone)).toEqual([expect.any(Object), expect.any(Object), null])
        expect(alone.problems).toMatchObject([{ code: 'out', server: 'shop/main/replica-2' }])
      } finally {
        frozen!.thaw()
      }
      await expect.poll(() => connectionsIn(pictures.at(-1)!), patience).not.toContain(null)
    })
  }, 60_000)

  it('waits once for a server that answers all but the question for its connections', async () => {
    await using proxy = await startFaultProxy(cluster.servers[1]!)
    const replicas = [proxy.through(database.dsnOf(cluster.servers[1]!)) as Dsn]
    await watch({ primary: shop.primary, replicas }, 2_000, async ({ next, pictures }) => {
      expect(connectionsIn(await next())).not.toContain(null)
      // The connection over which it is watched came first.
      const [watched] = proxy.connections
      proxy.apply({ kind: 'black-hole' })
      watched!.apply({ kind: 'pass' })
      const begun = pictures.length
      await expect.poll(() => pictures.length, patience).toBeGreaterThan(begun + 10)
      const since = pictures.slice(begun - 1)
      expect(since.at(-1)!.shards[0]!.servers[1]).toMatchObject({ state: 'up', connections: null })
      expect(since.at(-1)!.ok).toBe(true)
      expect(since.at(-1)!.shards[0]!.servers[0]!.connections).not.toBeNull()
      const times = since.map(({ at }) => Date.parse(at))
      expect(times.filter((at, index) => at - (times[index - 1] ?? at) >= 1_800)).toHaveLength(1)
      proxy.apply({ kind: 'pass' })
      await expect.poll(() => connectionsIn(pictures.at(-1)!), patience).not.toContain(null)
    })
  }, 60_000)
})

describe.each(testedEngines)('The status of a single server of %s', (engine) => {
  it('shows its connections, of which SQLite has none', async () => {
    await using database = await freshDatabase(engine)
    if (engine === 'sqlite') {
      await using client = await connect(database.dsn)
      await client.query('create table t (id integer)')
    }
    const databases = { shop: database.dsn as Dsn }
    const [connections] = connectionsIn(await statusOf(databases))
    const texts: string[] = []
    await signalbox(['--config', await configFile(databases)], (text) => void texts.push(text))
    const [head, row] = texts.join('').split('\n')
    expect(head).toMatch(/ BEHIND +CONNECTIONS +VERSION$/)
    if (engine === 'sqlite') {
      expect(connections).toBeNull()
      expect(row).not.toContain('/')
    } else {
      expect(connections).toMatchObject({ max: 200, pool: 12 })
      expect(connections!.open).toBeGreaterThanOrEqual(connections!.mine!)
      expect(row).toMatch(/ \d+\/200 +\d+\.\d+/)
    }
  })
})
