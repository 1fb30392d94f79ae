import { channel } from 'node:diagnostics_channel'
import { describe, expect, it, vi } from 'vitest'
import type { Cargo, DriverPool } from '../drivers/driver.ts'
import { Carrier, type Recover } from './carried.ts'
import type { Decision } from './decision.ts'
import type { PoolRegistry } from './pool-registry.ts'

const shard = { name: 'main', replicas: [] }

const plain = {
  sql: 'select 1',
  server: {},
  database: { shards: [shard] },
  analysis: { kind: 'read', statements: 1 },
  route: { effect: 'read', database: 'shop' },
} as unknown as Decision

/** A carrier over a pool that carries like this, and what it did. */
function carrierOn(carry: DriverPool['carry'] | undefined, recover: Recover = () => Promise.reject(new Error('no'))) {
  const pools = { opened: () => (carry === undefined ? {} : { carry }) }
  return new Carrier(pools as unknown as PoolRegistry, 0, recover)
}

function cargo() {
  const told: unknown[] = []
  const made: Cargo = {
    query: {},
    answered: (native) => void told.push({ native }),
    failed: (error) => void told.push({ error }),
  }
  return { made, told }
}

describe('a statement is carried', () => {
  const carries = (decision: object): boolean =>
    carrierOn(() => ({ stop: () => undefined })).canCarry({ ...plain, ...decision })

  it('if nothing is left to be found out for it', () => {
    expect(carries({})).toBe(true)
  })

  it.each([
    ['controls a transaction', { analysis: { kind: 'transaction', statements: 1 } }],
    ['is one of several in its text', { analysis: { kind: 'read', statements: 2 } }],
    ['may have several shards', { plan: {} }],
    ['is on one of several shards', { database: { shards: [shard, shard] } }],
    ['may be read on a replica', { database: { shards: [{ ...shard, replicas: [{}] }] } }],
    ['may get replicas', { database: { shards: [shard], discovery: {} } }],
    ['has values that are looked up', { lookupUse: {} }],
    ['is forbidden', { forbidden: 'no writes' }],
    ['is sent as another text', { route: { effect: 'read', database: 'shop', sql: 'select 2' } }],
  ])('and not if it %s', (_, decision) => {
    expect(carries(decision)).toBe(false)
  })

  it('and not by a driver that cannot, nor where somebody listens', () => {
    expect(carrierOn(undefined).canCarry(plain)).toBe(false)
    const told = channel('tracing:signalbox:query:end')
    const listen = (): void => undefined
    told.subscribe(listen)
    expect(carries({})).toBe(false)
    told.unsubscribe(listen)
    expect(carries({})).toBe(true)
  })
})

describe('a statement that is carried and fails', () => {
  it.each([
    ['when it was sent', (given: Cargo) => (given.failed(new Error('lost')), { stop: () => undefined })],
    [
      'since its pool takes nothing any more',
      () => {
        throw new Error('lost')
      },
    ],
  ])('goes the way of others, %s, with its own text and values', async (_, carry) => {
    const recover = vi.fn<Recover>().mockResolvedValueOnce('again').mockRejectedValueOnce('for good')
    const carrier = carrierOn((_request, given) => carry(given), recover)
    const { made, told } = cargo()
    for (const sql of ['select 1', 'select 2']) carrier.carry(plain, sql, [7], {}, made)?.stop()
    await vi.waitFor(() => expect(told).toHaveLength(2))
    expect(told).toEqual([{ native: 'again' }, { error: 'for good' }])
    expect(recover.mock.calls.map(([{ sql }, request, , error]) => [sql, request.sql, request.params, error])).toEqual([
      ['select 1', 'select 1', [7], new Error('lost')],
      ['select 2', 'select 2', [7], new Error('lost')],
    ])
  })
})
