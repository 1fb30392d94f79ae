import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../virtual-clock.ts'
import { checkHistory } from './check.ts'
import { initialOpId, type KeyValue, type Operation } from './operation.ts'
import { Random } from './random.ts'
import { HistoryRecorder } from './recorder.ts'
import {
  runWorkload,
  type SessionIo,
  type SessionStart,
  type WorkloadDatabase,
  type WorkloadOptions,
} from './workload.ts'

/** A map that answers at once. */
class MapDatabase implements WorkloadDatabase {
  readonly values = new Map<string, KeyValue>()
  readonly applied: (KeyValue & { key: string })[] = []
  sessions = 0
  most = 0
  #running = 0
  readonly #wait: () => Promise<void>

  constructor(wait: () => Promise<void> = () => Promise.resolve()) {
    this.#wait = wait
  }

  async setUp(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.values.set(key, { version: 0, opId: initialOpId })
  }

  async inSession(run: (io: SessionIo) => Promise<void>): Promise<void> {
    this.sessions++
    const write = async (key: string, opId: string) => {
      const version = (this.values.get(key)?.version ?? 0) + 1
      this.values.set(key, { version, opId })
      await this.#answer()
      return { version }
    }
    await run({
      write,
      increment: async (key, opId) => {
        const answer = await write(key, opId)
        this.applied.push({ key, opId, ...answer })
        return answer
      },
      read: async (key) => {
        const value = this.values.get(key)
        await this.#answer()
        return value
      },
    })
  }

  async finalState() {
    return { values: this.values, applied: this.applied }
  }

  async #answer(): Promise<void> {
    this.most = Math.max(this.most, ++this.#running)
    await this.#wait()
    this.#running--
  }
}

const small: Omit<WorkloadOptions, 'database' | 'recorder'> = { clients: 3, keys: 5, operations: 1000, seed: 1 }

async function operationsOf(options: Partial<WorkloadOptions> = {}): Promise<readonly Operation[]> {
  const recorder = new HistoryRecorder({ clock: () => 0 })
  const { operations } = await runWorkload({ ...small, database: new MapDatabase(), recorder, ...options })
  return [...operations]
}

function shareOf(operations: readonly Operation[], kind: Operation['kind']): number {
  return operations.filter((operation) => operation.kind === kind).length / operations.length
}

