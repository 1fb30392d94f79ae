import type { ClientParts } from './client-parts.ts'
import { ConfigError } from './errors.ts'
import { originOf } from './execution/row-origins.ts'
import { asRecord, refuseUnknownKeys, show } from './option.ts'
import { tableName } from './parse-tables.ts'
import { locateTable } from './routing/home.ts'
import { ShardClient } from './shard-client.ts'
import type { Database } from './topology/topology.ts'
import { RowsCopy } from './workflows/copy/copy-rows.ts'
import { deleteOnAll, deletionsOn, type DeleteOptions, type DeleteReport } from './workflows/copy/delete-from-all.ts'
import { parseCopyOptions, type CopyOptions, type CopyReport } from './workflows/copy/options.ts'
import type { Place } from './workflows/copy/place.ts'
import { openPlace, refuseComposed } from './workflows/copy/places.ts'
import { presenceOf, type Presence, type PresenceOptions } from './workflows/copy/presence.ts'

/** A database as it was named, and as it is known. */
interface Named {
  readonly target: unknown
  readonly database: Database
}

/** What a client offers to copy rows between its databases. `A` are the declared aliases. */
export class CopyClient<A extends string = string> extends ShardClient<A> {
  readonly #parts: ClientParts

  constructor(parts: ClientParts) {
    super(parts)
    this.#parts = parts
  }

