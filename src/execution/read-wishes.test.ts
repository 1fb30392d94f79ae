import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Client } from '../client.ts'
import { ConfigError } from '../errors.ts'
import type { CallOptions, ReplicationOptions, Route, Session } from '../index.ts'
import { simulateDrivers, type SimulatedServer } from '../testing/simulated-driver.ts'
import type { Position } from '../topology/position.ts'
import { encodeToken } from './session-token.ts'

const keys = ['a secret of sixteen bytes']
const read = 'select n from item'
const write = 'update item set n = n + 1'
const at = (lsn: number): Position => ({ kind: 'lsn', timeline: 1, lsn: BigInt(lsn) })

describe('what is asked of the servers that read', () => {
  let client: Client
  let primary: SimulatedServer
  let replicas: readonly [SimulatedServer, SimulatedServer]

  async function open(replication: Partial<ReplicationOptions> = {}): Promise<void> {
    const simulated = simulateDrivers()
    const [url, first, second] = ['postgres://u@p/d', 'postgres://u@r1/d', 'postgres://u@r2/d'] as const
    primary = simulated.server(url)
    replicas = [simulated.server(first), simulated.server(second)]
    primary.setStatus({ position: at(20) })
    for (const replica of replicas) replica.setStatus({ writable: false, position: at(10) })
    const shard = { primary: url, replicas: [first, { url: second, tags: ['search'] }] }
    client = await connect(
      {
        databases: {
          default: { ...shard, replication: { waitMs: 100, maxLagMs: 0, balancer: 'round-robin', ...replication } },
        },
        tokens: { keys },
      },
      { drivers: simulated.drivers },
    )
  }
  beforeEach(() => open())
  afterEach(() => client.close())

  /** What a session gives that has come so far; `undefined`: nobody could say. */
  const tokenAt = (lsn: number | undefined, ageMs = 0, key = keys[0]!): string => {
    const position = lsn === undefined ? undefined : at(lsn)
    return encodeToken([{ database: 'default', shard: 'main', position }], [key], Date.now() - ageMs)
  }
  const host = ({ server }: Route): string => /@(\w+)/.exec(server ?? '')?.[1] ?? ''
  const rules = ({ reasons }: Route): readonly string[] => reasons.map(({ rule }) => rule)
  const routeOf = async (options?: CallOptions): Promise<Route> => (await client.query(read, [], options)).route
  const hostOf = async (options?: CallOptions): Promise<string> => host(await routeOf(options))
  const twice = async (options?: CallOptions): Promise<readonly string[]> => [
    await hostOf(options),
    await hostOf(options),
  ]

  describe('by atLeast', () => {
    it('is what the token stands for: a replica that shows it, else the primary, with the reasons', async () => {
      const atLeast = tokenAt(12)
      const behind = await routeOf({ atLeast })
      expect([host(behind), rules(behind).slice(-2)]).toEqual(['p', ['at-least', 'behind']])
      replicas[1].setStatus({ position: at(12) })
      for (let i = 0; i < 4; i++) {
        const route = await routeOf({ atLeast })
        expect([host(route), rules(route).slice(-2)]).toEqual(['r2', ['at-least', 'caught-up']])
        expect(client.explain(read, [], { atLeast })).toEqual(route)
      }
      expect(await Array.fromAsync(client.stream(read, [], { atLeast }))).toEqual([])
      expect(replicas[1].steps.filter(({ action }) => action === 'stream')).toHaveLength(1)
    })

    it('holds for its call alone outside of a session', async () => {
      expect(await hostOf({ atLeast: tokenAt(12) })).toBe('p')
      expect((await twice()).toSorted()).toEqual(['r1', 'r2'])
    })

    it('holds in a session from then on, since what was read once must be read again', async () => {
      await client.close()
      await open({ stickiness: 'query' })
      replicas[1].setStatus({ position: at(12) })
      await client.session(async () => {
        expect((await twice()).toSorted()).toEqual(['r1', 'r2'])
        expect(client.explain(read, [], { atLeast: tokenAt(12) }).reasons.at(-2)?.rule).toBe('at-least')
        expect((await twice()).toSorted(), 'explain() leaves the session as it is').toEqual(['r1', 'r2'])
        expect(await hostOf({ atLeast: tokenAt(12) })).toBe('r2')
        expect(await twice()).toEqual(['r2', 'r2'])
      })
    })

    it('adds to what the session wrote, and to the scopes around it', async () => {
      const both = client.within({ atLeast: tokenAt(12) })(
        async (lsn: number) => await hostOf({ atLeast: tokenAt(lsn) }),
      )
      replicas[1].setStatus({ position: at(11) })
      expect(await both(5)).toBe('p')
      replicas[0].setStatus({ position: at(12) })
      expect(await both(5)).toBe('r1')
      expect(await both(15)).toBe('p')
      await client.session(async () => {
        await client.query(write)
        expect(await hostOf({ atLeast: tokenAt(5) })).toBe('p')
        expect(await hostOf({ atLeast: tokenAt(5), role: 'replica' }), 'a replica, but not any').toBe('p')
        expect(['r1', 'r2']).toContain(await hostOf({ role: 'replica' }))
      })
    })

    it('asks the primary how far it is where the token could not say', async () => {
      expect(await hostOf({ atLeast: tokenAt(undefined) })).toBe('p')
      replicas[0].setStatus({ position: at(20) })
      expect(await hostOf({ atLeast: tokenAt(undefined) })).toBe('r1')
    })

    it('of a write does not hide the write from later reads', async () => {
      await client.query(write, [], { atLeast: tokenAt(5) })
      expect(await hostOf()).toBe('p')
      expect(await hostOf({ atLeast: tokenAt(5) })).toBe('p')
    })

    it('asks for nothing by a token that cannot be used, which is counted and told; up to 24 hours old it can', async () => {
      const hour = 3_600_000
      expect(await hostOf({ atLeast: tokenAt(12, 23 * hour) })).toBe('p')
      const useless = ['', 'garbage', tokenAt(12, 25 * hour), tokenAt(12, 0, 'another key of 16 bytes')]
      for (const atLeast of useless) {
        const { role, reasons } = await routeOf({ atLeast })
        expect([role, reasons.at(-2)?.rule]).toEqual(['replica', 'token-ignored'])
      }
      expect(client.ignoredTokens).toEqual({ malformed: 2, expired: 1, signature: 1 })
      await expect(client.query(read, [], { atLeast: 7 as unknown as string })).rejects.toThrow('options.atLeast: ')
    })
  })

  describe('by a read-only transaction', () => {
    const within = async (options: object, call?: CallOptions): Promise<Route> =>
      await client.transaction(async (tx) => (await tx.query(read, [], call)).route, { readOnly: true, ...options })

    it('is kept: atLeast', async () => {
      const behind = await within({ atLeast: tokenAt(12) })
      expect([host(behind), rules(behind).slice(-3)]).toEqual(['p', ['at-least', 'behind', 'connection']])
      replicas[1].setStatus({ position: at(12) })
      for (let i = 0; i < 2; i++) expect(host(await within({ atLeast: tokenAt(12) }))).toBe('r2')
      expect(host(await client.within({ atLeast: tokenAt(12) })(within)({}))).toBe('r2')
      const free = [host(await within({})), host(await within({}))]
      expect(free.toSorted()).toEqual(['r1', 'r2'])
    })

    it('is kept: maxStalenessMs, tags, role', async () => {
      primary.setStatus({ position: undefined })
      replicas[0].setStatus({ position: undefined, lagMs: 2_000 })
      replicas[1].setStatus({ position: undefined, lagMs: 0 })
      await expect.poll(async () => host(await within({ maxStalenessMs: 500 }))).toBe('r2')
      for (let i = 0; i < 3; i++) {
        expect(host(await within({ maxStalenessMs: 500 }))).toBe('r2')
        expect(host(await client.within({ maxStalenessMs: 500 })(within)({}))).toBe('r2')
        expect(host(await within({ tags: ['search'] }))).toBe('r2')
        expect(host(await client.within({ tags: ['search'] })(within)({}))).toBe('r2')
      }
      const none = await within({ maxStalenessMs: 500, tags: ['none'] })
      expect([host(none), rules(none).slice(-4)]).toEqual([
        'p',
        ['tags', 'max-staleness', 'no-usable-replica', 'connection'],
      ])
      expect(host(await within({ role: 'primary' }))).toBe('p')
      expect(host(await client.replica(() => within({ role: 'primary' })))).toBe('p')
      expect(host(await client.primary(() => within({ role: 'replica' })))).toMatch(/^r/)
    })

    it('as it is: role replica, without what the session wrote', async () => {
      await client.session(async () => {
        await client.query(write)
        expect(host(await within({}))).toBe('p')
        expect(host(await within({ role: 'replica' }))).toMatch(/^r/)
      })
    })

    it('is refused of a statement on a replica, which cannot change its server, and found on the primary', async () => {
      const wishes: readonly CallOptions[] = [
        { role: 'primary' },
        { tags: ['search'] },
        { maxStalenessMs: 500 },
        { atLeast: tokenAt(5) },
      ]
      for (const call of wishes) {
        await expect(within({}, call)).rejects.toThrow(`options.${Object.keys(call)[0]}: `)
        await expect(within({}, call)).rejects.toThrow(ConfigError)
        expect(host(await within({ role: 'primary' }, call))).toBe('p')
      }
      expect(host(await within({}, { role: 'replica' }))).toMatch(/^r/)
      expect(replicas.flatMap(({ steps }) => steps).filter(({ action }) => action === 'query')).toHaveLength(1)
    })
  })

  describe('by what runs on the primary', () => {
    it('is found there, but for replicas, which are refused', async () => {
      const fresh = { maxStalenessMs: 0, atLeast: tokenAt(12), role: 'primary' } as const
      const route = await client.transaction(async (tx) => (await tx.query(read, [], fresh)).route, fresh)
      expect(host(route)).toBe('p')
      expect(() => client.begin({ role: 'replica' })).toThrow('options.role: ')
      expect(() => client.begin({ tags: ['search'] })).toThrow('options.tags: ')
      expect(() => client.begin({ atLeast: 7 } as object)).toThrow('options.atLeast: ')
      await using connection = client.reserve()
      expect(host((await connection.query(read, [], fresh)).route)).toBe('p')
      expect(() => connection.begin({ readOnly: true, tags: ['search'] })).toThrow('options.tags: ')
      expect(() => connection.begin({ readOnly: true, role: 'replica' })).toThrow('options.role: ')
      await connection.transaction(async (tx) => expect(host((await tx.query(read)).route)).toBe('p'), fresh)
      await setImmediate()
    })
  })

  describe('by a session, for the next one', () => {
    const serverOf = (name: string): SimulatedServer => replicas[name === 'r1' ? 0 : 1]
    const otherOf = (name: string): SimulatedServer => replicas[name === 'r1' ? 1 : 0]

    it('is by default only what was written; with reads, also what was read on a replica', async () => {
      let mine = ''
      const tokens = await client.session(async (session) => {
        mine = await hostOf()
        serverOf(mine).setStatus({ position: at(15) })
        return [await session.token(), await session.token({ reads: true })]
      })
      expect(tokens).toEqual([undefined, expect.any(String)])
      const [, token] = tokens
      for (let i = 0; i < 4; i++) expect(await client.session(() => hostOf(), { token })).toBe(mine)
      otherOf(mine).setStatus({ position: at(15) })
      serverOf(mine).setStatus({ position: at(14) })
      serverOf(mine).loseConnections()
      for (let i = 0; i < 4; i++) expect(await client.session(() => hostOf(), { token })).not.toBe(mine)
    })

    it('holds by default also what was read on a replica, if the session wrote', async () => {
      let mine = ''
      primary.setStatus({ position: at(10) })
      const token = await client.session(async (session) => {
        await client.query(write)
        mine = await hostOf()
        serverOf(mine).setStatus({ position: at(15) })
        return await session.token()
      })
      for (let i = 0; i < 4; i++) expect(await client.session(() => hostOf(), { token })).toBe(mine)
    })

    it('names the primary’s position where the replica is not the same any more, and nothing where all are as far', async () => {
      await client.session(async (session) => {
        const mine = await hostOf()
        serverOf(mine).loseConnections()
        const token = await session.token({ reads: true })
        otherOf(mine).setStatus({ position: at(19) })
        expect(await client.session(() => hostOf(), { token })).toBe('p')
      })
      let earlier: Session | undefined
      let mine = ''
      await client.session(async (session) => {
        earlier = session
        mine = await hostOf()
      })
      serverOf(mine).loseConnections()
      // The reads of others take its present position for what it is.
      for (let i = 0; i < 4; i++) await hostOf({ atLeast: tokenAt(5) })
      otherOf(mine).setStatus({ position: at(19) })
      expect(await client.session(() => hostOf(), { token: await earlier?.token({ reads: true }) })).toBe('p')
      for (const replica of replicas) replica.setStatus({ position: at(20) })
      await client.session(async (session) => {
        await hostOf()
        await expect.poll(() => session.token({ reads: true })).toBeUndefined()
        expect(await session.token()).toBeUndefined()
      })
    })

    it('may begin with several tokens, and shows what all of them stand for', async () => {
      replicas[0].setStatus({ position: at(12) })
      for (const token of [
        [tokenAt(12), tokenAt(5)],
        ['garbage', tokenAt(5), tokenAt(12)],
      ])
        expect(await client.session(() => twice(), { token })).toEqual(['r1', 'r1'])
      expect(client.ignoredTokens).toEqual({ malformed: 1 })
    })
  })
})
