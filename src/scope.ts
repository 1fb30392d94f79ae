import { checkCall, checkFunction, checkTransaction } from './call-check.ts'
import type { CallOptions } from './config.ts'
import { DecisionCache, type Decider } from './decider.ts'
import type { Engine } from './drivers/driver.ts'
import { ClientClosedError, ConfigError } from './errors.ts'
import { refuseTransactionControl, type Decision } from './execution/decision.ts'
import type { Executor } from './execution/execute.ts'
import type { Queryable } from './execution/queryable.ts'
import { fetchRelated, type Related, type RelatedOptions } from './execution/related.ts'
import { ReservedConnection } from './execution/reserved.ts'
import type { RoutePreview } from './execution/route-preview.ts'
import type { OpenShard } from './execution/one-shard.ts'
import { noTerms, type ShardTerms } from './execution/shard-decision.ts'
import type { Result } from './execution/result.ts'
import { inTermsOf, withTimeLeft } from './execution/time-limit.ts'
import { Transaction, runTransaction, type TransactionHost, type TransactionOptions } from './execution/transaction.ts'
import type { Databases } from './databases.ts'
import type { ParsedConfig } from './parse-config.ts'
import { tableName } from './parse-tables.ts'
import { defaultDatabase, locateTable } from './routing/home.ts'
import type { Surrounding } from './routing/role.ts'
import type { Route } from './routing/route.ts'
import { innerBinding, type ShardBinding, type Surroundings } from './routing/surroundings.ts'
import type { Sessions } from './sessions.ts'
import type { Analysis } from './statement/analysis.ts'
import type { Params } from './statement/statement.ts'

/** The parts that a client is made of. */
export interface ClientParts {
  readonly config: ParsedConfig
  readonly databases: Databases
  readonly decider: Decider
  readonly executor: Executor
  readonly sessions: Sessions
  /** Changed by `close()`. */
  readonly life: { closed: boolean }
}

/** Statements that all go where `using` says, or, without it, where routing decides. */
export class Scope implements Queryable {
  readonly #parts: ClientParts
  readonly #using: unknown
  readonly #decisions: DecisionCache

  /** Made by `connect()` and `client.using()`. */
  constructor(parts: ClientParts, using?: unknown) {
    this.#parts = parts
    this.#using = using
    this.#decisions = new DecisionCache(parts.config.limits.analysisCacheSize)
  }

  /** The engine of the database that the scope is bound to; of the default database where it is not, if there is one. */
  get engine(): Engine | undefined {
    const { config, databases } = this.#parts
    const target = this.#using ?? defaultDatabase(config.topology)
    return target === undefined ? undefined : databases.resolve(target).engine
  }

  /**
   * Runs one statement on the database that it belongs to, in autocommit mode.
   *
   * @example
   * ```ts
   * const { rows, route } = await client.query<{ name: string }>('select name from product where id = $1', [7])
   * console.log(rows[0]?.name, 'from', route.database)
   * ```
   */
  query<Row = Record<string, unknown>>(sql: string, params: Params = [], options?: CallOptions): Promise<Result<Row>> {
    let decision: Decision | Promise<Decision>
    try {
      decision = this.#decide(sql, params, options)
      if (!(decision instanceof Promise)) return this.#run<Row>(decision, params, options)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#runLate<Row>(decision, params, options, performance.now())
  }

  /**
   * Runs one statement and gives its rows one by one, with back-pressure, on a connection of its own that is given
   * back when the loop ends, however it ends.
   *
   * @example
   * ```ts
   * for await (const row of client.stream<{ id: number }>('select id from product order by id')) {
   *   if (row.id > 100) break
   * }
   * ```
   */
  stream<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): AsyncGenerator<Row, void, undefined> {
    // It belongs to the session that it was called in, wherever its loop runs.
    return this.#stream<Row>(sql, params, options, this.#surroundings(options))
  }

  async *#stream<Row>(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<Row, void, undefined> {
    const begun = performance.now()
    this.#assertOpen()
    const role = options?.role ?? surroundings.role ?? 'autocommit'
    const decision = await this.#decideStill(sql, params, options, role)
    refuseTransactionControl(decision, 'client.transaction()')
    try {
      yield* this.#parts.executor.stream<Row>(decision, params, this.#optionsLeft(options, begun), surroundings)
    } catch (error) {
      throw inTermsOf(this.#timeoutOf(options), error)
    }
  }

  /** The route that `query` would take, with every reason. Runs nothing, connects to nothing. */
  explain(sql: string, params: Params = [], options?: CallOptions): Route {
    const decision = this.#explain(sql, params, options, this.#surrounding(options))
    refuseTransactionControl(decision, 'client.transaction()')
    return this.#parts.executor.likely(decision, this.#surroundings(options), options).route
  }

