import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { ClientClosedError } from '../errors.ts'
import type { Driver, DriverPool, Engine, PoolOptions, PoolStats } from '../drivers/driver.ts'
import { ReadOnlyPool } from './read-only-pool.ts'
import { hasReplicas, type Database, type Server } from '../topology/topology.ts'

/** Opens the local database of a shadow. */
export type ShadowOpener = (driver: Driver, database: Database, options: PoolOptions) => Promise<DriverPool>

/** The pools of all servers, opened when a server is first used. */
export class PoolRegistry {
  readonly #drivers: Readonly<Record<Engine, () => Promise<Driver>>>
  readonly #openShadow: ShadowOpener | undefined
  readonly #exitOnIdle: boolean
  readonly #pools = new Map<string, DriverPool>()
  readonly #opening = new Map<string, Promise<DriverPool>>()
  /** What was accepted and is on its way to a pool. */
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined
  #closed = false

  /** `exitOnIdle`: connections that do nothing do not keep the process alive. */
  constructor(
    drivers: Readonly<Record<Engine, () => Promise<Driver>>>,
    openShadow?: ShadowOpener,
    exitOnIdle: boolean = false,
  ) {
    this.#drivers = drivers
    this.#openShadow = openShadow
    this.#exitOnIdle = exitOnIdle
  }

  /** The pool of a server if it is open already: the path without a promise. */
  opened(server: Server): DriverPool | undefined {
    return this.#pools.get(server.id)
  }

  /** The pool of a server; made at the first call, shared by all others. */
  async open(server: Server, database: Database): Promise<DriverPool> {
    if (this.#closed) throw new ClientClosedError()
    const pool = this.#pools.get(server.id)
    if (pool !== undefined) return pool
    let opening = this.#opening.get(server.id)
    if (opening === undefined) {
      opening = this.#make(server, database).finally(() => this.#opening.delete(server.id))
      this.#opening.set(server.id, opening)
    }
    return await this.hold(opening)
  }

  /** Has `close()` wait for something after which a statement will be sent. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  async #make(server: Server, database: Database): Promise<DriverPool> {
    const driver = await this.#drivers[database.engine]()
    const target = server.target()
    const { alias, noWrites } = database
    const options = {
      ...database.pool,
      ...(this.#exitOnIdle ? { exitOnIdle: true } : {}),
      traceCommits: tracesCommits(database),
      trackPositions: hasReplicas(database),
      readOnly: noWrites !== undefined,
    }
    const opened =
      database.shadow === undefined || this.#openShadow === undefined
        ? await driver.open(target, options)
        : await this.#openShadow(driver, database, options)
    const refusedByServer = target.from === 'dsn'
    const pool = noWrites === undefined ? opened : new ReadOnlyPool(opened, { alias, noWrites, refusedByServer })
    if (this.#closed) {
      await pool.close()
      throw new ClientClosedError()
    }
    this.#pools.set(server.id, pool)
    return pool
  }

  /**
   * The server is gone: its pool lets what runs come to an end, for which `close()` waits, too, and is closed. A later call
   * opens another one.
   */
  async drop(server: Server, timeoutMs: number): Promise<void> {
    const pool = this.#pools.get(server.id)
    this.#pools.delete(server.id)
    if (pool !== undefined) await this.hold(pool.close({ timeoutMs }))
  }

  /** Figures of every open pool, by server. */
  stats(): Readonly<Record<string, PoolStats>> {
    return Object.fromEntries([...this.#pools].map(([id, pool]) => [id, pool.stats()]))
  }

  /**
   * Waits for what was accepted and for what runs, at most `timeoutMs`, and closes every pool; errors of one do not keep
   * the others open. Later calls wait for the same end.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    await this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    const begun = performance.now()
    const over = Promise.withResolvers<void>()
    const timer = setTimeout(over.resolve, timeoutMs)
    await Promise.race([this.#drained(), over.promise])
    clearTimeout(timer)
    this.#closed = true
    const left = Math.max(0, timeoutMs - (performance.now() - begun))
    const results = await Promise.allSettled([...this.#pools.values()].map((pool) => pool.close({ timeoutMs: left })))
    this.#pools.clear()
    const failed = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown)
    if (failed.length > 0) throw failed[0]
  }

  async #drained(): Promise<void> {
    do {
      await Promise.allSettled(this.#underWay)
      // Whoever waited for it sends now.
      await eventLoopTurn()
    } while (this.#underWay.size > 0)
  }
}

function tracesCommits(database: Database): boolean {
  const { commitFate } = database.replication
  return commitFate === 'auto' ? hasReplicas(database) : commitFate === 'ask'
}
