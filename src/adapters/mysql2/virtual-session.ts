import {
  AbortedError,
  QueryError,
  TimeoutError,
  TransactionClosedError,
  type Analysis,
  type CallOptions,
  type Queryable,
  type ReservedConnection,
  type TransactionOptions,
} from '../../index.ts'
import { driverError } from '../driver-error.ts'
import { TransactionStack } from '../transaction-stack.ts'
import { nativeOf } from './native-answer.ts'
import { OwnNumbers } from './own-numbers.ts'
import type { SessionStatus } from './server-words.ts'
import type { SessionHost } from './session-host.ts'
import type { Answer, Cargo, SessionStatement, UnderWay } from './session-statement.ts'
import { mostSettings, SessionSettings, settingOf, type Setting } from './session-settings.ts'
import { beginnings, isPlain, keepsState, startsWith } from './kept-state.ts'
import { controlOf, ownNumberOf, type Control } from './statement-text.ts'

/**
 * What a connection to MySQL is to its user, without being one: each statement goes where it belongs, a transaction to the server of its
 * first statement. Settings go along with each statement; what else changes the state of a connection gets a real one, which is kept until
 * the session is left.
 */
export class VirtualSession {
  readonly #host: SessionHost
  #transaction: TransactionStack | undefined
  /** Of a transaction that has had no statement yet. */
  #options: TransactionOptions | undefined
  /** Of transactions to come, in this session; and of the next one alone. */
  #defaults: TransactionOptions = {}
  #next: TransactionOptions = {}
  #autocommit = true
  #settings: SessionSettings
  /** The options of all plain queries, as long as the settings are these. */
  #plainCall: CallOptions | undefined
  #pinned: ReservedConnection | undefined
  #pinnedInTransaction = false
  /** Something has been done on it. */
  #hasState = false
  #isLost = false
  #numbers = new OwnNumbers()

  constructor(host: SessionHost, settings: readonly Setting[]) {
    this.#host = host
    this.#settings = new SessionSettings(settings)
  }