  /**
   * Copies rows from one database to another, whatever their engines are, with values as they are: what the other database cannot hold is refused, naming column, value
   * and types (docs/copying.md has the table of types). Tables are copied parents first. All rows are read again, and compared, before they are committed.
   *
   * Everything in one transaction on the target, from one snapshot of the source: all or nothing. With `resume`, a name, in batches that are committed one by
   * one: when it failed or was killed, the same call goes on where it was left.
   *
   * `onConflict`: what becomes of a row whose primary key is there: `error` (default), `skip`, or `replace`, which updates it.
   *
   * Throws `CopyError` if the tables do not fit each other, `CopyValueError`, `CopyConflictError`, `CopyMismatchError` if what was written is not what was read, and
   * what the servers refuse.
   *
   * @example
   * ```ts
   * await client.copyRows({ from: 'archive', to: 'shop', table: 'product', keys: [7, 8], onConflict: 'replace' }) // promote two products
   * const { tables } = await client.copyRows({ from: 'shop', to: 'archive', table: 'customer', resume: 'archive-2026' })
   * for (const { table, read, inserted, checksum } of tables) console.log(table, read, inserted, checksum)
   * ```
   */
  async copyRows(options: CopyOptions<A>): Promise<CopyReport> {
    const parsed = parseCopyOptions(options)
    const from = this.#named(options.from, 'options.from', 'copyRows()')
    const to = this.#named(options.to, 'options.to', 'copyRows()')
    if (from.database === to.database)
      throw new ConfigError(
        'options.to',
        `It is the database that the rows are from ("${to.database.alias}").`,
        'another one',
      )
    return await this.#with([from, to], ['read', 'write'], parsed, async ([source, target]) => {
      return await new RowsCopy(source!, target!, parsed, tableName).run()
    })
  }

  /**
   * Which of these rows another database has, and whether they are the same there: `missing`, `same`, or `different`, with the columns that differ. The rows need only
   * have their primary key: both sides are read anew, exactly, with two statements for each 500 rows, and compared as `copyRows` would write them.
   *
   * @example
   * ```ts
   * const { rows } = await client.using('archive').query<{ id: number; name: string }>('select id, name from product')
   * for (const { row, state, columns } of await client.presence(rows, { in: 'shop', table: 'product' }))
   *   console.log(row.name, state, columns.join())
   * ```
   */
  async presence<Row extends object>(
    rows: readonly Row[],
    options: PresenceOptions<A>,
  ): Promise<readonly Presence<Row>[]> {
    refuseUnknownKeys(asRecord(options, 'options'), ['in', 'table', 'from', 'key', 'signal', 'timeoutMs'], 'options')
    const { table: name, key } = options
    if (!Array.isArray(rows)) throw new ConfigError('rows', `${show(rows)} is not accepted.`, 'a list of rows')
    if (typeof name !== 'string' || name === '')
      throw new ConfigError('options.table', `${show(name)} is not accepted.`, 'the name of a table')
    const there = this.#named(options.in, 'options.in', 'presence()')
    const here = this.#named(options.from ?? this.#originOf(rows, name), 'options.from', 'presence()')
    if (rows.length === 0) return []
    const properties = typeof key === 'string' ? [key] : key
    return await this.#with([here, there], ['read', 'read'], options, async ([source, target]) => {
      const asked = { rows, table: tableName(name), name, key: properties }
      return await presenceOf(source!, target!, asked)
    })
  }

  /**
   * Deletes rows by their primary keys from several databases. They are deleted in all of them before anything is committed, in the order given, so that what one
   * refuses, or does not answer, is undone everywhere; with `log` also if a commit fails (a distributed transaction). Children before their
   * parents, and rows that point at these elsewhere, are the caller's matter.
   *
   * Throws `DeleteIncompleteError` if a commit fails after another one has taken effect, which says where the rows are gone.
   *
   * @example
   * ```ts
   * const { databases } = await client.deleteFromAll({ databases: ['shop', 'archive'], table: 'customer', keys: [7, 8] })
   * for (const { database, deleted } of databases) console.log(database, deleted)
   * ```
   */
  async deleteFromAll(options: DeleteOptions<A>): Promise<DeleteReport> {
    const known = ['databases', 'table', 'keys', 'log', 'signal', 'timeoutMs']
    refuseUnknownKeys(asRecord(options, 'options'), known, 'options')
    const { databases, table, keys, log } = options
    if (!Array.isArray(databases) || databases.length === 0)
      throw new ConfigError('options.databases', `${show(databases)} is not accepted.`, 'a list of databases')
    if (typeof table !== 'string' || table === '')
      throw new ConfigError('options.table', `${show(table)} is not accepted.`, 'the name of a table')
    if (!Array.isArray(keys))
      throw new ConfigError('options.keys', `${show(keys)} is not accepted.`, 'a list of values of the primary key')
    const all = databases.map((each, index) => this.#named(each, `options.databases[${index}]`, 'deleteFromAll()'))
    if (new Set(all.map(({ database }) => database)).size < all.length)
      throw new ConfigError('options.databases', 'A database is listed twice.', 'each once')
    const writes = all.map(() => 'write' as const)
    if (log === undefined)
      return await this.#with(
        all,
        writes,
        options,
        async (places) => await deleteOnAll(places, tableName(table), options),
      )
    return await this.#deleteTogether(all, { ...options, log })
  }

  async #deleteTogether(
    all: readonly Named[],
    { log, ...options }: DeleteOptions<A> & Required<Pick<DeleteOptions<A>, 'log'>>,
  ): Promise<DeleteReport> {
    const reads = all.map(() => 'read' as const)
    const statements = await this.#with(all, reads, options, async (places) => {
      return await Promise.all(places.map(async (place) => await deletionsOn(place, tableName(options.table), options)))
    })
    const limits = {
      ...(options.signal && { signal: options.signal }),
      ...(options.timeoutMs && { timeoutMs: options.timeoutMs }),
    }
    return await this.distributedTransaction(
      async (tx) => {
        const databases: { database: string; deleted: number }[] = []
        for (const [index, { target, database }] of all.entries()) {
          let deleted = 0
          for (const [sql, params] of statements[index]!) {
            const call = { ...limits, using: target as string, dialect: database.engine }
            deleted += (await tx.query(sql, params, call)).rowCount
          }
          databases.push({ database: database.alias, deleted })
        }
        return { databases }
      },
      { log },
    )
  }

  #named(target: unknown, path: string, what: string): Named {
    if (target === undefined) throw new ConfigError(path, 'It is missing.', 'an alias, a data source name, or a pool')
    const database = this.#parts.databases.resolve(target)
    refuseComposed(database, what)
    return { target, database }
  }

  /** Where rows are from: the database that gave them, or else the home of their table. */
  #originOf(rows: readonly object[], table: string): string | undefined {
    const [first] = rows
    const { config } = this.#parts
    const origin = first === undefined ? undefined : originOf(first)
    return origin ?? locateTable(tableName(table), config.tables, config.topology).database
  }

  /** Opens a connection to each database, and closes all of them, whatever becomes of the work. */
  async #with<T>(
    all: readonly Named[],
    access: readonly ('read' | 'write')[],
    limits: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
    work: (places: readonly Place[]) => Promise<T>,
  ): Promise<T> {
    const host = this.transactionHost()
    const places: Place[] = []
    try {
      for (const [index, { target, database }] of all.entries())
        places.push(await openPlace(host, target, database, access[index]!, limits))
      return await work(places)
    } finally {
      for (const place of places) await place.close()
    }
  }
}
