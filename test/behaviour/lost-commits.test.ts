import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import {
  startFaultProxy,
  startPostgresCluster,
  type CutMoment,
  type FaultProxy,
  type TestServer,
} from '../../src/testing/index.ts'
import { privateServer, sharedServer, testedEngines } from '../support/servers.ts'

const rollbackFound = { code: 'SIGNALBOX_CONNECTION_LOST', safeToRetry: true, database: 'default' }

describe.runIf(testedEngines.includes('postgres'))('a COMMIT whose answer is lost', () => {
  let server: TestServer
  let proxy: FaultProxy
  let client: Client<'default'>
  const holdMs = 3_000

  beforeEach(async () => {
    server = await privateServer('postgres')
    proxy = await startFaultProxy({ host: server.host, port: server.port })
    const primary = proxy.through(server.dsn()) as Dsn
    client = await connect({ databases: { default: { primary, replication: { holdMs, commitFate: 'ask' } } } })
    await client.query('create table item (id integer primary key, name text)')
  })

  afterEach(async () => {
    await client.close()
    await proxy.close()
    await server.stop()
  })

  const ids = async (): Promise<readonly number[]> => {
    await using other = await connect(server.dsn())
    return (await other.query<{ id: number }>('select id from item order by id')).rows.map(({ id }) => id)
  }

  /** Only the connection that is there now is cut; others, by which the server is asked, get through. */
  const cutAtCommit = (moment: CutMoment): void => {
    for (const connection of proxy.connections) connection.apply({ kind: 'cut-on', pattern: 'COMMIT', moment })
  }

  it('is found out to have taken effect: callbacks run, and nothing runs twice', async () => {
    const called: string[] = []
    let runs = 0
    const result = await client.transaction(async (tx) => {
      runs++
      await tx.query('insert into item (id) values ($1)', [1])
      tx.onCommit(() => called.push('committed'))
      cutAtCommit('answered')
      return 'done'
    })
    expect(result).toBe('done')
    expect(called).toEqual(['committed'])
    expect(runs).toBe(1)
    expect(await ids()).toEqual([1])
  })

  it('is found out to have been rolled back if it never arrived', async () => {
    const called: string[] = []
    const run = client.transaction(async (tx) => {
      await tx.query('insert into item (id) values ($1)', [1])
      tx.onCommit(() => called.push('committed'))
      cutAtCommit('before')
    })
    await expect(run).rejects.toMatchObject(rollbackFound)
    expect(called).toEqual([])
    expect(await ids()).toEqual([])
  })

  it('counts also for transactions that read first, stream, use savepoints, or write with rows as arrays', async () => {
    const ways: readonly ((client: Client<'default'>, id: number) => Promise<void>)[] = [
      async (on, id) =>
        await on.transaction(async (tx) => {
          await tx.query('select 1')
          await tx.query('insert into item (id) values ($1)', [id])
          await tx.query('update item set name = $1 where id = $2', ['x', id])
          cutAtCommit('answered')
        }),
      async (on, id) =>
        await on.transaction(async (tx) => {
          for await (const row of tx.stream('insert into item (id) values ($1) returning id', [id])) void row
          cutAtCommit('answered')
        }),
      async (on, id) =>
        await on.transaction(async (tx) => {
          const failing = tx.transaction(async (inner) => await inner.query('insert into item (id) values (null)'))
          await expect(failing).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
          await tx.transaction(async (inner) => await inner.query('insert into item (id) values ($1)', [id]))
          cutAtCommit('answered')
        }),
      async (on, id) =>
        await on.transaction(async (tx) => {
          const { rows } = await tx.query('insert into item (id) values ($1) returning id', [id], { rowMode: 'array' })
          expect(rows).toEqual([[id]])
          cutAtCommit('answered')
        }),
      async (on, id) => {
        await using reserved = on.reserve()
        await reserved.transaction(async (tx) => {
          await tx.query('insert into item (id) values ($1)', [id])
          cutAtCommit('answered')
        })
      },
    ]
    for (const [index, way] of ways.entries()) await way(client, index + 1)
    expect(await ids()).toEqual([1, 2, 3, 4, 5])
  })

  it.each([
    ['has it', 'answered', [1]],
    ['does not have it', 'before', []],
  ] as const)('is found out when the server was killed and comes back: it %s', async (_what, moment, expected) => {
    const tx = client.begin()
    await tx.query('insert into item (id) values ($1)', [1])
    const [connection] = proxy.connections
    proxy.refuse()
    cutAtCommit(moment)
    const ended = tx.commit().then(
      () => 'committed',
      (error: unknown) => error,
    )
    await connection!.cut
    server.kill('SIGKILL')
    await server.restart()
    await proxy.accept()
    if (expected.length > 0) expect(await ended).toBe('committed')
    else expect(await ended).toMatchObject(rollbackFound)
    expect(await ids()).toEqual(expected)
  })

  it('is not taken for committed because another transaction got its id after a crash', async () => {
    // Not written to disk by the time of the crash: the server forgets the transaction and its id.
    await using admin = await connect(server.dsn())
    await admin.query('checkpoint')
    const tx = client.begin()
    await tx.query('insert into item (id) values ($1)', [1])
    const [connection] = proxy.connections
    proxy.refuse()
    cutAtCommit('before')
    const ended = tx.commit().catch((error: unknown) => error)
    await connection!.cut
    server.kill('SIGKILL')
    await server.restart()
    await using first = await connect(server.dsn())
    for (let id = 10; id < 20; id++) await first.query('insert into item (id) values ($1)', [id])
    await proxy.accept()
    expect(await ended).toMatchObject(rollbackFound)
    expect(await ids()).not.toContain(1)
  })

  it('stays unknown, within the bound, when the server does not come back', async () => {
    const tx = client.begin()
    await tx.query('insert into item (id) values ($1)', [1])
    proxy.refuse()
    cutAtCommit('answered')
    const begun = performance.now()
    const error = await tx.commit().catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'SIGNALBOX_COMMIT_UNKNOWN', safeToRetry: false, database: 'default' })
    expect((error as Error).message).toMatch(/could not be reached/v)
    expect(performance.now() - begun).toBeLessThan(2 * holdMs)
  })

  it('stays unknown, within the bound, when the server hangs', async () => {
    const tx = client.begin()
    await tx.query('insert into item (id) values ($1)', [1])
    const [connection] = proxy.connections
    cutAtCommit('answered')
    void connection!.cut.then(() => proxy.apply({ kind: 'black-hole' }))
    const begun = performance.now()
    await expect(tx.commit()).rejects.toMatchObject({ code: 'SIGNALBOX_COMMIT_UNKNOWN' })
    expect(performance.now() - begun).toBeLessThan(2 * holdMs)
    proxy.reset()
  })

  it('costs nothing of what follows: statements keep their order, results and errors', async () => {
    const insert = 'insert into item (id, name) values ($1, $2) returning id'
    const unencodable = {
      toPostgres: () => {
        throw new Error('no such value')
      },
    }
    await client.transaction(async (tx) => {
      const answers = await Promise.all([1, 2, 3, 4].map(async (id) => await tx.query(insert, [id, `n${id}`])))
      expect(answers.map(({ rows }) => rows)).toEqual([[{ id: 1 }], [{ id: 2 }], [{ id: 3 }], [{ id: 4 }]])
    })
    await client.transaction(async (tx) => {
      await expect(tx.query(insert, [5, unencodable])).rejects.toThrow('no such value')
      const refused = tx.transaction(async (inner) => await inner.query(insert, [1, 'again']))
      await expect(refused).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
      expect((await tx.query('select count(*)::integer as n from item')).rows).toEqual([{ n: 4 }])
      await tx.query(insert, [5, 'five'])
    })
    const failed = client.transaction(async (tx) => {
      await tx.query(insert, [1, 'again']).catch(() => undefined)
      await tx.query(insert, [6, 'six'])
    })
    await expect(failed).rejects.toMatchObject({ engineCode: '25P02' })
    expect(await ids()).toEqual([1, 2, 3, 4, 5])
  })

  it('leaves servers alone whose functions the account may not call', async () => {
    await using admin = await connect(server.dsn())
    await admin.query('revoke execute on function txid_current_if_assigned() from public')
    await admin.query("create role plain login password 'plain'")
    await admin.query('grant all on item to plain')
    const dsn = new URL(proxy.through(server.dsn()))
    dsn.username = 'plain'
    dsn.password = 'plain'
    const primary = dsn.href as Dsn
    await using plain = await connect({ databases: { default: { primary, replication: { commitFate: 'ask' } } } })
    await plain.transaction(async (tx) => await tx.query('insert into item (id) values ($1)', [1]))
    const lost = plain.transaction(async (tx) => {
      await tx.query('insert into item (id) values ($1)', [2])
      cutAtCommit('answered')
    })
    await expect(lost).rejects.toMatchObject({ code: 'SIGNALBOX_COMMIT_UNKNOWN' })
    expect(await ids()).toEqual([1, 2])
  })
})

