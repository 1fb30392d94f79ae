import type {
  Access,
  DriverPool,
  DriverRequest,
  DriverResult,
  Engine,
  Lease,
  PoolStats,
  ServerStatus,
  StatusOptions,
} from '../drivers/driver.ts'
import { namedSettings } from '../drivers/named-settings.ts'
import { streamOnLease } from '../drivers/on-lease.ts'
import { QueryError, ShadowError, SignalboxError } from '../errors.ts'
import type { Analysis } from '../statement/analysis.ts'
import { BoundedMap } from '../statement/bounded-map.ts'
import type { ShadowCatalogue } from './shadow-catalogue.ts'
import type { Remedy, Renewal, ShadowDialect, ShadowStep } from './shadow-dialect.ts'
import { isDue, renewed } from './renewed.ts'
import { ShadowLease, type ShadowTerms } from './shadow-lease.ts'
import { isShown, shadowStep } from './shadow-step.ts'
import { withOwnNames } from './shadow-table.ts'

/** Steps by text; a text that is used again was understood once already. */
const mostSteps = 500
/** How long a remedy waits for a connection, and for others, in a transaction of its own. */
const shortWaitMs = 250

/** The connections to the local database of a shadow. Reads run as they are; what changes rows changes local ones. */
export class ShadowPool implements DriverPool {
  readonly engine: Engine
  readonly catalogue: ShadowCatalogue
  readonly #pool: DriverPool
  readonly #dialect: ShadowDialect
  readonly #analyze: (sql: string) => Analysis
  readonly #steps = new BoundedMap<string, { readonly step: ShadowStep | undefined }>(mostSteps)
  readonly #reads = new BoundedMap<string, string>(mostSteps)
  readonly #terms: ShadowTerms

