import { describe, expect, it } from 'vitest'
import type { CommitFate, Lease } from '../drivers/driver.ts'
import { CommitUnknownError, QueryError } from '../errors.ts'
import { connectionLost, simulateDrivers, type SimulatedServer } from '../testing/index.ts'
import { settleCommit } from './commit-fate.ts'

const dsn = 'postgres://simulated/shop'
const open = (why: string, final = false): CommitFate => ({ kind: 'open', why, final })
const unknown = new CommitUnknownError('The answer was lost.', { cause: new Error('reset') })

async function setUp(): Promise<{ server: SimulatedServer; lost: Lease; connect: () => Promise<Lease> }> {
  const simulated = simulateDrivers()
  const driver = await simulated.drivers.postgres()
  const pool = await driver.open({ engine: 'postgres', from: 'dsn', dsn } as never, {} as never)
  return { server: simulated.server(dsn), lost: await pool.lease(), connect: async () => await pool.lease() }
}

/** Answers the questions one after the other; an error is thrown. The last one counts for all later ones. */
function answers(server: SimulatedServer, given: readonly (CommitFate | Error)[]): () => number {
  let asked = 0
  server.answerWith((step) => {
    if (step.detail !== 'fate of lease 1') return undefined
    const answer = given[Math.min(asked++, given.length - 1)]
    if (answer instanceof Error) throw answer
    return [answer]
  })
  return () => asked
}

/** Runs the inquiry on a clock of its own; how it ended, and after how many ms. */
async function settle(
  lost: Lease,
  connect: () => Promise<Lease>,
  boundMs = 5_000,
): Promise<{ outcome: unknown; ms: number }> {
  let now = 0
  const pending: { at: number; wake: () => void }[] = []
  const clock = {
    now: () => now,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<undefined>((resolve) => {
        const wake = (): void => resolve(undefined)
        pending.push({ at: now + ms, wake })
        signal?.addEventListener('abort', wake)
      }),
  }
  let outcome: unknown
  let ended = false
  void settleCommit(lost, unknown, { connect, boundMs, clock })
    .then(
      () => (outcome = 'committed'),
      (error: unknown) => (outcome = error),
    )
    .finally(() => (ended = true))
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    if (ended) return { outcome, ms: now }
    pending.sort((a, b) => a.at - b.at)
    const next = pending.shift()
    if (next === undefined) throw new Error('The inquiry waits for nothing that can happen.')
    now = Math.max(now, next.at)
    next.wake()
  }
}

describe('a COMMIT that was not answered', () => {
  it('has taken effect if the server says so', async () => {
    const { server, lost, connect } = await setUp()
    answers(server, [{ kind: 'committed' }])
    expect((await settle(lost, connect)).outcome).toBe('committed')
    expect(server.leased).toBe(1)
  })

  it('is an error that is safe to retry if the server says that it was rolled back', async () => {
    const { server, lost, connect } = await setUp()
    answers(server, [{ kind: 'rolled back' }])
    const { outcome } = await settle(lost, connect)
    expect(outcome).toBeInstanceOf(QueryError)
    expect(outcome).toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST', safeToRetry: true, cause: unknown.cause })
    expect(server.leased).toBe(1)
  })

  it('is asked for again while it runs, while the server is away, and when the question is lost', async () => {
    const { server, lost, connect } = await setUp()
    const asked = answers(server, [open('it runs'), connectionLost(true), open('a standby'), { kind: 'committed' }])
    let refused = 0
    const refusing = async (): Promise<Lease> => {
      if (refused++ < 2) throw connectionLost(true)
      return await connect()
    }
    const { outcome, ms } = await settle(lost, refusing)
    expect(outcome).toBe('committed')
    expect(asked()).toBe(4)
    expect(ms).toBe(20 + 40 + 80 + 160 + 320)
    expect(server.leased).toBe(1)
    expect(server.steps.filter(({ action }) => action === 'release').map(({ detail }) => detail)).toContain('destroy')
  })

  it('stays unknown, with what was found, when the time is up', async () => {
    const { server, lost, connect } = await setUp()
    answers(server, [open('it runs')])
    const { outcome, ms } = await settle(lost, connect, 1_000)
    expect(outcome).toMatchObject({ code: 'SIGNALBOX_COMMIT_UNKNOWN', safeToRetry: false })
    expect((outcome as Error).message).toBe(
      'The answer was lost. The present primary was asked for the transaction: it runs, for 1000 ms.',
    )
    expect(ms).toBeLessThanOrEqual(1_000)
  })

  it('stays unknown in time when no connection comes, and gives one that comes later back', async () => {
    const { server, lost, connect } = await setUp()
    const { promise, resolve } = Promise.withResolvers<Lease>()
    const { outcome, ms } = await settle(lost, async () => await promise, 1_000)
    expect(outcome).toMatchObject({ code: 'SIGNALBOX_COMMIT_UNKNOWN' })
    expect(ms).toBe(1_000)
    resolve(await connect())
    await new Promise((tick) => setImmediate(tick))
    expect(server.leased).toBe(1)
  })

  it('is not asked for again when that cannot help', async () => {
    const { server, lost, connect } = await setUp()
    const asked = answers(server, [open('another cluster', true)])
    const { outcome, ms } = await settle(lost, connect)
    expect(outcome).toMatchObject({ code: 'SIGNALBOX_COMMIT_UNKNOWN' })
    expect([asked(), ms]).toEqual([1, 0])
  })

  it('is not asked for where the engine cannot tell, nor in no time', async () => {
    const { server, lost, connect } = await setUp()
    const asked = answers(server, [{ kind: 'committed' }])
    expect((await settle(lost, connect, 0)).outcome).toBe(unknown)
    const sqlite = await simulateDrivers().drivers.sqlite()
    const pool = await sqlite.open({ engine: 'sqlite', from: 'dsn', dsn: 'sqlite::memory:' } as never, {} as never)
    expect((await settle(await pool.lease(), connect)).outcome).toBe(unknown)
    expect(asked()).toBe(0)
  })
})
