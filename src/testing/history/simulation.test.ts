import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkHistory, type Report } from './check.ts'
import { type AppliedIncrement, type FinalState, initialOpId, type KeyValue } from './operation.ts'
import { Random } from './random.ts'
import { HistoryRecorder, type ReadAnswer, type WriteAnswer } from './recorder.ts'
import type { ViolationKind } from './violation.ts'
import { runWorkload, type SessionIo, type WorkloadDatabase } from './workload.ts'

/** A promise that a simulated store breaks. */
type Defect =
  /** Reads go to any replica, whatever the session has seen. */
  | 'no positions'
  /** The session remembers its own writes, and not what it has read. */
  | 'no position of reads'
  /** The session remembers what it has read, and not its own writes. */
  | 'no position of writes'
  /** Replicas apply each key by itself, and the session remembers a position for each key. */
  | 'positions of keys'
  /** Each fiftieth acknowledged write did not reach the log. */
  | 'lost writes'
  /** A promotion loses the end of the log, and old sessions go on with their positions. */
  | 'lost end of the log'
  /** A write whose answer was lost is sent again. */
  | 'retried writes'
  /** A write that was applied is said to have failed. */
  | 'wrong failures'
  /** Each fiftieth read fails. */
  | 'failed reads'

interface LogEntry extends AppliedIncrement {
  readonly isIncrement: boolean
}

class NotApplied extends Error {}

/** How far a session has come: of everything, or of each key. */
type Seen = Map<string, number>

/** A primary with a log, and replicas that apply it when they like. Without a defect, and without replicas, linearizable. */
class SimulatedStore implements WorkloadDatabase {
  readonly #random: Random
  readonly #defect: Defect | undefined
  readonly #log: LogEntry[] = []
  /** For each replica, how much of the log it has applied: of everything, or of each key. */
  readonly #applied: Map<string, number>[]

  constructor(seed: number, replicas: number, defect?: Defect) {
    this.#random = new Random(seed)
    this.#defect = defect
    this.#applied = Array.from({ length: replicas }, () => new Map<string, number>())
  }

  setUp(): Promise<void> {
    return Promise.resolve()
  }

  inSession(run: (io: SessionIo) => Promise<void>): Promise<void> {
    const seen: Seen = new Map()
    return run({
      read: (key) => this.#read(key, seen),
      write: (key, opId) => this.#write(key, opId, false, seen),
      increment: (key, opId) => this.#write(key, opId, true, seen),
    })
  }

