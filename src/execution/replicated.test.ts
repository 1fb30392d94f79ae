import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Client } from '../client.ts'
import type { ReplicationOptions } from '../index.ts'
import { connectionLost, simulateDrivers, type SimulatedServer } from '../testing/simulated-driver.ts'
import type { Position } from '../topology/position.ts'

const dsns = { primary: 'postgres://u@p/d', first: 'postgres://u@r1/d', second: 'postgres://u@r2/d' } as const
const at = (lsn: number): Position => ({ kind: 'lsn', timeline: 1, lsn: BigInt(lsn) })
const read = 'select n from item'
const write = 'update item set n = n + 1'

describe('a simulated shard with two replicas', () => {
  let client: Client
  let primary: SimulatedServer
  let replicas: readonly [SimulatedServer, SimulatedServer]

  async function open(replication: Partial<ReplicationOptions> = {}, closeTimeoutMs = 50): Promise<void> {
    const simulated = simulateDrivers()
    primary = simulated.server(dsns.primary)
    replicas = [simulated.server(dsns.first), simulated.server(dsns.second)]
    primary.setStatus({ position: at(10) })
    for (const replica of replicas) replica.setStatus({ writable: false, position: at(10) })
    client = await connect(
      {
        databases: {
          default: {
            primary: dsns.primary,
            replicas: [dsns.first, dsns.second],
            replication: { waitMs: 5, balancer: 'round-robin', ...replication },
          },
        },
        limits: { closeTimeoutMs, readAttempts: 1 },
      },
      { drivers: simulated.drivers },
    )
  }
  beforeEach(() => open())
  afterEach(() => client.close())

  const sent = (server: SimulatedServer): readonly string[] =>
    server.steps.filter(({ action }) => action !== 'status').map(({ action, detail }) => `${action} ${detail}`.trim())
  const serverOf = async (): Promise<string | undefined> => (await client.query(read)).route.server
  const losePrimary = async (): Promise<void> => {
    primary.setStatus({ writable: false })
    // Until a probe says otherwise, the configured primary is the primary.
    await client.query(write)
    await expect.poll(() => client.status()[0]!.primary.kind).toBe('none')
  }

  it('is asked nothing by explain(), which holds nothing either', async () => {
    await client.close()
    await open({ holdMs: 0 })
    expect(client.explain(read).role).toBe('replica')
    await setImmediate()
    expect([primary, ...replicas].flatMap(({ steps }) => steps)).toEqual([])
    await losePrimary()
    // No replica is fresh enough: the query would be held. A promise of it that nobody waits for would end the process.
    client.explain(read, [], { maxStalenessMs: 1 })
    await setImmediate()
    await expect(client.query(read, [], { maxStalenessMs: 1 })).rejects.toMatchObject({ code: 'SIGNALBOX_NO_PRIMARY' })
  })

  it('is explained with its present primary', async () => {
    await losePrimary()
    replicas[1].setStatus({ writable: true })
    const { route } = await client.query(write)
    expect(route.server).toContain('@r2/')
    expect(client.explain(write)).toEqual(route)
  })

  it('holds a statement no longer than its own time, or than its signal lets it', async () => {
    await losePrimary()
    const steps = sent(primary).length
    await expect(client.query(write, [], { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'SIGNALBOX_TIMEOUT',
      timeoutMs: 20,
      safeToRetry: true,
    })
    const aborting = new AbortController()
    const held = [
      client.query(write, [], { signal: aborting.signal }),
      client.transaction(async (tx) => await tx.query(write), { signal: aborting.signal }),
      client.reserve().query(write, [], { signal: aborting.signal }),
      client.stream(`${write} returning n`, [], { signal: aborting.signal }).next(),
    ]
    void setImmediate().then(() => aborting.abort())
    for (const { reason } of (await Promise.allSettled(held)) as PromiseRejectedResult[])
      expect(reason).toMatchObject({ code: 'SIGNALBOX_ABORTED', safeToRetry: true })
    expect(sent(primary).length).toBe(steps)
  })

  it('tells each statement of a transaction that its primary may show less than a replica has shown', async () => {
    Object.assign(primary, { showsAll: () => Promise.resolve(false) })
    const rulesOf = async (): Promise<readonly string[]> =>
      await client.transaction(async (tx) => (await tx.query(read)).route.reasons.map(({ rule }) => rule))
    await client.session(async () => {
      expect(await rulesOf()).not.toContain('unproven')
      await client.query(read)
      expect(await rulesOf()).toContain('unproven')
    })
  })

  it('proves what a replica has shown before every read of the primary, also one that locks or may write', async () => {
    let proofs = 0
    Object.assign(primary, { showsAll: () => Promise.resolve(++proofs > 0) })
    await client.session(async () => {
      for (const sql of [`${read} for update`, 'select somebodys(n) from item', "select n, nextval('s') from item"]) {
        const before = proofs
        await client.query(read)
        expect((await client.query(sql)).route.role).toBe('primary')
        expect(proofs - before, sql).toBe(1)
      }
      await client.query(read)
      await client.query(write)
      expect(proofs).toBe(3)
    })
  })

  it('waits for a proof no longer than the time of the call, or than its signal lets it', async () => {
    Object.assign(primary, { showsAll: () => new Promise(() => {}) })
    const aborting = new AbortController()
    await client.session(async () => {
      await client.query(read)
      const onPrimary = { role: 'primary' } as const
      await expect(client.query(read, [], { ...onPrimary, timeoutMs: 20 })).rejects.toMatchObject({
        code: 'SIGNALBOX_TIMEOUT',
        safeToRetry: true,
      })
      const asked = client.query(read, [], { ...onPrimary, signal: aborting.signal })
      void setImmediate().then(() => aborting.abort())
      await expect(asked).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED', safeToRetry: true })
    })
    expect(sent(primary)).toEqual([])
  })

  it('ends the wait of what is held when the client is closed, without keeping the process busy', async () => {
    await losePrimary()
    const held = client.query(write)
    const begun = performance.now()
    const outcome = expect(held).rejects.toMatchObject({ code: 'SIGNALBOX_CLIENT_CLOSED' })
    await client.close()
    await outcome
    expect(performance.now() - begun).toBeLessThan(1_000)
  })

  it('lets what is held go on to its end where a primary appears while the client is being closed', async () => {
    await client.close()
    await open({ probeIntervalMs: 50 }, 5_000)
    await losePrimary()
    const held = client.query(write)
    const closed = client.close()
    replicas[0].setStatus({ writable: true })
    await Promise.allSettled([held, closed])
    expect(await held).toMatchObject({ route: { role: 'primary' } })
  }, 10_000)

  it('counts a streamed write as under way until its last row', async () => {
    primary.answerWith(({ action }) => (action === 'stream' ? [{ n: 1 }, { n: 2 }] : undefined))
    await client.session(async () => {
      let position = 11
      for await (const _ of client.stream(`${write} returning n`)) {
        // The position that was named while it was under way does not count for the next read.
        primary.setStatus({ position: at(position++) })
        expect((await client.query(read)).route.role).toBe('primary')
      }
      primary.setStatus({ position: at(20) })
      expect((await client.query(read)).route.role).toBe('primary')
    })
  })

  it('gives a read-only transaction its primary where no replica can be reached', async () => {
    for (const replica of replicas) {
      replica.answerWith(() => {
        throw connectionLost(true)
      })
    }
    const route = await client.transaction(async (tx) => (await tx.query(read)).route, { readOnly: true })
    expect(route.role).toBe('primary')
  })

  it('sends nothing to a replica that may write, also within a read-only transaction', async () => {
    await client.transaction(
      async (tx) => {
        expect((await tx.query(read)).route.role).toBe('replica')
        await expect(tx.query(`${read} for update`)).rejects.toMatchObject({ code: 'SIGNALBOX_READ_ONLY_TRANSACTION' })
        await tx.query(read)
      },
      { readOnly: true },
    )
    expect(replicas.flatMap(sent).filter((step) => step.includes('for update'))).toEqual([])
  })

  it('does not keep reads from replicas because a connection is reserved', async () => {
    await client.session(async () => {
      await using connection = client.reserve()
      expect((await connection.query('select pg_advisory_lock(1)')).route.server).toContain('@p/')
      expect((await client.query(read)).route.role).toBe('replica')
      await connection.transaction(async (tx) => {
        await tx.query(write)
        primary.setStatus({ position: at(11) })
        expect((await client.query(read)).route.role).toBe('primary')
      })
      primary.setStatus({ position: at(20) })
      expect((await client.query(read)).route.role).toBe('primary')
    })
  })

  it('believes no read of a session whose replica lost connections meanwhile: it may show an older state', async () => {
    await client.session(async () => {
      const first = await serverOf()
      const mine = replicas[first!.includes('r1') ? 0 : 1]
      mine.answerWith(({ action }) => {
        if (action === 'query') mine.loseConnections()
      })
      expect(await serverOf()).not.toBe(first)
    })
  })

  it('stays on one replica through nested sessions, and asks the primary when they read different ones', async () => {
    await client.session(async () => {
      const outer = await serverOf()
      expect(await client.session(serverOf)).toBe(outer)
      expect(await client.replica(serverOf)).toBe(outer)
    })
    await client.session(async () => {
      const inner = await client.session(serverOf)
      expect(await serverOf()).toBe(inner)
    })
    await client.session(async () => {
      // Side by side, the two begin without a replica, and so may read two.
      await Promise.all([client.session(serverOf), client.session(serverOf)])
      primary.setStatus({ position: at(20) })
      expect((await client.query(read)).route.role).toBe('primary')
    })
  })

  it('takes what is a promise only by its then() into the session, and an exception out of it', async () => {
    const builder = (sql: string): PromiseLike<string | undefined> => ({
      // oxlint-disable-next-line unicorn/no-thenable -- as query builders are
      then: (resolve, reject) =>
        client
          .query(sql)
          .then(({ route }) => route.server)
          .then(resolve, reject),
    })
    await client.session(async (session) => {
      await client.session(() => builder(write))
      expect(session.wrote).toBe(true)
    })
    expect(await client.primary(() => builder(read))).toContain('@p/')
    await client.session(async (session) => {
      expect(() =>
        client.session(() => {
          void client.query(write)
          throw new Error('the application’s own')
        }),
      ).toThrow('the application’s own')
      expect(session.wrote).toBe(true)
    })
  })

  it('has a stream belong to the session in which it was asked for', async () => {
    const rows = client.session(() => client.stream(`${write} returning n`))
    const other = client.primary(() => client.stream(read))
    for await (const _ of rows);
    for await (const _ of other);
    expect(sent(primary)).toEqual([`stream ${write} returning n`, `stream ${read}`])
  })

  it('is asked at once who is primary when the answer to a COMMIT is lost', async () => {
    await client.close()
    await open({ probeIntervalMs: 60_000, holdMs: 0 })
    primary.answerWith(({ action }) => {
      if (action === 'commit') throw connectionLost(false)
    })
    await client.query(write)
    const probes = (): number => replicas[0].steps.filter(({ action }) => action === 'status').length
    await expect.poll(probes).toBe(1)
    await expect(client.transaction(async (tx) => await tx.query(write))).rejects.toThrow()
    await expect.poll(probes).toBeGreaterThan(1)
    expect(sent(primary).filter((step) => step === 'commit').length).toBe(1)
  })

  it('tells what functions do also while the primary is down, before anybody knows that', async () => {
    primary.answerWith(() => {
      throw connectionLost(true)
    })
    for (const replica of replicas) {
      replica.answerWith((_, request) =>
        request?.sql.includes('pg_proc') === true
          ? [{ schema: 'public', name: 'price_of', volatile: false }]
          : undefined,
      )
    }
    await client.query('select price_of(n) from item', [], { timeoutMs: 1_000 })
    expect(replicas.flatMap(sent).filter((step) => step.includes('pg_proc')).length).toBe(1)
  })

  it('gives up what is read on a replica that hangs: a stream half way through, a transaction’s statement', async () => {
    await client.close()
    await open({ probeTimeoutMs: 100, probeIntervalMs: 100 })
    let hangs = false
    for (const replica of replicas) {
      replica.answerWith(({ action }) => {
        if (hangs && action !== 'release') return new Promise(() => {})
        return action === 'stream' ? Object.assign([], { [Symbol.asyncIterator]: rowsThatStop }) : undefined
      })
    }
    async function* rowsThatStop(): AsyncGenerator {
      yield { n: 1 }
      await new Promise(() => {})
    }
    await using tx = client.begin({ readOnly: true })
    await tx.query(read)
    const rows = client.stream(read)
    expect(await rows.next()).toMatchObject({ value: { n: 1 } })
    hangs = true
    const outcomes = await Promise.allSettled([rows.next(), tx.query(read)])
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'SIGNALBOX_CONNECTION_LOST' } })
    await expect(tx.commit()).rejects.toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST' })
  })

  it('takes a connection to another server where one hangs, and gives back the one that comes late', async () => {
    await client.close()
    await open({ probeTimeoutMs: 100, probeIntervalMs: 100 })
    await client.query(read)
    const thawed = Promise.withResolvers<void>()
    for (const replica of replicas)
      replica.answerWith(({ action }) => (action === 'release' ? undefined : thawed.promise))
    const route = await client.transaction(async (tx) => (await tx.query(read)).route, { readOnly: true })
    expect(route.role).toBe('primary')
    thawed.resolve()
    const count = (wanted: string): number => replicas.flatMap(sent).filter((step) => step === wanted).length
    expect(count('lease')).toBeGreaterThan(0)
    await expect.poll(() => count('release clean')).toBe(count('lease'))
    expect(replicas.map(({ leased }) => leased)).toEqual([0, 0])
  })

  it('gives up reads on a primary that hangs, and reads its successor', async () => {
    await open({ probeTimeoutMs: 100, probeIntervalMs: 100 })
    let hangs = false
    primary.answerWith(() => (hangs ? new Promise(() => {}) : undefined))
    await client.query(write)
    hangs = true
    const held = client.query(read, [], { role: 'primary' })
    await expect.poll(() => client.status()[0]!.primary.kind).toBe('none')
    replicas[1].setStatus({ writable: true })
    expect((await held).route.server).toContain('r2')
  })
})

