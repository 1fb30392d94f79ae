import type pg from 'pg'
import type { Behind, Hold } from './behind.ts'
import type { CallQueue } from './call-queue.ts'
import { sessionSettings } from './client-settings.ts'
import type { IdleConnection, Welcome } from './idle-connection.ts'
import type { ClientInternals, Pg } from './native-pg.ts'
import { QueryRunner } from './query-runner.ts'
import { terminated } from './server-errors.ts'
import { VirtualSession } from './virtual-session.ts'

export interface ClientLifeParts {
  readonly pg: Pg
  readonly client: pg.Client & ClientInternals
  readonly connection: IdleConnection
  readonly calls: CallQueue
  readonly behind: Behind
}

/** What a virtual client has from its welcome to its end. */
export class ClientLife {
  readonly #parts: ClientLifeParts
  #hold: Hold | undefined
  #session: VirtualSession | undefined
  #runner: QueryRunner | undefined

  constructor(parts: ClientLifeParts) {
    this.#parts = parts
  }

  pulse(): void {
    this.#runner?.pulse()
  }

  /** Keeps what stands behind the client for somebody else. */
  stay(): Hold {
    return this.#parts.behind.hold()
  }

  /** Not an `async` function: as a rule nothing is held. */
  giveBack(): Promise<void> | undefined {
    return this.#session?.isHeld === true ? this.#session.leave() : undefined
  }

  async welcome(): Promise<Welcome> {
    const { pg, client, connection, calls, behind } = this.#parts
    this.#hold = behind.hold()
    const { host, hasSettings } = await this.#hold.opened
    const session = new VirtualSession(host, connection, hasSettings ? undefined : sessionSettings(client))
    this.#session = session
    const runner = new QueryRunner({ pg, host, client, connection, session, calls })
    this.#runner = runner
    const welcome = await session.welcome()
    const end = (): void => connection.terminate(terminated(pg))
    if (!connection.isOver) host.connected(welcome.processID, { cancel: async () => await runner.stop(), end })
    return welcome
  }

  /** Gives everything back, also after a welcome that failed, or has not come yet. */
  async leave(): Promise<void> {
    const hold = this.#hold
    if (hold === undefined) return
    if (this.#runner !== undefined) {
      const { host } = await hold.opened
      host.left(this.#parts.client.processID)
      await this.#runner.leave()
    }
    await hold.release()
  }

  /** For a client that was made for nothing else, and never says who it is. */
  async cancel(processID: number): Promise<void> {
    const hold = this.stay()
    // Where nothing could be opened, nothing runs that could be stopped.
    const opened = await hold.opened.catch(() => undefined)
    await opened?.host.stop({ what: 'cancel', processID })
    await hold.release()
  }
}