  /**
   * The route of a statement as far as it is known before the values of its parameters are: on how many shards it runs, and, where
   * each is asked for its part, what they get and how the answers are put together. With `params` as they lead to. Runs
   * nothing, connects to nothing, and throws what `query` would throw before it sends anything.
   *
   * @example
   * ```ts
   * const { destination, scatter } = client.preview('select * from purchase order by total desc limit 10')
   * if (destination === 'scatter') console.log(scatter?.sql, scatter?.steps)
   * ```
   */
  preview(sql: string, params?: Params, options?: CallOptions): RoutePreview {
    checkCall(sql, params ?? [], options)
    const using = options?.using ?? this.#using
    const terms = this.#shardTerms(options, undefined)
    const { decider } = this.#parts
    const { decision, route } = decider.preview(sql, params, options, using, this.#surrounding(options), terms)
    refuseTransactionControl(decision, 'client.transaction()')
    return route()
  }

  /**
   * What was learnt from the text alone: kind, tables, functions, values of columns. Read in the dialect that `explain`
   * settles on; if `explain` refuses the statement, in the default database's. Runs nothing, connects to nothing.
   */
  async analyze(sql: string, params: Params = [], options?: CallOptions): Promise<Analysis> {
    return await this.#parts.decider.analyze(sql, params, options, this.#using)
  }

  /**
   * Runs `fn` in a transaction on the database of its first statement; commits, or rolls back if `fn` throws.
   *
   * @example
   * ```ts
   * await client.transaction(async (tx) => {
   *   await tx.query('update product set stock = stock - 1 where id = $1', [7])
   *   await tx.query('insert into purchase (product_id) values ($1)', [7])
   *   tx.onCommit(() => console.log('bought'))
   * })
   * ```
   */
  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    checkFunction(fn, 'fn')
    return await runTransaction(this.begin(options), fn)
  }

  /** A transaction under one's own control: `await using tx = client.begin()`, then `tx.commit()`. */
  begin(options: TransactionOptions = {}): Transaction {
    this.#assertOpen()
    checkTransaction(options)
    const surroundings = this.#parts.sessions.under(options)
    const mayUseReplica = options.readOnly === true && surroundings.role !== 'primary'
    const surrounding = mayUseReplica ? 'read-only transaction' : 'transaction'
    return new Transaction(this.#host(surrounding, surroundings), options)
  }

  /** A connection of one's own for what lives on a connection: settings, temporary tables, advisory locks. */
  reserve(): ReservedConnection {
    this.#assertOpen()
    return new ReservedConnection(this.#host('reserved connection', this.#parts.sessions.current()))
  }

  /**
   * Fetches the rows of another table, wherever it lives, that belong to the given rows: the "join" across databases
   * in two queries, with one `IN` for each chunk of keys. Rows that are missing are reported as missing.
   *
   * @example
   * ```ts
   * const reviews = await client.query<{ product_id: number; text: string }>('select product_id, text from review')
   * const products = await client.related<{ product_id: number; text: string }, { id: number; name: string }>(reviews.rows, {
   *   key: 'product_id',
   *   table: 'product',
   * })
   * for (const review of reviews.rows) console.log(products.of(review)?.name ?? 'unknown product', review.text)
   * ```
   */
  async related<Row extends object, Other extends object = Record<string, unknown>>(
    rows: readonly Row[],
    options: RelatedOptions<Row>,
    callOptions?: CallOptions,
  ): Promise<Related<Row, Other>> {
    if (typeof options?.table !== 'string' || typeof options.key !== 'string') {
      throw new ConfigError(
        'options',
        'related() is not told what belongs together.',
        '{ key, table } and perhaps { column, columns }',
      )
    }
    const { config, databases } = this.#parts
    const home = locateTable(tableName(options.table), config.tables, config.topology).database
    const using = callOptions?.using ?? this.#using
    const likely = using ?? home ?? config.topology.databases.keys().next().value
    let { engine } = databases.resolve(likely)
    return await fetchRelated<Row, Other>(rows, options, {
      run: async (textIn) => {
        if (using === undefined && config.routers.length > 0) {
          // A router may lead to another engine, whose names are quoted in another way.
          const decision = await this.#decide(...textIn(engine), { ...callOptions, dialect: engine })
          engine = decision.database.engine
        }
        return await this.query(...textIn(engine), { ...callOptions, rowMode: 'object', dialect: engine })
      },
      chunk: config.limits.relatedChunk,
    })
  }

  /** What a transaction needs that is made elsewhere. Throws `ClientClosedError`. */
  protected transactionHost(): TransactionHost {
    this.#assertOpen()
    return this.#host('transaction', this.#parts.sessions.current())
  }

  #run<Row>(decision: Decision, params: Params, options: CallOptions | undefined): Promise<Result<Row>> {
    if (decision.analysis.kind === 'transaction') refuseTransactionControl(decision, 'client.transaction()')
    return this.#parts.executor.run<Row>(decision, params, options, this.#surroundings(options))
  }

  /** A statement whose route takes a moment, which is part of its time limit. */
  async #runLate<Row>(
    decision: Promise<Decision>,
    params: Params,
    options: CallOptions | undefined,
    begun: number,
  ): Promise<Result<Row>> {
    const decided = await decision
    try {
      return await this.#run<Row>(decided, params, this.#optionsLeft(options, begun))
    } catch (error) {
      throw inTermsOf(this.#timeoutOf(options), error)
    }
  }

  #decide(sql: string, params: Params, options: CallOptions | undefined): Decision | Promise<Decision> {
    this.#assertOpen()
    return this.#decideStill(sql, params, options, this.#surrounding(options))
  }

