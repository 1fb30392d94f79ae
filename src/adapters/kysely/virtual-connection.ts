import type { AbortableOperationOptions, CompiledQuery, QueryResult, TransactionSettings } from 'kysely'
import {
  AbortedError,
  CrossEngineError,
  TransactionClosedError,
  UnsupportedError,
  type CallOptions,
  type Engine,
  type Isolation,
  type Params,
  type Queryable,
  type ReservedConnection,
  type Route,
  type Scope,
  type TransactionOptions,
} from '../../index.ts'
import { driverError } from '../driver-error.ts'
import { queryResult } from './query-result.ts'
import type { Deed, TeachableConnection } from './spoken-driver.ts'
import { TransactionStack } from '../transaction-stack.ts'
import type { Translators } from './translating-compilers.ts'
import { targetOf } from './using-plugin.ts'

/** A query as the database that it belongs to understands it. */
interface Fitted {
  readonly sql: string
  readonly params: Params
  readonly call: CallOptions
}

/**
 * What Kysely takes for a connection. It is none until a query decides the database: single statements go to the
 * client, a transaction or a connection of one's own (`db.connection()`) begins with its first statement.
 */
export class VirtualConnection implements TeachableConnection {
  readonly #scope: Scope
  readonly #engine: Engine
  readonly #translators: Translators
  readonly #acquired: AbortableOperationOptions | undefined
  #statements = 0
  #reserved: ReservedConnection | undefined
  #transaction: TransactionStack | undefined
  /** What queries stand for that are not to be sent. */
  readonly #deeds = new WeakMap<CompiledQuery, Deed>()
  /** Of the statement that runs. */
  #stop: AbortController | undefined
  #isKilled = false

  constructor(scope: Scope, engine: Engine, translators: Translators, acquired: AbortableOperationOptions | undefined) {
    this.#scope = scope
    this.#engine = engine
    this.#translators = translators
    this.#acquired = acquired
  }

