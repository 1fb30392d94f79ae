import type { Command, CommandClasses } from './native-mysql2.ts'

/** What a statement needs of its connection. */
interface AddsCommands {
  readonly config: object
  addCommand(command: object): unknown
}

/** What a server says of a prepared statement. */
interface Described {
  readonly id?: number
  readonly columns?: readonly unknown[]
  readonly parameters?: readonly unknown[]
}

type Done = (error: unknown, ...answer: unknown[]) => void

/** A prepared statement that is prepared wherever it is executed, once on each connection. */
export class VirtualStatement {
  readonly query: string
  readonly id: number
  readonly columns: readonly unknown[]
  readonly parameters: readonly unknown[]
  /** mysql2's wrapper with promises looks here for settings. */
  readonly _connection: AddsCommands
  readonly #classes: CommandClasses

  constructor(query: string, connection: AddsCommands, classes: CommandClasses, described: unknown) {
    const { id = 0, columns = [], parameters = [] } = (described ?? {}) as Described
    this.query = query
    this.id = id
    this.columns = columns
    this.parameters = parameters
    this._connection = connection
    this.#classes = classes
  }

  execute(parameters?: unknown, callback?: Done): Command {
    const isCallback = typeof parameters === 'function'
    const values = isCallback ? [] : parameters
    const done = isCallback ? (parameters as Done) : callback
    const command = new this.#classes.Execute({ statement: this, values, sql: this.query }, done)
    this._connection.addCommand(command)
    return command
  }

  /** Connections forget statements that are not used; there is nothing to be closed. */
  close(): void {}
}
