import { framed, writeFirst, type WritesPackets } from './command-packet.ts'
import type { NativeCommand } from './native-command.ts'

/** COM_QUERY (https://mariadb.com/kb/en/com_query/). */
const queryCode = 3

/** What mysql2 has besides its types. */
interface Corkable extends WritesPackets {
  /** Of the next packet. */
  sequenceId: number
  readonly stream: { cork?(): void; uncork?(): void }
}

interface BeginEnds {
  /** It was written: others need not send it any more. */
  readonly sent: () => void
  /** The server did not begin a transaction, and may have run what came behind: the connection is of no use any more. */
  readonly refused: () => void
}

/**
 * The text that begins a transaction, and a command behind it, in one go: a server reads one after the other from its connection. Only for
 * what changes nothing, since it runs even if there is no transaction; it is told then why there is none.
 */
export class BeginAhead implements NativeCommand {
  readonly #text: string
  readonly #behind: NativeCommand
  readonly #ends: BeginEnds
  #hasBegun = false
  /** The command behind has come to its end, and told it, without sending anything. */
  #isOver = false
  /** At which the answer to what came behind begins to count. */
  #sequenceId = 1

  constructor(text: string, behind: NativeCommand, ends: BeginEnds) {
    this.#text = text
    this.#behind = behind
    this.#ends = ends
  }

  get asked(): NativeCommand {
    return this.#behind.asked ?? this.#behind
  }

  execute(packet: unknown, connection: unknown): boolean {
    if (packet === undefined) this.#send(connection as Corkable)
    else if (this.#hasBegun) return this.#behind.execute(packet, connection)
    else return this.#begun(packet, connection as Corkable)
    return false
  }

  #send(connection: Corkable): void {
    const { stream } = connection
    stream.cork?.()
    try {
      this.#ends.sent()
      writeFirst(connection, framed(queryCode, Buffer.from(this.#text, 'utf8')))
      this.#isOver = this.#behind.execute(undefined, connection)
    } catch (error) {
      this.#ends.refused()
      throw error
    } finally {
      stream.uncork?.()
      this.#sequenceId = connection.sequenceId
      connection.sequenceId = 1
    }
  }

  #begun(packet: unknown, connection: Corkable): boolean {
    this.#hasBegun = true
    if ((packet as { isError(): boolean }).isError()) {
      this.#ends.refused()
      if (!this.#isOver) this.#behind.execute(packet, connection)
      return true
    }
    connection.sequenceId = this.#sequenceId
    return this.#isOver
  }

  /** The connection was lost. */
  onResult(error: unknown): void {
    if (!this.#isOver) this.#behind.onResult?.(error)
  }

  /** @internal For mysql2's log. */
  stateName(): string {
    return 'beginning'
  }
}
