import { setTimeout as delay } from 'node:timers/promises'
import { AbortedError, SignalboxError, UnsupportedError, type CallOptions } from '../../index.ts'
import { driverError, noteOrigin } from '../driver-error.ts'
import { CarriedCommand, ValueSettings, type Step } from './carried-command.ts'
import { executeSender, statementOfExecute, statementOfQuery, type CommandOrigin } from './command-statement.ts'
import type { CommandNotes } from './command-notes.ts'
import type { IdleStream } from './idle-stream.ts'
import { isLate } from './late-query.ts'
import type {
  Command,
  CommandClasses,
  ConnectionInternals,
  ExecuteCommand,
  PrepareCommand,
  QueryCommand,
} from './native-mysql2.ts'
import { PlainQueries } from './plain-queries.ts'
import type { PlainCommand } from './query-cargo.ts'
import { interrupted, interruptedError, ok, refusal, type ServerError } from './server-words.ts'
import type { Killable, SessionHost } from './session-host.ts'
import { killOf, mayBeOfConnection, ownNumberOf } from './statement-text.ts'
import { VirtualStatement } from './virtual-statement.ts'
import type { Answer, SessionStatement } from './session-statement.ts'
import type { VirtualSession } from './virtual-session.ts'

/** The connection whose commands are run. */
export interface RunnerConnection extends ConnectionInternals {
  readonly config: object
  threadId: number | null
  format(sql: string, values: readonly unknown[], namedPlaceholders: boolean): string
  emit(event: string, ...values: unknown[]): boolean
  addCommand(command: object): unknown
}

export interface CommandRunnerParts {
  readonly host: SessionHost
  readonly classes: CommandClasses
  readonly connection: RunnerConnection
  readonly stream: IdleStream
  readonly session: VirtualSession
  /** Runs the present command as mysql2 does, which writes to a stream that is none. */
  readonly startNatively: () => void
  readonly notes: CommandNotes
  /** Ends the life of the connection. */
  readonly leave: () => void
}

/** How long a KILL waits for the end of what it has stopped, in milliseconds. */
const mostKillMs = 2_000

/** Runs the commands of one connection, one after the other, and answers them as if a server had. */
export class CommandRunner implements Killable {
  readonly #parts: CommandRunnerParts
  readonly #settings: ValueSettings
  /** Of the command that runs, or that ran last. */
  #stopping: AbortController | undefined
  #running: Promise<void> = Promise.resolve()
  #carried: CarriedCommand | undefined
  readonly #plain: PlainQueries

  constructor(parts: CommandRunnerParts) {
    this.#parts = parts
    this.#settings = new ValueSettings(parts.connection)
    const { session, notes, connection, host, classes } = parts
    this.#plain = new PlainQueries({
      classes,
      session,
      notes,
      texts: host.texts,
      connection,
      settings: this.#settings,
      senderOf: (command) =>
        '_executeOptions' in command
          ? executeSender(command, this.#origin)
          : statementOfQuery(command, undefined, this.#origin, {}).sender(),
      deliver,
      finish: () => this.#finish(),
      fail: (command, error, signal) => this.#fail(command, error, signal),
    })
  }

  /** The connection below, on which the present command runs by itself. */
  get carrier(): CarriedCommand['carrier'] {
    return this.#plain.carrier ?? this.#carried?.carrier
  }

  /** Whether a command runs that asks for nothing but its answer. */
  get isPlain(): boolean {
    return this.#plain.isRunning
  }

  /** The next command, which is the present one of the connection. */
  start(command: Command): void {
    // Nothing could be sent: mysql2 finds that out as ever, and gives the connection up.
    if (!isText(command)) return this.#parts.startNatively()
    if (this.#plain.start(command)) return
    if (this.#isPreparedLater(command)) return this.#prepareLater(command as unknown as PrepareCommand)
    if (command.onResult) command._setTimeout?.()
    this.#running = this.#run(command)
  }

  /** Gives everything back when what runs now has ended. */
  async leave(): Promise<void> {
    const { host, connection, session } = this.#parts
    await this.#running
    await this.#plain.ended
    if (connection.threadId !== null) host.left(connection.threadId)
    await session.leave()
  }

  /** Whoever asks the server afterwards must not find the statement there. */
  async stop(): Promise<void> {
    const ended = this.#plain.ended ?? this.#carried?.ended
    this.#stopping?.abort()
    this.#plain.stop()
    await Promise.race([ended, delay(mostKillMs, undefined, { ref: false })])
  }

  /** As a server ends a connection that is killed: first it is lost, then its statement is stopped. */
  end(): void {
    const { connection, stream, session, host } = this.#parts
    const stop = this.#stopping
    if (connection.threadId !== null) host.left(connection.threadId)
    const { _command: command } = connection
    stream.over()
    // It has been told.
    if (command?.onResult) command.onResult = () => undefined
    stop?.abort()
    this.#plain.stop()
    void session.leave()
  }

  async #run(command: Command): Promise<void> {
    const { connection, session } = this.#parts
    // One for all commands, until one is stopped.
    const stop = this.#stopping === undefined || this.#stopping.signal.aborted ? new AbortController() : this.#stopping
    this.#stopping = stop
    let answer: Answer | undefined
    let failure: { readonly error: unknown } | undefined
    try {
      answer = await this.#answerTo(command, { signal: stop.signal })
    } catch (error) {
      failure = { error }
    }
    const isTold = this.#carried?.isOver === true
    this.#carried = undefined
    // Whoever was told that the connection is lost hears no more.
    if (connection._command !== command) return
    if (session.isLost) this.#lose(command, failure?.error, isTold)
    else if (failure !== undefined) this.#fail(command, failure.error, stop.signal)
    else this.#answer(command, answer!)
  }

  /** As mysql2 loses a connection: it tells the commands that wait, and the pool. */
  #lose(command: Command, error: unknown, isTold: boolean): void {
    const { connection, stream, host } = this.#parts
    const native = nativeError(error)
    // Once is enough.
    if (isTold && command.onResult) command.onResult = () => undefined
    if (native instanceof Error) connection._protocolError = native
    if (connection.threadId !== null) host.left(connection.threadId)
    stream.over()
  }

