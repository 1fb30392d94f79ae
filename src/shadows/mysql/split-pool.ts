import type {
  DriverPool,
  DriverRequest,
  DriverResult,
  Lease,
  PoolStats,
  ServerStatus,
  StatusOptions,
} from '../../drivers/driver.ts'
import type { Analysis } from '../../statement/analysis.ts'
import type { ShadowCatalogue } from '../shadow-catalogue.ts'
import { placeOf } from './place-of.ts'
import { SplitLease, type SplitTerms } from './split-lease.ts'

/** The connections of a shadow on MySQL and MariaDB: a statement runs where its tables are, on the base or on the local server. */
export class SplitPool implements DriverPool {
  readonly engine = 'mysql' as const
  readonly catalogue: ShadowCatalogue
  readonly #local: DriverPool
  readonly #base: DriverPool
  readonly #terms: SplitTerms

  constructor(parts: {
    readonly local: DriverPool
    readonly base: DriverPool
    readonly catalogue: ShadowCatalogue
    readonly analyze: (sql: string) => Analysis
  }) {
    this.catalogue = parts.catalogue
    this.#local = parts.local
    this.#base = parts.base
    this.#terms = {
      placeOf: ({ sql }) => placeOf(parts.analyze(sql), parts.catalogue),
      leaseBase: async ({ signal, timeoutMs }) => await parts.base.lease({ access: 'read', signal, timeoutMs }),
    }
  }

  get losses(): number {
    return this.#local.losses + this.#base.losses
  }

  query(request: DriverRequest): DriverResult | Promise<DriverResult> {
    return this.#poolFor(request).query(request)
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    yield* this.#poolFor(request).stream(request)
  }

  async lease(options: Parameters<DriverPool['lease']>[0] = {}): Promise<Lease> {
    return new SplitLease(await this.#local.lease(options), this.#terms)
  }

  /** Of the local server: that is the one which is written. */
  async status(options?: StatusOptions): Promise<ServerStatus> {
    return await this.#local.status(options)
  }

  stats(): PoolStats {
    const [local, base] = [this.#local.stats(), this.#base.stats()]
    return {
      total: local.total + base.total,
      idle: local.idle + base.idle,
      waiting: local.waiting + base.waiting,
      shared: local.shared + base.shared,
      sharedInFlight: local.sharedInFlight + base.sharedInFlight,
    }
  }

  async close(options?: { readonly timeoutMs?: number | undefined }): Promise<void> {
    await Promise.all([this.#local.close(options), this.#base.close(options)])
  }

  #poolFor(request: DriverRequest): DriverPool {
    return this.#terms.placeOf(request) === 'base' ? this.#base : this.#local
  }
}
