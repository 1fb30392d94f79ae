import type { Behind, Hold } from './behind.ts'
import type { CommandNotes } from './command-notes.ts'
import { CommandRunner, type RunnerConnection } from './command-runner.ts'
import type { IdleStream } from './idle-stream.ts'
import type { Command, CommandClasses } from './native-mysql2.ts'
import { hello, ok } from './server-words.ts'
import type { Setting } from './session-settings.ts'
import { VirtualSession } from './virtual-session.ts'

export interface ConnectionLifeParts {
  readonly classes: CommandClasses
  readonly behind: Behind
  readonly connection: RunnerConnection
  readonly stream: IdleStream
  readonly notes: CommandNotes
  /** What the session begins with, unless real connections have it already. */
  readonly settings: readonly Setting[]
  /** Runs the present command as mysql2 does, which writes to a stream that is none. */
  readonly startNatively: () => void
}

/** What a virtual connection has from its greeting to its end. */
export class ConnectionLife {
  readonly #parts: ConnectionLifeParts
  #hold: Hold | undefined
  #runner: CommandRunner | undefined
  #session: VirtualSession | undefined
  #leaving: Promise<void> | undefined
  #left: PromiseWithResolvers<void> | undefined

  constructor(parts: ConnectionLifeParts) {
    this.#parts = parts
    parts.stream.onEnded(() => void this.leave())
  }

  /** The connection below, on which the present command runs by itself. */
  get carrier(): CommandRunner['carrier'] {
    return this.#runner?.carrier
  }

  /** Whether something is held that others could use. */
  get isHeld(): boolean {
    return this.#session?.isHeld === true
  }

  /** Whether what runs now changes nothing for whoever comes next. */
  get leavesNothing(): boolean {
    return this.#runner?.isPlain === true
  }

  /** Resolves when everything is given back. */
  get left(): Promise<void> {
    this.#left ??= Promise.withResolvers()
    if (this.#leaving !== undefined) this.#left.resolve(this.#leaving)
    return this.#left.promise
  }

  /** The next command, which is the present one of the connection. */
  start(command: Command): void {
    this.#runner?.start(command)
  }

  /** Says hello, once a server has been reached. */
  async greet(): Promise<void> {
    const { behind, classes, connection, stream, notes, settings, startNatively } = this.#parts
    startNatively()
    try {
      this.#hold = behind.hold()
      const { host, hasSettings } = await this.#hold.opened
      const greeting = await host.welcome()
      if (connection._closing === true) return
      const session = new VirtualSession(host, hasSettings ? [] : settings)
      const leave = (): void => void this.leave()
      const runner = new CommandRunner({ host, classes, connection, stream, session, notes, startNatively, leave })
      this.#session = session
      this.#runner = runner
      host.connected(greeting.connectionId, runner)
      stream.say(hello(greeting))
      stream.say(ok(connection.sequenceId, { inTransaction: false, autocommit: true }))
    } catch (error) {
      this.#refuse(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** As mysql2 tells that it cannot connect: what a server says belongs to the greeting, all else breaks the connection. */
  #refuse(error: Error): void {
    const { connection, stream } = this.#parts
    const { _command: greeting } = connection
    if ('sqlState' in error && greeting) {
      greeting.emit('error', error)
      greeting.emit('end')
    } else connection._handleFatalError(error)
    stream.over()
  }

  /** Gives everything back when what runs now has ended. A second call does nothing. */
  leave(): Promise<void> {
    if (this.#leaving === undefined) {
      this.#leaving = this.#leave()
      this.#left?.resolve(this.#leaving)
    }
    return this.#leaving
  }

  async #leave(): Promise<void> {
    await this.#runner?.leave()
    this.#parts.stream.over()
    await this.#hold?.release()
  }
}
