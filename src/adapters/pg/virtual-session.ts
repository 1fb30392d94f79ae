import {
  QueryError,
  TransactionClosedError,
  type Analysis,
  type CallOptions,
  type Queryable,
  type ReservedConnection,
  type Scope,
  type TransactionOptions,
} from '../../index.ts'
import { driverError } from '../driver-error.ts'
import { TransactionStack } from '../transaction-stack.ts'
import type { QueuedQuery } from './native-pg.ts'
import type { SessionHost } from './session-host.ts'
import { controlOf, type Control } from './statement-text.ts'

type Submission = Parameters<Scope['submit']>[0]

/** What the server would say of the session's transaction. */
export type Status = 'I' | 'T' | 'E'

/** The answer to a statement. */
export type Answer =
  /** The driver's own result object, or several. */
  | { readonly kind: 'result'; readonly result: unknown }
  /** Of a statement that was carried out here: the tag of a command, after a warning perhaps. */
  | { readonly kind: 'command'; readonly command: string; readonly warning?: Warning }
  /** The object has taken its answer itself. */
  | { readonly kind: 'told' }

export interface Warning {
  readonly code: string
  readonly message: string
}

/** One statement of a session. */
export interface SessionStatement {
  readonly query: QueuedQuery
  readonly sql: string
  /** `undefined` for a text that was sent alone, which may hold several statements. */
  readonly values: readonly unknown[] | undefined
  /** It takes its rows one by one, or sends what nobody else can read. */
  readonly isNative: boolean
  readonly call: CallOptions
  /** Called before another client gets the query, and answers it itself. */
  readonly handOver: () => void
}

/** Where the events of a connection go. */
export interface SessionEvents {
  emit(event: 'notice' | 'notification', message: unknown): boolean
}

/**
 * What a connection to PostgreSQL is to its user, without being one: each statement goes where it belongs, a transaction to the server of
 * its first statement. What changes the state of the connection gets a real one, which is kept until the session is left.
 */
export class VirtualSession {
  readonly #host: SessionHost
  readonly #events: SessionEvents
  #transaction: TransactionStack | undefined
  /** Of a transaction that has had no statement yet. */
  #options: TransactionOptions | undefined
  #failed = false
  #pinned: ReservedConnection | undefined
  #pinnedStatus: Status = 'I'
  readonly #settings: readonly (readonly [string, string])[]

  /** `settings`: names and values of what is to hold in the session. With any it has a connection of its own. */
  constructor(host: SessionHost, events: SessionEvents, settings: readonly (readonly [string, string])[]) {
    this.#host = host
    this.#events = events
    this.#settings = settings
  }

