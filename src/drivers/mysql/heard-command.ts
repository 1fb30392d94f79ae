import { EventEmitter, errorMonitor } from 'node:events'
import type { NativeCommand } from './native-command.ts'

/** What has become of a command. */
export interface Heard {
  /** Rows that came, or else those that were changed. */
  readonly rowCount: number
  /** mysql2's. */
  readonly error: unknown
}

/** A packet of mysql2's, as far as an error is found in it. */
interface ErrorPacket {
  isError(): boolean
  asError(encoding: unknown): unknown
  reset(): void
}

/** What a query of mysql2 has gathered: for its callback the rows, or the header, of each result. */
interface Gathers {
  readonly _rows?: readonly unknown[]
}

/** Follows what becomes of a command, and takes nothing from those for whom it is. `packet` gets each packet before the command. */
export function heardCommand(command: NativeCommand): {
  readonly packet: (packet: unknown, connection: unknown) => void
  readonly end: () => Heard
} {
  const asked: unknown = command.asked ?? command
  let emitted = 0
  let hasRows = false
  let error: unknown
  const listeners: readonly (readonly [string | symbol, (given: unknown) => void])[] = [
    // Told before each result: columns, or nothing where there are no rows.
    ['fields', (columns) => void (hasRows = Array.isArray(columns))],
    // Without a callback each row comes so, and a header in any case.
    ['result', () => void (emitted += hasRows ? 1 : 0)],
    [errorMonitor, (failure) => void (error ??= failure)],
  ]
  const emitter = asked instanceof EventEmitter ? asked : undefined
  for (const [name, listener] of listeners) emitter?.on(name, listener)
  return {
    packet: (packet, connection) => {
      if (!isErrorPacket(packet)) return
      error ??= packet.asError((connection as { readonly clientEncoding?: unknown }).clientEncoding)
      packet.reset()
    },
    end: () => {
      for (const [name, listener] of listeners) emitter?.removeListener(name, listener)
      const results = (asked as Gathers)._rows ?? []
      const rows = emitted + sum(results.map((each) => (Array.isArray(each) ? each.length : 0)))
      return { rowCount: rows || sum(results.map(changedRows)), error }
    },
  }
}

function isErrorPacket(packet: unknown): packet is ErrorPacket {
  return typeof packet === 'object' && packet !== null && (packet as ErrorPacket).isError()
}

function changedRows(result: unknown): number {
  return (result as { readonly affectedRows?: number } | null)?.affectedRows ?? 0
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
