import { EventEmitter } from 'node:events'
import ownMysql2 from 'mysql2'
import { asMariadbResult } from './results.ts'
import { nativeCast, type ValueOptions } from './values.ts'

/** A statement: its text alone, or with options. */
export type Asked =
  string | (ValueOptions & { readonly sql: string; readonly values?: unknown; readonly timeout?: number })

/** What sends statements: a connection of the façade of mysql2, or a pool of such. */
interface Sends {
  query(options: object, done: (error: unknown, rows: unknown, fields: unknown) => void): unknown
  execute(options: object, done: (error: unknown, rows: unknown, fields: unknown) => void): unknown
}

/** Sends a statement, and gives its answer in the shape of `mariadb`. */
export function ask(
  target: Sends,
  how: 'query' | 'execute',
  asked: Asked,
  values: unknown,
  defaults: ValueOptions,
): Promise<unknown> {
  const own = typeof asked === 'string' ? { sql: asked } : asked
  const options: ValueOptions & { readonly sql: string; readonly isBinary: boolean } = {
    ...defaults,
    ...own,
    isBinary: how === 'execute',
  }
  const { sql, rowsAsArray = false, nestTables, dateStrings, namedPlaceholders, typeCast } = options
  const { values: ownValues, timeout } = own as { readonly values?: unknown; readonly timeout?: number }
  const given = typed(how, values ?? ownValues)
  const isList = given === undefined || Array.isArray(given) || namedPlaceholders === true
  // What was not said stays out, so that the settings of the connection hold.
  const native: Record<string, unknown> = { sql, values: isList ? given : [given], rowsAsArray }
  if (nestTables !== undefined) native['nestTables'] = nestTables
  if (dateStrings !== undefined) native['dateStrings'] = dateStrings
  if (namedPlaceholders !== undefined) native['namedPlaceholders'] = namedPlaceholders
  if (typeCast !== undefined) native['typeCast'] = nativeCast(typeCast, options)
  if (timeout !== undefined) native['timeout'] = timeout
  return new Promise((resolve, reject) => {
    target[how](native, (error, rows, fields) => {
      if (error) return reject(error)
      resolve(asMariadbResult(rows, fields, options))
    })
  })
}

/** The types of whole numbers; mysql2 takes each number for one with a fraction, and each `bigint` for a text, and the server says so of columns that are made of them. */
const { TypedParameter: types } = ownMysql2 as unknown as {
  readonly TypedParameter?: Readonly<Record<'LONG' | 'LONGLONG' | 'NEWDECIMAL', (value: number | bigint) => unknown>>
}

function typed(how: 'query' | 'execute', values: unknown): unknown {
  if (how === 'query' || !Array.isArray(values) || types === undefined) return values
  return values.map((value: unknown) => {
    if (typeof value === 'bigint')
      return BigInt.asIntN(64, value) === value ? types.LONGLONG(value) : types.NEWDECIMAL(value)
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return value
    return Math.abs(value) < 2 ** 31 ? types.LONG(value) : types.LONGLONG(value)
  })
}

/** A connection in the shape of `mariadb`'s. */
export class MariadbConnection extends EventEmitter {
  readonly #core: ownMysql2.PoolConnection
  readonly #defaults: ValueOptions
  readonly #failed = (error: unknown): void => {
    // Nobody has to listen to a connection that a pool gave out.
    if (this.listenerCount('error') > 0) this.emit('error', error)
  }

  constructor(core: ownMysql2.PoolConnection, defaults: ValueOptions) {
    super()
    this.#core = core
    this.#defaults = defaults
    core.on('error', this.#failed)
  }

  get threadId(): number {
    return this.#core.threadId
  }

  async query(asked: Asked, values?: unknown): Promise<unknown> {
    return await ask(this.#core, 'query', asked, values, this.#defaults)
  }

  async execute(asked: Asked, values?: unknown): Promise<unknown> {
    return await ask(this.#core, 'execute', asked, values, this.#defaults)
  }

  async beginTransaction(): Promise<void> {
    await this.query('START TRANSACTION')
  }

  async commit(): Promise<void> {
    await this.query('COMMIT')
  }

  async rollback(): Promise<void> {
    await this.query('ROLLBACK')
  }

  async ping(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#core.ping((error: Error | null) => (error ? reject(error) : resolve()))
    })
  }

  /** Gives it back to its pool. */
  async release(): Promise<void> {
    this.#core.removeListener('error', this.#failed)
    this.#core.release()
    await Promise.resolve()
  }

  async end(): Promise<void> {
    await this.release()
  }

  async close(): Promise<void> {
    await this.release()
  }

  destroy(): void {
    this.#core.destroy()
  }

  isValid(): boolean {
    return (this.#core as unknown as { readonly state: string }).state === 'authenticated'
  }
}
