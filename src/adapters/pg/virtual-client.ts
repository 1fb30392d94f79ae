import type { EventEmitter } from 'node:events'
import type { ClientConfig } from 'pg'
import type { ClientParameters, FindBehind, Hold } from './behind.ts'
import { CallQueue } from './call-queue.ts'
import { ClientLife } from './client-life.ts'
import { settingsOf } from './client-settings.ts'
import { ClientUse, type QueryMethod } from './client-use.ts'
import { replicationHint } from './error-hints.ts'
import { hinted } from '../hinted.ts'
import { IdleConnection } from './idle-connection.ts'
import type { ClientInternals, Pg } from './native-pg.ts'

/** Methods of a client of `pg` that have no types. */
interface UntypedMethods extends QueryMethod {
  _attachListeners(connection: unknown): void
  _connect(callback: (error?: unknown, ...rest: unknown[]) => void): void
  _errorAllQueries(error: unknown): void
}

/**
 * A client of `pg` that is no connection: the queue, the callbacks, the errors and the results are those of `pg`, and each query goes where
 * Signalbox sends it. A function that makes the class, since it extends that of the application's own copy of `pg`.
 */
export function virtualClientClass(pg: Pg, find: FindBehind): Pg['Client'] {
  const own = pg.Client.prototype as unknown as UntypedMethods
  class Client extends pg.Client {
    readonly #life: ClientLife | undefined
    readonly #calls: CallQueue | undefined
    readonly #use = new ClientUse(this)

    constructor(config?: string | ClientConfig) {
      const connection = new IdleConnection({
        welcome: async () => await client.#life!.welcome(),
        leave: async () => await client.#life!.leave(),
        cancel: (processID) => void client.#life!.cancel(processID),
      })
      const settings = settingsOf(config)
      super({ ...settings, connection } as ClientConfig)
      const client = this as unknown as Client & ClientInternals & { readonly connectionParameters: ClientParameters }
      const behind = find(client.connectionParameters, settings)
      // Not ours: a client of pg itself.
      if (behind === undefined) return replicating(new pg.Client(config)) as Client
      // A pool gives its clients its own settings, and so this one.
      this.#use.isOfPool = typeof config === 'object' && 'Client' in config
      const calls = (this.#calls = new CallQueue(!this.#use.isOfPool))
      client._queryQueue = calls
      this.#life = new ClientLife({ pg, client, connection, calls, behind })
    }

    /** @internal `pg` calls it when the client connects. */
    _attachListeners(connection: IdleConnection): void {
      if (!connection.attach(this)) own._attachListeners.call(this, connection)
    }

    /** @internal What both forms of `connect` of `pg` call. */
    _connect(callback: (error?: unknown, ...rest: unknown[]) => void): void {
      own._connect.call(this, (error, ...rest) => callback(this.#use.hinted(error), ...rest))
    }

    /** @internal `pg` calls it with the error of all queries that are left, when the connection ends. */
    _errorAllQueries(error: unknown): void {
      own._errorAllQueries.call(this, this.#use.hinted(error))
    }

    /** @internal `pg` calls it whenever the next query may run. */
    _pulseQueryQueue(): void {
      this.#life?.pulse()
    }

    /** Of no type, since `pg` has one for each kind of query, and all go through as they are. */
    override query(...call: never[]): never {
      return this.#use.query(call, own) as never
    }

    /** @internal For pools: who has the client. What is set before somebody gets it holds for all who will. */
    _lend(returned?: () => void): void {
      this.#use.lent(returned)
      if (this.#calls !== undefined) this.#calls.isLent = true
    }

    /** @internal For pools: what a user of the client has left behind goes. */
    _giveBack(): Promise<void> | undefined {
      return this.#life?.giveBack()
    }

    /** @internal For pools: keeps what stands behind the client, as long as they live. */
    _stay(): Hold | undefined {
      return this.#life?.stay()
    }
  }
  // By its name some ORMs know it, also when it was made shorter by a bundler.
  Object.defineProperty(Client, 'name', { value: 'Client' })
  return Client
}

/** A client of `pg` itself; settings that are no mode of replication are refused by the server. */
function replicating<C>(client: C): C {
  const { replication, connection } = client as { readonly replication?: unknown; readonly connection?: EventEmitter }
  if (typeof replication === 'object' && replication !== null)
    connection?.once('errorMessage', (error) => hinted(error, replicationHint))
  return client
}
