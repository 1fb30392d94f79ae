import type { PoolConnection } from 'mysql2'
import { BoundedMap } from '../../statement/bounded-map.ts'
import { isBindableWrite } from '../../statement/mysql/bindable-write.ts'
import type { DriverRequest } from '../driver.ts'
import { executePacket } from './execute-packet.ts'
import { addCommand, type CarriedCommand } from './native-command.ts'
import { closeCommand, PrepareCommand, type PreparationEnds, type Prepared } from './prepare-command.ts'

/** A text that has come so often is prepared. */
const timesBefore = 3
const mostTexts = 1_000
const longestText = 32_768
/** Collations of utf8mb4 by which connections are made: in it values are written (`SHOW COLLATION`). */
const isUtf8mb4 = (collation = 0): boolean =>
  collation === 45 || collation === 46 || (collation >= 224 && collation <= 247)

/** A text of writes. */
interface Text {
  readonly sql: string
  times: number
  /** `undefined` until it is looked into. */
  mayBePrepared: boolean | undefined
}

/** What is prepared on one connection, the longest there first. */
type Handles = Map<Text, number>

/** What mysql2 has besides its types. */
interface Greeted {
  readonly _handshakePacket?: { readonly serverVersion?: string }
}

/** Whose write is prepared, and told before it is sent. */
export interface PreparedCall {
  /** Sends it, prepared or not. */
  proceed(connection: PoolConnection): void
  /** The connection was lost before. */
  lost(error: unknown): void
}

/**
 * Writes that come as text and are sent prepared, where that means the same: their server has less to do then. Of a façade that sends texts,
 * on MariaDB, whose prepared statements take values as literals are taken; MySQL 8 finds out the types of its parameters otherwise.
 */
export class PreparedWrites {
  readonly #most: number
  readonly #texts = new BoundedMap<string, Text>(mostTexts)
  /** `undefined`: nothing is prepared there. */
  readonly #connections = new WeakMap<PoolConnection, Handles | undefined>()

  /** `most`: at least 1, on each connection. */
  constructor(most: number) {
    this.#most = most
  }

  /** Has a call proceed, now or when its text is prepared on the connection, with what its command is to send in place of its text. */
  send(connection: PoolConnection, request: DriverRequest, command: CarriedCommand, call: PreparedCall): void {
    const text = this.#textOf(request, command)
    const handles = text && this.#handlesOf(connection)
    if (text === undefined || handles === undefined) return call.proceed(connection)
    const values = request.params as readonly unknown[]
    const handle = handles.get(text)
    if (handle !== undefined) {
      command.bound = executePacket(handle, values)
      return call.proceed(connection)
    }
    // Whether its values can be bound at all.
    if (executePacket(0, values) === undefined) return call.proceed(connection)
    const prepared = (id: number | undefined): void => {
      if (id === undefined) text.mayBePrepared = false
      else command.bound = executePacket(id, values)
      call.proceed(connection)
    }
    const stopped = (packet: unknown, on: unknown): void => void command.execute(packet, on)
    this.#prepare(connection, handles, text, values.length, {
      prepared,
      stopped,
      lost: (error) => call.lost(error),
    })
  }

  /** The server does not know it any more, or not as it was prepared: it is prepared anew the next time. */
  drop(connection: PoolConnection, sql: string): void {
    const handles = this.#connections.get(connection)
    const text = this.#texts.get(sql)
    const handle = text && handles?.get(text)
    if (text === undefined || handle === undefined) return
    handles?.delete(text)
    addCommand(connection, closeCommand(handle))
  }

  /** The session of the connection was reset, and nothing is prepared there any more. */
  forget(connection: PoolConnection): void {
    this.#connections.delete(connection)
  }

  #prepare(
    connection: PoolConnection,
    handles: Handles,
    text: Text,
    parameters: number,
    ends: Omit<PreparationEnds, 'prepared'> & { readonly prepared: (id: number | undefined) => void },
  ): void {
    if (handles.size >= this.#most) {
      const [[oldest, handle]] = handles as unknown as [[Text, number]]
      handles.delete(oldest)
      addCommand(connection, closeCommand(handle))
    }
    const prepared = (found: Prepared | undefined): void => {
      if (found === undefined) return ends.prepared(undefined)
      if (found.parameters === parameters && found.columns === 0) {
        handles.set(text, found.id)
        return ends.prepared(found.id)
      }
      addCommand(connection, closeCommand(found.id))
      ends.prepared(undefined)
    }
    addCommand(connection, new PrepareCommand(text.sql, { ...ends, prepared }))
  }

  #textOf({ sql, params, settings, changes }: DriverRequest, command: CarriedCommand): Text | undefined {
    if (!Array.isArray(params) || params.length === 0 || settings !== undefined || changes !== undefined)
      return undefined
    if (!command.mayBeBound || sql.length > longestText) return undefined
    let text = this.#texts.get(sql)
    if (text === undefined) {
      text = { sql, times: 0, mayBePrepared: undefined }
      this.#texts.set(sql, text)
    }
    if (text.times < timesBefore) {
      text.times += 1
      return undefined
    }
    text.mayBePrepared ??= isBindableWrite(sql)
    return text.mayBePrepared ? text : undefined
  }

  #handlesOf(connection: PoolConnection): Handles | undefined {
    if (this.#connections.has(connection)) return this.#connections.get(connection)
    const { _handshakePacket: greeting } = connection as unknown as Greeted
    const isMariadb = greeting?.serverVersion?.includes('MariaDB') === true
    const handles: Handles | undefined = isMariadb && isUtf8mb4(connection.config.charsetNumber) ? new Map() : undefined
    this.#connections.set(connection, handles)
    return handles
  }
}
