import type { FinalState, History } from './operation.ts'
import { Random } from './random.ts'
import type { HistoryRecorder, ReadAnswer, SessionRecorder, WriteAnswer } from './recorder.ts'

/** How a session begins, or goes on. */
export interface SessionStart {
  /** Of the workload's client; counts from 1, parts of sessions included. */
  readonly number: number
  /** What the part before resolved with, if this is a session that goes on, for instance in another process. */
  readonly carried?: unknown
}

/** What a session of a workload may do. An error that is thrown is recorded. */
export interface SessionIo {
  /** `update … set version = version + 1, value = opId where key = … returning version`, as one statement. */
  write(key: string, opId: string): Promise<WriteAnswer>
  /** The same in one transaction with `insert` of opId, key and version into the side table, which has no unique key. */
  increment(key: string, opId: string): Promise<WriteAnswer>
  read(key: string): Promise<ReadAnswer>
}

/** The database that a workload runs on: whatever library, whatever servers. */
export interface WorkloadDatabase {
  /** Puts each key there with version 0 and `initialOpId`, or leaves it away; empties the side table. */
  setUp(keys: readonly string[]): Promise<void>
  /**
   * Runs this in a session, on which the promises are checked. What it throws ends the workload. Resolves with what the
   * session goes on with when it is handed over; with undefined it ends there.
   */
  inSession(run: (io: SessionIo) => Promise<void>, start: SessionStart): Promise<unknown>
  /** What the primary holds, asked when all clients have ended. */
  finalState(keys: readonly string[]): Promise<FinalState>
}

/** Weights: how often one is chosen, against the others. */
export interface WorkloadMix {
  readonly read: number
  readonly write: number
  readonly increment: number
}

/** What {@link runWorkload} takes. */
export interface WorkloadOptions {
  readonly database: WorkloadDatabase
  /** Where all is recorded. It is finished when the workload ends. */
  readonly recorder: HistoryRecorder
  /** Clients that run at the same time. */
  readonly clients: number
  /** How many keys there are: the fewer, the more often sessions meet. */
  readonly keys: number
  /** Of all clients together; `Infinity` runs until `signal` aborts. */
  readonly operations: number
  /** An integer. Each client does the same operations for the same seed; how they interleave is up to the database. */
  readonly seed: number
  /** Default: 6 reads, 3 writes, 1 increment. */
  readonly mix?: WorkloadMix
  /** The most operations of one session; each has a random number of them. Default 20. */
  readonly sessionLength?: number
  /** How likely a session is handed over after an operation: to another call of `inSession`. 0 to 1, default 0. */
  readonly handOver?: number
  /** How likely two operations of a session run at the same time: 0 to 1, default 0.1. */
  readonly parallel?: number
  /** Waits between operations, for instance on a virtual clock; default: not at all. */
  readonly pause?: (random: Random) => Promise<void>
  /** Ends the workload when the operations that run have ended. */
  readonly signal?: AbortSignal
}

/** How likely an operation goes to the key of the one before it: that is where a session sees what it did. */
const sameKeyAgain = 0.5

/**
 * Runs random clients and returns the history of what they did and saw, the final state included.
 *
 * @throws RangeError if an option is out of range. @throws what the database throws outside of single operations.
 */
export async function runWorkload(options: WorkloadOptions): Promise<History> {
  checkOptions(options)
  const { database, recorder, clients, operations } = options
  const keys = Array.from({ length: options.keys }, (_, index) => `k${index + 1}`)
  await database.setUp(keys)
  const quotas = Array.from({ length: clients }, (_, index) => Math.floor((operations + index) / clients))
  await Promise.all(quotas.map((quota, index) => new WorkloadClient(options, keys, index + 1, quota).run()))
  recorder.finish(await database.finalState(keys))
  return recorder.history()
}

/** How far a session has come. */
interface Course {
  readonly name: string
  /** In operations. */
  readonly length: number
  done: number
  /** Of the last operation. */
  key: string | undefined
}

class WorkloadClient {
  readonly #options: WorkloadOptions
  readonly #keys: readonly string[]
  readonly #number: number
  readonly #random: Random
  #left: number
  #sessions = 0
  #parts = 0

  constructor(options: WorkloadOptions, keys: readonly string[], number: number, quota: number) {
    this.#options = options
    this.#keys = keys
    this.#number = number
    this.#random = Random.ofPart(options.seed, number)
    this.#left = quota
  }

  async run(): Promise<void> {
    while (this.#isGoing()) {
      const name = `c${this.#number}.s${++this.#sessions}`
      const length = Math.min(this.#left, 1 + this.#random.below(this.#options.sessionLength ?? 20))
      const course: Course = { name, length, done: 0, key: undefined }
      let carried: unknown
      do {
        const start = { number: ++this.#parts, carried }
        carried = await this.#options.database.inSession((io) => this.#part(course, io), start)
      } while (carried !== undefined && course.done < length && this.#isGoing())
    }
  }

  /** A session to its end, or until it is handed over. */
  async #part(course: Course, io: SessionIo): Promise<void> {
    const { parallel = 0.1, handOver = 0, pause } = this.#options
    const session = this.#options.recorder.session(course.name)
    while (course.done < course.length && this.#isGoing()) {
      const atOnce = course.done + 1 < course.length && this.#random.chance(parallel) ? 2 : 1
      const running: Promise<unknown>[] = []
      for (let each = 0; each < atOnce; each++, this.#left--) {
        if (course.key === undefined || !this.#random.chance(sameKeyAgain))
          course.key = this.#keys[this.#random.below(this.#keys.length)]!
        running.push(this.#operation(session, io, course.key, `${course.name}.${++course.done}`))
      }
      await Promise.all(running)
      await pause?.(this.#random)
      if (handOver > 0 && this.#random.chance(handOver)) return
    }
  }

  #operation(session: SessionRecorder, io: SessionIo, key: string, opId: string): Promise<unknown> {
    const { read, write, increment } = this.#options.mix ?? { read: 6, write: 3, increment: 1 }
    const pick = this.#random.fraction() * (read + write + increment)
    if (pick < read) return session.read(key, () => io.read(key))
    if (pick < read + write) return session.write(key, opId, () => io.write(key, opId))
    return session.increment(key, opId, () => io.increment(key, opId))
  }

  #isGoing(): boolean {
    return this.#left > 0 && this.#options.signal?.aborted !== true
  }
}

function checkOptions({
  clients,
  keys,
  operations,
  mix,
  sessionLength = 1,
  parallel = 0,
  handOver = 0,
  seed,
}: WorkloadOptions): void {
  const counts = { clients, keys, sessionLength }
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new RangeError(`${name} must be an integer from 1, not ${count}.`)
  }
  if (!(operations >= 0)) throw new RangeError(`operations must be a number from 0, not ${operations}.`)
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed must be an integer, not ${seed}.`)
  for (const [name, chance] of Object.entries({ parallel, handOver })) {
    if (!(chance >= 0 && chance <= 1)) throw new RangeError(`${name} must be from 0 to 1, not ${chance}.`)
  }
  const weights = mix === undefined ? [1] : [mix.read, mix.write, mix.increment]
  if (weights.some((weight) => !(weight >= 0)) || weights.every((weight) => weight === 0)) {
    throw new RangeError('The weights of mix must be numbers from 0, and not all 0.')
  }
}
