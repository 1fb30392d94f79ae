import { checkFunction } from './call-check.ts'
import { Distributed } from './distributed/distributed.ts'
import type { DistributedWork } from './distributed/distributed-transaction.ts'
import type { MovedRow, MoveOptions, RowMove } from './distributed/moves/row-move.ts'
import type { DistributedOptions, LogOptions, RecoverOptions } from './distributed/options.ts'
import type { RecoveryReport } from './distributed/recovery.ts'
import { systemClock } from './failover/clock.ts'
import type { ShardStats } from './execution/shard-stats.ts'
import { LookupIndexes } from './lookups/lookup-indexes.ts'
import { verifyShardMaps, type VerifiedShardMap, type VerifyShardMapsOptions } from './map-records/verify-shard-maps.ts'
import type { ClientParts } from './client-parts.ts'
import { tableName } from './parse-tables.ts'
import type { Lookup } from './routing/lookups/lookup.ts'
import { LookupWriteError } from './routing/lookups/lookup-error.ts'
import { Scope } from './scope.ts'
import { ShardKeys, type MoveOwnerOptions, type ShardMapChoice } from './shard-keys.ts'

/** How {@link ShardClient.shard} binds. */
export interface ShardScopeOptions<A extends string = string> {
  readonly database?: A
  /** Default false. */
  readonly lock?: boolean
}

/** What a client offers over the shards of its databases. `A` are the declared aliases. */
export class ShardClient<A extends string = string> extends Scope {
  readonly #parts: ClientParts
  readonly #distributed: Distributed
  readonly #keys: ShardKeys
  #lookups: LookupIndexes | undefined

  constructor(parts: ClientParts) {
    super(parts)
    this.#parts = parts
    this.#keys = new ShardKeys(parts)
    this.#distributed = new Distributed(parts, () => this.transactionHost(), systemClock)
    this.#distributed.start()
  }

  /**
   * Runs `fn` bound to the shard on which the key lives: every statement on the sharded database goes there, also those whose text
   * names no key, such as a count of all rows of that shard. What belongs to another shard is refused with `WrongShardError`.
   *
   * `lock`: every statement must have the very key in a condition on each of its sharded tables, so that rows of others on the
   * same shard are out of reach, raw SQL included; and no scope or call within may name another key. `database`: the alias, where
   * several databases have shard maps. Ends with `fn`, as other scopes do.
   *
   * Throws `ShardKeyError` at the first statement if the value cannot be a key.
   *
   * @example
   * ```ts
   * await client.shard(7, async () => {
   *   await client.query('select count(*) from purchase') // of the shard of customer 7
   * })
   * ```
   */
  shard<T>(key: unknown, fn: () => T, { database, lock = false }: ShardScopeOptions<A> = {}): T {
    const { databases, sessions } = this.#parts
    const alias = database === undefined ? undefined : databases.resolve(database).alias
    return sessions.onShard({ key, database: alias, locked: lock, by: 'client.shard()' }, fn)
  }

  /**
   * The name of the shard on which rows with this key live. `database`: the alias, where several databases have shard maps. Asks nobody.
   *
   * Throws `ShardKeyError` if the value cannot be a key, `ConfigError` if there is no shard map, or more than one to choose from,
   * `OwnerUnknownError` where only a directory can tell: use `findShard`.
   */
  shardOf(key: unknown, choice: ShardMapChoice<A> = {}): string {
    return this.#keys.shardOf(key, choice)
  }

