import { tracingChannel } from 'node:diagnostics_channel'
import { lateExecuteOf } from './late-execute.ts'
import { areFixed, lateQueryClass, lateQueryOf } from './late-query.ts'
import type { Command, CommandClasses, QueryCommand } from './native-mysql2.ts'
import type { NotedConnectionClass } from './noted-connection.ts'
import type { Written } from './routable-texts.ts'

/** On which mysql2 says what its queries do, and its prepared statements. */
const queryChannel = tracingChannel('mysql2:query')
const executeChannel = tracingChannel('mysql2:execute')

/** A connection's class that leaves to later what mysql2 does at each call, and what is needed for few: the text of a query, the preparation of a statement. */
export function lateConnectionClass(base: NotedConnectionClass, classes: CommandClasses): NotedConnectionClass {
  const { Query } = classes
  const LateQuery = lateQueryClass(Query)
  class LateConnection extends base {
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

    override execute(...parameters: unknown[]): never {
      const asked = parameters as unknown as Parameters<typeof lateExecuteOf>[1]
      const mayBeOne = this._notes !== undefined && !executeChannel.hasSubscribers
      const command = mayBeOne ? lateExecuteOf({ classes, connection: this }, asked) : undefined
      if (command === undefined) return super.execute(...(parameters as [never])) as never
      this.addCommand(command)
      return command as never
    }
  }
  return LateConnection
}