  constructor(
    pool: DriverPool,
    parts: {
      readonly catalogue: ShadowCatalogue
      readonly dialect: ShadowDialect
      readonly analyze: (sql: string) => Analysis
    },
  ) {
    this.engine = pool.engine
    this.catalogue = parts.catalogue
    this.#pool = pool
    this.#dialect = parts.dialect
    this.#analyze = parts.analyze
    this.#terms = {
      stepOf: (request) => this.#stepOf(request),
      readOf: (request) => this.#readOf(request),
      inOwnNames: (error) => this.#inOwnNames(error),
      remedyOf: parts.dialect.remedyOf,
      failsTransactions: parts.dialect.failsTransactions,
      renewal: parts.dialect.renewal,
      apply: (remedy) => this.#apply(remedy),
      learn: async (run) => {
        await parts.dialect.learn?.(run)
        this.#reads.clear()
      },
    }
  }

  get losses(): number {
    return this.#pool.losses
  }

  query(request: DriverRequest): DriverResult | Promise<DriverResult> {
    this.#refusePath(request)
    if (request.access !== 'read') return this.#change(request)
    try {
      const result = this.#pool.query(this.#readOf(request))
      return result instanceof Promise ? result.catch((error: unknown) => this.#readAfter(error, request)) : result
    } catch (error) {
      return this.#readAfter(error, request)
    }
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    this.#refusePath(request)
    if (this.#stepOf(request) === undefined) {
      try {
        // A connection of its own can be made anew.
        yield* this.#dialect.renewal === undefined
          ? this.#pool.stream(this.#readOf(request))
          : streamOnLease(this, request)
      } catch (error) {
        this.#fail(error)
      }
      return
    }
    const { rows } = await this.#change(request)
    yield* rows
  }

  async lease(options: Parameters<DriverPool['lease']>[0] = {}): Promise<Lease> {
    this.#refusePath(options)
    return new ShadowLease(await this.#pool.lease(options), this.#terms)
  }

  async status(options?: StatusOptions): Promise<ServerStatus> {
    return await this.#pool.status(options)
  }

  stats(): PoolStats {
    return this.#pool.stats()
  }

  async close(options?: { readonly timeoutMs?: number | undefined }): Promise<void> {
    await this.#pool.close(options)
  }

  /** Local rows and those of the base come together under names that the search path leads to. */
  #refusePath({ settings }: Pick<DriverRequest, 'settings'>): void {
    if (namedSettings(settings)?.values.has('search_path') !== true) return
    throw new ShadowError(
      `"${this.catalogue.alias}" is a shadow, whose search_path is its own; the session has set another one. Nothing was sent. RESET search_path first.`,
    )
  }

  #readAfter(error: unknown, request: DriverRequest): DriverResult | Promise<DriverResult> {
    const { renewal } = this.#dialect
    return isDue(renewal, error) ? this.#readAnew(renewal, request) : this.#fail(error)
  }

  async #readAnew(renewal: Renewal, request: DriverRequest): Promise<DriverResult> {
    const run = async (sql: string): Promise<DriverResult> =>
      await this.#pool.query({ sql, params: [], access: 'read' })
    try {
      await renewal.renew(run)
      return await renewed(renewal, run, async () => await this.#pool.query(this.#readOf(request)))
    } catch (error) {
      return this.#fail(error)
    }
  }

  async #change(request: DriverRequest): Promise<DriverResult> {
    const step = this.#stepOf(request)
    try {
      if (step === undefined) return await this.#pool.query(request)
      if (step.touches.length === 0 && step.perform === undefined)
        return await this.#pool.query({ ...request, sql: step.sql })
    } catch (error) {
      // What it needs, it gets on a connection of its own.
      const isHelped = step !== undefined && this.#dialect.remedyOf?.(error) !== undefined
      if (!isHelped && !isDue(this.#dialect.renewal, error)) return this.#fail(error)
    }
    const { signal, timeoutMs, settings } = request
    const access: Access = 'write'
    const lease = await this.lease({ access, signal, timeoutMs, settings })
    try {
      return await lease.query(request)
    } finally {
      await lease.release('clean')
    }
  }

  /** Whoever holds it up may be the transaction that asks for it: then that one does it itself. */
  async #apply({ sql, params }: Remedy): Promise<void> {
    let lease: Lease | undefined
    try {
      lease = await this.#pool.lease({ access: 'write', timeoutMs: shortWaitMs })
      await lease.begin({})
      await lease.query({ sql: `SET LOCAL lock_timeout = '${shortWaitMs}ms'`, params: [], access: 'write' })
      await lease.query({ sql, params, access: 'write' })
      await lease.commit()
    } catch (error) {
      if (!(error instanceof SignalboxError)) throw error
    } finally {
      await lease?.release('clean')
    }
  }

  #stepOf({ sql, access }: DriverRequest): ShadowStep | undefined {
    if (access === 'read') return undefined
    const known = this.#steps.get(sql)
    if (known !== undefined) return known.step
    const step = shadowStep(sql, this.#analyze(sql), this.catalogue, this.#dialect)
    this.#steps.set(sql, { step })
    return step
  }

  #readOf(request: DriverRequest): DriverRequest {
    const { readText } = this.#dialect
    if (readText === undefined) return request
    const { sql } = request
    let read = this.#reads.get(sql)
    if (read === undefined) {
      read = readText(sql, this.#analyze, this.catalogue)
      this.#reads.set(sql, read)
    }
    return read === sql ? request : { ...request, sql: read }
  }

  #fail(error: unknown): never {
    throw this.#inOwnNames(error)
  }

  #inOwnNames(error: unknown): unknown {
    if (!(error instanceof QueryError)) return error
    const missed = this.#dialect.missed?.(error.message)
    if (missed !== undefined && isShown(this.catalogue, { name: missed }))
      return new ShadowError(
        `"${this.catalogue.alias}" is a shadow: ${missed} is read from two databases, and so in no schema. Call it ${missed} alone.`,
        { cause: error },
      )
    if (this.#dialect.isTooDeep?.(error.message))
      return new ShadowError(
        `"${this.catalogue.alias}" is a shadow: the rows to change lead through foreign keys to too many others, one behind the other, ` +
          'which would have to be copied. Change those in front first, some hundred at a time. Nothing was changed.',
        { cause: error },
      )
    const message = withOwnNames(error.message)
    if (message !== error.message) return new QueryError(error.errorClass, message, error)
    return this.#dialect.toldError?.(error) ?? error
  }
}
