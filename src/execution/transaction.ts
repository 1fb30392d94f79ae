import type { CallOptions, ReadOptions } from '../config.ts'
import type { DriverRequest, DriverResult, Isolation, Lease, TransactionStatus, UnderWay } from '../drivers/driver.ts'
import { AbortedError, TransactionClosedError, locate } from '../errors.ts'
import type { Route } from '../routing/route.ts'
import type { Params } from '../statement/statement.ts'
import type { CarriedStatement } from './carried.ts'
import { carryWithin } from './carried-within.ts'
import { givesLookedUpValues, type ClaimBook } from './claim-book.ts'
import { runCallbacks, type Callback } from './commit-callbacks.ts'
import { refuseHiddenCommit, refuseTransactionControl, requestOf, whereOf, type Decision } from './decision.ts'
import { inquiryOf } from './commit-inquiry.ts'
import { OwnerMovedError, ProvedKeys } from './owner-check.ts'
import { resumed, streamTraced } from './row-stream.ts'
import type { Submission } from './submitted.ts'
import { PlacedLease } from './placed-lease.ts'
import type { Queryable } from './queryable.ts'
import type { Result } from './result.ts'
import { inTermsOf, withTimeLeft, type CallLimits, type LeaseTerms } from './time-limit.ts'
import { TransactionCore } from './transaction-core.ts'
import { fromPool, type TransactionHost } from './transaction-host.ts'

/**
 * How a transaction is to run. What it asks of the server (`role`, `tags`, `maxStalenessMs`, `atLeast`) decides where one
 * that is `readOnly` runs. One that may write runs on the primary, which is as fresh as anybody can ask; `tags` and
 * `role: 'replica'` are refused there.
 */
export interface TransactionOptions extends ReadOptions {
  /** Default: the server's own. SQLite is always serializable, which includes every weaker level. */
  readonly isolation?: Isolation
  /** The server refuses writes, and so does Signalbox, before it sends them. Default false. */
  readonly readOnly?: boolean
  /** Cancels the statement that runs when it fires, and refuses later ones; the transaction is then rolled back. */
  readonly signal?: AbortSignal
  /** Time limit of each statement in milliseconds. Default: `limits.queryTimeoutMs`. */
  readonly timeoutMs?: number
}

/** A statement and the connection it is to be sent on. */
interface Prepared {
  readonly decision: Decision
  readonly lease: Lease
  /** With what is left of its time. */
  readonly request: DriverRequest
  /** The time limit as it was given. */
  readonly timeoutMs: number | undefined
}

/** A statement on its way. */
interface Sent {
  readonly decision: Decision
  readonly timeoutMs: number | undefined
  readonly answer: Promise<DriverResult>
}

/**
 * A transaction, or a savepoint inside one. It begins with its first statement, on the database of that statement.
 *
 * Statements run in the order of the calls. Ended by `commit()` or `rollback()`; `await using` rolls back what was
 * not committed.
 */
export class Transaction implements Queryable, AsyncDisposable {
  readonly #host: TransactionHost
  readonly #core: TransactionCore
  readonly #options: TransactionOptions
  readonly #parent: Transaction | undefined
  readonly #depth: number
  readonly #callbacks: Callback[] = []
  readonly #proved: ProvedKeys
  readonly #claims: ClaimBook
  #savepointIsSet = false
  #child: Transaction | undefined
  #closed = false

  /** @internal Made by `client.begin()`, `client.transaction()` and `transaction()`. */
  constructor(host: TransactionHost, options: TransactionOptions, parent?: Transaction) {
    this.#host = host
    this.#options = options
    this.#parent = parent
    this.#depth = parent === undefined ? 0 : parent.#depth + 1
    this.#claims = parent === undefined ? host.claims() : parent.#claims
    this.#core =
      parent === undefined
        ? new TransactionCore(host.lease ?? fromPool(host), options, host.attempts, inquiryOf(fromPool(host)))
        : parent.#core
    this.#proved = new ProvedKeys(host.executor.owners, parent === undefined ? undefined : parent.#proved)
  }

  /** The alias of the database that it runs on; `undefined` before the first statement. */
  get database(): string | undefined {
    return this.#core.database?.alias
  }

