import type { PoolConnection, QueryOptions, QueryValues } from 'mysql2'

import { messageOf, ParameterError } from '../../errors.ts'
import type { Params } from '../../statement/statement.ts'
import type { DriverRequest, NativeSender } from '../driver.ts'
import type { LossCounter } from '../loss-counter.ts'
import { isLoss, isUnprepared } from './errors.ts'
import { addCommand } from './native-command.ts'
import { MysqlResult, type NativeFields, type NativeRows } from './result.ts'

export type Answered = (error: unknown, result: MysqlResult | undefined) => void

/**
 * What was learnt about texts: how many parameters the server found in them, or that it does not take them in the
 * prepared protocol (error 1295). mysql2 sends a wrong number of values without a word, and the server then reads them
 * askew.
 */
export class KnownTexts {
  // Two generations, so that the texts in use stay when the limit is reached.
  #young = new Map<string, number>()
  #old = new Map<string, number>()
  readonly #half = 1_000

  /** The number of parameters, -1 for a text that cannot be prepared, `undefined` for an unknown one. */
  parameters(sql: string): number | undefined {
    const young = this.#young.get(sql)
    if (young !== undefined) return young
    const old = this.#old.get(sql)
    if (old !== undefined) this.#note(sql, old)
    return old
  }

  noteParameters(sql: string, count: number): void {
    this.#note(sql, count)
  }

  noteUnpreparable(sql: string): void {
    this.#note(sql, -1)
  }

  #note(sql: string, count: number): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(sql, count)
  }
}

/** How statements are sent on the connections of a pool. */
export interface SendOptions {
  /** False: everything goes in the text protocol. */
  readonly prepare: boolean
  readonly texts: KnownTexts
  readonly losses: LossCounter
}

/** Sends one statement and calls back once, with mysql2's error or the result. Never throws. */
export function send(connection: PoolConnection, request: DriverRequest, options: SendOptions, done: Answered): void {
  if (request.sender !== undefined) return sendNative(connection, request, request.sender, options, done)
  const prepared = wantsPrepared(request, options)
  const answered = (error: unknown, rows: unknown, fields: unknown): void => {
    if (!error) return done(undefined, toResult(rows, fields))
    if (!prepared || !isUnprepared(error)) {
      if (isLoss(error)) options.losses.note(connection)
      return done(error, undefined)
    }
    options.texts.noteUnpreparable(request.sql)
    send(connection, request, options, done)
  }
  try {
    const native = nativeOptions(request)
    if (!prepared) {
      connection.query(native, answered)
    } else if (parametersFit(request, options)) {
      connection.execute(native, answered)
    } else {
      prepare(connection, native, options, (error) => {
        if (error) answered(error, undefined, undefined)
        else send(connection, request, options, done)
      })
    }
  } catch (error) {
    // mysql2 throws only over parameters, before it sends anything.
    done(error instanceof ParameterError ? error : new ParameterError(messageOf(error)), undefined)
  }
}

/** As its façade sends it. */
function sendNative(
  connection: PoolConnection,
  { sql, params }: DriverRequest,
  sender: NativeSender,
  { losses }: SendOptions,
  done: Answered,
): void {
  try {
    const command = sender.command(sql, params, (error, rows, fields) => {
      if (!error) return done(undefined, toResult(rows, fields))
      if (isLoss(error)) losses.note(connection)
      done(error, undefined)
    })
    addCommand(connection, command)
  } catch (error) {
    // Commands are made before anything is sent.
    done(error, undefined)
  }
}

/** Characters of a text above which it is not prepared: both sides would keep it, for one use most likely. */
const longestPrepared = 32_768

/** A statement that changes its connection is sent once, and several of those cannot be prepared. */
export function wantsPrepared(request: DriverRequest, options: SendOptions): boolean {
  return (
    options.prepare &&
    request.prepare !== false &&
    request.access !== 'session' &&
    request.sql.length <= longestPrepared &&
    options.texts.parameters(request.sql) !== -1
  )
}

/**
 * False as long as the text is unknown. Named parameters are counted by mysql2 itself.
 *
 * @throws ParameterError if their number is known and differs
 */
export function parametersFit(request: DriverRequest, options: SendOptions): boolean {
  const { sql, params } = request
  if (!Array.isArray(params)) return true
  const count = options.texts.parameters(sql)
  if (count !== undefined && count !== params.length) {
    throw new ParameterError(
      `The statement takes ${count} parameter${count === 1 ? '' : 's'}, and ${params.length} ${params.length === 1 ? 'was' : 'were'} given.`,
    )
  }
  return count !== undefined
}

interface PreparesWithOptions {
  prepare(options: unknown, done: (error: unknown, statement: unknown) => void): unknown
}

/** Prepares a text to learn its parameters. mysql2 keeps the statement, so that executing it prepares nothing again. */
export function prepare(
  connection: PoolConnection,
  native: QueryOptions,
  options: SendOptions,
  done: (error: unknown) => void,
): void {
  const prepared = (error: unknown, statement: unknown): void => {
    if (error) return done(error)
    const found: unknown = typeof statement === 'object' && statement !== null && Reflect.get(statement, 'parameters')
    options.texts.noteParameters(native.sql, Array.isArray(found) ? found.length : 0)
    done(undefined)
  }
  // mysql2's types leave out that options may be given, without which it would prepare once more to execute.
  const anyOptions: PreparesWithOptions = connection
  anyOptions.prepare(native, prepared)
}

/** Over the settings of the connection: nothing that loses digits. */
const rawValues = {
  typeCast: true,
  dateStrings: true,
  supportBigNumbers: true,
  bigNumberStrings: false,
  decimalNumbers: false,
  jsonStrings: true,
} as const

/** @throws ParameterError for `undefined`, which one of mysql2's protocols refuses and the other takes for NULL */
export function nativeOptions(request: DriverRequest): QueryOptions {
  const { sql, params } = request
  const named = !Array.isArray(params)
  refuseUndefined(params)
  // Mysql2 only reads them, and says itself what it cannot send
  const values = params as QueryValues
  const { rowMode } = request
  if (rowMode === 'raw') return { sql, values, rowsAsArray: true, namedPlaceholders: named, ...rawValues }
  return { sql, values, rowsAsArray: rowMode === 'array', namedPlaceholders: named }
}

function refuseUndefined(params: Params): void {
  if (Array.isArray(params)) {
    for (let i = 0; i < params.length; i += 1) {
      if (params[i] === undefined) throw undefinedParameter(`number ${i + 1}`)
    }
    return
  }
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) throw undefinedParameter(`"${name}"`)
  }
}

function undefinedParameter(which: string): ParameterError {
  return new ParameterError(`Parameter ${which} is undefined. For NULL, pass null.`)
}

function toResult(rows: unknown, fields: unknown): MysqlResult {
  // Mysql2's own types know no CALL
  return new MysqlResult(rows as NativeRows, fields as NativeFields)
}