  get status(): SessionStatus {
    const inTransaction = this.#pinned === undefined ? this.#transaction !== undefined : this.#pinnedInTransaction
    return { inTransaction, autocommit: this.#autocommit }
  }

  /** Whether something is held that others could use. */
  get isHeld(): boolean {
    return this.#pinned !== undefined || this.#transaction !== undefined
  }

  /** What was left on a connection of its own is gone with it: who counts on that must not go on. */
  get isLost(): boolean {
    return this.#isLost
  }

  async run(statement: SessionStatement): Promise<Answer> {
    const known = this.#host.outlineOf(statement.sql)
    const analysis = known instanceof Promise ? await known : known
    const isAlone = analysis.statements === 1
    if (isAlone && (analysis.kind === 'transaction' || analysis.kind === 'session')) {
      const control = controlOf(statement.text)
      // A connection of its own carries out all but what it would have to know beforehand.
      if (control !== undefined && this.#pinned === undefined) return await this.#control(control)
      if (control !== undefined) this.#hear(control)
      const setting = control === undefined ? settingOf(statement.text) : undefined
      if (setting !== undefined && this.#settings.size < mostSettings) return await this.#set(setting)
    }
    if (this.#pinned !== undefined) return await this.#runPinned(this.#pinned, statement, mayBeSeveral(analysis))
    const own = isAlone && analysis.kind === 'session' ? ownNumberOf(statement.text) : undefined
    if (own !== undefined && own.number !== 'connection_id')
      return await this.#runText(statement, own.textFor(this.#numbers.of(own.number)))
    // The server would commit by itself before it changes the schema.
    if (analysis.kind === 'ddl' && this.#transaction !== undefined) await this.#commit(false)
    if (keepsState(analysis, statement)) return await this.#runKept(statement, analysis)
    if (this.#transaction === undefined && !this.#autocommit && startsWith(analysis)) this.#begin({})
    return await this.#runFree(statement, analysis)
  }

  /** Sends a plain query at once, for one that takes its own answer; `undefined` if it takes more, and nothing was done. */
  carry(sql: string, params: readonly unknown[], signal: AbortSignal, cargo: Cargo): UnderWay | undefined {
    const transaction = this.#transaction
    if (this.#pinned !== undefined || (transaction === undefined && !this.#autocommit)) return undefined
    if (this.#plainCall?.signal !== signal) this.#plainCall = this.#plainCallFor(signal)
    const options = this.#plainCall
    if (transaction === undefined) return this.#host.scope.carry(sql, params, options, cargo, isPlain)
    return transaction.current.carry({ sql, params, options, cargo, takes: isPlain })
  }

  /** `rows`: what a query that was carried has taken, rows or a header. */
  carried(rows: unknown): void {
    this.#numbers.note(rows)
  }

  #plainCallFor(signal: AbortSignal): CallOptions {
    const settings = this.#settings.forCall
    return Object.freeze({ dialect: 'mysql', signal, ...(settings === undefined ? {} : { settings }) })
  }

  /** Prepares a text, or whatever else is no statement, where the session is now. */
  async submit(statement: SessionStatement): Promise<void> {
    if (this.#pinned !== undefined) await this.#runPinned(this.#pinned, statement, false)
    else await this.#submitTo(this.#transaction?.current ?? this.#host.scope, statement, false)
  }

  /** Gives everything back, as closing a connection does. Settings stay, for the next user of a pooled connection has them, too. */
  async leave(): Promise<void> {
    const [transaction, pinned] = [this.#transaction, this.#pinned]
    this.#endTransaction()
    this.#pinned = undefined
    this.#pinnedInTransaction = false
    this.#hasState = false
    // Nobody waits for how that went: the connection is closed if it cannot be reset.
    await transaction?.rollback().catch(() => undefined)
    await pinned?.release().catch(() => undefined)
  }

  /** As a connection that was reset. */
  async reset(): Promise<void> {
    await this.leave()
    this.#settings = new SessionSettings()
    this.#plainCall = undefined
    this.#defaults = {}
    this.#next = {}
    this.#autocommit = true
    this.#numbers = new OwnNumbers()
  }

  /** A statement after which things are no longer as on any connection. */
  async #runKept(statement: SessionStatement, analysis: Analysis): Promise<Answer> {
    // What a transaction leaves on its connection ends with it.
    if (this.#transaction !== undefined && this.#options === undefined) return await this.#runFree(statement, analysis)
    const pinned = await this.#pin()
    try {
      return await this.#runPinned(pinned, statement, mayBeSeveral(analysis))
    } finally {
      // A text that nobody understood, the server neither, has left nothing.
      if (analysis.kind === 'unknown' && statement.hasFailed() && this.#pinned === pinned) await this.leave()
    }
  }

  async #runFree(statement: SessionStatement, analysis: Analysis): Promise<Answer> {
    this.#options = undefined
    const target = this.#transaction?.current ?? this.#host.scope
    if (statement.isNative || analysis.statements !== 1) {
      await this.#submitTo(target, statement, analysis.statements !== 1)
      return { kind: 'told' }
    }
    return await this.#answerOf(target, statement, statement.sql, statement.params)
  }

  /** Another text in place of the statement's own. */
  async #runText(statement: SessionStatement, text: string): Promise<Answer> {
    this.#options = undefined
    return await this.#answerOf(this.#transaction?.current ?? this.#host.scope, statement, text, [])
  }

  async #answerOf(
    target: Queryable,
    statement: SessionStatement,
    sql: string,
    params: readonly unknown[],
  ): Promise<Answer> {
    const call = { ...this.#callOf(statement), sender: statement.sender() }
    const result = await target.query(sql, params, call).catch(rethrown)
    const [rows, fields] = nativeOf(result)
    this.#numbers.note(rows)
    return { kind: 'result', rows, fields }
  }

  #callOf(statement: SessionStatement): CallOptions {
    const settings = this.#settings.forCall
    return settings === undefined ? statement.call : { ...statement.call, settings }
  }

  async #submitTo(target: Submits, statement: SessionStatement, several: boolean): Promise<void> {
    const { sql, params } = statement
    const submission = { statement: statement.carried(several), sql, params, options: this.#callOf(statement) }
    await target.submit(submission).catch(rethrown)
  }

  async #runPinned(pinned: ReservedConnection, statement: SessionStatement, several: boolean): Promise<Answer> {
    const { sql, params } = statement
    try {
      const submission = { statement: statement.carried(several), sql, params, options: this.#callOf(statement) }
      this.#pinnedInTransaction = (await pinned.submit(submission)) === 'T'
      this.#hasState = true
      return { kind: 'told' }
    } catch (error) {
      // What was refused before it was sent has changed nothing.
      const isBroken = error instanceof QueryError || error instanceof AbortedError || error instanceof TimeoutError
      if (isBroken && this.#pinned === pinned) {
        this.#isLost = this.#hasState
        await this.leave()
      }
      throw driverError(error)
    }
  }

  /** A connection of its own from now on, with what was said of transactions before. */
  async #pin(): Promise<ReservedConnection> {
    const pinned = this.#host.scope.reserve()
    const options = this.#transaction === undefined ? undefined : (this.#options ?? {})
    const [opened, next] = [this.#transaction, this.#next]
    this.#endTransaction()
    await opened?.rollback()
    this.#pinned = pinned
    this.#next = {}
    const settings = this.#settings.forCall
    const call: CallOptions = { dialect: 'mysql', ...(settings === undefined ? {} : { settings }) }
    try {
      for (const sql of beginnings(this.#defaults, next, options, this.#autocommit))
        await this.#host.say(
          sql,
          async (statement) => void (await pinned.submit({ statement, sql, params: [], options: call })),
        )
      this.#pinnedInTransaction = options !== undefined
    } catch (error) {
      await this.leave()
      throw driverError(error)
    }
    return pinned
  }

  async #control(control: Control): Promise<Answer> {
    switch (control.verb) {
      case 'begin':
        await this.#commit(false)
        return this.#begin(control.options)
      case 'commit':
        return await this.#commit(control.chain)
      case 'rollback':
        return await this.#rollback(control.chain)
      case 'savepoint':
      case 'release':
      case 'rollback-to':
        return await this.#savepoint(control.verb, control.name)
      case 'set-transaction':
        return this.#setTransaction(control.options, control.forSession)
      case 'autocommit':
        if (control.on) await this.#commit(false)
        this.#autocommit = control.on
        return done
    }
  }

  /** What the connection of its own carries out, and others have to know later. */
  #hear(control: Control): void {
    if (control.verb === 'autocommit') this.#autocommit = control.on
    else if (control.verb === 'set-transaction' && control.forSession)
      this.#defaults = { ...this.#defaults, ...control.options }
  }

  #begin(options: TransactionOptions): Answer {
    const all = { ...this.#defaults, ...this.#next, ...options }
    this.#next = {}
    this.#transaction = new TransactionStack(this.#host.scope.begin(all))
    this.#options = all
    return done
  }

  #setTransaction(options: TransactionOptions, forSession: boolean): Answer {
    if (forSession) this.#defaults = { ...this.#defaults, ...options }
    else if (this.#transaction !== undefined) {
      const message = "Transaction characteristics can't be changed while a transaction is in progress"
      return { kind: 'refused', error: { errno: 1568, sqlState: '25001', message } }
    } else this.#next = { ...this.#next, ...options }
    return done
  }

  async #commit(chain: boolean): Promise<Answer> {
    const transaction = this.#transaction
    const options = this.#options
    this.#endTransaction()
    await transaction?.commit().catch(rethrown)
    if (chain && transaction !== undefined) this.#begin(options ?? {})
    return done
  }

  async #rollback(chain: boolean): Promise<Answer> {
    const transaction = this.#transaction
    const options = this.#options
    this.#endTransaction()
    await transaction?.rollback().catch(rethrown)
    if (chain && transaction !== undefined) this.#begin(options ?? {})
    return done
  }

  async #savepoint(verb: 'savepoint' | 'release' | 'rollback-to', name: string): Promise<Answer> {
    if (verb === 'savepoint') {
      if (this.#transaction === undefined && !this.#autocommit) this.#begin({})
      // Without a transaction it is gone with its own statement.
      if (this.#transaction === undefined) return done
      this.#options = undefined
      // One of the same name takes the place of the one before.
      this.#transaction.savepoint(name)
      return done
    }
    const transaction = this.#transaction
    this.#options = undefined
    try {
      if (transaction === undefined) throw new TransactionClosedError('')
      await (verb === 'release' ? transaction.release(name) : transaction.rollbackTo(name))
    } catch (error) {
      if (!(error instanceof TransactionClosedError)) throw driverError(error)
      return { kind: 'refused', error: { errno: 1305, sqlState: '42000', message: `SAVEPOINT ${name} does not exist` } }
    }
    return done
  }

  /** Tried at once, so that what the server will not have is refused now; kept if it was not. */
  async #set(setting: Setting): Promise<Answer> {
    const settings = this.#settings.with(setting)
    const call: CallOptions = {
      dialect: 'mysql',
      ...(settings.forCall === undefined ? {} : { settings: settings.forCall }),
    }
    try {
      if (this.#pinned === undefined) await this.#host.scope.query('select 1', [], call)
      else await this.#pinned.query('select 1', [], call)
    } catch (error) {
      const native = driverError(error)
      if (native instanceof Error && 'sqlState' in native) Object.assign(native, { sql: setting.statement })
      throw native
    }
    this.#settings = settings
    this.#plainCall = undefined
    return done
  }

  #endTransaction(): void {
    this.#transaction = undefined
    this.#options = undefined
  }
}

interface Submits {
  submit(submission: Parameters<ReservedConnection['submit']>[0]): Promise<unknown>
}

const done: Answer = { kind: 'ok' }

/** To have the server take several statements changes what it says of the one before, so it is asked for where there may be several. */
function mayBeSeveral({ kind, statements }: Analysis): boolean {
  return statements !== 1 || kind === 'unknown'
}

function rethrown(error: unknown): never {
  throw driverError(error)
}
