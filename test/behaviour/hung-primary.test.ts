import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, CommitUnknownError, QueryError, type Client } from '../../src/index.ts'
import { type ClusterDatabase, type TestCluster } from '../../src/testing/index.ts'
import { testedEngines, privateCluster } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

describe.each(engines)('a primary on %s that hangs while it writes', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase
  let client: Client

  beforeAll(async () => {
    cluster = await privateCluster(engine)
    database = await cluster.createDatabase()
    client = await connect({
      databases: {
        default: {
          primary: database.primary,
          replicas: database.replicas,
          pool: { maxConnections: 5, multiplexConnections: 0 },
        },
      },
    })
    await client.query('create table item (id integer primary key, n integer not null)')
    await client.query('insert into item values (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)')
    await cluster.caughtUp()
  }, 60_000)

  afterAll(async () => {
    for (const server of cluster.servers) server.thaw()
    await client.close()
    await cluster.stop()
  })

  const bump = (id: number): string => `update item set n = n + 1 where id = ${id}`
  const outcomeOf = async (work: Promise<unknown>): Promise<unknown> =>
    await work.then(
      () => 'done',
      (error: unknown) => error,
    )

  it('is waited for as long as it is the primary, and left as soon as another one is', async () => {
    // Every connection of the pool is there, and has its work.
    await Promise.all([1, 2, 3, 4, 5].map(async (id) => await client.query(bump(id))))
    const idle = client.begin()
    await idle.query(bump(1))
    const committing = client.begin()
    await committing.query(bump(2))
    const writing = client.begin()
    await writing.query(bump(3))
    const old = cluster.primary
    old.freeze()
    const begun = performance.now()
    const works = {
      autocommit: client.query(bump(4)),
      inTransaction: writing.query(bump(3)),
      commit: committing.commit(),
      stream: Array.fromAsync(client.stream(engine === 'postgres' ? `${bump(5)} returning n` : bump(5))),
      // There are five connections: this one waits for a free one.
      waiting: delay(200).then(async () => await client.query('insert into item values (6, 0)')),
    }
    let ended = 0
    const outcomes = Object.entries(works).map(async ([name, work]): Promise<[string, unknown]> => {
      const outcome = await outcomeOf(work)
      ended += 1
      return [name, outcome]
    })
    await delay(1_800)
    expect(ended).toBe(0)
    expect(client.status()[0]?.servers[0]).toMatchObject({ state: expect.stringMatching(/down|probing/) })
    await cluster.promote(await cluster.mostAdvanced())
    const promoted = performance.now()
    const { autocommit, inTransaction, commit, stream, waiting } = Object.fromEntries(await Promise.all(outcomes))
    expect(performance.now() - promoted).toBeLessThan(3_000)

    const mayHaveHappened = { errorClass: 'connection-lost', safeToRetry: false }
    for (const error of [autocommit, inTransaction, stream]) {
      expect(error).toBeInstanceOf(QueryError)
      expect(error).toMatchObject(mayHaveHappened)
      expect(String(error)).toMatch(/does not answer .* is the primary now/)
    }
    expect(commit).toBeInstanceOf(CommitUnknownError)
    // The old one may have committed it all the same.
    if (engine === 'postgres') expect(String(commit)).toContain('the new primary does not have it; the old one may')
    // What was never sent is done by the new primary.
    expect(waiting).toBe('done')
    expect(await outcomeOf(idle.query(bump(1)))).toMatchObject({ errorClass: 'connection-lost' })
    await writing.rollback()
    const { rows } = await client.query('select id, n from item order by id', [], { role: 'primary' })
    expect(rows).toEqual([1, 2, 3, 4, 5, 6].map((id) => ({ id, n: id === 6 ? 0 : 1 })))
    expect(performance.now() - begun).toBeLessThan(10_000)
  }, 30_000)
})
