import type { CallOptions } from '../config.ts'
import type { DriverRequest, Isolation, Lease } from '../drivers/driver.ts'
import { AbortedError, OnCommitError, TransactionClosedError, locate } from '../errors.ts'
import type { Route } from '../routing/route.ts'
import type { Params } from '../statement/statement.ts'
import { refuseTransactionControl, requestOf, whereOf, type Decision } from './decision.ts'
import { streamTraced, type Executor } from './execute.ts'
import type { Queryable } from './queryable.ts'
import type { Result } from './result.ts'
import { queryChannel, traced } from './trace.ts'
import { TransactionCore, type LeaseSource } from './transaction-core.ts'

/** How a transaction is to run. */
export interface TransactionOptions {
  /** Default: the server's own. SQLite is always serializable, which includes every weaker level. */
  readonly isolation?: Isolation
  /** The server refuses writes, and so does Signalbox, before it sends them. Default false. */
  readonly readOnly?: boolean
  /** Cancels the statement that runs when it fires, and refuses later ones; the transaction is then rolled back. */
  readonly signal?: AbortSignal
  /** Time limit of each statement in milliseconds. Default: `limits.queryTimeoutMs`. */
  readonly timeoutMs?: number
}

/** What a transaction needs from its client. */
export interface TransactionHost {
  /** Routes a statement; `pinned` is the database for a statement that names no table. */
  decide(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    pinned: string | undefined,
  ): Decision | Promise<Decision>
  explain(sql: string, params: Params, options: CallOptions | undefined, pinned: string | undefined): Route
  readonly executor: Executor
  /** Default: the pool of the decision's server. */
  readonly lease?: LeaseSource
  readonly attempts: number
  readonly queryTimeoutMs: number
}

type Callback = () => unknown

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
  #savepoint: Promise<void> | undefined
  #child: Transaction | undefined
  #closed = false

  /** Made by `client.begin()`, `client.transaction()` and `transaction()`. */
  constructor(host: TransactionHost, options: TransactionOptions, parent?: Transaction) {
    this.#host = host
    this.#options = options
    this.#parent = parent
    this.#depth = parent === undefined ? 0 : parent.#depth + 1
    this.#core =
      parent === undefined
        ? new TransactionCore(host.lease ?? fromPool(host.executor), options, host.attempts)
        : parent.#core
  }

  /** The alias of the database that it runs on; `undefined` before the first statement. */
  get database(): string | undefined {
    return this.#core.database
  }

  /** Runs one statement inside the transaction. */
  async query<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): Promise<Result<Row>> {
    const { decision, lease, request } = await this.#prepare(sql, params, options)
    try {
      const run = async () => await lease.query(request)
      const event = { sql, params, route: decision.route, inTransaction: true }
      const answer = queryChannel.hasSubscribers ? await traced(event, run) : await run()
      return this.#host.executor.result<Row>(decision, answer)
    } catch (error) {
      await this.#core.noteError(error)
      throw locate(error, whereOf(decision))
    }
  }

  /** Streams rows inside the transaction; other statements of it wait until the stream has ended. */
  async *stream<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): AsyncGenerator<Row, void, undefined> {
    const { decision, lease, request } = await this.#prepare(sql, params, options)
    const rows = streamTraced(decision, request, true, () => lease.stream(request))
    yield* this.#host.executor.locatedRows<Row>(decision, rows)
  }

  /** The route that a statement would take in this transaction. Runs nothing. */
  explain(sql: string, params: Params = [], options?: CallOptions): Route {
    return this.#host.explain(sql, params, options, this.#core.database)
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
   * Commits; sends nothing if there was no statement. Throws `CommitUnknownError` if the connection broke after COMMIT
   * was sent, and `OnCommitError` if callbacks failed after it.
   */
  async commit(): Promise<void> {
    this.#assertOpen()
    this.#close()
    if (this.#parent !== undefined) {
      await this.#onSavepoint(async (lease, name) => await lease.releaseSavepoint(name))
      this.#parent.#callbacks.push(...this.#callbacks)
      return
    }
    const database = this.#core.database
    await this.#core.commit()
    await runCallbacks(this.#callbacks, database)
  }

  /** Rolls back; does nothing if it has ended already. */
  async rollback(): Promise<void> {
    if (this.#closed) return
    const child = this.#child
    if (child !== undefined) await child.rollback()
    this.#close()
    if (this.#parent === undefined) {
      await this.#core.rollback()
    } else if (!this.#core.ended) {
      await this.#onSavepoint(async (lease, name) => {
        await lease.rollbackTo(name)
        await lease.releaseSavepoint(name)
      })
    }
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

  #close(): void {
    this.#closed = true
    if (this.#parent !== undefined) this.#parent.#child = undefined
  }

  async #prepare(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
  ): Promise<{ decision: Decision; lease: Lease; request: DriverRequest }> {
    this.#assertOpen()
    const { signal } = this.#options
    if (signal?.aborted === true)
      throw new AbortedError('The signal of the transaction fired, so it runs no more statements.', {
        cause: signal.reason,
      })
    const decision = await this.#host.decide(sql, params, options, this.#core.database)
    refuseTransactionControl(decision, 'commit(), rollback() or a nested transaction()')
    const lease = await this.#enter(decision)
    return {
      decision,
      lease,
      request: requestOf(decision, params, this.#callOptions(options), this.#host.queryTimeoutMs),
    }
  }

  #callOptions(options: CallOptions | undefined): CallOptions | undefined {
    const { signal, timeoutMs } = this.#options
    if (signal === undefined && timeoutMs === undefined) return options
    return {
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...options,
    }
  }

  /** The connection, with this savepoint and those around it set. */
  async #enter(decision: Decision): Promise<Lease> {
    if (this.#parent === undefined) return await this.#core.enter(decision)
    const lease = await this.#parent.#enter(decision)
    this.#savepoint ??= lease.savepoint(this.#savepointName)
    await this.#savepoint
    return lease
  }

  get #savepointName(): string {
    return `signalbox_${this.#depth}`
  }

  async #onSavepoint(run: (lease: Lease, name: string) => Promise<void>): Promise<void> {
    const lease = this.#core.current
    if (this.#savepoint === undefined || lease === undefined) return
    await this.#savepoint
    await run(await lease, this.#savepointName)
  }
}

function fromPool(executor: Executor): LeaseSource {
  return async (decision, access) => await (await executor.pool(decision)).lease({ access })
}

/** Runs `fn`, then commits; rolls back and throws on if it throws. */
export async function runTransaction<T>(transaction: Transaction, fn: (tx: Transaction) => Promise<T>): Promise<T> {
  let result: T
  try {
    result = await fn(transaction)
  } catch (error) {
    await transaction.rollback()
    throw error
  }
  await transaction.commit()
  return result
}

async function runCallbacks(callbacks: readonly Callback[], database: string | undefined): Promise<void> {
  const errors: unknown[] = []
  for (const callback of callbacks) {
    try {
      await callback()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new OnCommitError(errors, database === undefined ? {} : { database })
}
