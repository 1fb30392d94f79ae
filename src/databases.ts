import { UnknownDatabaseError, UnsupportedError } from './errors.ts'
import { handleEngine } from './topology/handle.ts'
import { parseTarget, singleServerDatabase, type SharedOptions } from './parse-database.ts'
import { show } from './option.ts'
import { looksLikeDsn, redactDsn } from './topology/dsn.ts'
import { nearMatches } from './topology/near-match.ts'
import type { Database, Topology } from './topology/topology.ts'
import type { WriteGuard } from './write-guard.ts'

/**
 * Every database that the client knows: those declared, and those that were named at a call by a data source name or
 * by a pool or handle of the application's own.
 */
export class Databases {
  readonly #topology: Topology
  readonly #shared: SharedOptions
  readonly #limit: number
  readonly #guard: WriteGuard
  readonly #byDsn = new Map<string, Database>()
  readonly #byHandle = new WeakMap<object, Database>()
  readonly #adHoc = new WeakSet<object>()
  readonly #adHocAliases = new Set<string>()

  constructor(topology: Topology, config: SharedOptions & { readonly writeGuard: WriteGuard }, limit: number) {
    this.#topology = topology
    this.#shared = config
    this.#guard = config.writeGuard
    this.#limit = limit
  }

  /**
   * The database that an alias, a data source name, a pool or a handle means; the same one for the same target. What
   * was resolved before may be given again: an ad hoc database's alias is for people, and names it no more.
   */
  resolve(target: unknown): Database {
    if (typeof target === 'string') return looksLikeDsn(target) ? this.#ofDsn(target) : this.#ofAlias(target)
    if (typeof target === 'object' && target !== null) {
      if (this.#isResolved(target)) return target
      if (handleEngine(target) !== undefined) return this.#ofHandle(target)
    }
    const known = [...this.#topology.aliases.keys()].map((alias) => JSON.stringify(alias)).join(', ')
    throw new UnsupportedError(
      `${show(target)} is no database. A database is a declared alias (${known}), a data source name, or a pg.Pool, mysql2 pool or DatabaseSync.`,
    )
  }

  #isResolved(target: object): target is Database {
    return (
      this.#adHoc.has(target) || ('alias' in target && this.#topology.databases.get(String(target.alias)) === target)
    )
  }

  #ofAlias(alias: string): Database {
    const database = this.#topology.databases.get(this.#topology.aliases.get(alias) ?? alias)
    if (database !== undefined) return database
    const known = [...this.#topology.aliases.keys()]
    throw new UnknownDatabaseError(redactDsn(alias), known, nearMatches(alias, known))
  }

  #ofDsn(dsn: string): Database {
    const known = this.#byDsn.get(dsn)
    if (known !== undefined) return known
    const database = this.#make(dsn)
    this.#byDsn.set(dsn, database)
    return database
  }

  #ofHandle(handle: object): Database {
    const known = this.#byHandle.get(handle)
    if (known !== undefined) return known
    const database = this.#make(handle)
    this.#byHandle.set(handle, database)
    return database
  }

  #make(target: unknown): Database {
    // Each one keeps a pool until the client closes, so their number must have an end.
    const named = this.#adHocAliases.size
    if (named >= this.#limit) {
      throw new UnsupportedError(
        `${named} databases were named by data source name or handle, which is the limit (limits.adHocDatabases). ` +
          'Declare databases that are used all the time in `databases`.',
      )
    }
    const parsed = parseTarget(target, 'using')
    const alias = this.#freeAlias(parsed.address)
    this.#adHocAliases.add(alias)
    const database = this.#guard.mark(singleServerDatabase(alias, parsed, this.#shared))
    this.#adHoc.add(database)
    return database
  }

  /** Addresses show no password, so two targets may share one; pools and transactions tell databases by their alias. */
  #freeAlias(address: string): string {
    const isTaken = (alias: string): boolean => this.#adHocAliases.has(alias) || this.#topology.aliases.has(alias)
    let alias = address
    for (let number = 2; isTaken(alias); number += 1) alias = `${address} #${number}`
    return alias
  }
}
