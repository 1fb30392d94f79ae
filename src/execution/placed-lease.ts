import type {
  Access,
  BeginOptions,
  CopyBlock,
  DriverRequest,
  DriverResult,
  Lease,
  ReleaseMode,
  TransactionStatus,
} from '../drivers/driver.ts'
import type { ReadOptions } from '../config.ts'
import { ConfigError, ReadOnlyTransactionError } from '../errors.ts'
import type { Reason } from '../routing/route.ts'
import type { Position } from '../topology/position.ts'
import { placedOn, whereOf, type Decision } from './decision.ts'

const connection: Reason = { rule: 'connection', text: 'the connection is one to this server' }

type Ended = (covered?: Position) => void

/** What is to be known of a lease's use. */
export interface LeaseWatch {
  /** Before anything is sent after which the session may have seen or done more than before. Returns what ends it; nothing if it does not count. */
  begun(access: Access): Ended | undefined
  /** Whose `begun` it was last. */
  readonly session: object
  /** The position of a commit, if it covers all that its transaction can have read as well. */
  covering(position: Position | undefined): Position | undefined
  /** Before a statement is sent that may write, in what was begun last. */
  writing(): void
  failed(error: unknown): void
  /** The answer, or an error as soon as the server is given up. */
  answer<T>(work: Promise<T>): Promise<T>
  /** The rows, or an error as soon as the server is given up. */
  rows<T>(rows: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined>
  /** Once, when it is given back. */
  released(): void
}

/** A lease of a connection to one server of a replicated shard. */
export class PlacedLease implements Lease {
  /** The decision that it was made for, with its server. */
  readonly placed: Decision
  readonly commitFate?: NonNullable<Lease['commitFate']>
  readonly copyOut?: NonNullable<Lease['copyOut']>
  readonly copyIn?: NonNullable<Lease['copyIn']>
  readonly submit?: NonNullable<Lease['submit']>
  readonly #lease: Lease
  readonly #watch: LeaseWatch
  /** Why it is one to this server: its statements are told, each besides its own reasons. */
  readonly #because: readonly Reason[]
  /** Ends what the open transaction began. */
  #endTransaction: Ended | undefined
  /** Of one that texts began: what ends it for each session that has had a part in it. */
  readonly #endTexts = new Map<object, Ended>()
  /** It may read what others commit later, or never. */
  #readsUncommitted = false

  constructor(placed: Decision, lease: Lease, watch: LeaseWatch, because: readonly Reason[]) {
    this.placed = placed
    this.#because = because
    this.#lease = lease
    this.#watch = watch
    if (lease.copyOut !== undefined)
      this.copyOut = (request) => this.#rows<CopyBlock>(request, () => lease.copyOut!(request))
    if (lease.copyIn !== undefined)
      this.copyIn = async (request, blocks) => await this.#answer(request, () => lease.copyIn!(request, blocks))
    if (lease.submit !== undefined)
      this.submit = async (request, statement, events, hear) =>
        await this.#submitted(request, () => lease.submit!(request, statement, events, hear))
    if (lease.commitFate !== undefined) {
      this.commitFate = async (there) => {
        // It may have taken effect later than a position that was asked for since it was lost.
        const ended = watch.begun('write')
        try {
          return await lease.commitFate!(there)
        } finally {
          ended?.()
        }
      }
    }
  }

  /**
   * Another decision of the same shard, on the lease's server. Throws if that is a replica and the statement may write, or
   * asks for anything of its server: that is chosen. On the primary a statement finds all that it can ask for.
   */
  place(decision: Decision, options?: ReadOptions): Decision {
    const { server, route } = this.placed
    if (route.role === 'replica') {
      refuseWishes(options)
      if (decision.route.effect === 'write') {
        throw new ReadOnlyTransactionError(
          `The read-only transaction runs on a replica, and only the primary takes this statement: ${whyOf(decision)}. ` +
            'Nothing was sent. Begin the transaction within client.primary(), or without readOnly.',
          whereOf(decision),
        )
      }
    }
    return placedOn(decision, server, route.role, ...this.#because, connection)
  }

  /** `lease`, which is this one under somebody else's control, as one to the same server. */
  lent(lease: Lease): PlacedLease {
    const watch: LeaseWatch = {
      begun: () => undefined,
      session: this,
      writing: nothing,
      covering: () => undefined,
      failed: nothing,
      answer: (work) => work,
      rows: (rows) => rows,
      released: nothing,
    }
    return new PlacedLease(this.placed, lease, watch, this.#because)
  }

  async query(request: DriverRequest): Promise<DriverResult> {
    return await this.#answer(request, () => this.#lease.query(request))
  }

  stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    return this.#rows(request, () => this.#lease.stream(request))
  }

  async #answer<T>(request: DriverRequest, ask: () => Promise<T>): Promise<T> {
    const ended = this.#begun(request)
    try {
      return await this.#told(ask())
    } finally {
      ended?.()
    }
  }

