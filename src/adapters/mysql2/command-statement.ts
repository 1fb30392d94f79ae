import type { CallOptions } from '../../index.ts'
import { CarriedCommand, severalStatements, type Step, type ValueSettings } from './carried-command.ts'
import type { CommandClasses, ExecuteCommand, QueryCommand, QueryCommandOptions } from './native-mysql2.ts'
import type { RoutableTexts, Written } from './routable-texts.ts'
import type { SessionStatement } from './session-statement.ts'

/** What a command needs of its connection. */
export interface CommandOrigin {
  readonly config: object
  readonly settings: ValueSettings
  readonly classes: CommandClasses
  readonly texts: RoutableTexts
  /** Writes values into a text, as the connection is set to. */
  readonly format: (sql: string, params: readonly unknown[]) => string
  /** The connection was lost below a command that has no callback. */
  readonly lost: (error: unknown) => void
  /** A command is on another connection now. */
  readonly carried: (command: CarriedCommand) => void
}

/** A query as text. `written`: as it was before the values were put in. */
export function statementOfQuery(
  command: QueryCommand,
  written: Written | undefined,
  origin: CommandOrigin,
  call: CallOptions,
): SessionStatement {
  const { config, classes, format, texts } = origin
  const text = command.sql
  const options: QueryCommandOptions = { ...command._queryOptions, timeout: undefined, values: undefined }
  let watched: Watched | undefined
  return {
    ...(written === undefined ? { sql: text, params: [] } : texts.of(written, command)),
    text,
    call: { ...call, dialect: 'mysql', ...rowModeOf(options) },
    isNative: typeof command.onResult !== 'function',
    hasFailed: () => watched?.hasFailed() === true,
    carried: (several) => {
      const allows = several && (config as { readonly multipleStatements?: unknown }).multipleStatements === true
      const { step } = (watched = watchFailure(command))
      return carry(origin, allows ? [severalStatements(true), step, severalStatements(false)] : [step], command)
    },
    sender: () => ({
      command: (sql, params, done) => {
        const values = Array.isArray(params) ? params : []
        const query = new classes.Query({ ...options, sql: values.length === 0 ? sql : format(sql, values) }, done)
        return carry(origin, [query], query)
      },
    }),
  }
}

/** A prepared statement with its values. */
export function statementOfExecute(
  command: ExecuteCommand,
  origin: CommandOrigin,
  call: CallOptions,
): SessionStatement {
  const { classes, format } = origin
  const { sql, params: routed } = routedExecute(command)
  const given = Array.isArray(command.values) ? (command.values as readonly unknown[]) : []
  const options: QueryCommandOptions = { ...command._executeOptions, sql, statement: undefined, timeout: undefined }
  /** Prepares on the connection where it is, unless that knows the text. */
  const prepared = (text: string, values: unknown, step: ExecuteCommand, refused: (error: unknown) => void): object => {
    const prepare = new classes.Prepare({ ...options, sql: text, values }, (error, statement) => {
      if (!error) return void (step.statement = statement as ExecuteCommand['statement'])
      whole.skip()
      refused(error)
    })
    const whole = carry(origin, [prepare, step], step)
    return whole
  }
  return {
    sql,
    params: routed,
    get text() {
      return given.length === 0 ? sql : format(sql, given)
    },
    call: { ...call, dialect: 'mysql', ...rowModeOf(options) },
    isNative: typeof command.onResult !== 'function',
    // What it leaves if the server refuses it is not looked into: its connection is kept in any case.
    hasFailed: () => false,
    carried: () =>
      prepared(sql, command.values, command, (error) => {
        if (command.onResult) command.onResult(error)
        else command.emit('error', error)
        command.emit('end')
      }),
    sender: () => ({
      command: (text, params, done) => {
        const values = params === routed ? given : params
        return prepared(text, values, new classes.Execute({ ...options, sql: text, values }, done), done)
      },
    }),
  }
}

/** Sends a prepared statement again, with its values as they were given, which may say their types. */
export function executeSender(command: ExecuteCommand, origin: CommandOrigin): ReturnType<SessionStatement['sender']> {
  const statement = statementOfExecute(command, origin, {})
  return { command: (sql, _values, done) => statement.sender().command(sql, statement.params, done) }
}

/** The text of a prepared statement and its values, as it is routed by them. */
export function routedExecute({ statement, sql, values }: ExecuteCommand): {
  readonly sql: string
  readonly params: readonly unknown[]
} {
  return { sql: statement?.query ?? sql, params: Array.isArray(values) ? values.map(untyped) : [] }
}

/** A value that mysql2 was told the type of, by itself. */
function untyped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? null
  return 'unsigned' in value && 'type' in value && 'value' in value ? value.value : value
}

function carry(origin: CommandOrigin, steps: readonly Step[], asked: Step): CarriedCommand {
  const command = new CarriedCommand(origin.settings, steps, origin.lost, asked)
  origin.carried(command)
  return command
}

function rowModeOf({ rowsAsArray }: QueryCommandOptions): Pick<CallOptions, 'rowMode'> {
  return rowsAsArray === true ? { rowMode: 'array' } : {}
}

interface Watched {
  readonly step: Step
  readonly hasFailed: () => boolean
}

/** Learns of an error without taking it from those for whom it is. */
function watchFailure(command: QueryCommand | ExecuteCommand): Watched {
  let failed = false
  const step: Step = {
    execute: (packet, connection) => {
      if ((packet as { isError?: () => boolean } | undefined)?.isError?.() === true) failed = true
      return command.execute(packet, connection)
    },
    get onResult() {
      return command.onResult
    },
  }
  return { step, hasFailed: () => failed }
}
