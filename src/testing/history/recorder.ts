import { HistoryWriter, readHistory } from './history-file.ts'
import type { FinalState, History, KeyValue, Operation, Outcome, ReadOperation, WriteOperation } from './operation.ts'
import { OperationTable } from './operation-table.ts'

/** What a {@link HistoryRecorder} takes. */
export interface HistoryRecorderOptions {
  /** A monotonic clock in milliseconds, for instance `() => performance.now()` or that of a `VirtualClock`. */
  readonly clock: () => number
  /** A file for the operations, overwritten if it is there; default: they are kept in memory, about 100 bytes each. */
  readonly path?: string
  /**
   * What an error of a write says about it. Default: always *unknown*, which is safe and finds less: such a write may have
   * happened or not.
   */
  readonly outcomeOf?: (error: unknown) => 'failed' | 'unknown'
}

/** What a write answers. */
export interface WriteAnswer {
  /** The version that it made, as counted by the primary. */
  readonly version: number
  readonly server?: string
}

/** What a read answers; undefined if the key is not there. */
export type ReadAnswer = (KeyValue & { readonly server?: string }) | undefined

/** What an operation came to. */
interface Result {
  readonly version?: number
  readonly value?: KeyValue
  readonly server?: string
  readonly error?: string
}

interface Begun {
  readonly kind: Operation['kind']
  readonly session: string
  readonly key: string
  readonly opId?: string
  readonly begin: number
  readonly startedMs: number
}

/**
 * Records what clients did and saw, for `checkHistory`.
 *
 * @example
 * ```ts
 * import { checkHistory, describeReport, HistoryRecorder, type KeyValue } from 'signalbox/testing'
 *
 * const stored = new Map<string, KeyValue>() // stands for the database
 * const recorder = new HistoryRecorder({ clock: () => performance.now() })
 * const session = recorder.session()
 * await session.write('k1', 'op 1', async () => {
 *   stored.set('k1', { version: 1, opId: 'op 1' })
 *   return { version: 1 }
 * })
 * await session.read('k1', async () => stored.get('k1'))
 * recorder.finish({ values: stored })
 * console.log(describeReport(checkHistory(recorder.history())))
 * ```
 */
export class HistoryRecorder {
  readonly #options: HistoryRecorderOptions
  readonly #table = new OperationTable()
  readonly #writer: HistoryWriter | undefined
  readonly #running = new Set<Begun>()
  #final: FinalState | undefined
  #finished = false
  #steps = 0
  #sessions = 0
  #operations = 0

  /** @throws what opening the file throws. */
  constructor(options: HistoryRecorderOptions) {
    this.#options = options
    this.#writer = options.path === undefined ? undefined : new HistoryWriter(options.path)
  }

  /** How many operations have been recorded. */
  get operations(): number {
    return this.#operations
  }

  /** @param name Default: `s1`, `s2`, …; a name that was given before goes on with that session. */
  session(name?: string): SessionRecorder {
    this.#sessions++
    return new SessionRecorder(name ?? `s${this.#sessions}`, (begun, run) => this.#record(begun, run))
  }

  /**
   * Ends the recording. What is still running is recorded as *unknown*; what comes later is not recorded.
   *
   * @param final What the primary holds, read when nothing was running any more.
   */
  finish(final?: FinalState): void {
    if (this.#finished) return
    for (const begun of this.#running) this.#end(begun, 'unknown', {})
    this.#finished = true
    this.#final = final
    this.#writer?.close(final)
  }

  /**
   * What was recorded; from the file, if there is one.
   *
   * @throws Error if the recording was not finished.
   */
  history(): History {
    if (!this.#finished) throw new Error('The recording goes on. Call finish() before history().')
    if (this.#options.path !== undefined) return readHistory(this.#options.path)
    return { operations: this.#table, ...(this.#final === undefined ? {} : { final: this.#final }) }
  }

  async #record(what: Pick<Begun, 'kind' | 'session' | 'key' | 'opId'>, run: Run): Promise<Operation> {
    const begun: Begun = { ...what, begin: this.#steps++, startedMs: this.#options.clock() }
    this.#running.add(begun)
    let answer: WriteAnswer | ReadAnswer
    try {
      answer = await run()
    } catch (error) {
      const outcome = begun.kind === 'read' ? 'failed' : (this.#options.outcomeOf?.(error) ?? 'unknown')
      return this.#end(begun, outcome, { error: error instanceof Error ? error.message : String(error) })
    }
    return this.#end(begun, 'ok', resultOf(begun.kind, answer))
  }

  #end(begun: Begun, outcome: Outcome, result: Result): Operation {
    const operation = {
      ...begun,
      end: this.#steps++,
      endedMs: this.#options.clock(),
      outcome,
      ...result,
    } as Operation
    if (!this.#finished && this.#running.delete(begun)) {
      this.#operations++
      if (this.#writer === undefined) this.#table.add(operation)
      else this.#writer.add(operation)
    }
    return operation
  }
}

type Run = () => Promise<WriteAnswer | ReadAnswer>
type Recording = (begun: Pick<Begun, 'kind' | 'session' | 'key' | 'opId'>, run: Run) => Promise<Operation>

/**
 * Records the operations of one session. They may overlap. An error of an operation is part of what is recorded: nothing
 * rejects, but with a TypeError for an answer whose version is no integer, since nothing could be judged by it.
 */
export class SessionRecorder {
  readonly name: string
  readonly #record: Recording

  /** @internal Made by `HistoryRecorder.session`. */
  constructor(name: string, record: Recording) {
    this.name = name
    this.#record = record
  }

  /** Runs and records a write; see `WriteOperation`. */
  write(key: string, opId: string, run: () => Promise<WriteAnswer>): Promise<WriteOperation> {
    return this.#record({ kind: 'write', session: this.name, key, opId }, run) as Promise<WriteOperation>
  }

  /** Runs and records an increment; see `WriteOperation`. */
  increment(key: string, opId: string, run: () => Promise<WriteAnswer>): Promise<WriteOperation> {
    return this.#record({ kind: 'increment', session: this.name, key, opId }, run) as Promise<WriteOperation>
  }

  /** Runs and records a read. */
  read(key: string, run: () => Promise<ReadAnswer>): Promise<ReadOperation> {
    return this.#record({ kind: 'read', session: this.name, key }, run) as Promise<ReadOperation>
  }
}

function resultOf(kind: Operation['kind'], answer: WriteAnswer | ReadAnswer): Result {
  if (answer === undefined && kind === 'read') return {}
  if (answer === undefined || !Number.isSafeInteger(answer.version)) {
    throw new TypeError(`The version of a ${kind} must be an integer, not ${answer?.version}.`)
  }
  const server = answer.server === undefined ? {} : { server: answer.server }
  if (kind !== 'read') return { version: answer.version, ...server }
  const { opId, version } = answer as KeyValue
  return { value: { version, opId }, ...server }
}
