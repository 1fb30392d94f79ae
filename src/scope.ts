import { checkFunction, checkPage, checkTransaction } from './call-check.ts'
import type { ClientParts } from './client-parts.ts'
import type { CallOptions } from './config.ts'
import type { Cargo, Engine, UnderWay } from './drivers/driver.ts'
import { ClientClosedError } from './errors.ts'
import { isOneServer, type CarryOptions } from './execution/carried.ts'
import { givesLookedUpValues } from './execution/claim-book.ts'
import { refuseUnstreamable, writeClaiming } from './execution/claiming-write.ts'
import { refuseTransactionControl, type Decision } from './execution/decision.ts'
import { whereOwned } from './execution/owned-write.ts'
import type { Queryable } from './execution/queryable.ts'
import { readPage, type Page, type PageOptions } from './execution/pages/read-page.ts'
import type { Related, RelatedOptions } from './execution/related.ts'
import { relatedRows } from './related-rows.ts'
import { ScopeDecisions } from './scope-decisions.ts'
import { ReservedConnection } from './execution/reserved.ts'
import type { RoutePreview } from './execution/route-preview.ts'
import type { Result } from './execution/result.ts'
import type { Submission } from './execution/submitted.ts'
import { inTermsOf, withTimeLeft } from './execution/time-limit.ts'
import type { TransactionHost } from './execution/transaction-host.ts'
import { Transaction, runTransaction, type TransactionOptions } from './execution/transaction.ts'
import { defaultDatabase } from './routing/home.ts'
import type { Surrounding } from './routing/role.ts'
import type { Route } from './routing/route.ts'
import type { Surroundings } from './routing/surroundings.ts'
import type { Analysis } from './statement/analysis.ts'
import type { Params } from './statement/statement.ts'

/** Statements that all go where `using` says, or, without it, where routing decides. */
export class Scope implements Queryable {
  readonly #parts: ClientParts
  readonly #using: unknown
  readonly #decisions: ScopeDecisions
  /** Where each database has several servers nothing can be, and nothing is looked up twice. */
  readonly #mayCarry: boolean

