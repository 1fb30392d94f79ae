import { AsyncResource } from 'node:async_hooks'
import type mysql2 from 'mysql2'
import type { Behind, FindBehind, Hold } from './behind.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { poolHint } from './error-hints.ts'
import { hinted } from '../hinted.ts'
import { classesOf, type ConnectionClass, type Mysql2 } from './native-mysql2.ts'
import { traceOf, tracedOpening } from './pool-trace.ts'

type GetConnection = (error: NodeJS.ErrnoException | null, connection: mysql2.PoolConnection) => unknown

interface Queue {
  readonly length: number
  get(index: number): unknown
  push(item: unknown): unknown
}

/** What mysql2 makes of a pool's options. */
export interface NativePoolConfig {
  readonly connectionLimit: number
  readonly connectionConfig: ConnectionSettings
}

/** What a pool of mysql2 has besides its types. */
interface PoolInternals {
  readonly config: NativePoolConfig
  readonly _closed: boolean
  readonly _allConnections: Queue
  readonly _freeConnections: Queue
  readonly _connectionQueue: Queue
  _createConnectionConfig(): object
}

/** What a pool uses of a virtual connection; those of mysql2 have none of it. */
interface VirtualConnection {
  readonly _pool?: object | null
  readonly _command?: object | null
  _giveBack?(): void
  readonly _left?: Promise<void>
}

/** What a pool is made of. */
export interface PoolParts {
  readonly config: NativePoolConfig
  /** What stands behind its next connection. Absent where somebody makes a pool by its class: then its settings say it. */
  readonly behind?: () => Behind | undefined
}

type Done = (error: unknown, made?: mysql2.PoolConnection) => unknown

type Ended = (error: NodeJS.ErrnoException | null) => unknown

/** A pool's class, without the types of its constructor, which is not for everybody. */
export type PoolClass = new (parts: PoolParts) => mysql2.Pool & PoolInternals

/** A pool of mysql2 whose connections are virtual: what it counts, emits and limits are calls under way, not connections to servers. */
export function virtualPoolClass(module: Mysql2, PoolConnection: ConnectionClass, find: FindBehind): PoolClass {
  class VirtualPool extends (classesOf(module).Pool as PoolClass) {
    readonly #behind: () => Behind | undefined
    /** From the first connection to the end of the pool, so that what its connections share outlives each of them. */
    #hold: Hold | undefined

    constructor(parts: PoolParts) {
      super(parts)
      const { connectionConfig } = parts.config
      this.#behind = parts.behind ?? (() => find(connectionConfig, connectionConfig))
    }

    override getConnection(callback: GetConnection): void {
      // It hands out one that is free, in the surroundings of this call.
      if (!this._closed && this._freeConnections.length > 0) return super.getConnection(callback as never)
      const bound = boundTo(this, callback as Done)
      const { config, _closed, _allConnections: all } = this
      const isFull = config.connectionLimit !== 0 && all.length >= config.connectionLimit
      if (_closed || isFull) return super.getConnection(bound as never)
      tracedOpening(
        (done: Done) => this.#open(done),
        () => traceOf(config.connectionConfig),
        bound,
      )
    }

    #open(done: Done): void {
      const behind = this.#behind()
      const connection = new PoolConnection(this, { config: this._createConnectionConfig(), behind })
      this._allConnections.push(connection)
      connection.connect((error) => {
        if (this._closed) return done(new Error('Pool is closed.'))
        if (error) return done(error)
        this.#hold ??= behind?.hold()
        const made = connection as unknown as mysql2.PoolConnection
        this.emit('connection', made)
        this.emit('acquire', made)
        done(null, made)
      })
    }

    override releaseConnection(connection: mysql2.PoolConnection): void {
      const virtual = connection as VirtualConnection
      // One that is lost has left the pool before, and can do nothing more.
      if (virtual._pool) virtual._giveBack?.()
      super.releaseConnection(connection)
    }

    override end(done?: Ended): void {
      const ended: Ended =
        typeof done === 'function'
          ? done
          : (error) => {
              if (error) throw error
            }
      const all = connectionsOf(this)
      super.end((error) => {
        if (error) ended(error)
        else this.#leave(all, () => ended(error))
      })
    }

    /** Closes what was opened for the pool alone, when its connections have left it. */
    #leave(connections: readonly VirtualConnection[], done: () => unknown): void {
      if (this.#hold === undefined) done()
      else void leaveAfter(connections, this.#hold).then(() => process.nextTick(done))
    }
  }
  Object.defineProperty(VirtualPool, 'name', { value: 'Pool' })
  return VirtualPool
}

/** A callback may be called when somebody else gives a connection back, in whose session it must not run. */
function boundTo(pool: PoolInternals, callback: Done): Done {
  const here = new AsyncResource('SignalboxGetConnection')
  return (error, made) => here.runInAsyncScope(callback, undefined, hintedIn(pool, error), made)
}

function connectionsOf({ _allConnections: all }: PoolInternals): readonly VirtualConnection[] {
  return Array.from({ length: all.length }, (_, i) => all.get(i) as VirtualConnection)
}

/** An error of a pool, with what is known besides. */
function hintedIn(pool: PoolInternals, error: unknown): unknown {
  if (!error) return error
  const all = connectionsOf(pool)
  const lent = all.length - pool._freeConnections.length
  const busy = all.filter(({ _command: command }) => command).length
  const waiting = pool._connectionQueue.length
  return hinted(error, poolHint(error, { lent, unused: Math.max(0, lent - busy), waiting }))
}

async function leaveAfter(connections: readonly VirtualConnection[], hold: Hold): Promise<void> {
  for (const { _left: left } of connections) await left
  await hold.release()
}

/** What mysql2 makes of a pool's options. It says so only on a pool, which opens nothing. */
export function poolConfigOf({ createPool }: Mysql2, options: unknown): NativePoolConfig {
  const pool = createPool(options as string)
  const { config } = pool as unknown as PoolInternals
  pool.end(() => undefined)
  return config
}
