import type { PoolConnection, QueryOptions, QueryValues } from 'mysql2'

import { messageOf, ParameterError } from '../../errors.ts'
import type { Params } from '../../statement/statement.ts'
import type { DriverRequest } from '../driver.ts'
import { isUnprepared } from './errors.ts'
import { MysqlResult, type NativeFields, type NativeRows } from './result.ts'

export type Answered = (error: unknown, result: MysqlResult | undefined) => void

/** Texts that the server does not take in the prepared protocol (error 1295), remembered so as not to ask each time. */
export class UnpreparableTexts {
  readonly #texts = new Set<string>()
  readonly #limit = 500

  has(sql: string): boolean {
    return this.#texts.has(sql)
  }

  add(sql: string): void {
    if (this.#texts.size >= this.#limit) this.#texts.clear()
    this.#texts.add(sql)
  }
}

/** How statements are sent on the connections of a pool. */
export interface SendOptions {
  /** False: everything goes in the text protocol. */
  readonly prepare: boolean
  readonly unpreparable: UnpreparableTexts
}

/** Sends one statement and calls back once, with mysql2's error or the result. Never throws. */
export function send(connection: PoolConnection, request: DriverRequest, options: SendOptions, done: Answered): void {
  const prepared = wantsPrepared(request, options)
  const answered = (error: unknown, rows: unknown, fields: unknown): void => {
    if (!error) return done(undefined, toResult(rows, fields))
    if (!prepared || !isUnprepared(error)) return done(error, undefined)
    options.unpreparable.add(request.sql)
    send(connection, request, options, done)
  }
  try {
    const native = nativeOptions(request)
    if (prepared) connection.execute(native, answered)
    else connection.query(native, answered)
  } catch (error) {
    // mysql2 throws only over parameters, before it sends anything.
    done(error instanceof ParameterError ? error : new ParameterError(messageOf(error)), undefined)
  }
}

/** A statement that changes its connection is sent once, and several of those cannot be prepared. */
export function wantsPrepared(request: DriverRequest, options: SendOptions): boolean {
  return (
    options.prepare &&
    request.prepare !== false &&
    request.access !== 'session' &&
    !options.unpreparable.has(request.sql)
  )
}

/** @throws ParameterError for `undefined`, which one of mysql2's protocols refuses and the other takes for NULL */
export function nativeOptions(request: DriverRequest): QueryOptions {
  const { sql, params } = request
  const named = !Array.isArray(params)
  refuseUndefined(params)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- mysql2 only reads them, and says itself what it cannot send
  const values = params as QueryValues
  return { sql, values, rowsAsArray: request.rowMode === 'array', namedPlaceholders: named }
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
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- mysql2's own types know no CALL
  return new MysqlResult(rows as NativeRows, fields as NativeFields)
}
