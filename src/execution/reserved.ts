import type { CallOptions } from '../config.ts'
import type { DriverRequest, Lease } from '../drivers/driver.ts'
import { CrossDatabaseQueryError, TransactionClosedError, locate } from '../errors.ts'
import { nameOf } from '../routing/home.ts'
import type { Route } from '../routing/route.ts'
import type { Params } from '../statement/statement.ts'
import { refuseTransactionControl, requestOf, whereOf, type Decision } from './decision.ts'
import { streamTraced } from './execute.ts'
import type { Queryable } from './queryable.ts'
import type { Result } from './result.ts'
import type { TransactionHost } from './transaction.ts'

/**
 * One connection of one's own, for what lives on a connection: settings, temporary tables, advisory locks. It is taken
 * with the first statement, on the database of that statement, and reset before anybody else gets it.
 */
export class ReservedConnection implements Queryable, AsyncDisposable {
  readonly #host: TransactionHost
  #bound: { readonly decision: Decision; readonly lease: Promise<Lease> } | undefined
  #released = false

  /** Made by `client.reserve()`. */
  constructor(host: TransactionHost) {
    this.#host = host
  }

  /** The alias of the database that the connection belongs to; `undefined` before the first statement. */
  get database(): string | undefined {
    return this.#bound?.decision.route.database
  }

  /** Runs one statement on the connection. */
  async query<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): Promise<Result<Row>> {
    const { decision, lease, request } = await this.#prepare(sql, params, options)
    try {
      return this.#host.executor.result<Row>(decision, await lease.query(request))
    } catch (error) {
      throw locate(error, whereOf(decision))
    }
  }

  /** Streams rows on the connection; its other statements wait until the stream has ended. */
  async *stream<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): AsyncGenerator<Row, void, undefined> {
    const { decision, lease, request } = await this.#prepare(sql, params, options)
    yield* this.#host.executor.locatedRows<Row>(
      decision,
      streamTraced(decision, request, false, () => lease.stream(request)),
    )
  }

  /** The route that a statement would take here. Runs nothing. */
  explain(sql: string, params: Params = [], options?: CallOptions): Route {
    return this.#host.explain(sql, params, options, this.database)
  }

  /** Resets the connection and gives it back. A second call does nothing. */
  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    const lease = await this.#bound?.lease.catch(() => undefined)
    await lease?.release('reset')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  async #prepare(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
  ): Promise<{ decision: Decision; lease: Lease; request: DriverRequest }> {
    if (this.#released)
      throw new TransactionClosedError('The reserved connection was released. Call client.reserve() for another.')
    const decision = await this.#host.decide(sql, params, options, this.database)
    refuseTransactionControl(decision, 'client.transaction()')
    const { executor } = this.#host
    this.#bound ??= {
      decision,
      lease: executor.pool(decision).then(async (pool) => await pool.lease({ access: 'session' })),
    }
    const { database } = this.#bound.decision.route
    if (database !== decision.route.database) {
      throw new CrossDatabaseQueryError(
        `The reserved connection belongs to "${database}" since its first statement; this one belongs to "${decision.route.database}". ` +
          'Reserve a connection for each database. Nothing was sent.',
        decision.locations.map(({ table }) => ({ table: nameOf(table), database: decision.route.database })),
      )
    }
    return {
      decision,
      lease: await this.#bound.lease,
      request: requestOf(decision, params, options, this.#host.queryTimeoutMs),
    }
  }
}
