import type { CallOptions } from '../config.ts'
import type { DriverRequest, Lease, ReleaseMode, TransactionStatus } from '../drivers/driver.ts'
import { ConfigError, CrossDatabaseQueryError, TransactionClosedError, locate } from '../errors.ts'
import { LookupWriteError } from '../routing/lookups/lookup-error.ts'
import { nameOf } from '../routing/home.ts'
import type { Route } from '../routing/route.ts'
import type { Params } from '../statement/statement.ts'
import { givesLookedUpValues } from './claim-book.ts'
import { refuseTransactionControl, requestOf, whereOf, type Decision } from './decision.ts'
import { resumed, streamTraced } from './row-stream.ts'
import { isSamePlace, onOtherShard, openShardOf, refuseSeveralShards, type OpenShard } from './one-shard.ts'
import { ownedWriteOn, refuseUnproved } from './owned-write.ts'
import { PlacedLease } from './placed-lease.ts'
import type { Reservation } from './reservations.ts'
import type { Queryable } from './queryable.ts'
import type { Result } from './result.ts'
import type { Submission } from './submitted.ts'
import { withTimeLeft } from './time-limit.ts'
import type { LeaseTerms } from './time-limit.ts'
import { Turns } from './turns.ts'
import type { TransactionHost } from './transaction-host.ts'
import { Transaction, runTransaction, type TransactionOptions } from './transaction.ts'

/**
 * One connection of one's own, for what lives on a connection: settings, temporary tables, advisory locks. It is taken
 * with the first statement, on the database of that statement, and reset before anybody else gets it.
 */
export class ReservedConnection implements Queryable, AsyncDisposable {
  readonly #host: TransactionHost
  #bound: { readonly decision: Decision; readonly lease: Promise<Lease>; readonly reservation: Reservation } | undefined
  readonly #turns = new Turns()
  #released = false
  #inTransaction = false
  #broken = false

  /** @internal Made by `client.reserve()`. */
  constructor(host: TransactionHost) {
    this.#host = host
  }

  /** The alias of the database that the connection belongs to; `undefined` before the first statement. */
  get database(): string | undefined {
    return this.#bound?.decision.route.database
  }

  /** @internal For adapters: the connection is lost, and what it had with it. */
  get isBroken(): boolean {
    return this.#broken
  }

