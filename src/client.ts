import { checkFunction, checkScope } from './call-check.ts'
import type { ScopeOptions, UsingTarget } from './config.ts'
import type { PoolStats } from './drivers/driver.ts'
import type { PoolRegistry } from './execution/pool-registry.ts'
import type { ShardWatches } from './execution/shard-watches.ts'
import { originOf } from './execution/row-origins.ts'
import type { ShardView } from './failover/shard-view.ts'
import { tokenOf, withToken, withoutToken } from './job-payload.ts'
import { tableName } from './parse-tables.ts'
import { locateTable } from './routing/home.ts'
import { migrationPermission, type Permission } from './routing/migrate.ts'
import { relationAllowed } from './routing/relation.ts'
import type { ClientParts } from './client-parts.ts'
import { CopyClient } from './copy-client.ts'
import { Scope } from './scope.ts'
import { ShadowAdmin } from './shadow-admin.ts'
import { ConfigError } from './errors.ts'
import { scopeWrapper, type ScopeWrapper } from './scope-wrapper.ts'
import type { Session, SessionOptions, SessionTokenOptions } from './sessions.ts'
import { tableHome, type TableHomeAnswer } from './table-home.ts'
import type { TableName } from './topology/table-map.ts'
import type { TopologyStore } from './topology/topology-store.ts'
import type { Topology } from './topology/topology.ts'
import type { Transaction, TransactionOptions } from './execution/transaction.ts'

/** One client over several databases. `A` are the declared aliases. */
export class Client<A extends string = string> extends CopyClient<A> implements AsyncDisposable {
  readonly #parts: ClientParts
  readonly #pools: PoolRegistry
  readonly #watches: ShardWatches
  readonly #topology: TopologyStore
  readonly #scopes = new Map<string, Scope>()
  readonly #scopesOfHandles = new WeakMap<object, Scope>()

  /** @internal Made by {@link connect}. */
  constructor(parts: ClientParts, pools: PoolRegistry, watches: ShardWatches, topology: TopologyStore) {
    super(parts)
    this.#parts = parts
    this.#topology = topology
    this.#pools = pools
    this.#watches = watches
  }

  /**
   * The databases, shards and servers as they are now: frozen, without passwords. Roles are those that the servers have
   * shown; before the first statement, and while a shard has no primary, those known last. A change has a higher `version`.
   */
  get topology(): Topology {
    return this.#topology.current
  }

  /**
   * Calls `listener` with every new topology: another server is a primary, or servers were found or are gone. Gives a
   * function that ends this.
   */
  onTopology(listener: (topology: Topology) => void): () => void {
    checkFunction(listener, 'listener')
    return this.#topology.subscribe(listener)
  }