  get status(): Status {
    if (this.#pinned !== undefined) return this.#pinnedStatus
    if (this.#transaction === undefined) return 'I'
    return this.#failed ? 'E' : 'T'
  }

  /** Whether something is held that others could use. */
  get isHeld(): boolean {
    return this.#pinned !== undefined || this.#transaction !== undefined
  }

  async run(statement: SessionStatement): Promise<Answer> {
    if (this.#settings.length > 0) await this.#pin()
    if (this.#pinned !== undefined) return await this.#runPinned(this.#pinned, statement)
    const known = this.#host.analysisOf(statement.sql)
    const analysis = known instanceof Promise ? await known : known
    if (analysis.kind === 'transaction' && analysis.statements === 1) {
      const control = controlOf(statement.sql)
      if (control !== undefined) return await this.#control(control)
    }
    if (this.#transaction !== undefined) return await this.#runInTransaction(this.#transaction, statement, analysis)
    if (keepsState(analysis)) return await this.#runPinned(await this.#pin(), statement)
    if (statement.isNative || analysis.statements !== 1) return await this.#submit(statement)
    return await resultOf(this.#host.scope, statement)
  }

  /** Gives everything back, as closing a connection does. */
  async leave(): Promise<void> {
    const [transaction, pinned] = [this.#transaction, this.#pinned]
    this.#endTransaction()
    this.#pinned = undefined
    this.#pinnedStatus = 'I'
    // Nobody waits for how that went: the connection is closed if it cannot be reset.
    await transaction?.rollback().catch(() => undefined)
    await pinned?.release().catch(() => undefined)
  }

  async #pin(): Promise<ReservedConnection> {
    if (this.#pinned !== undefined) return this.#pinned
    const pinned = this.#host.scope.reserve()
    this.#pinned = pinned
    try {
      for (const setting of this.#settings)
        await pinned.query('select set_config($1, $2, false)', setting, { dialect: 'postgres' })
    } catch (error) {
      // Without them it is not what was asked for.
      await this.leave()
      throw driverError(error)
    }
    return pinned
  }

  async #runPinned(pinned: ReservedConnection, statement: SessionStatement): Promise<Answer> {
    try {
      this.#pinnedStatus = await pinned.submit(this.#submission(statement))
      return { kind: 'told' }
    } catch (error) {
      // Its state went with the connection.
      if (this.#pinned === pinned) await this.leave()
      throw driverError(error)
    }
  }

  async #submit(statement: SessionStatement): Promise<Answer> {
    await this.#host.scope.submit(this.#submission(statement)).catch(rethrown)
    return { kind: 'told' }
  }

  /** The query as it is: another client answers it from now on. */
  #submission({ query, sql, values, call, handOver }: SessionStatement): Submission {
    handOver()
    return { statement: query, sql, params: values ?? [], options: call, events: this.#events }
  }

  async #runInTransaction(
    transaction: TransactionStack,
    statement: SessionStatement,
    analysis: Analysis,
  ): Promise<Answer> {
    this.#options = undefined
    try {
      if (!statement.isNative && analysis.statements === 1) return await resultOf(transaction.current, statement)
      const status = await transaction.current.submit(this.#submission(statement))
      if (status === 'E') this.#failed = true
      return { kind: 'told' }
    } catch (error) {
      // What was refused before it was sent leaves the transaction as it is, but who wrote it must not go on as if it had run.
      this.#failed = true
      throw driverError(error)
    }
  }

  async #control(control: Control): Promise<Answer> {
    switch (control.verb) {
      case 'begin':
        return this.#begin(control.options)
      case 'set-transaction':
        return await this.#setTransaction(control.options)
      case 'commit':
        return await this.#commit(control.chain)
      case 'rollback':
        return await this.#rollback(control.chain)
      case 'savepoint':
      case 'release':
      case 'rollback-to':
        return await this.#savepoint(control.verb, control.name)
    }
  }

  #begin(options: TransactionOptions): Answer {
    if (this.#transaction !== undefined)
      return command('BEGIN', { code: '25001', message: 'there is already a transaction in progress' })
    this.#start(options)
    return command('BEGIN')
  }

  #start(options: TransactionOptions): void {
    this.#transaction = new TransactionStack(this.#host.scope.begin(options))
    this.#options = options
    this.#failed = false
  }

  async #setTransaction(options: TransactionOptions): Promise<Answer> {
    const message = 'SET TRANSACTION can only be used in transaction blocks'
    if (this.#transaction === undefined) return command('SET', { code: '25P01', message })
    if (this.#options === undefined)
      throw new TransactionClosedError(
        'SET TRANSACTION came after a statement of the transaction. Say it in BEGIN, or right behind it.',
      )
    await this.#transaction.rollback()
    this.#start({ ...this.#options, ...options })
    return command('SET')
  }

  async #commit(chain: boolean): Promise<Answer> {
    const transaction = this.#transaction
    if (transaction === undefined) return noTransaction('COMMIT')
    if (this.#failed) return await this.#rollback(chain)
    this.#endTransaction()
    try {
      await transaction.commit()
    } catch (error) {
      // A statement had failed without our seeing it; the server says so by the tag alone.
      if (error instanceof QueryError && error.cause === undefined && error.engineCode === '25P02')
        return command('ROLLBACK')
      throw driverError(error)
    }
    if (chain) this.#start({})
    return command('COMMIT')
  }

  async #rollback(chain: boolean): Promise<Answer> {
    const transaction = this.#transaction
    if (transaction === undefined) return noTransaction('ROLLBACK')
    this.#endTransaction()
    await transaction.rollback().catch(rethrown)
    if (chain) this.#start({})
    return command('ROLLBACK')
  }

  async #savepoint(verb: 'savepoint' | 'release' | 'rollback-to', name: string): Promise<Answer> {
    const transaction = this.#transaction
    const tag = { savepoint: 'SAVEPOINT', release: 'RELEASE', 'rollback-to': 'ROLLBACK' }[verb]
    if (transaction === undefined) {
      const what = { savepoint: 'SAVEPOINT', release: 'RELEASE SAVEPOINT', 'rollback-to': 'ROLLBACK TO SAVEPOINT' }
      throw new TransactionClosedError(`${what[verb]} can only be used in transaction blocks.`)
    }
    this.#options = undefined
    if (verb === 'savepoint') transaction.savepoint(name)
    else if (verb === 'release') await transaction.release(name).catch(rethrown)
    else {
      await transaction.rollbackTo(name).catch(rethrown)
      this.#failed = false
    }
    return command(tag)
  }

  #endTransaction(): void {
    this.#transaction = undefined
    this.#options = undefined
    this.#failed = false
  }
}

async function resultOf(target: Queryable, { sql, values, call }: SessionStatement): Promise<Answer> {
  const { native } = await target.query(sql, values ?? [], call).catch(rethrown)
  return { kind: 'result', result: native }
}

function rethrown(error: unknown): never {
  throw driverError(error)
}

function command(name: string, warning?: Warning): Answer {
  return warning === undefined ? { kind: 'command', command: name } : { kind: 'command', command: name, warning }
}

function noTransaction(name: string): Answer {
  return command(name, { code: '25P01', message: 'there is no transaction in progress' })
}

/** Functions that lock, or change a setting, for as long as the connection lives. */
const lastingFunctions =
  /^(?:pg_advisory_lock(?:_shared)?|pg_try_advisory_lock(?:_shared)?|pg_advisory_unlock.*|set_config|setseed|lo_open|dblink_connect.*)$/

/** Whether a statement leaves something behind that later ones of its session count on; or is too odd to tell. */
function keepsState(analysis: Analysis): boolean {
  const { kind, leavesState, functions } = analysis
  return (
    leavesState ||
    kind === 'session' ||
    kind === 'transaction' ||
    kind === 'unknown' ||
    functions.some(({ name }) => lastingFunctions.test(name))
  )
}
