import { describe, expect, it } from 'vitest'
import type { BeginOptions, Lease } from '../drivers/driver.ts'
import type { Position } from '../topology/position.ts'
import type { Decision } from './decision.ts'
import { PlacedLease } from './placed-lease.ts'

const at: Position = { kind: 'gtid', domains: new Map([[0, { server: 1, sequence: 7n }]]) }

/** What a transaction's end tells the session, in a lease whose COMMIT says where it stands. */
async function coveredBy(options: BeginOptions, end: (lease: Lease) => Promise<void>): Promise<unknown> {
  const told: unknown[] = []
  const lease = {
    begin: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    rollback: () => Promise.resolve(),
    committed: at,
  }
  const watch = {
    begun: () => (covered?: Position) => void told.push(covered),
    session: told,
    writing: () => undefined,
    covering: (position: Position | undefined) => position,
    failed: () => undefined,
    answer: <T>(work: Promise<T>) => work,
    rows: <T>(rows: T) => rows,
    released: () => undefined,
  }
  const placed = new PlacedLease({} as Decision, lease as unknown as Lease, watch, [])
  await placed.begin(options)
  await end(placed)
  expect(told).toHaveLength(1)
  return told[0]
}

describe('the end of a transaction', () => {
  it('tells the position of its COMMIT', async () => {
    expect(await coveredBy({}, async (lease) => await lease.commit())).toBe(at)
    expect(await coveredBy({ isolation: 'serializable' }, async (lease) => await lease.commit())).toBe(at)
  })

  it('tells none where the transaction could read what was committed later, or never', async () => {
    expect(await coveredBy({ isolation: 'read uncommitted' }, async (lease) => await lease.commit())).toBeUndefined()
  })

  it('tells none after a rollback: that of the COMMIT before is no news', async () => {
    expect(await coveredBy({}, async (lease) => await lease.rollback())).toBeUndefined()
  })
})
