import type { CallOptions, ClientLimits } from '../config.ts'
import type { Access, DriverPool, DriverRequest, DriverResult, Lease, TransactionStatus } from '../drivers/driver.ts'
import { locate } from '../errors.ts'
import type { Params } from '../statement/statement.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import { Carrier } from './carried.ts'
import { requestOf, whereOf, type Decision, type SendOptions } from './decision.ts'
import { ownedWrite, refuseUnproved } from './owned-write.ts'
import { needsAllKept, type OwnerCheck } from './owner-check.ts'
import type { PoolRegistry } from './pool-registry.ts'
import { submitAutocommitted, submitOnLease, type Submission } from './submitted.ts'
import { changeOfSeveralStreamed, insertByShard, writeEveryShard } from './every-shard.ts'
import { Result } from './result.ts'
import { hasReplicas } from '../topology/topology.ts'
import type { Replicated } from './replicated.ts'
import { mayRetry, withRetry } from './retry.ts'
import { noteOrigin } from './row-origins.ts'
import { Scatter } from './scatter/scatter.ts'
import { scatterPlanOf } from './scatter/scatter-plan.ts'
import type { ScatterParts } from './scatter/shard-parts.ts'
import type { Outcome, ShardCounters } from './shard-counters.ts'
import { inTermsOf, withTimeLeft, type LeaseTerms } from './time-limit.ts'
import { reserveShard } from './shard-connection.ts'
import { resumed, streamTraced } from './row-stream.ts'
import { queryChannel, traced } from './trace.ts'

/** Carries out decisions: pool, driver, retry, events, and the result that the caller gets. */
export class Executor {
  /** Proves who owns the keys that transactions change. */
  readonly owners: OwnerCheck
  /** Carries out statements whose objects take their answers themselves. */
  readonly carrier: Carrier
  readonly #pools: PoolRegistry
  readonly #attempts: number
  readonly #timeoutMs: number
  readonly #scatterConcurrency: number
  readonly #scatterSpill: number
  readonly #replicated: Replicated
  readonly #counters: ShardCounters

  constructor(
    pools: PoolRegistry,
    limits: Pick<ClientLimits, 'readAttempts' | 'queryTimeoutMs' | 'scatterConcurrency' | 'scatterSpill'>,
    replicated: Replicated,
    counters: ShardCounters,
    owners: OwnerCheck,
  ) {
    this.owners = owners
    this.#pools = pools
    this.#counters = counters
    this.#replicated = replicated
    this.#attempts = limits.readAttempts
    this.#scatterConcurrency = limits.scatterConcurrency
    this.#scatterSpill = limits.scatterSpill
    this.#timeoutMs = limits.queryTimeoutMs
    this.carrier = new Carrier(pools, limits.queryTimeoutMs, async (decision, request, begun, error) => {
      const { native } = await this.#recover(decision, request, begun, error)
      return native
    })
  }

  /** One autocommit statement. Not an `async` function: the way of a statement that succeeds has one promise only. */
  run<Row>(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): Promise<Result<Row>> {
    this.called(decision, params)
    return decision.route.shards.length > 1
      ? this.#runOnSeveral(decision, params, options, surroundings)
      : this.#runOnOne(decision, params, options, surroundings)
  }