  async finalState(keys: readonly string[]): Promise<FinalState> {
    await this.#delay()
    const values = keys.flatMap((key) => {
      const value = this.#value(key, this.#log.length)
      return value === undefined ? [] : [[key, value] as const]
    })
    return { values: new Map(values), applied: this.#log.filter(({ isIncrement }) => isIncrement) }
  }

  async #read(key: string, seen: Seen): Promise<ReadAnswer> {
    const part = this.#part(key)
    const needed = this.#defect === 'no positions' ? 0 : (seen.get(part) ?? 0)
    await this.#delay()
    this.#replicate()
    if (this.#defect === 'failed reads' && this.#random.chance(0.02)) throw new Error('no server')
    const replica = this.#random.below(this.#applied.length + 1)
    const applied = this.#applied[replica]?.get(part) ?? 0
    const isGood = replica < this.#applied.length && applied >= needed
    const position = isGood ? applied : this.#log.length
    if (this.#defect !== 'no position of reads') remember(seen, part, position)
    const value = this.#value(key, position)
    await this.#delay()
    return value && { ...value, server: isGood ? `replica-${replica}` : 'primary' }
  }

  async #write(key: string, opId: string, isIncrement: boolean, seen: Seen): Promise<WriteAnswer> {
    const isChosen = (probability: number): boolean => this.#random.chance(probability)
    await this.#delay()
    if (isChosen(0.02)) throw new NotApplied('refused')
    const isLate = isChosen(0.02)
    const isUnanswered = isChosen(0.03)
    if (isUnanswered && isChosen(0.5) && this.#defect !== 'retried writes') throw new Error('the connection was lost')
    if (isLate) {
      void this.#later(key, opId, isIncrement)
      throw new Error('the statement ran into its time limit')
    }
    if (this.#defect === 'lost end of the log' && isChosen(0.02)) this.#log.splice(this.#log.length - 3)
    let version = this.#append(key, opId, isIncrement)
    if (this.#defect === 'lost writes' && isChosen(0.02)) this.#log.pop()
    if (this.#defect === 'wrong failures' && isChosen(0.02)) throw new NotApplied('refused, it seems')
    if (isUnanswered && this.#defect === 'retried writes') version = this.#append(key, opId, isIncrement)
    else if (isUnanswered) throw new Error('the connection was lost')
    if (this.#defect !== 'no position of writes') remember(seen, this.#part(key), this.#log.length)
    await this.#delay()
    return { version, server: 'primary' }
  }

  async #later(key: string, opId: string, isIncrement: boolean): Promise<void> {
    for (let turns = this.#random.below(20); turns > 0; turns--) await this.#delay()
    this.#append(key, opId, isIncrement)
  }

  #append(key: string, opId: string, isIncrement: boolean): number {
    const version = (this.#value(key, this.#log.length)?.version ?? 0) + 1
    this.#log.push({ key, opId, version, isIncrement })
    return version
  }

  /** The newest value of the key within the first entries of the log. */
  #value(key: string, position: number): KeyValue | undefined {
    for (let at = Math.min(position, this.#log.length) - 1; at >= 0; at--) {
      const { key: other, opId, version } = this.#log[at]!
      if (other === key) return { opId, version }
    }
    return key === 'k1' ? undefined : { opId: initialOpId, version: 0 }
  }

  #replicate(): void {
    for (const applied of this.#applied) {
      const parts = this.#defect === 'positions of keys' ? ['k1', 'k2', 'k3', 'k4'] : ['everything']
      for (const part of parts) {
        const lag = this.#log.length - (applied.get(part) ?? 0)
        if (lag > 0 && this.#random.chance(0.1)) applied.set(part, this.#log.length - this.#random.below(lag))
      }
    }
  }

  #part(key: string): string {
    return this.#defect === 'positions of keys' ? key : 'everything'
  }

  async #delay(): Promise<void> {
    for (let turns = this.#random.below(4); turns > 0; turns--) await Promise.resolve()
  }
}

function remember(seen: Seen, part: string, position: number): void {
  seen.set(part, Math.max(seen.get(part) ?? 0, position))
}

async function run(seed: number, replicas: number, operations: number, defect?: Defect): Promise<Report> {
  let ticks = 0
  const history = await runWorkload({
    database: new SimulatedStore(seed, replicas, defect),
    recorder: new HistoryRecorder({
      clock: () => ticks++,
      outcomeOf: (error) => (error instanceof NotApplied ? 'failed' : 'unknown'),
    }),
    clients: 4,
    keys: 4,
    operations,
    seed,
  })
  return checkHistory(history)
}

describe('a store that keeps its promises', () => {
  it.each([
    ['a linearizable one', 0],
    ['one with replicas of random lag', 3],
  ])('%s shows no violation, whatever happens', async (_, replicas) => {
    let [histories, chances, unknown] = [0, 0, 0]
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 150 }), async (seed, operations) => {
        const report = await run(seed, replicas, operations)
        expect(report.violations).toEqual([])
        expect(report).toMatchObject({ ok: true, complete: true, operations })
        histories++
        unknown += report.unknownWrites
        chances += Math.min(...Object.values(report.chances))
      }),
      { numRuns: 2000, seed: 1 },
    )
    expect(histories).toBe(2000)
    expect(unknown).toBeGreaterThan(1000)
    expect(chances).toBeGreaterThan(10_000)
  })
})

describe('a store that breaks a promise is found out within 600 operations', () => {
  const bites: readonly [Defect, readonly ViolationKind[], seed: number][] = [
    ['no positions', ['read-your-writes', 'monotonic-reads', 'writes-follow-reads'], 1],
    ['no position of reads', ['monotonic-reads', 'writes-follow-reads'], 1],
    ['no position of writes', ['read-your-writes'], 1],
    ['positions of keys', ['writes-follow-reads'], 1],
    ['lost writes', ['lost-write'], 1],
    ['lost end of the log', ['lost-write'], 1],
    ['retried writes', ['duplicated-write'], 1],
    ['wrong failures', ['value-from-nowhere'], 1],
    ['failed reads', ['failed-read'], 1],
  ]
  it.each(bites)('%s: %s', async (defect, kinds, seed) => {
    const report = await run(seed, 3, 600, defect)
    for (const kind of kinds) expect(report.counts[kind], kind).toBeGreaterThan(0)
    expect(report.ok).toBe(false)
    const sound = await run(seed, 3, 600)
    expect(sound.violations).toEqual([])
  })

  it('and nearly always, whatever the seed', async () => {
    for (const [defect] of bites) {
      let found = 0
      for (let seed = 0; seed < 50; seed++) if (!(await run(seed, 3, 600, defect)).ok) found++
      expect(found, defect).toBeGreaterThanOrEqual(49)
    }
  })

  it('and only the promise that was broken', async () => {
    const kindsOf = async (defect: Defect): Promise<ReadonlySet<string>> => {
      const kinds = new Set<string>()
      for (let seed = 0; seed < 50; seed++) {
        for (const [kind, count] of Object.entries((await run(seed, 3, 600, defect)).counts))
          if (count > 0) kinds.add(kind)
      }
      return kinds
    }
    expect(await kindsOf('no position of reads')).toEqual(new Set(['monotonic-reads', 'writes-follow-reads']))
    expect(await kindsOf('positions of keys')).toEqual(new Set(['writes-follow-reads']))
    expect(await kindsOf('retried writes')).toEqual(new Set(['duplicated-write']))
    expect(await kindsOf('failed reads')).toEqual(new Set(['failed-read']))
  })
})

it('a seed replays a run exactly', async () => {
  const first = await run(42, 3, 500, 'no positions')
  expect(await run(42, 3, 500, 'no positions')).toEqual(first)
  expect(await run(43, 3, 500, 'no positions')).not.toEqual(first)
})