describe.runIf(testedEngines.includes('postgres'))('a COMMIT whose answer is lost with the primary', () => {
  it.each([
    ['committed if the new primary has it', 'answered'],
    ['unknown if it does not, since the old one may', 'before'],
  ] as const)(
    'is %s',
    async (_what, moment) => {
      await using cluster = await startPostgresCluster({ template: sharedServer('postgres').template })
      const database = await cluster.createDatabase()
      const { primary: old, replicas } = cluster
      await using proxy = await startFaultProxy({ host: old.host, port: old.port })
      await using client = await connect({
        databases: {
          default: {
            primary: proxy.through(database.dsnOf(old)) as Dsn,
            replicas: replicas.map((replica) => database.dsnOf(replica)),
            replication: { holdMs: 15_000 },
          },
        },
      })
      await client.query('create table item (id integer primary key)')
      const tx = client.begin()
      await tx.query('insert into item (id) values ($1)', [1])
      for (const connection of proxy.connections) connection.apply({ kind: 'cut-on', pattern: 'COMMIT', moment })
      proxy.refuse()
      const ended = tx.commit().then(
        () => 'committed',
        (error: unknown) => error,
      )
      await Promise.race(proxy.connections.map(async (connection) => await connection.cut))
      await cluster.caughtUp()
      old.kill('SIGKILL')
      await old.exited()
      await cluster.promote(replicas[0]!)
      if (moment === 'answered') expect(await ended).toBe('committed')
      else expect(await ended).toMatchObject({ code: 'SIGNALBOX_COMMIT_UNKNOWN', safeToRetry: false })
      const { rows } = await client.query('select id from item', [], { role: 'primary' })
      expect(rows).toEqual(moment === 'answered' ? [{ id: 1 }] : [])
    },
    60_000,
  )
})
