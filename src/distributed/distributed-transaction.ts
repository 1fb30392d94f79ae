import type { CallOptions } from '../config.ts'
import { PartialWriteError, TransactionClosedError, UnsupportedError } from '../errors.ts'
import type { Decision } from '../execution/decision.ts'
import { resumed } from '../execution/row-stream.ts'
import type { Queryable } from '../execution/queryable.ts'
import type { Result } from '../execution/result.ts'
import type { Callback } from '../execution/commit-callbacks.ts'
import { Turns } from '../execution/turns.ts'
import type { Params } from '../statement/statement.ts'
import type { Branch } from './branch.ts'
import { Branches, type DistributedParts } from './branches.ts'

/** What is to be done in a distributed transaction. */
export type DistributedWork<T> = (tx: DistributedTransaction) => Promise<T>

/** What a transaction and those nested in it have in common. */
interface Shared {
  readonly parts: DistributedParts
  readonly branches: Branches
  readonly turns: Turns
  /** Streams that have not ended. */
  streams: number
}

/**
 * What `fn` of `client.distributedTransaction()` works with. Statements run one after the other, each on the branches of its
 * shards. One that fails makes the whole roll back, whoever catches its error; in a nested `transaction()` that one.
 */
export class DistributedTransaction implements Queryable {
  /** In the log, and in the names of the prepared branches. */
  readonly id: string
  readonly #shared: Shared
  readonly #parent: DistributedTransaction | undefined
  /** How many savepoints are around a statement of it on each branch. */
  readonly #depth: number
  readonly #callbacks: Callback[] = []
  #child: DistributedTransaction | undefined
  #failure: { readonly error: unknown } | undefined
  #closed = false

  /** @internal Made by `client.distributedTransaction()` and `transaction()`. */
  constructor(parts: DistributedParts, parent?: DistributedTransaction) {
    this.id = parts.id
    this.#parent = parent
    this.#depth = parent === undefined ? 0 : parent.#depth + 1
    this.#shared =
      parent === undefined ? { parts, branches: new Branches(parts), turns: new Turns(), streams: 0 } : parent.#shared
  }

