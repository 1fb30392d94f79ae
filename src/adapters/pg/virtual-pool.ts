import { AsyncResource } from 'node:async_hooks'
import type { PoolClient, PoolConfig } from 'pg'
import type { Hold } from './behind.ts'
import { Lending, type Release } from './lending.ts'
import type { Pg } from './native-pg.ts'

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: unknown) => void,
) => void

/** A method of pools of `pg` that has no type. */
interface UntypedMethods {
  _releaseOnce(client: PoolClient, idleListener: unknown): Release
}

/** What a pool uses of a virtual client; clients of another class have none of it. */
interface VirtualClient extends PoolClient {
  _lend?(): void
  _giveBack?(): Promise<void> | undefined
  _stay?(): Hold | undefined
}

/** A pool of `pg` whose clients are virtual: what it counts, emits and limits are calls under way, not connections. */
export function virtualPoolClass(pg: Pg, Client: Pg['Client']): Pg['Pool'] {
  const own = pg.Pool.prototype as unknown as UntypedMethods
  class Pool extends pg.Pool {
    /** From the first client to the end of the pool, so that what its clients share outlives each of them. */
    #hold: Hold | undefined
    readonly #lending = new Lending(this)

    constructor(options?: PoolConfig) {
      super({ ...options, ...hidden(options), Client: options?.Client ?? Client })
      this.on('acquire', (client) => {
        this.#lending.lent(client)
        ;(client as VirtualClient)._lend?.()
      })
      this.on('release', (_error, client) => {
        this.#lending.returned(client)
        void (client as VirtualClient)._giveBack?.()
      })
      this.on('connect', (client) => {
        if (!this.ending) this.#hold ??= (client as VirtualClient)._stay?.()
      })
    }

    override connect(): Promise<PoolClient>
    override connect(callback: ConnectCallback): void
    override connect(callback?: ConnectCallback): Promise<PoolClient> | void {
      if (callback === undefined) {
        // Nothing can go wrong with one that is there.
        if (this.idleCount > this.waitingCount && !this.ending) return super.connect()
        return super.connect().catch((error: unknown) => Promise.reject(this.#lending.hinted(error)))
      }
      // It is called when somebody else gives a client back, in whose session it must not run.
      const here = new AsyncResource('SignalboxConnect')
      super.connect((error, client, done) => {
        here.runInAsyncScope(callback, undefined, this.#lending.hinted(error), client, done)
      })
    }

    /** @internal `pg` calls it for what gives one client back, once. */
    _releaseOnce(client: PoolClient, idleListener: unknown): Release {
      return this.#lending.once(client, own._releaseOnce.call(this, client, idleListener))
    }

    override end(): Promise<void>
    override end(callback: (error?: Error) => void): void
    override end(callback?: (error?: Error) => void): Promise<void> | void {
      if (this.ending) {
        if (callback === undefined)
          return super.end().catch((error: unknown) => Promise.reject(this.#lending.hinted(error)))
        return super.end(((error?: Error) => callback(this.#lending.hinted(error))) as () => void)
      }
      this.#lending.ended()
      if (callback !== undefined) return super.end(() => void this.#leave().then(() => process.nextTick(callback)))
      return super.end().then(async () => await this.#leave())
    }

    async #leave(): Promise<void> {
      await this.#hold?.release()
    }
  }
  Object.defineProperty(Pool, 'name', { value: 'Pool' })
  return Pool
}

/** `pg` hides passwords in the options of a pool from those who print or copy them; a pool that is made of these has it all the same. */
function hidden(options: PoolConfig | undefined): Pick<PoolConfig, 'password'> {
  return options?.password === undefined ? {} : { password: options.password }
}