describe('databases that are schemas of the same replicated servers', () => {
  it('are one for a session that wrote to either: a join on a replica must show it', async () => {
    const simulated = simulateDrivers()
    const dsnOf = (host: string, schema: string): `mysql://${string}` => `mysql://u@${host}/${schema}`
    const gtid = (sequence: number): Position => ({
      kind: 'gtid',
      domains: new Map([[0, { server: 1, sequence: BigInt(sequence) }]]),
    })
    for (const schema of ['shop', 'reviews']) {
      simulated.server(dsnOf('p', schema)).setStatus({ position: gtid(8) })
      simulated.server(dsnOf('r', schema)).setStatus({ writable: false, position: gtid(7) })
    }
    const databaseOf = (schema: string): { primary: `mysql://${string}`; replicas: [`mysql://${string}`] } => ({
      primary: dsnOf('p', schema),
      replicas: [dsnOf('r', schema)],
    })
    await using client = await connect(
      {
        databases: { default: databaseOf('shop'), reviews: databaseOf('reviews') },
        tables: { review: 'reviews' },
        databasesShareServer: [['default', 'reviews']],
      },
      { drivers: simulated.drivers },
    )
    const join = 'select * from product p join review r on r.product_id = p.id'
    await client.session(async () => {
      expect((await client.query(join)).route.role).toBe('replica')
      await client.query('insert into review (product_id) values (1)')
      expect((await client.query(join)).route).toMatchObject({ database: 'default', role: 'primary' })
    })
  })
})
