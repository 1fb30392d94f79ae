import { AsyncLocalStorage } from 'node:async_hooks'
import type { PoolClient, PoolConfig } from 'pg'
import type { Pg } from './native-pg.ts'

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: unknown) => void,
) => void

/** A pool of `pg` whose clients are virtual: what it counts, emits and limits are calls under way, not connections. */
export function virtualPoolClass(pg: Pg, Client: Pg['Client']): Pg['Pool'] {
  class Pool extends pg.Pool {
    constructor(options?: PoolConfig) {
      super({ ...options, Client })
      this.on(
        'release',
        (_error: unknown, client: unknown) => void (client as { _giveBack?: () => Promise<void> })._giveBack?.(),
      )
    }

    override connect(): Promise<PoolClient>
    override connect(callback: ConnectCallback): void
    override connect(callback?: ConnectCallback): Promise<PoolClient> | void {
      if (callback === undefined) return super.connect()
      // It is called when somebody else gives a client back, in whose session it must not run.
      super.connect(AsyncLocalStorage.bind(callback))
    }
  }
  Object.defineProperty(Pool, 'name', { value: 'Pool' })
  return Pool
}
