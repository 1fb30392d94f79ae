import {
  QueryError,
  TransactionClosedError,
  type Analysis,
  type CallOptions,
  type Queryable,
  type TransactionOptions,
} from '../../index.ts'
import { driverError } from '../driver-error.ts'
import { TransactionStack } from '../transaction-stack.ts'
import type { Welcome } from './idle-connection.ts'
import { mergedResult } from './merged-result.ts'
import type { SettingsChange } from './session-settings.ts'
import { PinnedSession } from './pinned-session.ts'
import { play, takesPortions } from './played-connection.ts'
import type { SessionHost } from './session-host.ts'
import type {
  Answer,
  Cargo,
  SessionEvents,
  SessionStatement,
  Status,
  Submission,
  UnderWay,
  Warning,
} from './session-statement.ts'
import { askedOf, questionOf, SettingsKeeper, valuesOf } from './settings-keeper.ts'
import { discardOf, isPlain, keepsConnection, mayHaveKept } from './state-text.ts'
import { controlOf, type Control } from './statement-text.ts'

/**
 * What a connection to PostgreSQL is to its user, without being one: each statement goes where it belongs, a transaction to the server of
 * its first statement, and the session's settings with both. What else belongs to a connection gets a real one, which is kept until the
 * session is left.
 */
export class VirtualSession {
  readonly #host: SessionHost
  readonly #events: SessionEvents
  readonly #keeper: SettingsKeeper
  #transaction: TransactionStack | undefined
  /** Of a transaction that has had no statement yet. */
  #options: TransactionOptions | undefined
  #failed = false
  #pinned: PinnedSession | undefined

  /** `base`: names and values of the settings that the session begins with. */
  constructor(host: SessionHost, events: SessionEvents, base: ReadonlyMap<string, string> | undefined) {
    this.#host = host
    this.#events = events
    this.#keeper = new SettingsKeeper(host, events, base)
  }