  /** Also for what was begun before `close()` and may go on to its end. */
  #decideStill(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    surrounding: Surrounding,
    open?: OpenShard,
  ): Decision | Promise<Decision> {
    // Everything that runs comes by here; the common call, without options, costs two comparisons.
    if (options !== undefined || typeof sql !== 'string' || typeof params !== 'object' || params === null)
      checkCall(sql, params, options)
    const { decider } = this.#parts
    const terms = this.#shardTerms(options, open)
    if (options?.using !== undefined)
      return decider.decide(sql, params, options, options.using, surrounding, undefined, terms)
    return decider.decide(sql, params, options, this.#using, surrounding, this.#decisions, terms)
  }

  #explain(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    surrounding: Surrounding,
    open?: OpenShard,
  ): Decision {
    checkCall(sql, params, options)
    const { decider } = this.#parts
    const terms = this.#shardTerms(options, open)
    if (options?.using !== undefined)
      return decider.explain(sql, params, options, options.using, surrounding, undefined, terms)
    return decider.explain(sql, params, options, this.#using, surrounding, this.#decisions, terms)
  }

  /** What the scope, the call and the open transaction say about shards. */
  #shardTerms(options: CallOptions | undefined, open: OpenShard | undefined): ShardTerms {
    const outer = this.#parts.sessions.current().shard
    if (outer === undefined && open === undefined && options === undefined) return noTerms
    const { shardKey, allShards } = options ?? {}
    const own: ShardBinding = { key: shardKey, locked: false, by: 'the call', byCall: true }
    return { binding: shardKey === undefined ? outer : innerBinding(outer, own), allShards, open }
  }

  #timeoutOf(options: CallOptions | undefined): number {
    return options?.timeoutMs ?? this.#parts.config.limits.queryTimeoutMs
  }

  /** The options after a wait that counts as part of the call. */
  #optionsLeft(options: CallOptions | undefined, begun: number): CallOptions | undefined {
    const timeoutMs = this.#timeoutOf(options)
    return timeoutMs === 0 ? options : withTimeLeft({ ...options, timeoutMs }, begun)
  }

  /** A statement without tables belongs wherever its transaction is, not in the default database. */
  #floats({ locations }: Decision, options: CallOptions | undefined): boolean {
    return locations.length === 0 && options?.using === undefined && this.#using === undefined
  }

  #assertOpen(): void {
    if (this.#parts.life.closed) throw new ClientClosedError()
  }

  /** What surrounds a call: the session and the scopes that it was made in, and the token that it names. */
  #surroundings(options: CallOptions | undefined): Surroundings {
    const { sessions } = this.#parts
    return options?.atLeast === undefined ? sessions.current() : sessions.under(options)
  }

  /** What a call of its own is part of: nothing, or a scope that asks for a role. */
  #surrounding(options: CallOptions | undefined): Surrounding {
    return options?.role ?? this.#parts.sessions.current().role ?? 'autocommit'
  }

  #host(surrounding: Surrounding, surroundings: Surroundings): TransactionHost {
    const { decider, executor, config } = this.#parts
    return {
      executor,
      surroundings,
      attempts: config.limits.readAttempts,
      queryTimeoutMs: config.limits.queryTimeoutMs,
      decide: (sql, params, options, pinned) => {
        if (pinned === undefined) this.#assertOpen()
        const placed = (decision: Decision): Decision | Promise<Decision> =>
          pinned !== undefined && this.#floats(decision, options)
            ? decider.decide(sql, params, options, pinned.on, surrounding, undefined, this.#shardTerms(options, pinned))
            : decision
        const decision = this.#decideStill(sql, params, options, surrounding, pinned)
        return decision instanceof Promise ? decision.then(placed) : placed(decision)
      },
      explain: (sql, params, options, pinned) => {
        const decision = this.#explain(sql, params, options, surrounding, pinned)
        refuseTransactionControl(decision, 'commit(), rollback() or a nested transaction()')
        if (pinned === undefined || !this.#floats(decision, options)) return decision.route
        const terms = this.#shardTerms(options, pinned)
        return decider.explain(sql, params, options, pinned.on, surrounding, undefined, terms).route
      },
    }
  }
}