  /**
   * Runs one statement where the client would, within the transaction: on one shard, or on several (scattered reads,
   * `allShards`, rows of several shards). It sees what was written before it on its shards.
   */
  async query<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): Promise<Result<Row>> {
    this.#assertOpen()
    const { branches, parts } = this.#shared
    return await this.#inTurn(async () => {
      const limited = this.#limited(parts.host.hinted(sql, options))
      return await branches.query<Row>(await branches.decide(sql, params, limited), params, limited, this.#depth)
    })
  }

  /** For Signalbox itself: sends the text of a decision to its shard, as it is. Rows come as arrays. */
  static async send(tx: DistributedTransaction, decision: Decision, params: Params): Promise<Result<unknown>> {
    tx.#assertOpen()
    return await tx.#inTurn(
      async () => await tx.#shared.branches.query(decision, params, tx.#limited({ rowMode: 'array' }), tx.#depth),
    )
  }

  /**
   * Streams rows of one shard, or of several as `client.stream()` does, within the transaction, which can do nothing else until the
   * stream has ended.
   */
  async *stream<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): AsyncGenerator<Row, void, undefined> {
    this.#assertOpen()
    const { branches, parts } = this.#shared
    const { rows, first } = await this.#inTurn(async () => {
      const limited = this.#limited(parts.host.hinted(sql, options))
      const decision = await branches.decide(sql, params, limited)
      const source = branches.stream<Row>(decision, params, limited, this.#depth)
      // Pulled here, since a stream is sent with its first row; and its branches have begun when the next call has its turn.
      const pulled = await source.next()
      this.#shared.streams += 1
      return { rows: source, first: Promise.resolve(pulled) }
    })
    try {
      yield* resumed(first, rows)
    } catch (error) {
      throw this.#failed(error)
    } finally {
      this.#shared.streams -= 1
    }
  }

  /** The route that a statement would take in this transaction. Runs nothing. */
  explain(sql: string, params: Params = [], options?: CallOptions): ReturnType<Queryable['explain']> {
    const { parts, branches } = this.#shared
    return parts.host.explain(sql, params, options, branches.open)
  }

  /**
   * A nested transaction: a savepoint on every branch that it touches, set with its first statement there. If `fn` throws, or a
   * statement of it has failed, what it did is undone on all of them, and the outer one can go on.
   */
  async transaction<T>(fn: DistributedWork<T>): Promise<T> {
    this.#assertOpen()
    const child = new DistributedTransaction(this.#shared.parts, this)
    this.#child = child
    try {
      const value = await fn(child)
      await child.#release()
      return value
    } catch (error) {
      await child.#undo()
      throw error
    }
  }

  /** Runs `fn` after the whole was committed; never if this transaction, or one around it, is rolled back. */
  onCommit(fn: () => unknown): void {
    this.#assertOpen()
    this.#callbacks.push(fn)
  }

  /**
   * What {@link onCommit} was given, here and in the nested ones that were kept.
   *
   * @internal
   */
  get callbacks(): readonly Callback[] {
    return this.#callbacks
  }

  /**
   * Waits for every statement that was called, and takes no more. Throws the error of one that failed.
   *
   * @internal
   */
  async close(): Promise<readonly Branch[]> {
    this.#assertOpen()
    this.#close()
    await this.#shared.turns.take(async () => {
      this.#assertSound()
      await Promise.resolve()
    })
    return await this.#shared.branches.begun()
  }

  /**
   * Those that have begun; takes no more statements.
   *
   * @internal
   */
  async branches(): Promise<readonly Branch[]> {
    this.#close()
    const { turns, branches } = this.#shared
    await turns.take(async () => await Promise.resolve())
    return await branches.begun()
  }

  /** Ends the nested one, as part of the outer. */
  async #release(): Promise<void> {
    this.#assertOpen()
    this.#close()
    await this.#shared.turns.take(async () => {
      this.#assertSound()
      await this.#shared.branches.release(this.#depth)
    })
    if (this.#parent !== undefined) this.#parent.#callbacks.push(...this.#callbacks)
  }

  /** Undoes the nested one. Never throws: where that fails, everything is undone in the end. */
  async #undo(): Promise<void> {
    this.#close()
    await this.#shared.turns.take(async () => {
      const { branches } = this.#shared
      if (branches.failure === undefined) await branches.rollbackTo(this.#depth).catch(() => undefined)
    })
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return await this.#shared.turns.take(async () => {
      this.#assertSound()
      try {
        return await work()
      } catch (error) {
        throw this.#failed(error)
      }
    })
  }

  /** Notes an error of a statement. Gives the one that the caller is told. */
  #failed(error: unknown): unknown {
    // Of a change of several shards one may have its part: nothing of all that must be committed.
    const told = error instanceof PartialWriteError ? (error.cause ?? error) : error
    this.#failure ??= { error: told }
    return told
  }

  /** Ends it for its callers, and the nested ones with it. */
  #close(): void {
    if (this.#child !== undefined) this.#child.#close()
    this.#closed = true
    if (this.#parent !== undefined) this.#parent.#child = undefined
  }

  #assertOpen(): void {
    if (this.#closed)
      throw new TransactionClosedError(
        `The ${this.#parent === undefined ? 'distributed' : 'nested'} transaction has ended. Statements after its end belong to a new one.`,
      )
    if (this.#child !== undefined) {
      throw new TransactionClosedError(
        'A nested transaction is open. Use its handle until it ends: a statement on the outer one would be rolled back with it.',
      )
    }
  }

  /** Throws the error after which nothing more is sent in it. */
  #assertSound(): void {
    const { branches, streams } = this.#shared
    if (branches.failure !== undefined) throw branches.failure.error
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#parent !== undefined) this.#parent.#assertSound()
    if (streams === 0) return
    throw new UnsupportedError(
      'A stream of the distributed transaction is open, which can do nothing else meanwhile. Nothing was sent. Read the stream to its end, or leave its loop.',
    )
  }

  #limited(options: CallOptions | undefined): CallOptions | undefined {
    const { timeoutMs } = this.#shared.parts
    return timeoutMs === undefined ? options : { timeoutMs, ...options }
  }
}
