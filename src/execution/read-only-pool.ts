import type {
  BeginOptions,
  CopyBlock,
  DriverPool,
  DriverRequest,
  DriverResult,
  Engine,
  Lease,
  PoolStats,
  ReleaseMode,
  ServerStatus,
  StatusOptions,
} from '../drivers/driver.ts'
import { namedSettings } from '../drivers/named-settings.ts'
import { queryOnLease, streamOnLease } from '../drivers/on-lease.ts'
import { QueryError, ReadOnlyTransactionError } from '../errors.ts'
import { NoWritesError } from '../routing/write-guard.ts'

/** What the errors of a database that takes no writes say. */
export interface GuardTerms {
  readonly alias: string
  /** Why it takes none. */
  readonly noWrites: string
  /**
   * True: the pool's connections were opened so that the server refuses writes. False, of a pool or handle of the application's: each
   * statement runs in a read-only transaction.
   */
  readonly refusedByServer: boolean
}

/**
 * The pool of a server that nothing is written to. Routing refuses what is no read; here is what holds for everything else that is
 * sent, such as the bookkeeping of lookups and distributed transactions, and for what the analysis cannot see.
 */
export class ReadOnlyPool implements DriverPool {
  readonly engine: Engine
  readonly showsAll?: NonNullable<DriverPool['showsAll']>
  readonly sever?: NonNullable<DriverPool['sever']>
  readonly #pool: DriverPool
  readonly #terms: GuardTerms

  constructor(pool: DriverPool, terms: GuardTerms) {
    this.engine = pool.engine
    this.#pool = pool
    this.#terms = terms
    if (pool.showsAll !== undefined) this.showsAll = async (options) => await pool.showsAll!(options)
    if (pool.sever !== undefined) this.sever = (why) => pool.sever!(why)
  }