  async #answerTo(command: Command, call: CallOptions): Promise<Answer> {
    const { session, host, notes } = this.#parts
    switch (notes.purposeOf(command)) {
      case 'ping':
        await host.scope.query('select 1', [], call)
        return { kind: 'ok' }
      case 'reset':
        await session.reset()
        return { kind: 'ok' }
      case 'give-back':
        await session.leave()
        return { kind: 'told' }
      case 'quit':
        return this.#quit()
      case 'prepare':
        return await this.#prepare(command as PrepareCommand, call)
      case undefined:
    }
    const origin = this.#origin
    if ('_queryOptions' in command)
      return await this.#statement(statementOfQuery(command as QueryCommand, notes.writtenOf(command), origin, call))
    if ('_executeOptions' in command) {
      // Its preparation was refused.
      if ((command as unknown as ExecuteCommand).statement === undefined) return { kind: 'told' }
      return await this.#statement(statementOfExecute(command as unknown as ExecuteCommand, origin, call))
    }
    if ('currentConfig' in command) return await this.#changeUser(command as unknown as ChangeUserCommand, call)
    // Whatever it is, the server is asked for it where the session's own connection is.
    return await this.#other(command, call)
  }

  async #statement(statement: SessionStatement): Promise<Answer> {
    const { host, session, connection } = this.#parts
    if (!mayBeOfConnection(statement.sql)) return await session.run(statement)
    const kill = killOf(statement.text)
    if (kill !== undefined && host.isVirtual(kill.threadId)) {
      const { threadId } = kill
      return (await host.kill(kill))
        ? { kind: 'ok' }
        : { kind: 'refused', error: { errno: 1094, sqlState: 'HY000', message: `Unknown thread id: ${threadId}` } }
    }
    const own = ownNumberOf(statement.text)
    if (own?.number !== 'connection_id') return await session.run(statement)
    // To others it is known by this number alone.
    const sql = own.textFor(connection.threadId ?? 0)
    return await session.run({ ...statement, sql, params: [], text: sql, isNative: false })
  }

  /** Where a text is executed is found out anew each time; what the server says of it is asked for once. */
  async #prepare(command: PrepareCommand, call: CallOptions): Promise<Answer> {
    const { classes, session, connection } = this.#parts
    const { query, options, onResult } = command
    let answer: { readonly error: unknown; readonly statement?: unknown } | undefined
    const asks = (): object => {
      const prepare = new classes.Prepare(options, (error, statement) => (answer = { error, statement }))
      return this.#carry(prepare)
    }
    try {
      await session.submit({ ...textStatement(query, call), carried: asks })
    } catch (error) {
      // Which server it is for may depend on its values.
      if (!(error instanceof SignalboxError)) throw error
    }
    if (answer?.error) throw answer.error
    onResult?.(null, new VirtualStatement(query, connection, classes, answer?.statement))
    return { kind: 'told' }
  }

  /** Where a text is executed at once: then it is prepared where that is. */
  #isPreparedLater(command: Command): boolean {
    return 'parameterDefinitions' in command && this.#parts.notes.purposeOf(command) === undefined
  }

  #prepareLater(command: PrepareCommand): void {
    const { connection, classes } = this.#parts
    command.onResult?.(null, new VirtualStatement(command.query, connection, classes, undefined))
    this.#finish()
  }

  #quit(): Answer {
    this.#parts.startNatively()
    // Not awaited: it waits for this very command.
    setImmediate(this.#parts.leave)
    return { kind: 'told' }
  }

  /** There is one user and one way to a server, which are Signalbox's; a database can be changed. */
  async #changeUser(command: ChangeUserCommand, call: CallOptions): Promise<Answer> {
    const { session, connection } = this.#parts
    const { user, database } = connection.config as { readonly user?: string; readonly database?: string }
    if (command.user !== user)
      throw new UnsupportedError(
        `changeUser() to another user is refused: connections belong to Signalbox, and their users stand in its configuration. Nothing was sent.`,
      )
    await session.reset()
    if (command.database !== undefined && command.database !== database) {
      const sql = `use \`${command.database.replaceAll('`', '``')}\``
      await this.#parts.host.say(sql, async (query) => {
        await session.run({ ...textStatement(sql, call), carried: () => this.#carry(query as Command) })
      })
    }
    return { kind: 'ok' }
  }

  async #other(command: Command, call: CallOptions): Promise<Answer> {
    await this.#parts.session.submit({ ...textStatement('select 1', call), carried: () => this.#carry(command) })
    return { kind: 'told' }
  }

  #carry(command: Step): CarriedCommand {
    const { settings, lost, carried } = this.#origin
    const whole = new CarriedCommand(settings, [command], lost)
    carried(whole)
    return whole
  }

  get #origin(): CommandOrigin {
    const { connection, classes, host } = this.#parts
    return {
      texts: host.texts,
      config: connection.config,
      settings: this.#settings,
      classes,
      format: (sql, params) => connection.format(sql, params, false),
      lost: (error) => void connection.emit('error', error),
      carried: (command) => void (this.#carried = command),
    }
  }

  #answer(command: Command, answer: Answer): void {
    const { connection, stream, session, startNatively } = this.#parts
    switch (answer.kind) {
      case 'ok':
        startNatively()
        stream.say(ok(connection.sequenceId, session.status))
        break
      case 'refused':
        this.#refuse(answer.error)
        break
      case 'result':
        deliver(command as QueryCommand, answer.rows, answer.fields)
        this.#finish()
        break
      case 'told':
        this.#finish()
        break
    }
  }

  #refuse(error: ServerError): void {
    const { connection, stream, startNatively } = this.#parts
    startNatively()
    stream.say(refusal(connection.sequenceId, error))
  }

  #fail(command: Command, error: unknown, signal: AbortSignal): void {
    // The server would have told it so.
    const isInterrupted = error instanceof AbortedError && signal.aborted
    // One that has run already, on another connection, can be told nothing by a server that there is not.
    if (isInterrupted && !command.next) return this.#refuse(interrupted)
    const native = isInterrupted ? interruptedError((command as { readonly sql?: string }).sql) : nativeError(error)
    if (command.queryTimeout) clearTimeout(command.queryTimeout)
    if (command.onResult) command.onResult(native)
    else if (command.listenerCount('error') > 0) command.emit('error', native)
    else this.#parts.connection.emit('error', native)
    command.emit('end')
    this.#finish()
  }

  #finish(): void {
    const { connection } = this.#parts
    connection._command = connection._commands.shift()
    if (connection._command) connection.handlePacket()
  }
}