  /** Runs one statement on the connection. */
  async query<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): Promise<Result<Row>> {
    this.#assertFree()
    const { executor } = this.#host
    const { decision, answer } = await this.#turns.take(async () => {
      const { lease, request, ...prepared } = await this.#prepare(sql, params, options)
      const { decision: on } = prepared
      if (on.ownedKeys === undefined)
        return { ...prepared, answer: executor.onLease(on, request, lease, { inTransaction: false }) }
      // The next statement must not get between the proof and the change.
      const owned = ownedWriteOn(lease, on, request, executor)
      await owned.catch(() => undefined)
      return { ...prepared, answer: owned }
    })
    try {
      return executor.result<Row>(decision, await answer)
    } catch (error) {
      throw locate(error, whereOf(decision))
    }
  }

  /** Streams rows on the connection, which can do nothing else until the stream has ended. */
  async *stream<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): AsyncGenerator<Row, void, undefined> {
    this.#assertFree()
    const { rows, first } = await this.#turns.take(async () => {
      const { decision, lease, request } = await this.#prepare(sql, params, options)
      const source = streamTraced(decision, request, false, () => lease.stream(request))
      const located = this.#host.executor.locatedRows<Row>(decision, source)
      // Pulled here, since a stream is sent with its first row.
      return { rows: located, first: located.next() }
    })
    yield* resumed(first, rows)
  }

  /** @internal For adapters: see {@link Submission}. Whatever it is: transaction control is the caller's affair, too. */
  async submit(submission: Submission): Promise<TransactionStatus> {
    this.#assertFree()
    const { sql, params } = submission
    const options = this.#host.hinted(sql, submission.options)
    const { decision, answer } = await this.#turns.take(async () => {
      const decided = await this.#host.decide(sql, params, options, this.#open)
      refuseClaims(decided)
      refuseUnproved(decided)
      this.#host.executor.called(decided, params)
      const request = requestOf(decided, params, options, this.#host.queryTimeoutMs)
      const lease = await this.#free(decided, request)
      const { executor } = this.#host
      const answer = executor.submitOnLease(decided, request, lease, submission, { inTransaction: false })
      return { decision: decided, answer }
    })
    try {
      return await answer
    } catch (error) {
      // Its state is lost with it.
      this.#broken = true
      throw locate(error, whereOf(decision))
    }
  }

  /** The route that a statement would take here. Runs nothing. */
  explain(sql: string, params: Params = [], options?: CallOptions): Route {
    return this.#host.explain(sql, params, options, this.#open)
  }

  /** Runs `fn` in a transaction on this connection; commits, or rolls back if `fn` throws. */
  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    return await runTransaction(this.begin(options), fn)
  }

  /**
   * A transaction on this connection, under one's own control. Until it ends, statements go through its handle only. It
   * runs where the connection is, on the primary: `tags` and `role: 'replica'` are refused.
   */
  begin(options: TransactionOptions = {}): Transaction {
    refuseReplica(options)
    const host = this.#host
    return new Transaction(
      {
        ...host,
        decide: (sql, params, call, pinned) => host.decide(sql, params, call, pinned ?? this.#open),
        explain: (sql, params, call, pinned) => host.explain(sql, params, call, pinned ?? this.#open),
        lease: async (decision, _access, limits) => await this.#lend(decision, limits),
        // There is only this connection: another one would not have its state.
        attempts: 1,
      },
      options,
    )
  }

  /** Resets the connection and gives it back. A second call does nothing. */
  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    await this.#turns.take(async () => {
      // If no connection could be had, the statement that asked for it has been told, and there is nothing to give back.
      const lease = await this.#bound?.lease.catch(() => undefined)
      await lease?.release(this.#broken ? 'destroy' : 'reset')
      if (this.#bound !== undefined) this.#host.reservations.closed(this.#bound.reservation)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  get #open(): OpenShard | undefined {
    return this.#bound && openShardOf(this.#bound.decision)
  }

  async #prepare(
    sql: string,
    params: Params,
    given: CallOptions | undefined,
  ): Promise<{ decision: Decision; lease: Lease; request: DriverRequest }> {
    const begun = performance.now()
    const options = this.#host.hinted(sql, given)
    const decision = await this.#host.decide(sql, params, options, this.#open)
    refuseTransactionControl(decision, 'client.transaction()')
    refuseClaims(decision)
    const request = requestOf(decision, params, options, this.#host.queryTimeoutMs)
    this.#host.executor.called(decision, params)
    const lease = await this.#free(decision, request)
    return {
      decision: lease instanceof PlacedLease ? lease.place(decision, options) : decision,
      lease,
      request: withTimeLeft(request, begun),
    }
  }

  async #bind(decision: Decision, terms: LeaseTerms): Promise<Lease> {
    const { executor } = this.#host
    refuseSeveralShards(decision, 'A reserved connection')
    const now = performance.now()
    const bound = (this.#bound ??= {
      decision,
      lease: executor.lease(decision, 'session', terms, this.#host.surroundings),
      reservation: { database: decision.route.database, since: now, usedAt: now },
    })
    bound.reservation.usedAt = now
    const { database } = bound.decision.route
    if (database !== decision.route.database) {
      throw new CrossDatabaseQueryError(
        `The reserved connection belongs to "${database}" since its first statement; this one belongs to "${decision.route.database}". ` +
          'Reserve a connection for each database. Nothing was sent.',
        decision.locations.map(({ table }) => ({ table: nameOf(table), database: decision.route.database })),
      )
    }
    if (!isSamePlace(bound.decision, decision))
      throw onOtherShard(
        'reserved connection',
        bound.decision,
        decision,
        'Reserve a connection for each shard. Nothing was sent.',
      )
    try {
      const lease = await bound.lease
      this.#host.reservations.opened(bound.reservation)
      return lease
    } catch (error) {
      // Nothing was done on it, so the next statement may try again.
      if (this.#bound === bound) this.#bound = undefined
      throw locate(error, whereOf(decision))
    }
  }

  /** The connection, if no transaction has it. */
  async #free(decision: Decision, terms: LeaseTerms): Promise<Lease> {
    const lease = await this.#bind(decision, terms)
    this.#assertNotLent()
    return lease
  }

  /** The connection for a transaction, which gives it back to this object and not to the pool. */
  async #lend(decision: Decision, terms: LeaseTerms): Promise<Lease> {
    this.#assertFree()
    const lease = await this.#turns.take(async () => {
      const free = await this.#free(decision, terms)
      this.#inTransaction = true
      return free
    })
    const lent: Lease = {
      query: (request) => lease.query(request),
      stream: (request) => lease.stream(request),
      begin: (options) => lease.begin(options),
      commit: () => lease.commit(),
      ...(lease.commitFate === undefined ? {} : { commitFate: (there: Lease) => lease.commitFate!(there) }),
      rollback: () => lease.rollback(),
      savepoint: (name) => lease.savepoint(name),
      rollbackTo: (name) => lease.rollbackTo(name),
      releaseSavepoint: (name) => lease.releaseSavepoint(name),
      release: async (mode: ReleaseMode) => {
        this.#inTransaction = false
        if (mode === 'destroy') this.#broken = true
        await Promise.resolve()
      },
    }
    return lease instanceof PlacedLease ? lease.lent(lent) : lent
  }

  #assertFree(): void {
    if (this.#released || this.#broken) {
      throw new TransactionClosedError(
        `The reserved connection ${this.#released ? 'was released' : 'broke in a transaction'}. Call client.reserve() for another.`,
      )
    }
    this.#assertNotLent()
  }

  #assertNotLent(): void {
    if (this.#inTransaction) {
      throw new TransactionClosedError(
        'A transaction is open on the reserved connection. Use its handle until it ends: the statement would become part of it.',
      )
    }
  }
}

/** Their entries are claimed in a transaction. */
function refuseClaims(decision: Decision): void {
  if (!givesLookedUpValues(decision)) return
  throw new LookupWriteError(
    'The statement gives values to columns that are looked up, which takes a transaction. Nothing was sent. Use transaction() of the reserved connection.',
    { database: decision.database.alias },
  )
}

function refuseReplica({ role, tags }: TransactionOptions): void {
  if (role !== 'replica' && tags === undefined) return
  const name = tags === undefined ? 'role' : 'tags'
  const found = 'It is not accepted: a reserved connection is one to the primary.'
  throw new ConfigError(`options.${name}`, found, 'client.transaction(fn, { readOnly: true, … })')
}