  /**
   * Everything that is asked of the scope runs on this database, whatever routers and declarations say: an alias, a
   * data source name, or a pool or handle of one's own (which is never closed).
   */
  using(target: UsingTarget<A>): Scope {
    const { databases } = this.#parts
    if (typeof target === 'string') {
      let scope = this.#scopes.get(target)
      if (scope === undefined) {
        scope = new Scope(this.#parts, target)
        databases.resolve(target)
        this.#scopes.set(target, scope)
      }
      return scope
    }
    databases.resolve(target)
    let scope = this.#scopesOfHandles.get(target)
    if (scope === undefined) {
      scope = new Scope(this.#parts, target)
      this.#scopesOfHandles.set(target, scope)
    }
    return scope
  }

  override async transaction<T>(
    fn: (tx: Transaction) => Promise<T>,
    options: TransactionOptions & { readonly using?: UsingTarget<A> } = {},
  ): Promise<T> {
    const { using, ...rest } = options
    return using === undefined ? await super.transaction(fn, rest) : await this.using(using).transaction(fn, rest)
  }

  override begin(options: TransactionOptions & { readonly using?: UsingTarget<A> } = {}): Transaction {
    const { using, ...rest } = options
    return using === undefined ? super.begin(rest) : this.using(using).begin(rest)
  }

  /** The alias of the database that a row came from; `undefined` for an object that no client gave. */
  databaseOf(row: object): string | undefined {
    return originOf(row)
  }

  /** May this table be created, altered or dropped on this database, and why? For migration tools. */
  allowMigrate(database: A, table: string): Permission {
    const { config, databases } = this.#parts
    return migrationPermission(databases.resolve(database).alias, tableName(table), config)
  }

  /** May these two tables appear in one statement? Those of one database may; others only if a router says so. */
  allowRelation(a: string, b: string): boolean {
    const { config } = this.#parts
    const [first, second] = [a, b].map((name) => locateTable(tableName(name), config.tables, config.topology))
    if (first === undefined || second === undefined) return false
    return relationAllowed(first, second, config.routers) ?? first.database === second.database
  }

  /** Where a table lives as declared, or by default; routers are not asked. A text is `table` or `schema.table`. */
  homeOf(table: string | TableName): TableHomeAnswer {
    return tableHome(table, this.#parts.config)
  }

  /**
   * Runs `fn` in a session: its reads show what it wrote, and never an older state than an earlier one of its reads did,
   * whichever servers answer. A session is one request or job; calls within `fn` belong to it however deep they are, and
   * sessions side by side know nothing of each other. `fn` may be asynchronous.
   *
   * @example
   * ```ts
   * const next = await client.session(async (session) => {
   *   await client.query('insert into review (product_id, text) values ($1, $2)', [7, 'fine'])
   *   await client.query('select text from review where product_id = $1', [7]) // a replica that has it, or the primary
   *   return await session.token() // for the next request
   * })
   * await client.session(async () => await client.query('select count(*) from review'), { token: next })
   * ```
   */
  session<T>(fn: (session: Session) => T, options: SessionOptions = {}): T {
    return this.#parts.sessions.run(fn, options)
  }

  /**
   * The payload of a job for a queue, with the token of the session around the call (of the client as a whole outside of
   * every session) as its property `signalbox`, so that the job, run by {@link Client.job}, reads what was written before, however soon it
   * starts. A copy, as JSON knows it; a token that the payload brought is replaced. Where there is nothing to remember it
   * carries none.
   *
   * Call it after the commit. Within the transaction (for a queue whose table is part of it) is right as well: nobody knows
   * the position yet, so the job asks the primary.
   *
   * Throws `TokenKeysError` if a database has replicas and the configuration no `tokens.keys`, `ConfigError` for a payload
   * that is no object.
   *
   * @example
   * ```ts
   * await client.query('insert into purchase (product_id) values ($1)', [7])
   * const payload = await client.withToken({ productId: 7 }) // queue.add('receipt', payload), boss.send(…), JSON.stringify(…)
   * await client.job(payload, async ({ productId }) => {
   *   await client.query('select * from purchase where product_id = $1', [productId]) // in any process: has the purchase
   * })
   * ```
   */
  async withToken<P extends object>(payload: P, options?: SessionTokenOptions): Promise<P & { signalbox?: string }> {
    return withToken(payload, await this.#parts.sessions.token(options))
  }

  /**
   * Runs a job in a session that begins with the token of its payload. `fn` gets the payload without it, and the session.
   * A payload without a token runs all the same; one whose token cannot be used too, and is counted in `ignoredTokens`.
   * A token counts up to an age of 24 hours, for jobs that wait in their queue, or of `tokens.maxAgeMs` if that is more.
   */
  job<P extends object, T>(payload: P, fn: (payload: Omit<P, 'signalbox'>, session: Session) => T): T {
    checkFunction(fn, 'fn')
    return this.#parts.sessions.runJob((session) => fn(withoutToken(payload), session), tokenOf(payload))
  }

  /** Runs `fn`; its reads go to the primary. Nests, and ends with `fn`, however that ends. */
  primary<T>(fn: () => T): T {
    return this.#parts.sessions.inScope({ role: 'primary' }, fn)
  }

  /**
   * Runs `fn`; its reads may go to replicas as they are, without what the session wrote. What may write goes to the
   * primary all the same.
   */
  replica<T>(fn: () => T): T {
    return this.#parts.sessions.inScope({ role: 'replica' }, fn)
  }

  /**
   * Wraps a function, so that each call of it runs in a session of its own, on servers of a role, or under what else the
   * scope says; arguments, `this` and type stay as they are. Also a decorator of methods. Scopes nest: an inner one says
   * only what it changes, but for `atLeast`, which holds besides those around it; and what was changed ends with the
   * call, whether it returns, throws, is a promise that settles, or a generator that is done.
   *
   * What is begun within belongs to it, however long it takes; what a reader pulls out of a stream does not, unless it is a
   * generator or `client.stream()`.
   *
   * Throws `ConfigError` for an option that cannot be, or where it decorates anything but a method; decorators are those
   * of the standard, not TypeScript's `experimentalDecorators`.
   *
   * @example
   * ```ts
   * const report = client.within({ maxStalenessMs: 5_000, tags: ['reports'] })(async (year: number) => {
   *   return await client.query('select count(*) from purchase where year = $1', [year])
   * })
   * await report(2026)
   *
   * class Reviews {
   *   @client.within({ session: true })
   *   async add(text: string) {
   *     await client.query('insert into review (product_id, text) values ($1, $2)', [7, text])
   *     return await client.query('select text from review where product_id = $1', [7]) // shows it
   *   }
   * }
   * ```
   */
  within(scope: ScopeOptions): ScopeWrapper {
    const { sessions } = this.#parts
    checkScope(scope)
    return scopeWrapper((call) => sessions.inScope(scope, call))
  }

  /**
   * Looks after a shadow: what was changed on it, what conflicts with its base, and where the changes go. Throws `ConfigError` if the
   * alias means none.
   *
   * @example
   * ```ts
   * const { tables } = await client.shadow('dev').diff()
   * for (const { table, added, changed, deleted } of tables) console.log(table, added, changed, deleted)
   * ```
   */
  shadow(alias: A): ShadowAdmin<A> {
    const { databases, shadowStore, config } = this.#parts
    const database = databases.resolve(alias)
    const [server] = database.shards.map(({ primary }) => primary)
    if (database.shadow === undefined || server === undefined) {
      const shadows = [...config.topology.databases.values()].filter(({ shadow }) => shadow !== undefined)
      const names = shadows.map((each) => `"${each.alias}"`).join(', ')
      throw new ConfigError('alias', `"${alias}" is no shadow.`, names || 'none is declared')
    }
    return new ShadowAdmin<A>({
      database,
      store: shadowStore,
      resolve: (to) => databases.resolve(to),
      transact: async (to, readOnly, work) =>
        await this.transaction(work, { using: to as A, ...(readOnly ? { readOnly, role: 'primary' } : {}) }),
      forget: async () => await this.#pools.drop(server, config.limits.closeTimeoutMs),
    })
  }

  /** What is known of the servers of every replicated shard that was used: roles, states, positions, lag. */
  status(): readonly ShardView[] {
    return this.#watches.views()
  }

  /** Session tokens that could not be used, counted by what was wrong with them. */
  get ignoredTokens(): Readonly<Record<string, number>> {
    return this.#parts.sessions.ignoredTokens
  }

  /** Figures of every pool that is open, by server. */
  stats(): Readonly<Record<string, PoolStats>> {
    return this.#pools.stats()
  }

  /**
   * Refuses new calls, waits for what runs (at most `limits.closeTimeoutMs`), and closes every connection that the
   * client opened. What was begun runs on: a transaction or reserved connection that has had its first statement may go
   * on to its end, and a reserved connection that is still there after a second is warned of. Pools and handles of the
   * application's own stay open. A second call waits for the same end.
   */
  async close(): Promise<void> {
    this.#parts.life.closed = true
    this.stopRecovery()
    const { closeTimeoutMs } = this.#parts.config.limits
    const over = this.#parts.reservations.awaited(closeTimeoutMs)
    try {
      await this.#pools.close(closeTimeoutMs)
    } finally {
      over()
      await this.#watches.close(closeTimeoutMs)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
