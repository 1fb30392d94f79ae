import type { ClientConfig } from 'pg'
import { CallQueue } from './call-queue.ts'
import { sessionSettings, settingsOf } from './client-settings.ts'
import { IdleConnection } from './idle-connection.ts'
import type { ClientInternals, Pg } from './native-pg.ts'
import { QueryRunner } from './query-runner.ts'
import type { SessionHost } from './session-host.ts'
import { VirtualSession } from './virtual-session.ts'

/** Where the settings of a client lead. */
export interface ClientTarget {
  readonly host: string
  readonly port: number
  readonly user?: string | undefined
  readonly database?: string | undefined
  /** Settings of TLS of its own. */
  readonly ssl?: unknown
}

/** Whether that is a server of which Signalbox knows nothing. */
export type LeadsElsewhere = (target: ClientTarget) => boolean

/** What a server says to whom it throws out. */
function terminated(pg: Pg): Error {
  const error = new pg.DatabaseError('terminating connection due to administrator command', 0, 'error')
  return Object.assign(error, { severity: 'FATAL', code: '57P01' })
}

/**
 * A client of `pg` that is no connection: the queue, the callbacks, the errors and the results are those of `pg`, and each query goes where
 * Signalbox sends it. A function that makes the class, since it extends that of the application's own copy of `pg`.
 */
export function virtualClientClass(pg: Pg, host: SessionHost, leadsElsewhere: LeadsElsewhere): Pg['Client'] {
  class Client extends pg.Client {
    readonly #session: VirtualSession
    readonly #runner: QueryRunner

    constructor(config?: string | ClientConfig) {
      const connection = new IdleConnection({
        welcome: async () => {
          const welcome = await host.welcome()
          host.connected(welcome.processID, () => connection.stream.destroy(terminated(pg)))
          return welcome
        },
        leave: async () => {
          host.left(client.processID)
          await this.#runner.leave()
        },
        cancel: (processID) => void host.stop({ what: 'cancel', processID }),
      })
      super({ ...settingsOf(config), connection } as ClientConfig)
      const session = new VirtualSession(host, connection, sessionSettings(this))
      const calls = new CallQueue()
      const client = this as unknown as Client & ClientInternals
      client._queryQueue = calls
      this.#session = session
      this.#runner = new QueryRunner({ pg, host, client, connection, session, calls })
      // Not ours: a client of pg itself, to which nothing is added.
      if (leadsElsewhere(this)) return new pg.Client(config) as Client
    }

    /** @internal `pg` calls it whenever the next query may run. */
    _pulseQueryQueue(): void {
      this.#runner.pulse()
    }

    /** @internal For pools: what a user of the client has left behind goes. */
    async _giveBack(): Promise<void> {
      if (this.#session.isHeld) await this.#session.leave()
    }
  }
  // By its name some ORMs know it, also when it was made shorter by a bundler.
  Object.defineProperty(Client, 'name', { value: 'Client' })
  return Client
}