/** Whether what it sends is a text, if it sends one. */
function isText(command: Command): boolean {
  if (isLate(command)) return true
  const { sql, query } = command as { readonly sql?: unknown; readonly query?: unknown }
  return typeof (sql ?? query ?? '') === 'string'
}

interface ChangeUserCommand {
  readonly user?: string
  readonly database?: string
}

/** What came of a query that another command has carried out. */
function deliver(command: PlainCommand, rows: unknown, fields: unknown): void {
  const several = Array.isArray(fields) && fields.length > 0 && (fields[0] === undefined || Array.isArray(fields[0]))
  command._rows = several ? (rows as unknown[]) : [rows]
  command._fields = several ? (fields as unknown[]) : [fields]
  command._resultIndex = several ? command._rows.length - 1 : 0
  // Another attempt may have told them.
  const hasTold = command._fieldCount > 0 && command._receivedFieldsCount === command._fieldCount
  if (!hasTold && command.listenerCount('fields') > 0) for (const each of command._fields) command.emit('fields', each)
  if (command.listenerCount('result') > 0)
    for (const each of command._rows) if (!Array.isArray(each)) command.emit('result', each)
  command.done()
  command.emit('end')
}

/** As mysql2 has told it, where it has. */
function nativeError(error: unknown): unknown {
  const native = driverError(error)
  if (!(native instanceof SignalboxError)) return native
  const { cause } = native
  if (!(cause instanceof Error) || !('sqlState' in cause)) return native
  noteOrigin(cause, native)
  return cause
}

function textStatement(sql: string, call: CallOptions): SessionStatement {
  const none = (): never => {
    throw new TypeError('It has no command of its own.')
  }
  return {
    sql,
    params: [],
    text: sql,
    isNative: true,
    call: { ...call, dialect: 'mysql' },
    hasFailed: () => false,
    carried: none,
    sender: none,
  }
}