  /** @internal Made by `connect()` and `client.using()`. */
  constructor(parts: ClientParts, using?: unknown) {
    this.#parts = parts
    this.#using = using
    this.#decisions = new ScopeDecisions(parts, using)
    this.#mayCarry = [...parts.config.topology.databases.values()].some(isOneServer)
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
    let said: CallOptions | undefined
    try {
      said = this.#parts.hints.merged(sql, options)
      decision = this.#decide(sql, params, said)
      if (!(decision instanceof Promise)) return this.#run<Row>(sql, decision, params, said)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#runLate<Row>(sql, decision, params, said, performance.now())
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
    given: CallOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<Row, void, undefined> {
    const begun = performance.now()
    this.#assertOpen()
    const options = this.#parts.hints.merged(sql, given)
    const role = options?.role ?? surroundings.role ?? 'autocommit'
    const decision = await this.#decisions.decide(sql, params, options, role)
    refuseUnstreamable(decision)
    try {
      yield* this.#parts.executor.stream<Row>(decision, params, this.#optionsLeft(options, begun), surroundings)
    } catch (error) {
      throw inTermsOf(this.#timeoutOf(options), error)
    }
  }

  /** @internal For adapters: see {@link Submission}. Resolves when the server is ready again. */
  async submit(submission: Submission): Promise<void> {
    const { sql, params } = submission
    const options = this.#parts.hints.merged(sql, submission.options)
    const decision = await this.#decide(sql, params, options)
    refuseUnstreamable(decision)
    await this.#parts.executor.submit(decision, { ...submission, options }, this.#surroundings(options))
  }

  /**
   * @internal For adapters: what `query` does, for a query object of the driver's own and without a promise, of a statement that runs as it is wherever
   * it leads to. `takes` is asked what else it must not be. `undefined`: nothing was done, and `query` is the way.
   */
  carry(
    sql: string,
    params: readonly unknown[],
    options: CarryOptions,
    cargo: Cargo,
    takes: (analysis: Analysis) => boolean,
  ): UnderWay | undefined {
    const { executor, life } = this.#parts
    if (!this.#mayCarry || life.closed) return undefined
    const accepts = (decision: Decision): boolean => executor.carrier.canCarry(decision) && takes(decision.analysis)
    const decision = this.#decisions.known(sql, options, this.#surrounding(undefined), accepts)
    return decision === undefined ? undefined : executor.carrier.carry(decision, sql, params, options, cargo)
  }

  /** The route that `query` would take, with every reason. Runs nothing, connects to nothing. */
  explain(sql: string, params: Params = [], options?: CallOptions): Route {
    const said = this.#parts.hints.merged(sql, options)
    const decision = this.#decisions.explain(sql, params, said, this.#surrounding(said))
    refuseTransactionControl(decision, 'client.transaction()')
    return this.#parts.executor.likely(decision, this.#surroundings(said), said).route
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
    const said = this.#parts.hints.merged(sql, options)
    const { decision, route } = this.#decisions.preview(sql, params, said, this.#surrounding(said))
    refuseTransactionControl(decision, 'client.transaction()')
    return route()
  }

  /**
   * What was learnt from the text alone: kind, tables, functions, values of columns. Read in the dialect that `explain`
   * settles on; if `explain` refuses the statement, in the default database's. Runs nothing, connects to nothing.
   */
  async analyze(sql: string, params: Params = [], options?: CallOptions): Promise<Analysis> {
    const { decider, hints } = this.#parts
    const said = hints.merged(sql, options)
    return await decider.analyze(sql, params, said, said?.using ?? this.#using)
  }

  /** @internal For adapters: what a text does, apart from its values and the places of its names, which may be missing. */
  outline(sql: string, dialect: Engine): Analysis | Promise<Analysis> {
    return this.#parts.decider.outline(sql, dialect)
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

  /**
   * A connection of one's own for what lives on a connection: settings, temporary tables, advisory locks. Each statement belongs to the session
   * that it is called in, whoever has reserved the connection; a transaction to the one of its first statement.
   */
  reserve(): ReservedConnection {
    this.#assertOpen()
    return new ReservedConnection(this.#host('reserved connection', this.#parts.sessions.present))
  }

  /**
   * Reads one page of a query: its first rows, or those behind (`after`) or before (`before`) a cursor, which another page gave.
   * No OFFSET: a page that is a million rows away costs what the first one costs, over any number of shards, if an index
   * has the columns of ORDER BY. Rows that come or go meanwhile move no other row to another page.
   *
   * The statement is one SELECT of rows whose ORDER BY ends with a unique column; without LIMIT, GROUP BY, DISTINCT, aggregates,
   * window functions. Each page is read for itself, usually with one or two statements (one for each sort key at most, and one
   * more for each that is NULL in some rows). On MySQL and MariaDB a TIMESTAMP in the hour that a time zone has twice is
   * read as the first of the two.
   *
   * Throws `UnsupportedError` for other statements, `CursorError` for a cursor of something else, `PageOrderError` where the page would
   * end between rows that ORDER BY does not tell apart.
   *
   * @example
   * ```ts
   * const text = 'select id, total from purchase where country = $1 order by placed_at desc, id'
   * const first = await client.page<{ id: number; total: string }>(text, ['de'], { size: 20 })
   * const second = await client.page<{ id: number; total: string }>(text, ['de'], { size: 20, after: first.next })
   * console.log(first.rows.length, second.rows.length, second.previous)
   * ```
   */
  async page<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options: PageOptions = {},
  ): Promise<Page<Row>> {
    const call = this.#parts.hints.merged(sql, checkPage(options))
    const { database } = await this.#decide(sql, params, call)
    return await readPage<Row>(
      sql,
      params,
      { ...options, ...call },
      {
        engine: database.engine,
        query: async (text, values, rest) => await this.query(text, values, { ...rest, dialect: database.engine }),
      },
    )
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
    const asked = { rows, options, callOptions, using: callOptions?.using ?? this.#using }
    return await relatedRows<Row, Other>(asked, this.#parts, {
      decide: (...call) => this.#decide(...call),
      query: async (...call) => await this.query(...call),
    })
  }

  /** What a transaction needs that is made elsewhere. Throws `ClientClosedError`. */
  protected transactionHost(): TransactionHost {
    this.#assertOpen()
    return this.#host('transaction', this.#parts.sessions.current())
  }

  #run<Row>(sql: string, decision: Decision, params: Params, options: CallOptions | undefined): Promise<Result<Row>> {
    if (decision.analysis.kind === 'transaction') refuseTransactionControl(decision, 'client.transaction()')
    if (decision.ownedKeys !== undefined) return this.#runWhereOwned(sql, decision, params, options)
    return this.#runNow<Row>(decision, params, options, this.#surroundings(options))
  }

  #runNow<Row>(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
    surroundings: Surroundings,
  ): Promise<Result<Row>> {
    if (givesLookedUpValues(decision))
      return writeClaiming<Row>(this.#host('transaction', surroundings), decision, params, options)
    return this.#parts.executor.run<Row>(decision, params, options, surroundings)
  }

  /** A change whose keys may belong to another shard than was remembered. Its time limit holds for all attempts. */
  #runWhereOwned<Row>(
    sql: string,
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
  ): Promise<Result<Row>> {
    const begun = performance.now()
    const surroundings = this.#surroundings(options)
    return whereOwned(
      decision,
      { signal: options?.signal, timeoutMs: this.#timeoutOf(options) },
      (on) => this.#runNow<Row>(on, params, this.#optionsLeft(options, begun), surroundings),
      () => this.#decisions.decide(sql, params, this.#optionsLeft(options, begun), this.#surrounding(options)),
    )
  }

  /** A statement whose route takes a moment, which is part of its time limit. */
  async #runLate<Row>(
    sql: string,
    decision: Promise<Decision>,
    params: Params,
    options: CallOptions | undefined,
    begun: number,
  ): Promise<Result<Row>> {
    const decided = await decision
    try {
      return await this.#run<Row>(sql, decided, params, this.#optionsLeft(options, begun))
    } catch (error) {
      throw inTermsOf(this.#timeoutOf(options), error)
    }
  }

  #decide(sql: string, params: Params, options: CallOptions | undefined): Decision | Promise<Decision> {
    this.#assertOpen()
    return this.#decisions.decide(sql, params, options, this.#surrounding(options))
  }

  #timeoutOf(options: CallOptions | undefined): number {
    return options?.timeoutMs ?? this.#parts.config.limits.queryTimeoutMs
  }

  /** The options after a wait that counts as part of the call. */
  #optionsLeft(options: CallOptions | undefined, begun: number): CallOptions | undefined {
    const timeoutMs = this.#timeoutOf(options)
    return timeoutMs === 0 ? options : withTimeLeft({ ...options, timeoutMs }, begun)
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
    const { executor, reservations, config, lookups, hints } = this.#parts
    const decisions = this.#decisions
    return {
      executor,
      reservations,
      surroundings,
      attempts: config.limits.readAttempts,
      queryTimeoutMs: config.limits.queryTimeoutMs,
      claims: () => lookups.claims(),
      hinted: (sql, options) => hints.merged(sql, options),
      decide: (sql, params, options, pinned) => {
        if (pinned !== undefined) return decisions.within(sql, params, options, surrounding, pinned)
        this.#assertOpen()
        return decisions.decide(sql, params, options, surrounding)
      },
      known: (sql, options, accepts) => decisions.known(sql, options, surrounding, accepts),
      explain: (sql, params, options, pinned) => {
        const said = hints.merged(sql, options)
        const { decision, settled } = decisions.explainWithin(sql, params, said, surrounding, pinned)
        refuseTransactionControl(decision, 'commit(), rollback() or a nested transaction()')
        return settled().route
      },
    }
  }
}
