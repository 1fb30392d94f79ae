import type {
  CommitFate,
  Driver,
  DriverPool,
  DriverRequest,
  DriverResult,
  Engine,
  Lease,
  ReleaseMode,
  ServerStatus,
  ServerTarget,
} from '../drivers/driver.ts'
import { CommitUnknownError, QueryError, TransactionClosedError } from '../errors.ts'

/** One step that a simulated server was asked to do, in the order of arrival. */
export interface SimulatedStep {
  readonly action:
    | 'query'
    | 'status'
    | 'stream'
    | 'lease'
    | 'begin'
    | 'commit'
    | 'rollback'
    | 'savepoint'
    | 'rollback-to'
    | 'release-savepoint'
    | 'release'
  /** The SQL text, the name of the savepoint, or how the lease was released. */
  readonly detail: string
  /** The lease on which it happened, counted from 1; 0 = autocommit. */
  readonly lease: number
}

/**
 * Decides about one step before it happens: throw to make it fail, wait to hold it up, return rows for a query, or parts
 * of a `ServerStatus` for a status, as a server would send it that has moved on meanwhile.
 */
export type SimulatedAnswer = (step: SimulatedStep, request?: DriverRequest) => unknown

/** A server that exists in memory only. */
export interface SimulatedServer {
  /** Everything it was asked, in order. */
  readonly steps: readonly SimulatedStep[]
  /** Leases that are out now. */
  readonly leased: number
  /** Replaces what the server does; the default answers every query with no rows. */
  answerWith(answer: SimulatedAnswer): void
  /** Changes what the server says of itself from now on; at first it is writable and says nothing more. */
  setStatus(changes: Partial<ServerStatus>): void
  /** Connections that were lost; a step that fails with `connectionLost()` adds one. */
  readonly losses: number
  /** Breaks connections that nobody uses at the moment; 1 by default. */
  loseConnections(count?: number): void
}

/** Drivers of all engines whose servers exist in memory only, for tests of races: no network, no clock. */
export interface SimulatedDrivers {
  /** Pass as `connect(config, { drivers })`. */
  readonly drivers: Readonly<Record<Engine, () => Promise<Driver>>>
  /** The server behind a data source name; made when first asked for. */
  server(dsn: string): SimulatedServer
}

/**
 * Makes drivers whose servers are simulated: every step is recorded, and a test can hold up or break any of them.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { simulateDrivers } from 'signalbox/testing'
 *
 * const simulated = simulateDrivers()
 * simulated.server('sqlite:shop.db').answerWith((step) => (step.action === 'query' ? [{ id: 7 }] : undefined))
 * const client = await connect('sqlite:shop.db', { drivers: simulated.drivers })
 * console.log((await client.query('select id from product')).rows) // [ { id: 7 } ]
 * ```
 */
export function simulateDrivers(): SimulatedDrivers {
  const servers = new Map<string, SimulatedPool>()
  const poolOf = (dsn: string, engine: Engine): SimulatedPool => {
    let pool = servers.get(dsn)
    if (pool === undefined) {
      pool = new SimulatedPool(engine)
      servers.set(dsn, pool)
    }
    return pool
  }
  const driverOf = (engine: Engine): Driver => ({
    engine,
    open: async (target: ServerTarget) => poolOf(target.from === 'dsn' ? target.dsn : 'handle', engine),
  })
  return {
    drivers: {
      postgres: async () => driverOf('postgres'),
      mysql: async () => driverOf('mysql'),
      sqlite: async () => driverOf('sqlite'),
    },
    server: (dsn) =>
      poolOf(dsn, dsn.startsWith('sqlite') ? 'sqlite' : dsn.startsWith('postgres') ? 'postgres' : 'mysql'),
  }
}

/** The error of a connection that broke; for {@link SimulatedAnswer}s. */
export function connectionLost(safeToRetry: boolean): QueryError {
  return new QueryError('connection-lost', 'The simulated connection was lost.', { safeToRetry })
}