  /** What it does in a transaction is done with the end of that, which may be said in another session. */
  async #submitted(request: DriverRequest, submit: () => Promise<TransactionStatus>): Promise<TransactionStatus> {
    const ended = this.#begun(request)
    const { session } = this.#watch
    let status: TransactionStatus = 'I'
    try {
      return (status = await this.#told(submit()))
    } finally {
      if (status === 'I') this.#endOfTexts()
      if (status === 'I' || ended === undefined || this.#endTexts.has(session)) ended?.()
      else this.#endTexts.set(session, ended)
    }
  }

  async *#rows<T>(
    request: DriverRequest,
    open: () => AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined> {
    const ended = this.#begun(request)
    try {
      yield* this.#watch.rows(open())
    } catch (error) {
      this.#watch.failed(error)
      throw error
    } finally {
      ended?.()
    }
  }

  async begin(options: BeginOptions): Promise<void> {
    this.#endTransaction = this.#watch.begun(options.readOnly === true ? 'read' : 'write')
    this.#readsUncommitted = options.isolation === 'read uncommitted'
    await this.#told(this.#lease.begin(options))
  }

  async commit(): Promise<void> {
    await this.#ending(this.#lease.commit(), () =>
      this.#readsUncommitted ? undefined : this.#watch.covering(this.#lease.committed),
    )
  }

  async rollback(): Promise<void> {
    await this.#ending(this.#lease.rollback())
  }

  savepoint(name: string): Promise<void> {
    return this.#told(this.#lease.savepoint(name))
  }

  rollbackTo(name: string): Promise<void> {
    return this.#told(this.#lease.rollbackTo(name))
  }

  releaseSavepoint(name: string): Promise<void> {
    return this.#told(this.#lease.releaseSavepoint(name))
  }

  async release(mode: ReleaseMode): Promise<void> {
    try {
      await this.#lease.release(mode)
    } finally {
      this.#over()
      this.#endOfTexts()
      this.#watch.released()
    }
  }

  /** What a statement outside of a transaction does is done with its answer; inside, with the transaction's end. */
  #begun({ access }: DriverRequest): Ended | undefined {
    const ended = this.#endTransaction === undefined ? this.#watch.begun(access) : undefined
    if (access !== 'read') this.#watch.writing()
    return ended
  }

  async #ending(work: Promise<void>, position?: () => Position | undefined): Promise<void> {
    let covered: Position | undefined
    try {
      await this.#told(work)
      covered = position?.()
    } finally {
      this.#over(covered)
    }
  }

  #over(covered?: Position): void {
    this.#endTransaction?.(covered)
    this.#endTransaction = undefined
  }

  #endOfTexts(): void {
    for (const ended of this.#endTexts.values()) ended()
    this.#endTexts.clear()
  }

  async #told<T>(work: Promise<T>): Promise<T> {
    try {
      return await this.#watch.answer(work)
    } catch (error) {
      this.#watch.failed(error)
      throw error
    }
  }
}

function nothing(): void {}

function refuseWishes(options: ReadOptions | undefined): void {
  for (const name of ['role', 'tags', 'maxStalenessMs', 'atLeast'] as const) {
    const value = options?.[name]
    if (value === undefined || value === 'replica') continue
    throw new ConfigError(
      `options.${name}`,
      'The read-only transaction runs on a replica that was chosen when it began. Nothing was sent.',
      'said of the transaction as a whole: transaction(fn, { readOnly: true, … })',
    )
  }
}

function whyOf({ route }: Decision): string {
  return route.reasons.at(-1)?.text ?? 'it may write'
}