  /**
   * The shard that owns a key now, also where that stands in a directory, which is asked; `undefined` if nobody owns it, since no
   * row of it was ever inserted. Throws as `shardOf` does, and `DirectoryError`.
   */
  async findShard(key: unknown, choice: ShardMapChoice<A> = {}): Promise<string | undefined> {
    return (await this.#keys.find([key], choice))[0]
  }

  /** As `findShard`, for many keys at once: the directory is asked once for each 1,000. In the order of the keys. */
  async findShards(keys: readonly unknown[], choice: ShardMapChoice<A> = {}): Promise<readonly (string | undefined)[]> {
    return await this.#keys.find(keys, choice)
  }

  /** How many keys each shard owns, as the directory says; `undefined` for a shard map that has none. */
  async keyCounts(choice: ShardMapChoice<A> = {}): Promise<Readonly<Record<string, number>> | undefined> {
    return await this.#keys.counts(choice)
  }

  /**
   * Creates the tables of a `directoryShards` map, unless they are there: the owners in the control database, and on each shard
   * `signalbox_owned_key`, in which it knows its own keys. Call it again when a shard was added.
   */
  async setUpShardDirectory(choice: ShardMapChoice<A> = {}): Promise<void> {
    await this.#keys.setUp(choice)
  }

  /**
   * Gives one key of a `directoryShards` map to another shard, with its rows. Changes of the key wait meanwhile; those of other keys
   * go on. `copy` writes the rows on the new shard, `remove` deletes them on the old one; reads of all shards may see them on both
   * for the moment between. If it fails, or the process dies, call it again: it goes on where it was left. `to` the shard that has
   * the key calls a move off, unless its rows were copied.
   *
   * Throws `ShardKeyError` if nobody owns the key, `ConfigError` while another move of it is not done.
   *
   * @example
   * ```ts
   * await client.moveOwner(7, {
   *   to: 'b',
   *   async copy({ from, to }) {
   *     const { rows } = await from.query<{ id: number; total: string }>('select id, total from purchase where customer_id = $1', [7])
   *     for (const { id, total } of rows) await to.query('insert into purchase (customer_id, id, total) values ($1, $2, $3)', [7, id, total])
   *   },
   *   async remove(from) {
   *     await from.query('delete from purchase where customer_id = $1', [7])
   *   },
   * })
   * ```
   */
  async moveOwner(key: unknown, options: MoveOwnerOptions<A>): Promise<void> {
    await this.#keys.move(key, options)
  }

  /** The lookups of unique columns: `setUp()`, `backfill()` and `check()`. */
  get lookups(): LookupIndexes {
    return (this.#lookups ??= new LookupIndexes(this.#parts.lookups, () => this.transactionHost().queryTimeoutMs))
  }

  /**
   * Compares the shard maps of the configuration with those by which the rows were spread, which stand on the shards, in a table
   * `signalbox_shard_map` that the first call creates and fills. Call it when the application starts: a map that was
   * changed by mistake, such as one more shard without `owners`, is found before a statement goes astray.
   * `accept: true` writes the changed map down, once the rows have been moved.
   *
   * Throws `ShardMapChangedError`, which says what would move.
   *
   * @example
   * ```ts
   * const found = await client.verifyShardMaps()
   * console.log(found.map(({ database, shard, state }) => `${database}/${shard}: ${state}`))
   * ```
   */
  async verifyShardMaps(options: VerifyShardMapsOptions = {}): Promise<readonly VerifiedShardMap[]> {
    return await verifyShardMaps(this.#parts, this.transactionHost(), options)
  }

  /**
   * What ran on the shards of each database that has several, by its alias: statements by how they came to their shard, rows, time, skew;
   * which texts are scattered, and why; with `limits.countedKeys` the keys that come most often. `reset`: counts anew from now on.
   *
   * @example
   * ```ts
   * const { shards, scattered } = client.shardStats({ reset: true })['default']!
   * for (const [name, { skew }] of Object.entries(shards)) if (skew.statements > 1.5) console.log(`the shard ${name} is hot`, skew)
   * for (const { sql, statements, why } of scattered.texts) console.log(statements, why, sql)
   * ```
   */
  shardStats({ reset = false }: { readonly reset?: boolean } = {}): Readonly<Record<string, ShardStats>> {
    return this.#parts.counters.stats(reset)
  }

  /**
   * Runs `fn`; what it writes, on whatever shards and databases, takes effect everywhere or nowhere, by two-phase commit. **Atomic,
   * not isolated**: for a moment others can see it on one shard and not yet on the next. `log`, or `transactionLog` of the configuration, names
   * the database that keeps the decisions. Needs servers that can prepare, and recovery, which clients with a `transactionLog`
   * do by themselves (docs/distributed-transactions.md).
   *
   * Rolls back and throws on if `fn` throws, a statement has failed outside of a nested `tx.transaction()`, or a shard cannot commit. Throws
   * `InDoubtError` if the log does not answer at the moment of the decision, `TransactionGivenUpError` if a recovery was faster;
   * `OnCommitError` if callbacks failed after the commit.
   *
   * @example
   * ```ts
   * await client.setUpTransactionLog({ log: 'default' }) // once
   * await client.distributedTransaction(async (tx) => {
   *   await tx.query('update account set amount = amount - 10 where customer_id = $1', [1])
   *   await tx.query('update account set amount = amount + 10 where customer_id = $1', [2]) // on another shard
   * }, { log: 'default' })
   * ```
   */
  async distributedTransaction<T>(fn: DistributedWork<T>, options: DistributedOptions<A> = {}): Promise<T> {
    checkFunction(fn, 'fn')
    return await this.#distributed.run(fn, options)
  }

  /**
   * Gives a row another shard key: it is inserted on the shard of the new one, with all of its values as they are, and deleted on
   * that of the old one, in one distributed transaction. On the same shard it is a plain UPDATE. The row is locked meanwhile: a
   * change of it that comes later waits, and then finds it gone.
   *
   * Throws `MoveRowError` if the key names no row or several, or the row would not stay what it is. Nothing was changed then.
   *
   * @example
   * ```ts
   * await client.moveRow({ table: 'purchase', key: { customer_id: 7, id: 1 }, set: { customer_id: 9 } }, { log: 'default' })
   * ```
   */
  async moveRow(move: RowMove, options: MoveOptions<A> = {}): Promise<MovedRow> {
    const [moved] = await this.moveRows([move], options)
    return moved!
  }

  /**
   * Moves several rows in one transaction, of one table or of many: a customer with all that belongs to it. Parents come before their
   * children: rows are inserted in this order, and deleted in the reverse one.
   */
  async moveRows(moves: readonly RowMove[], options: MoveOptions<A> = {}): Promise<readonly MovedRow[]> {
    const { tables, lookups } = this.#parts.config
    return await this.#distributed.move(moves, options, (table) => {
      const name = tableName(table)
      const home = tables.homeOf(name)
      if (home !== undefined) refuseLookedUp(table, lookups.of(home))
      return { name, home }
    })
  }

  /** Creates the table for the decisions about distributed transactions, unless it is there. */
  async setUpTransactionLog(options: LogOptions<A> = {}): Promise<void> {
    await this.#distributed.setUp(options.log)
  }

  /**
   * Ends what distributed transactions have left prepared, because a process died, or a server was gone: commits what is decided,
   * rolls back what is not and is older than `olderThanMs`. May run at any time, and several times at once. With `transactionLog` in the
   * configuration the client does so by itself.
   */
  async recoverTransactions(options: RecoverOptions<A> = {}): Promise<RecoveryReport> {
    return await this.#distributed.recover(options)
  }

  /** Ends what the client does by itself. */
  protected stopRecovery(): void {
    this.#distributed.stop()
  }
}

/** Its entries would have to move with it, in the database that has them. */
function refuseLookedUp(table: string, [lookup]: readonly Lookup[]): void {
  if (lookup === undefined) return
  throw new LookupWriteError(
    `Rows of ${table} cannot be moved, since ${lookup.name} is looked up and leads to their shard key. Nothing was sent. ` +
      'Delete the row, and insert it with the new key.',
    { database: lookup.database },
  )
}
