import { EventEmitter } from 'node:events'
import type mysql2 from 'mysql2'
import type { SslOptions } from 'mysql2'
import type { Signalbox } from '../mysql2/module-options.ts'
import { ask, MariadbConnection, type Asked } from './connection.ts'
import type { ValueOptions } from './values.ts'

/** What a pool is made with, as far as it is used. */
export interface MariadbPoolConfig extends ValueOptions {
  /**
   * A client of Signalbox or a scope of it, which stays open; or a configuration as `connect()` takes it, whose client is closed with the last pool that was
   * given the same object. Default: the client of `useClient()`, or of the configuration file that the environment variable `SIGNALBOX_CONFIG` names, or
   * else the server that the other settings name.
   */
  readonly signalbox?: Signalbox | undefined
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly password?: string
  readonly database?: string
  readonly socketPath?: string
  readonly ssl?: boolean | SslOptions
  /** In milliseconds. */
  readonly connectTimeout?: number
  /** After how many seconds an idle connection to a server is closed. */
  readonly idleTimeout?: number
  /** How many statements, or connections given out, at a time. Default 10. */
  readonly connectionLimit?: number
  readonly timezone?: string
  readonly multipleStatements?: boolean
}

interface Queue {
  readonly length: number
}

interface CoreQueues {
  readonly _closed: boolean
  readonly _allConnections: Queue
  readonly _freeConnections: Queue
  readonly _connectionQueue: Queue
}

/** A pool in the shape of `mariadb`'s, with promises. */
export class MariadbPool extends EventEmitter {
  readonly #core: mysql2.Pool
  readonly #defaults: ValueOptions

  /** `core`: a pool of the façade of mysql2, which gives big numbers and JSON as text. */
  constructor(core: mysql2.Pool, defaults: ValueOptions) {
    super()
    this.#core = core
    this.#defaults = defaults
    for (const event of ['acquire', 'connection', 'enqueue', 'release'])
      core.on(event as 'acquire', (...values: unknown[]) => void this.emit(event, ...values))
  }

  async getConnection(): Promise<MariadbConnection> {
    const core = await new Promise<mysql2.PoolConnection>((resolve, reject) => {
      this.#core.getConnection((error, made) => (error ? reject(error) : resolve(made)))
    })
    return new MariadbConnection(core, this.#defaults)
  }

  async query(asked: Asked, values?: unknown): Promise<unknown> {
    return await ask(this.#core, 'query', asked, values, this.#defaults)
  }

  async execute(asked: Asked, values?: unknown): Promise<unknown> {
    return await ask(this.#core, 'execute', asked, values, this.#defaults)
  }

  async end(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#core.end((error) => (error ? reject(error) : resolve()))
    })
  }

  escape(value: unknown): string {
    return this.#core.escape(value)
  }

  escapeId(name: string): string {
    return this.#core.escapeId(name)
  }

  get closed(): boolean {
    return this.#queues._closed
  }

  totalConnections(): number {
    return this.#queues._allConnections.length
  }

  idleConnections(): number {
    return this.#queues._freeConnections.length
  }

  activeConnections(): number {
    return this.totalConnections() - this.idleConnections()
  }

  taskQueueSize(): number {
    return this.#queues._connectionQueue.length
  }

  get #queues(): CoreQueues {
    return this.#core as unknown as CoreQueues
  }
}
