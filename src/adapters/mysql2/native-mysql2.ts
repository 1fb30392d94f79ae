import type { EventEmitter } from 'node:events'
import type mysql2 from 'mysql2'
import type { ConnectionSettings } from './connection-settings.ts'

/** The module `mysql2`. */
export type Mysql2 = typeof mysql2

/** Makes settings of what is given for them. */
export interface ConfigClass {
  new (options: unknown): ConnectionSettings
  parseUrl(uri: string): Record<string, unknown>
}

/** Classes that it has besides its types. */
export interface Mysql2Classes {
  readonly Connection: unknown
  readonly PoolConnection: unknown
  readonly Pool: unknown
  readonly PoolCluster: unknown
  readonly ConnectionConfig: ConfigClass
}

export function classesOf(module: Mysql2): Mysql2Classes {
  return module as unknown as Mysql2Classes
}

/** What a connection of mysql2 runs: a query, a ping, the greeting at its beginning. */
export interface Command extends EventEmitter {
  /** Takes what has come, nothing at the start; true when it is over. */
  execute(packet: unknown, connection: unknown): boolean
  onResult?: ((error: unknown, rows?: unknown, fields?: unknown) => void) | undefined
  readonly timeout?: number | undefined
  queryTimeout?: NodeJS.Timeout | null
  /** What takes the next packet, of one that has started and not ended. */
  next?: unknown
  _setTimeout?(): void
}

/** A query as text. */
export interface QueryCommand extends Command {
  sql: string
  values?: unknown
  readonly namedPlaceholders?: boolean | undefined
  readonly _queryOptions: QueryCommandOptions
  _rows: unknown[]
  _fields: unknown[]
  _resultIndex: number
  /** Of the columns that the server has announced, those that it has told. */
  readonly _receivedFieldsCount: number
  readonly _fieldCount: number
  /** Its rows cannot be read, of which it has told. */
  readonly _localStreamError?: unknown
  /** As mysql2 makes them of its options and its connection's when the query is sent. */
  options?: QueryCommandOptions
  /** The state of a query that was sent: takes the first packet of its answer. */
  readonly resultsetHeader?: (packet: unknown, connection: unknown) => unknown
  done(): null
}

export type QueryCommandOptions = Readonly<Record<string, unknown>> & {
  readonly sql: string
  readonly values?: unknown
  readonly rowsAsArray?: boolean | undefined
}

/** A prepared statement that is executed. */
export interface ExecuteCommand extends Omit<QueryCommand, '_queryOptions'> {
  statement?: { readonly query: string } | undefined
  readonly _executeOptions: QueryCommandOptions
}

/** The preparation of a statement. */
export interface PrepareCommand extends Omit<Command, 'onResult'> {
  readonly query: string
  readonly options: QueryCommandOptions
  onResult?: ((error: unknown, statement?: unknown) => void) | undefined
}

/** A kind of command, found by what the objects of mysql2 are made by. */
export type CommandClass<C> = new (options: object, done?: (error: unknown, ...answer: unknown[]) => void) => C

/** What a connection of mysql2 has besides its types; its pools and wrappers rest on these (mysql2 3.24). */
export interface ConnectionInternals {
  _command: Command | null | undefined
  readonly _commands: { shift(): Command | undefined; readonly length: number }
  readonly _fatalError: Error | null
  _protocolError: Error | null
  _closing?: boolean
  readonly _paused?: boolean
  readonly sequenceId: number
  readonly stream: unknown
  readonly clientEncoding: string
  handlePacket(packet?: unknown): void
  _resolveNamedPlaceholders(options: object): void
  _handleFatalError(error: Error): void
  addCommand(command: object): unknown
  _addCommandClosedState(command: Command): void
  /** Of pools' connections: what `end` is elsewhere. */
  _realEnd?(...parameters: unknown[]): unknown
}

/** A class that mysql2 makes connections of, without the types of its constructor, which is not for everybody. */
export type ConnectionClass = (new (...parameters: unknown[]) => mysql2.Connection & ConnectionInternals) & {
  createQuery(sql: unknown, values: unknown, done: unknown, config: unknown): QueryCommand
}

/** The commands that are made here, too. */
export interface CommandClasses {
  readonly Query: CommandClass<QueryCommand>
  readonly Prepare: CommandClass<PrepareCommand>
  readonly Execute: CommandClass<ExecuteCommand>
}

/** mysql2 exports none of them, but makes them: `execute` two, which it adds to its connection one after the other. */
export function commandClasses(module: Mysql2): CommandClasses {
  const connection = classesOf(module).Connection as ConnectionClass & {
    readonly prototype: { execute(sql: string): unknown }
  }
  const made: Command[] = []
  const recorder = {
    config: {},
    _resolveNamedPlaceholders: () => undefined,
    addCommand: (command: Command) => made.push(command),
  }
  connection.prototype.execute.call(recorder, 'select 1')
  const [Prepare, Execute] = made.map((command) => command.constructor)
  const { constructor: Query } = connection.createQuery('select 1', undefined, undefined, {})
  return { Query, Prepare, Execute } as unknown as CommandClasses
}
