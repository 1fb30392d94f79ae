import { SignalboxError, type ErrorDetails } from '../errors.ts'
import type { Analysis } from '../statement/analysis.ts'
import type { TableName } from '../topology/table-map.ts'
import type { Database } from '../topology/topology.ts'
import type { Effect, Reason } from './route.ts'

/** Nothing was changed: the database is named by `noWritesTo`, or by the environment variable `SIGNALBOX_NO_WRITES_TO`. */
export class NoWritesError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_NO_WRITES', message, details)
  }
}

interface Guarded {
  readonly name: string
  readonly because: string
}

/** What is known of a statement when it is asked whether it may run. */
export interface GuardedStatement {
  readonly database: Database
  readonly analysis: Analysis
  readonly effect: Effect
  /** Why it has this effect. */
  readonly why: string
  /** The database that a table is on, which is another than the statement's where schemas share a server. */
  readonly homeOf: (table: TableName) => Database
}

/**
 * Why a statement must not run on databases that take no writes; `undefined`: it may. Only reads run there: what changes its
 * connection could lift the server's own guard, and a lock keeps those waiting who may write.
 */
export function forbiddenBecause({ database, analysis, effect, why, homeOf }: GuardedStatement): string | undefined {
  // Text that is transaction control is refused everywhere, with better advice.
  if (effect === 'read' || analysis.kind === 'transaction') return undefined
  const written = analysis.tables.filter(({ access }) => access === 'write')
  const guarded = [database, ...written.map(homeOf)].find(({ noWrites }) => noWrites !== undefined)
  const named = guarded && { name: guarded.alias, because: guarded.noWrites }
  const found = named ?? guardedSchema(database, written)
  if (found === undefined) return undefined
  return (
    `"${found.name}" takes no writes: ${found.because}. Only what is known to be a read runs there, and this is not: ${why}. ` +
    'Nothing was sent.'
  )
}

/** On MySQL and MariaDB a table can be named with the schema of another database, which may be guarded. */
function guardedSchema({ schemasWithoutWrites }: Database, written: readonly TableName[]): Guarded | undefined {
  if (schemasWithoutWrites === undefined) return undefined
  for (const { schema: name = '' } of written) {
    const because = schemasWithoutWrites.get(name.toLowerCase())
    if (because !== undefined) return { name, because }
  }
  return undefined
}

/** What `explain` says of a statement that may run on a database that takes no writes. */
export function guardReasons({ alias, noWrites }: Database): readonly Reason[] {
  return noWrites === undefined
    ? []
    : [{ rule: 'no-writes', text: `"${alias}" takes no writes, only reads: ${noWrites}` }]
}
