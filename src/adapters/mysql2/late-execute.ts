import type { CommandClasses, ExecuteCommand } from './native-mysql2.ts'
import { VirtualStatement } from './virtual-statement.ts'

type Done = (error: unknown, ...answer: unknown[]) => void

/** What a connection is to a statement that is executed on it. */
interface Executes {
  readonly config: object
  addCommand(command: object): unknown
  _resolveNamedPlaceholders(options: object): void
}

/**
 * A call of `execute`, whose parameters are those of mysql2's, as one command: where its text is executed it is prepared, too. `undefined` for what mysql2
 * refuses, or nobody waits for with a callback.
 */
export function lateExecuteOf(
  { classes, connection }: { readonly classes: CommandClasses; readonly connection: Executes },
  [asked, values, done]: readonly [asked: unknown, values: unknown, done: unknown],
): ExecuteCommand | undefined {
  const isCallback = typeof values === 'function'
  const callback = isCallback ? values : done
  if (typeof callback !== 'function') return undefined
  const { infileStreamFactory } = connection.config as { readonly infileStreamFactory?: unknown }
  const given = isCallback ? undefined : values
  const own =
    typeof asked === 'object' && asked !== null
      ? (asked as { readonly sql?: unknown; readonly values?: unknown })
      : undefined
  const options =
    own === undefined
      ? { infileStreamFactory, sql: asked, values: given }
      : { infileStreamFactory, ...own, values: own.values || given }
  connection._resolveNamedPlaceholders(options)
  const { sql, values: bound } = options
  if (typeof sql !== 'string' || (bound && !(Array.isArray(bound) && bound.every(isBindable)))) return undefined
  const command = new classes.Execute(options, callback as Done)
  command.statement = new VirtualStatement(sql, connection, classes, undefined)
  return command
}

function isBindable(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function'
}