  get status(): Status {
    if (this.#pinned !== undefined) return this.#pinned.status
    if (this.#transaction === undefined) return 'I'
    return this.#failed ? 'E' : 'T'
  }

  /** Whether anything is held or set that others could find. */
  get isHeld(): boolean {
    return this.#pinned !== undefined || this.#transaction !== undefined || this.#keeper.settings.isChanged
  }

  /** Asks a server whether it takes what the session begins with. */
  async welcome(): Promise<Welcome> {
    const welcome = await this.#host.welcome(this.#keeper.callOf({}))
    this.#keeper.welcomed(welcome.parameters)
    return welcome
  }

  /** Not an `async` function: the common way, of one statement that leaves nothing behind, has no promise of its own. */
  run(statement: SessionStatement): Promise<Answer> {
    if (this.#pinned !== undefined) return this.#runPinned(this.#pinned, statement)
    const known = this.#host.outlineOf(statement.sql)
    return known instanceof Promise
      ? known.then((analysis) => this.#runUnpinned(statement, analysis))
      : this.#runUnpinned(statement, known)
  }

  /** Sends a plain statement at once, for a query that takes its own answer; `undefined` if it takes more, and nothing was done. */
  carry(sql: string, values: readonly unknown[], call: CallOptions, cargo: Cargo): UnderWay | undefined {
    if (this.#pinned !== undefined || this.#transaction !== undefined) return undefined
    return this.#host.scope.carry(sql, values, this.#keeper.callOf(call), cargo, isPlain)
  }

  #runUnpinned(statement: SessionStatement, analysis: Analysis): Promise<Answer> {
    const isOfSession = analysis.kind === 'transaction' || analysis.kind === 'session'
    if (isOfSession || this.#transaction !== undefined) return this.#runOfSession(statement, analysis)
    if (keepsConnection(analysis)) return this.#runPinning(statement, analysis)
    if (statement.isNative || analysis.statements !== 1) return this.#submit(statement)
    return this.#resultOf(this.#host.scope, statement)
  }

  /** A statement that changes the session, or is part of its transaction. */
  async #runOfSession(statement: SessionStatement, analysis: Analysis): Promise<Answer> {
    if (analysis.kind === 'transaction' && analysis.statements === 1) {
      const control = controlOf(statement.sql)
      if (control !== undefined) return await this.#control(control)
    }
    const change = analysis.kind === 'session' ? await this.#keeper.changeOf(statement, analysis) : undefined
    if (this.#transaction !== undefined)
      return await this.#runInTransaction(this.#transaction, statement, analysis, change)
    if (change !== undefined) return await this.#change(statement, change)
    const discarded = analysis.kind === 'session' ? discardOf(statement.sql) : undefined
    if (discarded !== undefined) return this.#discard(discarded)
    if (keepsConnection(analysis)) return await this.#runPinning(statement, analysis)
    if (statement.isNative || analysis.statements !== 1) return await this.#submit(statement)
    return await this.#resultOf(this.#host.scope, statement)
  }

  /** Gives everything back, as closing a connection does. */
  async leave(): Promise<void> {
    const [transaction, pinned] = [this.#transaction, this.#pinned]
    this.#endTransaction()
    this.#pinned = undefined
    this.#keeper.settings.forget()
    this.#keeper.tell()
    // Nobody waits for how that went: the connection is closed if it cannot be reset.
    await transaction?.rollback().catch(() => undefined)
    await pinned?.release()
  }

  /** A statement that leaves something on its connection: from now on the session has one. */
  async #runPinning(statement: SessionStatement, analysis: Analysis): Promise<Answer> {
    const pinned = new PinnedSession(this.#host.scope.reserve(), this.#keeper, this.#events)
    this.#pinned = pinned
    let answer: Answer
    try {
      answer = await this.#runPinned(pinned, statement)
    } catch (error) {
      await this.#unpin(pinned)
      throw error
    }
    const { failure, status } = pinned
    // It has left nothing, then.
    if (failure !== undefined && status === 'I' && !mayHaveKept(analysis, failure)) await this.#unpin(pinned)
    return answer
  }

  async #runPinned(pinned: PinnedSession, statement: SessionStatement): Promise<Answer> {
    try {
      return await pinned.run(statement, (given) => ({
        ...this.#submissionOf(given, given.call),
        events: pinned.events,
      }))
    } catch (error) {
      // What was refused here was not sent, and has changed nothing; but a transaction must not go on as if it had run.
      if (!pinned.isBroken) await pinned.fail(statement)
      // It may go on still, or is over with its connection.
      if (pinned.isBroken || pinned.status === 'T') await this.#unpin(pinned)
      throw error
    } finally {
      if (pinned.isSpent) await this.#unpin(pinned)
    }
  }

  async #unpin(pinned: PinnedSession): Promise<void> {
    if (this.#pinned !== pinned) return
    this.#pinned = undefined
    await pinned.release()
  }

  /** Here is nothing of what only a connection has. */
  #discard(tag: string): Answer {
    if (tag === 'DISCARD ALL') {
      this.#keeper.settings.forget()
      this.#keeper.tell()
    }
    return command(tag)
  }

  /** Settings are changed on a server, which says whether they can be, and then kept here. */
  async #change(statement: SessionStatement, change: SettingsChange): Promise<Answer> {
    const { sql, values = [], lasting } = statement
    const { types, ...call } = statement.call
    const { set } = change
    // Its user's parsers are for rows of the statement itself, of which SET has none.
    const isParsed = types !== undefined && /set_config/i.test(sql)
    if (statement.isNative || values.length > 0 || isParsed) return await this.#changeInTransaction(statement, change)
    // Together they cost one round trip, and are on one connection.
    const text = set.length === 0 ? sql : `${sql}\n;${questionOf(set)}`
    const { native, rows } = await this.#host.scope
      .query(text, [], this.#keeper.changingCallOf(call, change))
      .catch(rethrown)
    this.#keeper.learned(change, valuesOf(set, rows[0]), lasting)
    if (set.length === 0) return { kind: 'result', result: native }
    const results = (native as readonly unknown[]).slice(0, -1)
    return { kind: 'result', result: results.length === 1 ? results[0] : results }
  }

  async #changeInTransaction(statement: SessionStatement, change: SettingsChange): Promise<Answer> {
    const transaction = new TransactionStack(this.#host.scope.begin({ readOnly: true }))
    try {
      const { answer, values } = await this.#changeIn(transaction, statement, change)
      await (values === undefined ? transaction.rollback() : transaction.commit())
      if (values !== undefined) this.#keeper.learned(change, values, statement.lasting)
      return answer
    } catch (error) {
      // What failed first is told; the connection is closed if it cannot be rolled back.
      await transaction.rollback().catch(() => undefined)
      throw driverError(error)
    }
  }

  /** The answer, and the values of what was set; without these if it failed, and its query was told. */
  async #changeIn(
    transaction: TransactionStack,
    statement: SessionStatement,
    change: SettingsChange,
  ): Promise<{ readonly answer: Answer; readonly values?: ReadonlyMap<string, string> }> {
    const call = this.#keeper.changingCallOf(statement.call, change)
    const { current } = transaction
    const isAsItIs = statement.isNative || (statement.values ?? []).length === 0
    if (isAsItIs) {
      const status = await current.submit(this.#submission(statement, call))
      if (status === 'E') return { answer: { kind: 'told' } }
      return { answer: { kind: 'told' }, values: await askedOf(current, change.set, call) }
    }
    const { native } = await current.query(statement.sql, statement.values, call)
    return { answer: { kind: 'result', result: native }, values: await askedOf(current, change.set, call) }
  }

  async #submit(statement: SessionStatement): Promise<Answer> {
    await this.#host.scope.submit(this.#submission(statement, statement.call)).catch(rethrown)
    return { kind: 'told' }
  }

  /** The query as it is: another client answers it from now on. */
  #submission(statement: SessionStatement, call: CallOptions): Submission {
    statement.handOver()
    return this.#submissionOf(statement, call)
  }

  #submissionOf({ query, sql, values }: SessionStatement, call: CallOptions): Submission {
    const serve: Submission['serve'] = takesPortions(query, sql)
      ? async (open) => await play(query, open, call.signal)
      : undefined
    const options = this.#keeper.callOf(call)
    return { statement: query, sql, params: values ?? [], options, events: this.#events, serve }
  }

  #resultOf(target: Queryable, { query, sql, values, call }: SessionStatement): Promise<Answer> {
    return target.query(sql, values ?? [], this.#keeper.callOf(call)).then(
      // Of several shards each has its own.
      (result) => ({
        kind: 'result',
        result: result.route.shards.length > 1 ? mergedResult(query, result) : result.native,
      }),
      rethrown,
    )
  }

  async #runInTransaction(
    transaction: TransactionStack,
    statement: SessionStatement,
    analysis: Analysis,
    change: SettingsChange | undefined,
  ): Promise<Answer> {
    this.#options = undefined
    try {
      if (change !== undefined) {
        const { answer, values } = await this.#changeIn(transaction, statement, change)
        if (values === undefined) this.#failed = true
        else this.#keeper.learned(change, values, false)
        return answer
      }
      if (!statement.isNative && analysis.statements === 1) return await this.#resultOf(transaction.current, statement)
      const status = await transaction.current.submit(this.#submission(statement, statement.call))
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
    this.#keeper.settings.begin()
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
      this.#keeper.settings.commit()
    } catch (error) {
      this.#undone()
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
    this.#undone()
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
    const { settings } = this.#keeper
    if (verb === 'savepoint') {
      transaction.savepoint(name)
      settings.savepoint(name)
    } else if (verb === 'release') {
      await transaction.release(name).catch(rethrown)
      settings.release(name)
    } else {
      await transaction.rollbackTo(name).catch(rethrown)
      settings.rollbackTo(name)
      this.#keeper.tell()
      this.#failed = false
    }
    return command(tag)
  }

  /** What was set in the transaction is not. */
  #undone(): void {
    this.#keeper.settings.rollback()
    this.#keeper.tell()
  }

  #endTransaction(): void {
    this.#transaction = undefined
    this.#options = undefined
    this.#failed = false
  }
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
