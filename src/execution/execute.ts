import type { CallOptions, ClientLimits } from '../config.ts'
import type { Access, DriverPool, DriverRequest, DriverResult, Lease } from '../drivers/driver.ts'
import { locate, UnsupportedError } from '../errors.ts'
import type { Params } from '../statement/statement.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import { requestOf, whereOf, type Decision, type SendOptions } from './decision.ts'
import type { PoolRegistry } from './pool-registry.ts'
import { insertByShard, writeEveryShard } from './every-shard.ts'
import { Result } from './result.ts'
import { hasReplicas } from '../topology/topology.ts'
import type { Replicated } from './replicated.ts'
import { mayRetry, withRetry } from './retry.ts'
import { noteOrigin } from './row-origins.ts'
import { Scatter, scatterPlanOf } from './scatter/scatter.ts'
import { inTermsOf, withTimeLeft, type CallLimits } from './time-limit.ts'
import { queryChannel, traced } from './trace.ts'

/** Carries out decisions: pool, driver, retry, events, and the result that the caller gets. */
export class Executor {
  readonly #pools: PoolRegistry
  readonly #attempts: number
  readonly #timeoutMs: number
  readonly #scatterConcurrency: number
  readonly #replicated: Replicated

  constructor(
    pools: PoolRegistry,
    limits: Pick<ClientLimits, 'readAttempts' | 'queryTimeoutMs' | 'scatterConcurrency'>,
    replicated: Replicated,
  ) {
    this.#pools = pools
    this.#replicated = replicated
    this.#attempts = limits.readAttempts
    this.#scatterConcurrency = limits.scatterConcurrency
    this.#timeoutMs = limits.queryTimeoutMs
  }

  /** One autocommit statement. Not an `async` function: the way of a statement that succeeds has one promise only. */
  run<Row>(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
    surroundings: Surroundings,
  ): Promise<Result<Row>> {
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
    const request = requestOf(decision, params, options, this.#timeoutMs)
    const begun = request.timeoutMs ? performance.now() : 0
    if (hasReplicas(decision.database)) {
      return this.#replicated.run(decision, surroundings, options, request, {
        // A replica is not asked again: whether it still shows as much is to be found out anew, as for the others.
        send: (placed) =>
          this.#runWatched<Row>(placed, request, begun, placed.route.role === 'replica' ? 1 : this.#attempts),
        positionOf: (result) => Result.positionOf(result),
      })
    }
    const pool = this.#pools.opened(decision.server)
    if (pool === undefined || queryChannel.hasSubscribers)
      return this.#runWatched(decision, request, begun, this.#attempts)
    let answer: DriverResult | Promise<DriverResult>
    try {
      answer = pool.query(request)
    } catch (error) {
      return this.#recover(decision, request, begun, error)
    }
    if (answer instanceof Promise) {
      return answer.then(
        (result) => this.result<Row>(decision, result),
        (error: unknown) => this.#recover<Row>(decision, request, begun, error),
      )
    }
    return Promise.resolve(this.result<Row>(decision, answer))
  }

  /** Rows one by one; the connection is given back when the loop ends, however it ends. */
  async *stream<Row>(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<Row, void, undefined> {
    if (decision.route.shards.length > 1) {
      yield* this.#streamOfSeveral<Row>(decision, params, options, surroundings)
      return
    }
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
  async lease(decision: Decision, access: Access, limits: CallLimits, surroundings: Surroundings): Promise<Lease> {
    const begun = limits.timeoutMs ? performance.now() : 0
    const open = async (placed: Decision): Promise<Lease> => {
      const pool = await this.pool(placed)
      try {
        const { signal, timeoutMs } = withTimeLeft(limits, begun)
        return await pool.lease({ access, signal, timeoutMs })
      } catch (error) {
        throw locate(error, whereOf(placed))
      }
    }
    return hasReplicas(decision.database)
      ? await this.#replicated.lease(decision, surroundings, limits, open)
      : await open(decision)
  }

  /** The decision as it would be carried out now. Waits for nothing. */
  likely(decision: Decision, surroundings: Surroundings, options: CallOptions | undefined): Decision {
    const { route, database } = decision
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
    options: CallOptions | undefined,
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

  /** Rows of a driver's stream, their origin noted, errors located. */
  async *locatedRows<Row>(
    decision: Decision,
    rows: AsyncGenerator<unknown, void, undefined>,
  ): AsyncGenerator<Row, void, undefined> {
    try {
      for await (const row of rows) {
        noteOrigin([row], decision.route.database)
        yield row as Row
      }
    } catch (error) {
      throw locate(error, whereOf(decision))
    }
  }

  async #runOnSeveral<Row>(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
    surroundings: Surroundings,
  ): Promise<Result<Row>> {
    const { plan, shardMap, route } = decision
    const runOn = async (single: Decision, given = params): Promise<Result<Row>> =>
      await this.run<Row>(single, given, options, surroundings)
    if (plan?.kind === 'keyed' && plan.inserts !== undefined && shardMap !== undefined)
      return await insertByShard(decision, plan.inserts, shardMap, params, runOn)
    if (route.effect !== 'read') return await writeEveryShard(decision, async (single) => await runOn(single))
    return await this.#scatterWith(surroundings).query<Row>(decision, params, options)
  }

  #streamOfSeveral<Row>(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<Row, void, undefined> {
    if (decision.route.effect === 'read') return this.#scatterWith(surroundings).stream<Row>(decision, params, options)
    throw new UnsupportedError('A change of several shards cannot be streamed. Nothing was sent. Use query().')
  }

  #scatterWith(surroundings: Surroundings): Scatter {
    return new Scatter({
      run: async (single, params, options) => await this.#runOnOne<unknown>(single, params, options, surroundings),
      stream: (single, params, options) => this.stream<unknown>(single, params, options, surroundings),
      concurrency: this.#scatterConcurrency,
    })
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

/** Streams too are told to the subscribers: from the first pull to the end of the loop. */
export async function* streamTraced(
  decision: Decision,
  request: DriverRequest,
  inTransaction: boolean,
  open: () => AsyncGenerator<unknown, void, undefined>,
): AsyncGenerator<unknown, void, undefined> {
  if (!queryChannel.hasSubscribers) {
    yield* open()
    return
  }
  const begun = performance.now()
  const event = {
    sql: request.sql,
    params: request.params,
    route: decision.route,
    inTransaction,
    rowCount: 0,
    durationMs: 0,
  }
  queryChannel.start.publish(event)
  try {
    for await (const row of open()) {
      event.rowCount += 1
      yield row
    }
  } catch (error) {
    queryChannel.error.publish(Object.assign(event, { error }))
    throw error
  } finally {
    event.durationMs = performance.now() - begun
    queryChannel.asyncEnd.publish(event)
  }
}

/** One statement on a lease; the subscribers are told, if there are any. */
export function queryTraced(
  decision: Decision,
  request: DriverRequest,
  inTransaction: boolean,
  run: () => Promise<DriverResult>,
): Promise<DriverResult> {
  if (!queryChannel.hasSubscribers) return run()
  return traced({ sql: request.sql, params: request.params, route: decision.route, inTransaction }, run)
}

/** A generator whose first step was taken already. */
export async function* resumed<T>(
  first: Promise<IteratorResult<T, void>>,
  rest: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  try {
    const step = await first
    if (step.done === true) return
    yield step.value
    yield* rest
  } finally {
    await rest.return()
  }
}