  #runOnOne<Row>(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): Promise<Result<Row>> {
    if (decision.ownedKeys !== undefined) {
      return ownedWrite(decision, params, options, {
        lease: async (on, access, limits) => await this.lease(on, access, limits, surroundings),
        result: (on, answer) => this.result<Row>(on, answer),
        on: this,
        attempts: this.#attempts,
        timeoutMs: this.#timeoutMs,
      })
    }
    const request = requestOf(decision, params, options, this.#timeoutMs)
    const begun = request.timeoutMs ? performance.now() : 0
    const counted = this.#counters.begin(decision)
    if (hasReplicas(decision.database)) {
      const answer = this.#replicated.run(decision, surroundings, options, request, {
        // A replica is not asked again: whether it still shows as much is to be found out anew, as for the others.
        send: (placed) =>
          this.#runWatched<Row>(placed, request, begun, placed.route.role === 'replica' ? 1 : this.#attempts),
        positionOf: (result) => Result.positionOf(result),
      })
      return this.#counted(decision, counted, answer)
    }
    const pool = this.#pools.opened(decision.server)
    if (pool === undefined || queryChannel.hasSubscribers)
      return this.#counted(decision, counted, this.#runWatched(decision, request, begun, this.#attempts))
    let answer: DriverResult | Promise<DriverResult>
    try {
      answer = pool.query(request)
    } catch (error) {
      return this.#counted(decision, counted, this.#recover(decision, request, begun, error))
    }
    if (answer instanceof Promise) {
      return answer.then(
        (result) => {
          this.#counters.ran(decision, counted, result)
          return this.result<Row>(decision, result)
        },
        (error: unknown) => this.#counted(decision, counted, this.#recover<Row>(decision, request, begun, error)),
      )
    }
    this.#counters.ran(decision, counted, answer)
    return Promise.resolve(this.result<Row>(decision, answer))
  }

  /** The caller's statement, before it is carried out; once, however many shards it runs on. */
  called(decision: Decision, params: Params): void {
    this.#counters.called(decision, params)
  }

  /** One statement on a lease; the subscribers are told, if there are any. */
  onLease(
    decision: Decision,
    request: DriverRequest,
    lease: Lease,
    { inTransaction }: { readonly inTransaction: boolean },
  ): Promise<DriverResult> {
    const begun = this.#counters.begin(decision)
    const run = (): Promise<DriverResult> => lease.query(request)
    const { sql, params } = request
    const answer = queryChannel.hasSubscribers
      ? traced({ sql, params, route: decision.route, inTransaction }, run)
      : run()
    return this.#counted(decision, begun, answer)
  }

  /** As `onLease`, of an object of the driver's own. */
  submitOnLease(
    decision: Decision,
    request: DriverRequest,
    lease: Lease,
    submission: Submission,
    { inTransaction }: { readonly inTransaction: boolean },
  ): Promise<TransactionStatus> {
    return submitOnLease(this, decision, request, lease, submission, { counters: this.#counters, inTransaction })
  }

  /** Rows one by one; the connection is given back when the loop ends, however it ends. */
  stream<Row>(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<Row, void, undefined> {
    this.called(decision, params)
    return decision.route.shards.length > 1
      ? this.#streamOfSeveral<Row>(decision, params, options, surroundings)
      : this.#streamOfOne<Row>(decision, params, options, surroundings)
  }

  async *#streamOfOne<Row>(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<Row, void, undefined> {
    refuseUnproved(decision)
    const request = requestOf(decision, params, options, this.#timeoutMs)
    if (hasReplicas(decision.database)) {
      yield* this.#streamReplicated<Row>(decision, request, options, surroundings)
      return
    }
    const pool = await this.pool(decision)
    const rows = streamTraced(decision, request, false, () => pool.stream(request))
    yield* this.locatedRows<Row>(decision, rows)
  }

  /** A connection of one's own, for transactions and reserved connections. */
  async lease(decision: Decision, access: Access, limits: LeaseTerms, surroundings: Surroundings): Promise<Lease> {
    const begun = limits.timeoutMs ? performance.now() : 0
    const open = async (placed: Decision): Promise<Lease> => {
      const pool = await this.pool(placed)
      try {
        const { signal, timeoutMs, settings } = withTimeLeft(limits, begun)
        return await pool.lease({ access, signal, timeoutMs, settings })
      } catch (error) {
        throw locate(inTermsOf(limits.timeoutMs, error), whereOf(placed))
      }
    }
    return hasReplicas(decision.database)
      ? await this.#replicated.lease(decision, surroundings, limits, open)
      : await open(decision)
  }

  /** An object of the driver's own, on a connection of its own. */
  async submit(decision: Decision, submission: Submission, surroundings: Surroundings): Promise<void> {
    const parts = { counters: this.#counters, replicated: this.#replicated, timeoutMs: this.#timeoutMs }
    await submitAutocommitted(decision, submission, surroundings, { executor: this, ...parts })
  }

  /** The decision as it would be carried out now. Waits for nothing. */
  likely(decision: Decision, surroundings: Surroundings, options: CallOptions | undefined): Decision {
    const { route, database, isOpen } = decision
    if (isOpen === true) return decision
    if (route.shards.length > 1) {
      // Each shard picks a server of its own; and what cannot be put together is refused here, too.
      if (route.effect === 'read') scatterPlanOf(decision)
      return decision
    }
    return hasReplicas(database) ? this.#replicated.likely(decision, surroundings, options) : decision
  }

  /** Elsewhere as long as no row was delivered. */
  async *#streamReplicated<Row>(
    decision: Decision,
    request: DriverRequest,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<Row, void, undefined> {
    // What a stream writes has taken effect when it has ended, not with its first row.
    const ended = this.#replicated.begun(decision, surroundings)
    const begun = performance.now()
    try {
      const { first, rows } = await this.#replicated.run(decision, surroundings, options, request, {
        send: async (placed) => {
          const pool = await this.pool(placed)
          const source = this.locatedRows<Row>(
            placed,
            this.#replicated.rowsOn(
              placed,
              streamTraced(placed, request, false, () => pool.stream(withTimeLeft(request, begun))),
            ),
          )
          return { first: await source.next(), rows: source }
        },
        // Nobody waits for these rows any more, nor for how their end on a server that was given up went.
        drop: ({ rows }) => void rows.return().catch(() => {}),
      })
      yield* resumed(Promise.resolve(first), rows)
    } finally {
      ended()
    }
  }

  /** The pool of the decision's server. */
  async pool(decision: Decision): Promise<DriverPool> {
    try {
      return this.#pools.opened(decision.server) ?? (await this.#pools.open(decision.server, decision.database))
    } catch (error) {
      throw locate(error, whereOf(decision))
    }
  }

  /** A driver's answer as the caller gets it. */
  result<Row>(decision: Decision, answer: DriverResult): Result<Row> {
    if (answer.rows.length > 0) noteOrigin(answer.rows, decision.route.database)
    return new Result<Row>(answer, decision.route)
  }

  /** Rows of a driver's stream, their origin noted, errors located, and counted. */
  async *locatedRows<Row>(
    decision: Decision,
    rows: AsyncGenerator<unknown, void, undefined>,
  ): AsyncGenerator<Row, void, undefined> {
    const begun = decision.plan === undefined ? 0 : performance.now()
    let firstRowAt: number | undefined
    let outcome: Outcome = { rowCount: 0 }
    try {
      for await (const row of rows) {
        firstRowAt ??= performance.now()
        outcome.rowCount += 1
        noteOrigin([row], decision.route.database)
        yield row as Row
      }
    } catch (error) {
      outcome = undefined
      throw locate(error, whereOf(decision))
    } finally {
      this.#counters.ran(decision, begun, outcome, firstRowAt)
    }
  }

  async #runOnSeveral<Row>(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): Promise<Result<Row>> {
    const { rows, route } = decision
    const runOn = async (single: Decision, given: Params): Promise<Result<Row>> =>
      await this.#runOnOne<Row>(single, given, options, surroundings)
    if (rows !== undefined) return await insertByShard(decision, rows, params, runOn)
    if (route.effect !== 'read') {
      const free = needsAllKept(decision)
        ? await this.owners.keepAll(decision, { timeoutMs: this.#timeoutMs, ...options })
        : undefined
      try {
        return await writeEveryShard(decision, params, runOn)
      } finally {
        await free?.()
      }
    }
    return await this.#scatterAutocommitted(surroundings).query<Row>(decision, params, options)
  }

  #streamOfSeveral<Row>(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<Row, void, undefined> {
    if (decision.route.effect === 'read')
      return this.#scatterAutocommitted(surroundings).stream<Row>(decision, params, options)
    throw changeOfSeveralStreamed()
  }

  #scatterAutocommitted(surroundings: Surroundings): Scatter {
    return this.scatter({
      run: async (single, params, options) => await this.#runOnOne<unknown>(single, params, options, surroundings),
      stream: (single, params, options) => this.#streamOfOne<unknown>(single, params, options, surroundings),
      spill: {
        mostRows: this.#scatterSpill,
        reserve: async (single, options) =>
          await reserveShard(
            this,
            single,
            { ...options, timeoutMs: options?.timeoutMs ?? this.#timeoutMs },
            surroundings,
          ),
      },
    })
  }

  /** Reads of several shards, whose parts are carried out so. */
  scatter(parts: Omit<ScatterParts, 'concurrency' | 'counters'>): Scatter {
    return new Scatter({ ...parts, concurrency: this.#scatterConcurrency, counters: this.#counters })
  }

  #counted<T extends { readonly rowCount: number }>(decision: Decision, begun: number, answer: Promise<T>): Promise<T> {
    if (decision.plan === undefined) return answer
    return answer.then(
      (result) => {
        this.#counters.ran(decision, begun, result)
        return result
      },
      (error: unknown) => {
        this.#counters.ran(decision, begun, undefined)
        throw error
      },
    )
  }

  async #runWatched<Row>(
    decision: Decision,
    request: DriverRequest,
    begun: number,
    attempts: number,
  ): Promise<Result<Row>> {
    const pool = await this.pool(decision)
    const attempt = (): DriverResult | Promise<DriverResult> => pool.query(withTimeLeft(request, begun))
    try {
      if (!queryChannel.hasSubscribers) return this.result(decision, await withRetry(attempts, attempt))
      const event = { sql: request.sql, params: request.params, route: decision.route, inTransaction: false }
      return this.result(decision, await traced(event, async () => await withRetry(attempts, attempt)))
    } catch (error) {
      throw locate(inTermsOf(request.timeoutMs, error), whereOf(decision))
    }
  }

  async #recover<Row>(decision: Decision, request: DriverRequest, begun: number, error: unknown): Promise<Result<Row>> {
    try {
      if (this.#attempts < 2 || !mayRetry(error)) throw error
      const pool = await this.pool(decision)
      return this.result(
        decision,
        await withRetry(this.#attempts, () => pool.query(withTimeLeft(request, begun)), error),
      )
    } catch (last) {
      throw locate(inTermsOf(request.timeoutMs, last), whereOf(decision))
    }
  }
}
