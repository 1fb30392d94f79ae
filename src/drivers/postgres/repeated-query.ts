import type { FieldDef } from 'pg'
import { KnownColumns, type BuiltResult } from './known-columns.ts'
import type {
  AnswerCallback,
  NativeQuery,
  NativeQueryClass,
  NativeResult,
  RowConfig,
  WireConnection,
} from './native.ts'
import type { PreparedStatement } from './prepared-statements.ts'

/** What a query of `pg` calls on itself while its answer comes in, as far as it is extended here. */
interface QueryInternals extends NativeQuery {
  readonly text: string
  readonly values?: readonly unknown[]
  _result: OwnResult
  _results: unknown
  _rowMode?: unknown
  types?: unknown
  _accumulateRows?: unknown
  submit(connection: WireConnection): Error | null
  handleRowDescription(message: { readonly fields: FieldDef[] }): void
  handleCommandComplete(message: unknown, connection: WireConnection): void
}

type OwnResult = Omit<NativeResult, 'fields'> &
  BuiltResult & { readonly constructor: new (rowMode: string | undefined, types: unknown) => OwnResult }

type QueryInternalsClass = new (text: string, values: unknown, callback: AnswerCallback) => QueryInternals

export type RepeatedQueryClass = new (
  text: string,
  values: unknown,
  callback: AnswerCallback,
  prepared: PreparedStatement,
  rows: RowConfig | undefined,
) => NativeQuery

/**
 * A query class for prepared statements that are run again and again.
 *
 * The server describes a statement's columns once: it refuses to run a prepared statement whose columns have changed
 * ("cached plan must not change result type"), so they need not be asked for each time. Bind, Execute and Sync then go out
 * as one buffer in one write. Together that is a tenth of the time of a
 * point read (docs/adr/0005). Whatever is not plain (a first run, arrays, dates, objects, buffers) goes the way of `pg` itself.
 */
export function repeatedQueryClass(base: NativeQueryClass): RepeatedQueryClass {
  return class RepeatedQuery extends (base as QueryInternalsClass) {
    readonly #prepared: PreparedStatement

    constructor(
      text: string,
      values: unknown,
      callback: AnswerCallback,
      prepared: PreparedStatement,
      rows: RowConfig | undefined,
    ) {
      super(text, values, callback)
      this.name = prepared.name
      this.#prepared = prepared
      shaped(this, rows)
    }

    override submit(connection: WireConnection): Error | null {
      const { columns } = this.#prepared
      const message = repeatMessage(connection, this.text, this.values ?? [], this.#prepared)
      if (columns === undefined || message === undefined) return super.submit(connection)
      columns.describe(this._result)
      this._accumulateRows = true
      if (connection.stream.writable) connection.stream.write(message)
      return null
    }

    override handleRowDescription(message: { readonly fields: FieldDef[] }): void {
      if (this.#prepared.planned) this.#prepared.columns ??= new KnownColumns(message.fields)
      super.handleRowDescription(message)
    }

    override handleCommandComplete(message: unknown, connection: WireConnection): void {
      // No description came: the statement returns no rows.
      if (this.#prepared.planned) this.#prepared.columns ??= new KnownColumns([])
      super.handleCommandComplete(message, connection)
    }
  }
}

/** What runs a prepared statement again on a connection that knows it and its columns; `undefined` where that takes more. */
export function repeatMessage(
  connection: WireConnection | undefined,
  sql: string,
  params: readonly unknown[],
  { name, columns }: PreparedStatement,
): Buffer | undefined {
  if (columns === undefined || connection?.parsedStatements?.[name] !== sql) return undefined
  return bindExecuteSync(name, params)
}

/** Gives a query the form of its rows, as `pg` does for a config object, which it would clone. */
export function shaped(query: NativeQuery, rows: RowConfig | undefined): NativeQuery {
  if (rows === undefined) return query
  const { rowMode, types } = rows
  const internals = query as QueryInternals
  internals._rowMode = rowMode
  internals.types = types
  internals._result = new internals._result.constructor(rowMode, types)
  internals._results = internals._result
  return query
}

function isPlain(value: unknown): value is string | number | bigint | boolean {
  const type = typeof value
  return type === 'string' || type === 'number' || type === 'bigint' || type === 'boolean'
}

/** Their number is an unsigned 16-bit integer; `pg` and the server say what is wrong with more. */
const mostParameters = 65_535

const executeAndSync = Uint8Array.of(0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4)

/**
 * The three messages that run a prepared statement, parameters and rows as text; `undefined` if a parameter needs more
 * than `String` to become text. https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export function bindExecuteSync(name: string, values: readonly unknown[]): Buffer | undefined {
  if (values.length > mostParameters) return undefined
  const texts: (string | null)[] = []
  let length = 0
  for (const value of values) {
    if (value === null || value === undefined) {
      texts.push(null)
    } else if (isPlain(value)) {
      const text = String(value)
      texts.push(text)
      length += Buffer.byteLength(text)
    } else {
      return undefined
    }
  }
  // Length, portal, name, no parameter formats, number of parameters, each length, no result formats.
  const bind = 4 + 1 + name.length + 1 + 2 + 2 + 4 * texts.length + length + 2
  const message = Buffer.allocUnsafe(1 + bind + executeAndSync.length)
  let at = message.writeUInt8(0x42, 0) // B
  at = message.writeInt32BE(bind, at)
  at = message.writeUInt8(0, at)
  at += message.write(name, at, 'latin1')
  at = message.writeUInt8(0, at)
  at = message.writeInt16BE(0, at)
  at = message.writeUInt16BE(texts.length, at)
  for (const text of texts) {
    if (text === null) {
      at = message.writeInt32BE(-1, at)
    } else {
      const written = message.write(text, at + 4, 'utf8')
      at = message.writeInt32BE(written, at) + written
    }
  }
  at = message.writeInt16BE(0, at)
  message.set(executeAndSync, at)
  return message
}
