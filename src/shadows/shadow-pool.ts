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
import { QueryError } from '../errors.ts'
import type { Analysis } from '../statement/analysis.ts'
import { BoundedMap } from '../statement/bounded-map.ts'
import type { ShadowCatalogue } from './shadow-catalogue.ts'
import type { ShadowDialect } from './shadow-dialect.ts'
import { ShadowLease, type ShadowTerms } from './shadow-lease.ts'
import { shadowStep, type ShadowStep } from './shadow-step.ts'
import { withOwnNames } from './shadow-table.ts'

/** Steps by text; a text that is used again was understood once already. */
const mostSteps = 500

/** The connections to the local database of a shadow. Reads run as they are; what changes rows changes local ones. */
export class ShadowPool implements DriverPool {
  readonly engine: Engine
  readonly catalogue: ShadowCatalogue
  readonly #pool: DriverPool
  readonly #dialect: ShadowDialect
  readonly #analyze: (sql: string) => Analysis
  readonly #steps = new BoundedMap<string, { readonly step: ShadowStep | undefined }>(mostSteps)
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
    this.#terms = { stepOf: (request) => this.#stepOf(request), inOwnNames }
  }

  get losses(): number {
    return this.#pool.losses
  }

  query(request: DriverRequest): DriverResult | Promise<DriverResult> {
    if (request.access === 'read') return this.#pool.query(request)
    return this.#change(request)
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    if (this.#stepOf(request) === undefined) {
      yield* this.#pool.stream(request)
      return
    }
    const { rows } = await this.#change(request)
    yield* rows
  }

  async lease(options: Parameters<DriverPool['lease']>[0] = {}): Promise<Lease> {
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

  async #change(request: DriverRequest): Promise<DriverResult> {
    const step = this.#stepOf(request)
    try {
      if (step === undefined) return await this.#pool.query(request)
      if (step.touch === undefined) return await this.#pool.query({ ...request, sql: step.sql })
    } catch (error) {
      throw inOwnNames(error)
    }
    const { signal, timeoutMs } = request
    const access: Access = 'write'
    const lease = await this.lease({ access, signal, timeoutMs })
    try {
      return await lease.query(request)
    } finally {
      await lease.release('clean')
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
}

function inOwnNames(error: unknown): unknown {
  if (!(error instanceof QueryError)) return error
  const message = withOwnNames(error.message)
  return message === error.message ? error : new QueryError(error.errorClass, message, error)
}
