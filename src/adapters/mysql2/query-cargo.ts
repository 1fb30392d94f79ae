import { LentConnection, type Carrier, type ValueSettings } from './carried-command.ts'
import type { CommandClasses, ExecuteCommand, PrepareCommand, QueryCommand } from './native-mysql2.ts'
import { preparedOn } from './prepared-on.ts'
import type { Cargo } from './session-statement.ts'

type Sender = NonNullable<Cargo['sender']>
/** A query as text, or a prepared statement with its values. */
export type PlainCommand = QueryCommand | ExecuteCommand

type Native = readonly [rows: unknown, fields: unknown]

/** What all queries of one connection that are carried have in common. */
export interface CarriedEnd {
  readonly settings: ValueSettings
  readonly classes: CommandClasses
  /** Its user has paused it. */
  isPaused(): boolean
  answered(cargo: QueryCargo, native: Native): void
  failed(cargo: QueryCargo, error: unknown): void
  /** Its answer cannot be read to its end. `tell`: what its user is still to be told. */
  spoilt(cargo: QueryCargo, tell?: () => void): void
  /** For later attempts. */
  senderOf(command: PlainCommand): Sender
}

/** As the driver has it. */
interface Ends {
  answered(rows: unknown, fields: unknown): void
  failed(error: unknown): void
  lost(error: unknown): void
  spoilt(): void
}

/** A packet of mysql2's, as far as an error is found in it. */
interface MayBeError {
  isError(): boolean
  asError(encoding: string): Error & { sql?: string }
}

/**
 * One query that takes its answer on a connection of somebody else's, where it runs as what it is. It is told its answer as ever,
 * but no error: another attempt may follow.
 */
export class QueryCargo implements Cargo, Sender {
  /** The query whose answer is asked for. */
  readonly asked: PlainCommand
  readonly #end: CarriedEnd
  #lent: LentConnection | undefined
  #isAnswered = false
  /** Of a prepared statement, which is prepared on each connection, until it is there. */
  #prepare: PrepareCommand | undefined
  /** Who is to hear on its connection that it has ended. */
  ends: Ends | undefined
  /** What is sent in place of its text, once. */
  bound: Buffer | undefined

  constructor(asked: PlainCommand, end: CarriedEnd) {
    this.asked = asked
    this.#end = end
  }

  /** What a connection of the driver's runs. */
  get query(): this {
    return this
  }

  get sender(): this {
    return this
  }

  /** One that is executed is prepared first, with an answer of its own. */
  get isOneText(): boolean {
    return !('_executeOptions' in this.asked)
  }

  /** An attribute goes with its query. */
  get mayBeBound(): boolean {
    const { asked } = this
    return '_queryOptions' in asked && !asked._queryOptions['attributes'] && asked.resultsetHeader !== undefined
  }

  /** Sent; others have the connection until the answer comes. */
  rest(): void {
    this.#lent?.giveBack(false)
    this.#lent = undefined
  }

  rewind(): void {
    this.rest()
    this.asked.next = null
  }

  /** For later attempts: see {@link Sender}. */
  command(...sent: Parameters<Sender['command']>): object {
    return this.#end.senderOf(this.asked).command(...sent)
  }

  /** The connection on which it runs now. */
  get carrier(): Carrier | undefined {
    return this.#lent?.connection
  }

  /** It has taken its answer, and told it. */
  get isAnswered(): boolean {
    return this.#isAnswered
  }

  execute(packet: unknown, connection: Carrier): boolean {
    if (this.#lent === undefined) {
      this.#lent = new LentConnection(connection, this.#end.settings)
      if (packet !== undefined && this.#end.isPaused()) connection.pause()
    }
    if (packet !== undefined && (packet as MayBeError).isError())
      return this.#refused(packet as MayBeError, connection.clientEncoding)
    if (packet === undefined && this.bound !== undefined) return this.#sendBound(this.bound, connection)
    if (this.#prepare !== undefined || (packet === undefined && this.#isUnprepared(connection))) {
      this.#prepare ??= this.#prepareOf(this.asked as ExecuteCommand)
      if (!this.#prepare.execute(packet, connection)) return false
      this.#prepare = undefined
      return this.#execute(undefined, connection)
    }
    return this.#execute(packet, connection)
  }

  /** It goes on as if it had sent its text. */
  #sendBound(bound: Buffer, connection: Carrier): false {
    const asked = this.asked as QueryCommand
    this.bound = undefined
    asked.options = asked._queryOptions
    asked.next = asked.resultsetHeader
    connection._resetSequenceId()
    connection._bumpSequenceId(1)
    connection.write(bound)
    return false
  }

  #execute(packet: unknown, connection: Carrier): boolean {
    const { asked } = this
    try {
      if (!asked.execute(packet, connection)) return false
    } catch (error) {
      return this.#spoilt(() => this.#tellThrown(error))
    }
    if (asked._localStreamError) return this.#spoilt()
    this.#isAnswered = true
    this.#leave()
    const { _rows: rows, _fields: fields, _resultIndex: index } = asked
    if (index === 0) this.ends?.answered(rows[0], fields[0])
    else this.ends?.answered(rows, fields)
    return true
  }

  /** Its user knows, and more may come in that nobody reads: its connection is no more for anybody. */
  #spoilt(tell?: () => void): true {
    this.#leave()
    this.ends?.spoilt()
    this.#end.spoilt(this, tell)
    return true
  }

  /** Somebody listens, and has thrown. */
  #tellThrown(error: unknown): void {
    const { asked } = this
    asked.onResult?.(error)
    // Its pool waits for the end, unless that is what was listened to.
    if (asked.next) asked.emit('end')
  }

  /** Whether its statement is still to be prepared there. */
  #isUnprepared(connection: Carrier): boolean {
    if (!('_executeOptions' in this.asked)) return false
    const statement = preparedOn(connection, this.asked._executeOptions)
    if (statement === undefined) return true
    this.asked.statement = statement
    return false
  }

  #prepareOf(asked: ExecuteCommand): PrepareCommand {
    return new this.#end.classes.Prepare(asked._executeOptions, (_error, statement) => {
      asked.statement = statement as ExecuteCommand['statement']
    })
  }

  #refused(packet: MayBeError, encoding: string): true {
    const failure = packet.asError(encoding)
    failure.sql = this.asked.sql
    this.#leave()
    this.ends?.failed(failure)
    return true
  }

  /** The connection was lost. */
  onResult(error: unknown): void {
    this.#leave()
    this.ends?.lost(error)
  }

  stateName(): string {
    return 'carried'
  }

  #leave(): void {
    this.#lent?.giveBack()
    this.#lent = undefined
  }

  answered(native: unknown): void {
    this.#end.answered(this, native as Native)
  }

  failed(error: unknown): void {
    this.#end.failed(this, error)
  }
}
