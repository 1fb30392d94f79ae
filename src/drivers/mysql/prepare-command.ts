import { framed, writeFirst, type WritesPackets } from './command-packet.ts'
import type { NativeCommand } from './native-command.ts'

/** COM_STMT_PREPARE and COM_STMT_CLOSE (https://mariadb.com/kb/en/com_stmt_prepare/). */
const prepareCode = 0x16
const closeCode = 0x19

/** A packet of mysql2's, as far as it is read here. */
interface Packet {
  isError(): boolean
  asError(encoding: string): { readonly errno?: number }
  /** To be read from its beginning again. */
  reset(): void
  readInt8(): number
  readInt16(): number
  readInt32(): number
}

export interface Prepared {
  readonly id: number
  readonly columns: number
  readonly parameters: number
}

export interface PreparationEnds {
  readonly prepared: (prepared: Prepared | undefined) => void
  readonly stopped: (packet: unknown, connection: unknown) => void
  readonly lost: (error: unknown) => void
}

/**
 * Prepares a text, whatever mysql2 itself has prepared there: its own statements are closed when others need their places.
 * `prepared` gets nothing where the server does not prepare it; `stopped` the packet by which it says that it was stopped, as whatever else
 * would have run then; `lost` is called where the connection was lost.
 */
export class PrepareCommand implements NativeCommand {
  readonly #sql: string
  readonly #prepared: (prepared: Prepared | undefined) => void
  readonly #stopped: (packet: unknown, connection: unknown) => void
  readonly #lost: (error: unknown) => void
  #found: Prepared | undefined
  /** Packets that are still to come: one for each parameter and each column, and one behind each kind. */
  #left = 0

  constructor(sql: string, ends: PreparationEnds) {
    this.#sql = sql
    this.#prepared = ends.prepared
    this.#stopped = ends.stopped
    this.#lost = ends.lost
  }

  execute(packet: unknown, connection: unknown): boolean {
    if (packet === undefined) {
      writeFirst(connection as WritesPackets, framed(prepareCode, Buffer.from(this.#sql, 'utf8')))
      return false
    }
    const taken = packet as Packet
    if (taken.isError()) {
      if (isStopped(taken)) this.#stopped(packet, connection)
      else this.#prepared(undefined)
      return true
    }
    if (this.#found === undefined) {
      this.#found = read(taken)
      this.#left = packetsFor(this.#found.parameters) + packetsFor(this.#found.columns)
      if (this.#left > 0) return false
    } else if (--this.#left > 0) return false
    this.#prepared(this.#found)
    return true
  }

  onResult(error: unknown): void {
    this.#lost(error)
  }

  /** @internal For mysql2's log. */
  stateName(): string {
    return 'preparing'
  }
}

/** Closes a prepared statement, which has no answer. */
export function closeCommand(id: number): NativeCommand {
  return {
    execute: (_packet, connection) => {
      const bytes = Buffer.allocUnsafe(4)
      bytes.writeUInt32LE(id)
      writeFirst(connection as WritesPackets, framed(closeCode, bytes))
      return true
    },
  }
}

/** It waited for a lock too long or for one that waited for it, was killed, or its server ends (numbers as in `errors.ts`; 1969: `max_statement_time`). */
const stops: ReadonlySet<unknown> = new Set([1053, 1205, 1213, 1317, 1927, 1969])

function isStopped(packet: Packet): boolean {
  const { errno } = packet.asError('utf8')
  packet.reset()
  return stops.has(errno)
}

function read(packet: Packet): Prepared {
  packet.readInt8()
  const id = packet.readInt32()
  const columns = packet.readInt16()
  return { id, columns, parameters: packet.readInt16() }
}

function packetsFor(definitions: number): number {
  return definitions === 0 ? 0 : definitions + 1
}