  query(request: DriverRequest): DriverResult | Promise<DriverResult> {
    refuseWrite(request, this.#terms)
    refuseSettings(request, this.#terms)
    if (!this.#terms.refusedByServer) return queryOnLease(this, request)
    try {
      const answer = this.#pool.query(request)
      if (!(answer instanceof Promise)) return answer
      return answer.catch((error: unknown) => {
        throw explained(error, this.#terms)
      })
    } catch (error) {
      throw explained(error, this.#terms)
    }
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    refuseWrite(request, this.#terms)
    refuseSettings(request, this.#terms)
    if (this.#terms.refusedByServer) {
      yield* explainedRows(this.#pool.stream(request), this.#terms)
      return
    }
    yield* streamOnLease(this, request)
  }

  async lease(options: Parameters<DriverPool['lease']>[0] = {}): Promise<Lease> {
    refuseSettings(options, this.#terms)
    return new ReadOnlyLease(await this.#pool.lease({ ...options, access: 'read' }), this.#terms)
  }

  status(options?: StatusOptions): Promise<ServerStatus> {
    return this.#pool.status(options)
  }

  stats(): PoolStats {
    return this.#pool.stats()
  }

  get losses(): number {
    return this.#pool.losses
  }

  close(options?: { readonly timeoutMs?: number | undefined }): Promise<void> {
    return this.#pool.close(options)
  }
}

class ReadOnlyLease implements Lease {
  readonly copyOut?: (request: DriverRequest) => AsyncGenerator<CopyBlock, void, undefined>
  readonly commitFate?: NonNullable<Lease['commitFate']>
  readonly submit?: NonNullable<Lease['submit']>
  readonly #lease: Lease
  readonly #terms: GuardTerms
  /** A transaction of the caller's, or around a stream: each is read-only. */
  #inTransaction = false
  /** The last statement with a transaction of its own. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(lease: Lease, terms: GuardTerms) {
    this.#lease = lease
    this.#terms = terms
    if (lease.copyOut !== undefined) this.copyOut = (request) => this.#rows(request, () => lease.copyOut!(request))
    if (lease.submit !== undefined && terms.refusedByServer)
      this.submit = async (request, ...rest) => {
        refuseWrite(request, terms)
        return await lease.submit!(request, ...rest)
      }
    if (lease.commitFate !== undefined) this.commitFate = async (there) => await lease.commitFate!(there)
  }

  // Not an `async` function: what is called next must not get before it.
  query(request: DriverRequest): Promise<DriverResult> {
    try {
      refuseWrite(request, this.#terms)
    } catch (error) {
      return Promise.reject(error)
    }
    return (this.#isSafe ? this.#lease.query(request) : this.#queryAlone(request)).catch((error: unknown) => {
      throw explained(error, this.#terms)
    })
  }

  stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    return this.#rows(request, () => this.#lease.stream(request))
  }

  async *#rows<T>(
    request: DriverRequest,
    open: () => AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined> {
    refuseWrite(request, this.#terms)
    if (this.#isSafe) {
      yield* explainedRows(open(), this.#terms)
      return
    }
    await this.begin({})
    try {
      yield* explainedRows(open(), this.#terms)
    } finally {
      await this.rollback()
    }
  }

  async begin(options: BeginOptions): Promise<void> {
    await this.#turn
    await this.#lease.begin({ ...options, readOnly: true })
    this.#inTransaction = true
  }

  async commit(): Promise<void> {
    await this.#lease.commit()
    this.#inTransaction = false
  }

  async rollback(): Promise<void> {
    await this.#lease.rollback()
    this.#inTransaction = false
  }

  savepoint(name: string): Promise<void> {
    return this.#lease.savepoint(name)
  }

  rollbackTo(name: string): Promise<void> {
    return this.#lease.rollbackTo(name)
  }

  releaseSavepoint(name: string): Promise<void> {
    return this.#lease.releaseSavepoint(name)
  }

  release(mode: ReleaseMode): Promise<void> {
    return this.#lease.release(mode)
  }

  get #isSafe(): boolean {
    return this.#terms.refusedByServer || this.#inTransaction
  }

  /** In a read-only transaction of its own, one after the other. */
  #queryAlone(request: DriverRequest): Promise<DriverResult> {
    const answer = this.#turn.then(async () => {
      await this.#lease.begin({ readOnly: true })
      const result = await this.#lease.query(request).catch(async (error: unknown) => {
        // If the connection is gone, that is what the error says.
        await this.#lease.rollback().catch(() => undefined)
        throw error
      })
      await this.#lease.rollback()
      return result
    })
    this.#turn = answer.catch(() => undefined)
    return answer
  }
}

async function* explainedRows<T>(
  rows: AsyncGenerator<T, void, undefined>,
  terms: GuardTerms,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* rows
  } catch (error) {
    throw explained(error, terms)
  }
}

function refuseWrite({ access, sql }: DriverRequest, { alias, noWrites }: GuardTerms): void {
  if (access === 'read') return
  const head = sql.length > 60 ? `${sql.slice(0, 60)}…` : sql
  throw new NoWritesError(
    `"${alias}" takes no writes: ${noWrites}. What was asked for needs a write there (${head}). It was not sent.`,
  )
}

/** By this setting the server was told to refuse writes. */
function refuseSettings({ settings }: Pick<DriverRequest, 'settings'>, { alias, noWrites }: GuardTerms): void {
  if (namedSettings(settings)?.values.has('default_transaction_read_only') !== true) return
  throw new NoWritesError(
    `"${alias}" takes no writes: ${noWrites}. The session has set default_transaction_read_only, which is what holds the server to that. Nothing was sent. RESET it first.`,
  )
}

/** What the server refuses here is no change of its role, after which somebody would look for another primary. */
function explained(error: unknown, { alias, noWrites }: GuardTerms): unknown {
  const isRefused =
    error instanceof ReadOnlyTransactionError || (error instanceof QueryError && error.errorClass === 'read-only')
  if (!isRefused) return error
  return new NoWritesError(
    `"${alias}" takes no writes: ${noWrites}. A statement that looks like a read tried to write there, which the server refused.`,
    { cause: error.cause },
  )
}