  /** The open transaction. */
  get transaction(): TransactionStack {
    this.#assertAlive()
    if (this.#transaction === undefined) throw new UnsupportedError('There is no transaction on this connection.')
    return this.#transaction
  }

  /** Has the connection do `deed` when it is asked to run `query`, of which nothing is sent. */
  teach(query: CompiledQuery, deed: Deed): void {
    this.#deeds.set(query, deed)
  }

  async executeQuery<R>(query: CompiledQuery, options?: AbortableOperationOptions): Promise<QueryResult<R>> {
    const deed = this.#deeds.get(query)
    if (deed !== undefined) {
      await deed()
      return { rows: [] }
    }
    const stop = new AbortController()
    this.#stop = stop
    try {
      const target = this.#targetFor(options)
      // Kysely itself leaves the statement when its signal says so, and says by `cancelQuery` what else is to happen.
      const { sql, params, call } = this.#fit(query, target, stop.signal)
      return queryResult(await target.query<R>(sql, params, call))
    } catch (error) {
      if (error instanceof AbortedError && stop.signal.aborted) return abandoned(error)
      throw driverError(error)
    } finally {
      if (this.#stop === stop) this.#stop = undefined
    }
  }

  async *streamQuery<R>(
    query: CompiledQuery,
    chunkSize: number,
    options?: AbortableOperationOptions,
  ): AsyncIterableIterator<QueryResult<R>> {
    const size = Number.isInteger(chunkSize) && chunkSize > 0 ? chunkSize : 1
    try {
      const target = this.#targetFor(options)
      const { sql, params, call } = this.#fit(query, target, options?.signal)
      let rows: R[] = []
      for await (const row of target.stream<R>(sql, params, { ...call, fetchSize: size })) {
        rows.push(row)
        if (rows.length < size) continue
        yield { rows }
        rows = []
      }
      if (rows.length > 0) yield { rows }
    } catch (error) {
      throw driverError(error)
    }
  }

  begin({ isolationLevel, accessMode }: TransactionSettings): void {
    const options: TransactionOptions = {
      ...(isolationLevel === undefined ? {} : { isolation: isolationOf(isolationLevel) }),
      readOnly: accessMode === 'read only',
    }
    this.#transaction = new TransactionStack((this.#reserved ?? this.#host()).begin(options))
  }

  async commit(): Promise<void> {
    await this.transaction.commit()
    this.#transaction = undefined
  }

  async rollback(): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = undefined
    await transaction?.rollback()
  }

  async release(): Promise<void> {
    try {
      await this.rollback()
    } finally {
      await this.#reserved?.release()
    }
  }

  // Kysely asks for the next three by its `inflightQueryAbortStrategy`. Signalbox cancels on the server where the statement runs, over a
  // connection that is not the application's: there is nothing to note before.

  async collectSessionInfo(): Promise<void> {}

  async cancelQuery(): Promise<void> {
    this.#stop?.abort()
    await Promise.resolve()
  }

  /** Gives up what the statement was part of, so that its locks are free; as with a connection that was killed, nothing can follow. */
  async killSession(): Promise<void> {
    this.#isKilled = true
    this.#stop?.abort()
    await this.release()
  }

  #assertAlive(): void {
    if (this.#isKilled)
      throw new TransactionClosedError('The session was killed, as the abort strategy "kill session" asks for.')
  }

  /** Where the next statement goes. */
  #targetFor(options: AbortableOperationOptions | undefined): Queryable {
    this.#assertAlive()
    if (this.#transaction !== undefined) return this.#transaction.current
    this.#statements += 1
    if (this.#reserved === undefined && this.#isForOneCaller(options)) this.#reserved = this.#scope.reserve()
    return this.#reserved ?? this.#scope
  }

  #host(): Scope | ReservedConnection {
    if (this.#isConnectionCall()) this.#reserved = this.#scope.reserve()
    return this.#reserved ?? this.#scope
  }

  /**
   * Whether the connection was asked for by `db.connection()`, and so must be a real one, with a state. Kysely does not
   * say so; but for a single statement it passes the statement's own options on, which reach `executeQuery` too.
   */
  #isForOneCaller(options: AbortableOperationOptions | undefined): boolean {
    if (this.#statements > 1 || this.#isConnectionCall()) return true
    return this.#acquired?.signal !== undefined && this.#acquired.signal !== options?.signal
  }

  /** `db.connection()` passes a frozen `{ signal: undefined }`; nothing else does. */
  #isConnectionCall(): boolean {
    const options = this.#acquired
    return options !== undefined && Object.isFrozen(options) && 'signal' in options && options.signal === undefined
  }

  /** Asks the client where the query belongs, and compiles it again if another engine lives there. */
  #fit(query: CompiledQuery, target: Queryable, signal: AbortSignal | undefined): Fitted {
    const using = targetOf(query.queryId)
    const call: CallOptions = {
      ...(using === undefined ? {} : { using }),
      ...(signal === undefined ? {} : { signal }),
      dialect: this.#engine,
    }
    const route = target.explain(query.sql, query.parameters, call)
    const engine = isUnderstood(route) ? route.engine : this.#engineByOtherReadings(query, target, call)
    if (engine === this.#engine) return { sql: query.sql, params: query.parameters, call }
    const { sql, parameters } = this.#translators.to(engine).compileQuery(query.query, query.queryId)
    return { sql, params: parameters, call: { ...call, dialect: engine } }
  }

  /**
   * A clause that only another engine has (`onDuplicateKeyUpdate`) makes a text that nobody reads in the instance's own
   * dialect. In the dialect of that engine its tables can be read, and with them where it belongs.
   */
  #engineByOtherReadings(query: CompiledQuery, target: Queryable, call: CallOptions): Engine {
    for (const dialect of engines) {
      if (dialect === this.#engine) continue
      try {
        const { sql, parameters } = this.#translators.to(dialect).compileQuery(query.query, query.queryId)
        const route = target.explain(sql, parameters, { ...call, dialect })
        if (isUnderstood(route)) return route.engine
      } catch (error) {
        // Not to be said in this dialect, or no database speaks it.
        if (!(error instanceof CrossEngineError || error instanceof UnsupportedError)) throw error
      }
    }
    return this.#engine
  }
}

/**
 * The answer to an aborted query. Kysely has thrown the signal's reason to the caller by then, and would print the error
 * of the cancelled statement to the console; whoever reads the answer all the same gets it here.
 */
function abandoned(error: AbortedError): QueryResult<never> {
  return {
    get rows(): never[] {
      throw error
    },
  }
}

const engines = ['postgres', 'mysql', 'sqlite'] as const satisfies readonly Engine[]

function isUnderstood({ reasons }: Route): boolean {
  return !reasons.some(({ rule }) => rule === 'not-understood')
}

function isolationOf(level: NonNullable<TransactionSettings['isolationLevel']>): Isolation {
  if (level !== 'snapshot') return level
  throw new UnsupportedError(
    'The isolation level "snapshot" exists on Microsoft SQL Server only. Use "repeatable read".',
  )
}