class SimulatedPool implements DriverPool, SimulatedServer {
  readonly engine: Engine
  readonly steps: SimulatedStep[] = []
  leased = 0
  losses = 0
  #leases = 0
  #severed = Promise.withResolvers<never>()
  #answer: SimulatedAnswer = () => undefined
  #status: ServerStatus = {
    writable: true,
    position: undefined,
    cluster: undefined,
    receiving: undefined,
    lagMs: undefined,
    version: 'simulated',
  }

  constructor(engine: Engine) {
    this.engine = engine
  }

  answerWith(answer: SimulatedAnswer): void {
    this.#answer = answer
  }

  setStatus(changes: Partial<ServerStatus>): void {
    this.#status = { ...this.#status, ...changes }
  }

  loseConnections(count = 1): void {
    this.losses += count
  }

  async query(request: DriverRequest): Promise<DriverResult> {
    return resultOf(await this.take({ action: 'query', detail: request.sql, lease: 0 }, request))
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    yield* resultOf(await this.take({ action: 'stream', detail: request.sql, lease: 0 }, request)).rows
  }

  async lease(): Promise<Lease> {
    this.#leases += 1
    const number = this.#leases
    await this.take({ action: 'lease', detail: '', lease: number })
    this.leased += 1
    return new SimulatedLease(this, number)
  }

  async take(step: SimulatedStep, request?: DriverRequest): Promise<unknown> {
    this.steps.push(step)
    try {
      return await Promise.race([this.#answer(step, request), this.#severed.promise])
    } catch (error) {
      if (error instanceof QueryError && error.errorClass === 'connection-lost') this.losses += 1
      throw error
    }
  }

  /** Its rows are those of one table for all servers, so to speak: nothing shows earlier elsewhere. */
  showsAll(): Promise<boolean> {
    return Promise.resolve(true)
  }

  async status(): Promise<ServerStatus> {
    const answer = await this.take({ action: 'status', detail: '', lease: 0 })
    const isPart = typeof answer === 'object' && answer !== null && !Array.isArray(answer)
    return isPart ? { ...this.#status, ...answer } : this.#status
  }

  /** What a test holds up fails now. */
  sever(): void {
    const { reject, promise } = this.#severed
    this.#severed = Promise.withResolvers()
    promise.catch(() => {})
    reject(connectionLost(false))
  }

  stats() {
    return { total: this.leased, idle: 0, waiting: 0, shared: 0, sharedInFlight: 0 }
  }

  async close(): Promise<void> {}
}

class SimulatedLease implements Lease {
  readonly #pool: SimulatedPool
  readonly #number: number
  /**
   * Only PostgreSQL can tell: asks `there`, as a server is asked, with the text `fate of lease 1`. The test's answer is one
   * row, a `CommitFate`; without one the fate stays open.
   */
  readonly commitFate?: NonNullable<Lease['commitFate']>
  #released = false

  constructor(pool: SimulatedPool, number: number) {
    this.#pool = pool
    this.#number = number
    if (pool.engine === 'postgres') {
      this.commitFate = async (there) => {
        const { rows } = await there.query({ sql: `fate of lease ${number}`, params: [], access: 'read' })
        return (rows[0] ?? { kind: 'open', why: 'the simulated server was not told', final: true }) as CommitFate
      }
    }
  }

  async query(request: DriverRequest): Promise<DriverResult> {
    return resultOf(await this.#take('query', request.sql, request))
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    yield* resultOf(await this.#take('stream', request.sql, request)).rows
  }

  async begin(): Promise<void> {
    await this.#take('begin')
  }

  async commit(): Promise<void> {
    try {
      await this.#take('commit')
    } catch (error) {
      // As the real drivers do: nobody knows what a lost COMMIT has done.
      if (!(error instanceof QueryError) || error.errorClass !== 'connection-lost') throw error
      throw new CommitUnknownError('The simulated connection was lost after COMMIT was sent.', { cause: error })
    }
  }

  async rollback(): Promise<void> {
    await this.#take('rollback')
  }

  async savepoint(name: string): Promise<void> {
    await this.#take('savepoint', name)
  }

  async rollbackTo(name: string): Promise<void> {
    await this.#take('rollback-to', name)
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#take('release-savepoint', name)
  }

  async release(mode: ReleaseMode): Promise<void> {
    if (this.#released) throw new TransactionClosedError('The simulated lease was released already.')
    this.#released = true
    this.#pool.leased -= 1
    await this.#pool.take({ action: 'release', detail: mode, lease: this.#number })
  }

  async #take(action: SimulatedStep['action'], detail = '', request?: DriverRequest): Promise<unknown> {
    if (this.#released) throw new TransactionClosedError('The simulated lease was used after its release.')
    return await this.#pool.take({ action, detail, lease: this.#number }, request)
  }
}

function resultOf(answer: unknown): DriverResult {
  const rows = Array.isArray(answer) ? (answer as unknown[]) : []
  return { rows, rowCount: rows.length, fields: [], native: answer }
}
