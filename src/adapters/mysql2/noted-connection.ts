import type mysql2 from 'mysql2'
import { CommandNotes } from './command-notes.ts'
import { closedHint } from './error-hints.ts'
import { hinted } from '../hinted.ts'
import type { Command, ConnectionClass } from './native-mysql2.ts'

type Callback = (error: mysql2.QueryError | null) => unknown

/** A connection's class whose calls are noted beside the commands that they add. */
export type NotedConnectionClass = new (...parameters: unknown[]) => InstanceType<ConnectionClass> & {
  readonly _notes: CommandNotes | undefined
}

/** mysql2's Connection or PoolConnection, as {@link NotedConnectionClass}. */
export function notedConnectionClass(base: unknown): NotedConnectionClass {
  class NotedConnection extends (base as ConnectionClass) {
    /** Not there yet when the constructor of mysql2 adds its greeting. */
    readonly _notes: CommandNotes | undefined = new CommandNotes()

    override addCommand(command: Command): Command {
      this._notes?.added(command)
      super.addCommand(command)
      // If it has to wait, somebody else's end will start it.
      this._notes?.forgetFresh()
      return command
    }

    /** @internal In the place of `addCommand` once the connection is closed. */
    override _addCommandClosedState(command: Command): void {
      const { onResult } = command
      const isOfPool = '_pool' in this
      const lostBy = this._fatalError ?? this._protocolError
      if (onResult)
        command.onResult = (error, ...answer) => onResult(hinted(error, closedHint({ isOfPool, lostBy })), ...answer)
      super._addCommandClosedState(command)
    }

    override prepare(...parameters: unknown[]): never {
      return this.#adding('prepare', () => super.prepare(...(parameters as [never])) as never)
    }

    override ping(callback?: Callback): void {
      this.#adding('ping', () => super.ping(callback))
    }

    override reset(callback?: Callback): void {
      this.#adding('reset', () => super.reset(callback))
    }

    override end(...parameters: unknown[]): never {
      return this.#adding('quit', () => super.end(...(parameters as [never])) as never)
    }

    /** @internal For pools, whose connections are released by `end`. */
    override _realEnd(...parameters: unknown[]): unknown {
      return this.#adding('quit', () => super._realEnd?.(...parameters))
    }

    #adding<T>(purpose: 'prepare' | 'ping' | 'reset' | 'quit', add: () => T): T {
      return this._notes === undefined ? add() : this._notes.adding(purpose, add)
    }
  }
  return NotedConnection
}