describe('a workload', () => {
  it('does as many operations as were asked for, of each kind, and ends with the final state', async () => {
    const database = new MapDatabase()
    const recorder = new HistoryRecorder({ clock: () => 0 })
    const history = await runWorkload({ ...small, database, recorder })
    const report = checkHistory(history)
    expect(report).toMatchObject({ ok: true, complete: true, operations: 1000, keys: 5, sessions: database.sessions })
    expect(history.final?.values.size).toBe(5)
    expect(database.sessions).toBeGreaterThan(50)
    const operations = [...history.operations]
    expect(shareOf(operations, 'read')).toBeCloseTo(0.6, 1)
    expect(shareOf(operations, 'write')).toBeCloseTo(0.3, 1)
    expect(report.chances.readYourWrites).toBeGreaterThan(200)
  })

  it('does what its options say', async () => {
    const writes = await operationsOf({ mix: { read: 0, write: 1, increment: 0 }, sessionLength: 1, operations: 31 })
    expect(shareOf(writes, 'write')).toBe(1)
    expect(writes).toHaveLength(31)
    expect(new Set(writes.map(({ session }) => session)).size).toBe(31)
    expect(await operationsOf({ operations: 0 })).toEqual([])
    expect(shareOf(await operationsOf({ mix: { read: 0, write: 0, increment: 2 } }), 'increment')).toBe(1)
  })

  it.each([0, 1])('runs operations of a session at the same time: with probability %s', async (parallel) => {
    const database = new MapDatabase()
    await operationsOf({ database, clients: 1, parallel })
    expect(database.most).toBe(parallel + 1)
  })

  it('hands sessions over: what a part ends with is what the next one begins with', async () => {
    const starts: SessionStart[] = []
    const plain = new MapDatabase()
    const inSession = async (run: (io: SessionIo) => Promise<void>, start: SessionStart): Promise<unknown> => {
      starts.push(start)
      await plain.inSession(run)
      return start.number
    }
    const database: WorkloadDatabase = {
      setUp: (keys) => plain.setUp(keys),
      inSession,
      finalState: () => plain.finalState(),
    }
    const operations = await operationsOf({ database, clients: 1, handOver: 0.3 })
    const sessions = new Set(operations.map(({ session }) => session)).size
    const goingOn = starts.filter(({ carried }) => carried !== undefined)
    expect(starts.length - goingOn.length).toBe(sessions)
    expect(goingOn.length).toBeGreaterThan(sessions)
    for (const { carried, number } of goingOn) expect(carried).toBe(number - 1)
    expect(operations).toHaveLength(1000)
  })

  it('does the same for the same seed, however the database interleaves it', async () => {
    const plain = (operations: readonly Operation[]) =>
      operations
        .map(({ session, kind, key, ...rest }) => `${session} ${kind} ${key} ${'opId' in rest ? rest.opId : ''}`)
        .sort()
    const random = new Random(7)
    const slow = async (): Promise<void> => {
      for (let turns = random.below(5); turns > 0; turns--) await Promise.resolve()
    }
    const first = plain(await operationsOf({ parallel: 0 }))
    expect(plain(await operationsOf({ parallel: 0, database: new MapDatabase(slow) }))).toEqual(first)
    expect(plain(await operationsOf({ parallel: 0, seed: 2 }))).not.toEqual(first)
  })

  it('waits on a virtual clock, and ends when it is told to', async () => {
    const clock = new VirtualClock()
    const stop = new AbortController()
    const recorder = new HistoryRecorder({ clock: clock.now })
    const running = runWorkload({
      ...small,
      clients: 1,
      parallel: 0,
      operations: Number.POSITIVE_INFINITY,
      database: new MapDatabase(() => clock.sleep(1)),
      recorder,
      pause: (random) => clock.sleep(1 + random.below(2)),
      signal: stop.signal,
    })
    await clock.advance(1000)
    expect(recorder.operations).toBeGreaterThan(333)
    expect(recorder.operations).toBeLessThan(500)
    stop.abort()
    await clock.advance(5)
    const operations = [...(await running).operations]
    expect(operations.length).toBe(recorder.operations)
    expect(operations.every(({ startedMs, endedMs }) => endedMs === startedMs + 1)).toBe(true)
  })

  it('ends with what the database throws outside of operations', async () => {
    const database = Object.assign(new MapDatabase(), { inSession: () => Promise.reject(new Error('no session')) })
    await expect(operationsOf({ database })).rejects.toThrow('no session')
  })

  it.each<Partial<WorkloadOptions>>([
    { clients: 0 },
    { keys: 1.5 },
    { operations: -1 },
    { operations: Number.NaN },
    { seed: 0.5 },
    { sessionLength: 0 },
    { parallel: 2 },
    { handOver: -1 },
    { mix: { read: 0, write: 0, increment: 0 } },
    { mix: { read: -1, write: 1, increment: 1 } },
  ])('refuses %o', async (wrong) => {
    await expect(operationsOf(wrong)).rejects.toThrow(RangeError)
  })
})

describe('random numbers', () => {
  it('depend on the seed alone, and on the part', () => {
    const draw = (random: Random) => Array.from({ length: 5 }, () => random.uint32())
    expect(draw(new Random(1))).toEqual(draw(new Random(1)))
    expect(draw(Random.ofPart(1, 2))).toEqual(draw(Random.ofPart(1, 2)))
    const firsts = new Set<number>()
    for (let seed = 0; seed < 100; seed++) {
      for (let part = 0; part < 100; part++) firsts.add(Random.ofPart(seed, part).uint32())
    }
    expect(firsts.size).toBeGreaterThan(9990)
  })

  it('are evenly spread', () => {
    const random = new Random(3)
    const counts = Array.from({ length: 10 }, () => 0)
    for (let draw = 0; draw < 100_000; draw++) counts[random.below(10)]!++
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
    let hits = 0
    for (let draw = 0; draw < 10_000; draw++) if (random.chance(0.25)) hits++
    expect(Math.abs(hits - 2500)).toBeLessThan(200)
  })
})

it('a million operations are recorded, and checked within 20 seconds', async () => {
  const recorder = new HistoryRecorder({ clock: () => 0 })
  const history = await runWorkload({
    ...small,
    clients: 64,
    keys: 200,
    operations: 1e6,
    database: new MapDatabase(),
    recorder,
  })
  const start = performance.now()
  const report = checkHistory(history)
  expect(performance.now() - start).toBeLessThan(20_000)
  expect(report).toMatchObject({ ok: true, operations: 1e6 })
}, 120_000)
