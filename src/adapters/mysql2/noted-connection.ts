import { tracingChannel } from 'node:diagnostics_channel'
import type mysql2 from 'mysql2'
import { CommandNotes } from './command-notes.ts'
import { closedHint } from './error-hints.ts'
import { hinted } from '../hinted.ts'
import { areFixed, lateQueryClass, lateQueryOf } from './late-query.ts'
import type { Command, CommandClasses, ConnectionClass, QueryCommand } from './native-mysql2.ts'
import type { Written } from './routable-texts.ts'

/** On which mysql2 says what its queries do. */
const queryChannel = tracingChannel('mysql2:query')

type Callback = (error: mysql2.QueryError | null) => unknown

/** A connection's class whose calls are noted beside the commands that they add. */
export type NotedConnectionClass = new (...parameters: unknown[]) => InstanceType<ConnectionClass> & {
  readonly _notes: CommandNotes | undefined
}

/** mysql2's Connection or PoolConnection, as {@link NotedConnectionClass}. */
export function notedConnectionClass(base: unknown, { Query }: CommandClasses): NotedConnectionClass {
  const LateQuery = lateQueryClass(Query)
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

    override query(sql: unknown, values?: unknown, callback?: unknown): never {
      // Mysql2 says so itself.
      if (sql === null || sql === undefined) return super.query(sql as never) as never
      const isQuery = (sql as { constructor?: unknown }).constructor === Query
      const command = isQuery ? (sql as QueryCommand) : lateQueryOf(LateQuery, [sql, values, callback], this.config)
      this._resolveNamedPlaceholders(command)
      // Values that are written by a function of the application's own may stand anywhere.
      const { queryFormat } = this.config as { readonly queryFormat?: unknown }
      if (typeof queryFormat === 'function') return super.query(command as never) as never
      const { sql: text, values: given } = command
      // As they are now, as mysql2 writes them into the text: whoever has them may use them for something else at once.
      const written = { sql: text, values: Array.isArray(given) ? [...(given as readonly unknown[])] : given }
      this._notes?.wrote(command, written)
      if (!(command instanceof LateQuery) || !this.#mayBeLate(command, written))
        return super.query(command as never) as never
      command.writeLate(written, this.#writeValues)
      this.addCommand(command)
      return command as never
    }

    /** Whether all that mysql2 does besides is to add it, and its text is the same whenever it is made. */
    #mayBeLate({ onResult }: Command, { sql, values }: Written): boolean {
      return (
        typeof sql === 'string' && typeof onResult === 'function' && areFixed(values) && !queryChannel.hasSubscribers
      )
    }

    readonly #writeValues = ({ sql, values }: Written): string => this.format(sql, values)

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