  /** Runs one statement inside the transaction. */
  async query<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): Promise<Result<Row>> {
    this.#assertOpen()
    // Nothing is awaited that is there already: in a transaction of short statements every wait for nothing is measurable.
    const sent = this.#core.inTurn(() => {
      const prepared = this.#prepare(sql, params, options)
      return prepared instanceof Promise ? prepared.then(this.#send) : this.#send(prepared)
    })
    const { decision, timeoutMs, answer } = sent instanceof Promise ? await sent : sent
    try {
      return this.#host.executor.result<Row>(decision, await answer)
    } catch (error) {
      await this.#core.noteError(error)
      throw locate(inTermsOf(timeoutMs, error), whereOf(decision))
    }
  }

  /** Streams rows inside the transaction, which can do nothing else until the stream has ended. */
  async *stream<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): AsyncGenerator<Row, void, undefined> {
    this.#assertOpen()
    const { decision, timeoutMs, rows, first } = await this.#core.inTurn(async () => {
      const { lease, request, ...prepared } = await this.#prepare(sql, params, options)
      const told = streamTraced(prepared.decision, request, true, () => lease.stream(request))
      const source = this.#host.executor.locatedRows<Row>(prepared.decision, told)
      // Pulled here, since a stream is sent with its first row.
      return { ...prepared, rows: source, first: source.next() }
    })
    try {
      yield* resumed(first, rows)
    } catch (error) {
      await this.#core.noteError(error)
      throw locate(inTermsOf(timeoutMs, error), whereOf(decision))
    }
  }

  /** @internal For adapters: see {@link Submission}. The transaction can do nothing else meanwhile. */
  async submit(submission: Submission): Promise<TransactionStatus> {
    this.#assertOpen()
    const { sql, params, options } = submission
    const { decision, timeoutMs, answer } = await this.#core.inTurn(async () => {
      const { lease, request, ...prepared } = await this.#prepare(sql, params, options)
      // Not awaited here: the next call may cancel it.
      const { executor } = this.#host
      const how = { inTransaction: true }
      return { ...prepared, answer: executor.submitOnLease(prepared.decision, request, lease, submission, how) }
    })
    try {
      return await answer
    } catch (error) {
      await this.#core.noteError(error)
      throw locate(inTermsOf(timeoutMs, error), whereOf(decision))
    }
  }

  /** @internal For adapters: as `Scope.carry`. `undefined` too for the first statement, and in a nested transaction. */
  carry(statement: CarriedStatement): UnderWay | undefined {
    const { signal, timeoutMs } = this.#options
    if (this.#closed || this.#child !== undefined || this.#parent !== undefined) return undefined
    if (signal !== undefined || timeoutMs !== undefined) return undefined
    return carryWithin(this.#core, this.#host, statement)
  }

  /** The route that a statement would take in this transaction. Runs nothing. */
  explain(sql: string, params: Params = [], options?: CallOptions): Route {
    return this.#host.explain(sql, params, options, this.#core.open)
  }

  /** A nested transaction: a savepoint, set with its first statement; rolled back to if `fn` throws. */
  async transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    return await runTransaction(this.begin(), fn)
  }

  /** A savepoint under one's own control; end it with `commit()` or `rollback()` before the outer one goes on. */
  begin(): Transaction {
    this.#assertOpen()
    const child = new Transaction(this.#host, this.#options, this)
    this.#child = child
    return child
  }

  /** Runs `fn` after the outermost COMMIT; never if this transaction, or one around it, is rolled back. */
  onCommit(fn: () => unknown): void {
    this.#assertOpen()
    this.#callbacks.push(fn)
  }

  /**
   * Commits; sends nothing if there was no statement. If the connection breaks after COMMIT was sent, the present primary
   * is asked what has become of it (PostgreSQL): throws `CommitUnknownError` if that cannot be found out in time, a
   * `QueryError` that is safe to retry if it was rolled back. Throws `OnCommitError` if callbacks failed after it.
   */
  async commit(): Promise<void> {
    this.#assertOpen()
    this.#close()
    if (this.#parent !== undefined) {
      await this.#core.inTurn(async () => await this.#releaseSavepoint())
      this.#parent.#callbacks.push(...this.#callbacks)
      this.#proved.release()
      return
    }
    const database = await this.#core.inTurn(async () => {
      const on = this.database
      try {
        this.#assertNotAborted()
      } catch (error) {
        await this.#core.rollback()
        throw error
      }
      await this.#core.commit()
      this.#proved.committed()
      return on
    })
    await runCallbacks(this.#callbacks, database)
  }

  /** Rolls back; does nothing if it has ended already. */
  async rollback(): Promise<void> {
    if (this.#closed) return
    this.#close()
    await this.#core.inTurn(async () => {
      if (this.#parent === undefined) await this.#core.rollback()
      else await this.#undo()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rollback()
  }

  #assertOpen(): void {
    this.#core.assertUsable()
    if (this.#closed)
      throw new TransactionClosedError('The transaction has ended. Statements after its end belong to a new one.')
    if (this.#child !== undefined) {
      throw new TransactionClosedError(
        'A nested transaction is open. Use its handle until it ends: a statement on the outer one would be rolled back with it.',
      )
    }
  }

  #assertNotAborted(): void {
    const { signal } = this.#options
    if (signal?.aborted !== true) return
    throw new AbortedError('The signal of the transaction fired, so it runs no more statements.', {
      cause: signal.reason,
    })
  }

  /** Ends it for its callers, and the nested ones with it: what undoes the outer one undoes them. */
  #close(): void {
    if (this.#child !== undefined) this.#child.#close()
    this.#closed = true
    if (this.#parent !== undefined) this.#parent.#child = undefined
  }

  #prepare(sql: string, params: Params, options: CallOptions | undefined): Prepared | Promise<Prepared> {
    this.#assertNotAborted()
    const begun = performance.now()
    const callOptions = this.#callOptions(this.#host.hinted(sql, options))
    const prepare = (decision: Decision): Prepared | Promise<Prepared> => {
      refuseTransactionControl(decision, 'commit(), rollback() or a nested transaction()')
      refuseHiddenCommit(decision)
      const request = requestOf(decision, params, callOptions, this.#host.queryTimeoutMs)
      this.#host.executor.called(decision, params)
      // The wait for the connection counts.
      const prepared = (lease: Lease): Prepared => ({
        decision: lease instanceof PlacedLease ? lease.place(decision, callOptions) : decision,
        lease,
        request: withTimeLeft(request, begun),
        timeoutMs: request.timeoutMs,
      })
      const lease = givesLookedUpValues(decision)
        ? this.#enterClaiming(decision, params, request)
        : this.#enter(decision, request)
      if (decision.ownedKeys !== undefined)
        return this.#proven(lease, decision, withTimeLeft(request, begun)).then(prepared)
      return lease instanceof Promise ? lease.then(prepared) : prepared(lease)
    }
    const decision = this.#host.decide(sql, params, callOptions, this.#core.open)
    return decision instanceof Promise ? decision.then(prepare) : prepare(decision)
  }

  readonly #send = ({ decision, lease, request, timeoutMs }: Prepared): Sent => {
    const { executor } = this.#host
    return { decision, timeoutMs, answer: executor.onLease(decision, request, lease, { inTransaction: true }) }
  }

  /** The connection, once the keys that the statement changes are proved to be on its shard. If they are not, all is rolled back. */
  async #proven(entered: Lease | Promise<Lease>, decision: Decision, limits: CallLimits): Promise<Lease> {
    const lease = await entered
    try {
      await this.#proved.prove(lease, decision, limits)
      return lease
    } catch (error) {
      const located = locate(error, whereOf(decision))
      if (located instanceof OwnerMovedError) await this.#core.fail(located)
      else await this.#core.noteError(located)
      throw located
    }
  }

  #callOptions(options: CallOptions | undefined): CallOptions | undefined {
    const { signal, timeoutMs } = this.#options
    if (signal === undefined && timeoutMs === undefined) return options
    const both = signal !== undefined && options?.signal !== undefined
    return {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...options,
      ...(signal === undefined ? {} : { signal: both ? AbortSignal.any([signal, options.signal]) : signal }),
    }
  }

  /** The connection, with this savepoint and those around it set. */
  #enter(decision: Decision, terms: LeaseTerms): Lease | Promise<Lease> {
    return this.#parent === undefined ? this.#core.enter(decision, terms) : this.#enterSavepoint(decision, terms)
  }

  /** The connection, on which the values of looked-up columns are claimed. */
  async #enterClaiming(decision: Decision, params: Params, limits: LeaseTerms): Promise<Lease> {
    const begun = performance.now()
    // Before the transaction begins, so that nobody waits for its locks meanwhile; unless it is open, or will not have the statement.
    const isNew = this.#core.isIdle && this.#options.readOnly !== true && decision.route.shards.length === 1
    if (isNew) await this.#claims.reserve(decision, params, limits)
    const lease = await this.#enter(decision, withTimeLeft(limits, begun))
    try {
      await this.#claims.claim(decision, params, withTimeLeft(limits, begun), lease)
    } catch (error) {
      await this.#core.noteError(error)
      throw locate(error, whereOf(decision))
    }
    return lease
  }

  async #enterSavepoint(decision: Decision, terms: LeaseTerms): Promise<Lease> {
    const lease = await this.#parent!.#enter(decision, terms)
    if (this.#savepointIsSet) return lease
    try {
      await lease.savepoint(this.#savepointName)
    } catch (error) {
      await this.#core.noteError(error)
      throw locate(error, whereOf(decision))
    }
    this.#savepointIsSet = true
    return lease
  }

  get #savepointName(): string {
    return `signalbox_${this.#depth}`
  }

  async #releaseSavepoint(): Promise<void> {
    this.#core.assertUsable()
    const lease = await this.#core.current
    if (!this.#savepointIsSet || lease === undefined) return
    try {
      await lease.releaseSavepoint(this.#savepointName)
    } catch (error) {
      const located = this.#core.located(error)
      await this.#core.noteError(located)
      await this.#undo()
      throw located
    }
  }

  /** Undoes what was done since the savepoint. Where that fails, everything is undone: it must not be committed. */
  async #undo(): Promise<void> {
    this.#proved.clear()
    const lease = await this.#core.current
    if (!this.#savepointIsSet || lease === undefined) return
    try {
      await lease.rollbackTo(this.#savepointName)
      await lease.releaseSavepoint(this.#savepointName)
    } catch (error) {
      const located = this.#core.located(error)
      await this.#core.noteError(located)
      await this.#core.fail(located)
    }
  }
}

/** Runs `fn`, then commits; rolls back and throws on if it throws. */
export async function runTransaction<T>(transaction: Transaction, fn: (tx: Transaction) => Promise<T>): Promise<T> {
  try {
    const result = await fn(transaction)
    await transaction.commit()
    return result
  } catch (error) {
    // Nothing is left to roll back after a COMMIT; but it is refused while a nested transaction is open.
    await transaction.rollback()
    throw error
  }
}
