import type pg from 'pg'
import type { EventEmitter } from 'node:events'
import { DriverMissingError } from '../../errors.ts'
import type { RowMode, TypeParsers } from '../driver.ts'

/** The module `pg`, as the application has it installed. */
export type Pg = typeof pg

/**
 * What Signalbox uses of a connected client beyond the types of `pg`. All of it exists since pg 8.0 and is what
 * pg-cursor and pg-query-stream rest on; where it is absent (pg-native) statements are not named and cancelling means
 * closing the connection.
 */
export interface ClientInternals {
  readonly connection?: WireConnection | undefined
  readonly processID?: number | null
  readonly secretKey?: number | Buffer | null
  readonly host?: string
  readonly port?: number
  readonly ssl?: unknown
  readonly sslNegotiation?: string
  /** Whether the connection keeps the process alive. */
  ref?(): void
  unref?(): void
}

/** `pg`'s own protocol connection: the socket, the writers of messages, and the names the server knows. */
export interface WireConnection extends EventEmitter {
  readonly stream: {
    readonly writable: boolean
    write(data: Buffer): boolean
    destroy(error?: Error): void
    cork?(): void
    uncork?(): void
  }
  readonly parsedStatements?: Record<string, string | undefined>
  readonly submittedNamedStatements?: Record<string, string | undefined>
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number | Buffer): void
  close(message: { readonly type: 'S'; readonly name: string }): void
}

/** What bulk copies use of it besides. */
export interface CopyWire extends WireConnection {
  readonly stream: WireStream
  /** The end of what COPY FROM STDIN reads. */
  endCopyFrom(): void
  /** Makes COPY FROM STDIN fail. */
  sendCopyFail(message: string): void
}

/** The socket of a connection, encrypted or not. */
export interface WireStream extends EventEmitter {
  readonly writable: boolean
  write(data: Uint8Array): boolean
  cork(): void
  uncork(): void
  pause(): this
  resume(): this
  destroy(error?: Error): this
}

export type NativeResult = pg.QueryResult<Record<string, unknown>>

/** The answer to one statement; a text of several statements gives an array. */
export type NativeAnswer = NativeResult | NativeResult[]

export type AnswerCallback = (error: unknown, result: NativeAnswer | undefined) => void

/** Who waits for an answer. Exactly one of the two is called, once. */
export interface AnswerTaker {
  answered(native: NativeAnswer): void
  failed(error: unknown): void
}

/** `pg.Query` with the properties that are set after construction. */
export interface NativeQuery {
  name?: string
  /** The server is ready for the data of COPY FROM STDIN. */
  handleCopyInResponse?: () => void
  callback: AnswerCallback
}

/** What `pg` calls on a query while it is sent and answered. */
export interface Answerable extends NativeQuery {
  readonly _result?: { _types?: unknown }
  submit(connection: WireConnection): Error | null
  handleError(error: unknown, connection: WireConnection): void
  handleReadyForQuery(connection: WireConnection): void
  handleCommandComplete(message: unknown, connection: WireConnection): void
}

/** Made from a text instead of a config object: `pg` clones config objects property by property, which costs 1 to 2 µs. */
export type NativeQueryClass = new (text: string | object, values: unknown, callback: AnswerCallback) => NativeQuery

export function internalsOf(client: pg.ClientBase): ClientInternals {
  return client as unknown as ClientInternals
}

export async function loadPg(): Promise<Pg> {
  try {
    // By this path it is `pg` itself also where `pg` is an alias of `signalbox-pg`, which hands such paths on.
    // @ts-expect-error -- it has types for its main path alone
    const loaded = (await import('pg/lib/index.js')) as { readonly default: Pg }
    return loaded.default
  } catch (error) {
    throw new DriverMissingError('pg', 'A PostgreSQL database', error)
  }
}

/** How `pg` is told the form of the rows. */
export interface RowConfig {
  readonly rowMode?: 'array'
  readonly types?: TypeParsers
}

const asArray: RowConfig = { rowMode: 'array' }
const asText: RowConfig = { rowMode: 'array', types: { getTypeParser: () => (text) => text } }

/** `undefined` for rows as objects with the usual values, which is what `pg` does by itself. */
export function rowConfig(mode: RowMode | undefined, types: TypeParsers | undefined): RowConfig | undefined {
  if (mode === 'raw') return asText
  if (types !== undefined) return mode === 'array' ? { rowMode: 'array', types } : { types }
  return mode === 'array' ? asArray : undefined
}

/** The part of `pg-cursor` that streams use. */
export interface Cursor {
  read(rows: number, callback: (error: unknown, rows: unknown[] | undefined, result?: NativeResult) => void): void
  close(callback: () => void): void
}

export type CursorClass = new (text: string, values: readonly unknown[], config: RowConfig) => Cursor

export async function loadCursor(): Promise<CursorClass> {
  const packageName = 'pg-cursor'
  try {
    // The package has no type declarations, and a name in a variable keeps the compiler from asking for them.
    const loaded = (await import(packageName)) as { readonly default: CursorClass }
    return loaded.default
  } catch (error) {
    throw new DriverMissingError(packageName, 'Streaming from PostgreSQL', error)
  }
}
