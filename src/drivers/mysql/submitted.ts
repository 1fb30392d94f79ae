import type { PoolConnection } from 'mysql2'
import type { AbortedError, TimeoutError } from '../../errors.ts'
import type { DriverRequest, SubmittedOutcome, TransactionStatus } from '../driver.ts'
import { heardCommand } from './heard-command.ts'
import { isLoss, mysqlError } from './errors.ts'
import type { QueryKiller } from './killer.ts'
import { addCommand, type NativeCommand } from './native-command.ts'
import { interrupt, onStop } from './running.ts'
import type { SendOptions } from './send.ts'

/** SERVER_STATUS_IN_TRANS. */
const inTransactionFlag = 1

/** What a command of mysql2's own came to. */
export interface Submitted {
  /** Resolves when the command is over; rejects if the connection is lost, or was. What the server answered is told to the command itself. */
  readonly answer: Promise<TransactionStatus>
  /** Resolves when the connection's next statement may be sent: true, or false if there must be none. */
  readonly usable: Promise<boolean>
}

/** Runs a command of mysql2 (a query, a stream, a ping). A time limit, counted from `start`, or an abort interrupts it on the server. */
export function submitted(
  connection: PoolConnection,
  request: DriverRequest,
  statement: object,
  start: number,
  options: SendOptions,
  killer: QueryKiller,
  hear?: (outcome: SubmittedOutcome) => void,
): Submitted {
  const command = statement as NativeCommand
  const heard = hear === undefined ? undefined : heardCommand(command)
  const over = Promise.withResolvers<TransactionStatus>()
  const usable = Promise.withResolvers<boolean>()
  const ended = Promise.withResolvers<void>()
  const running = { connection, ended: ended.promise, hasEnded: false, drain: () => connection.resume() }
  let interrupted: Promise<boolean> | undefined
  let status: TransactionStatus = 'I'
  const watch = onStop(request, start, (_error: AbortedError | TimeoutError) => {
    interrupted = interrupt(running, killer, options.losses).then((freed) => {
      if (!freed) connection.destroy()
      return freed
    })
    usable.resolve(interrupted)
  })
  const end = (): void => {
    running.hasEnded = true
    watch.disarm()
    ended.resolve()
    if (heard === undefined) return
    const { rowCount, error } = heard.end()
    hear?.(error === undefined ? { rowCount } : { rowCount, error: mysqlError(error, 'run', request.access) })
  }
  addCommand(connection, {
    execute: (packet: unknown, on: unknown): boolean => {
      // Read before the command, which moves on in the packet.
      status = statusOf(packet) ?? status
      heard?.packet(packet, on)
      const done = command.execute(packet, on)
      if (!done) return false
      end()
      over.resolve(status)
      if (interrupted === undefined) usable.resolve(true)
      return true
    },
    onResult: (error: unknown): void => {
      end()
      command.onResult?.(error)
      if (isLoss(error)) options.losses.note(connection)
      over.reject(mysqlError(error, 'run', 'write'))
      usable.resolve(false)
    },
    stateName: () => 'submitted',
  })
  return { answer: over.promise, usable: usable.promise }
}

/** Of a packet that ends an answer (OK or EOF): whether the server is in a transaction now. */
function statusOf(packet: unknown): TransactionStatus | undefined {
  if (typeof packet !== 'object' || packet === null) return undefined
  const { buffer, offset, end } = packet as { readonly buffer: Buffer; readonly offset: number; readonly end: number }
  const flags = flagsOf(buffer, offset, end)
  if (flags === undefined) return undefined
  return (flags & inTransactionFlag) === 0 ? 'I' : 'T'
}

function flagsOf(buffer: Buffer, offset: number, end: number): number | undefined {
  const [kind, length] = [buffer[offset], end - offset]
  if (kind === 0xfe && length === 5) return buffer.readUInt16LE(offset + 3)
  // A row may begin with this byte as well (an empty text), and is then no OK: its flags are corrected by the end of the rows.
  if (kind !== 0 || length < 7) return undefined
  const at = skipNumber(buffer, skipNumber(buffer, offset + 1))
  return at + 2 <= end ? buffer.readUInt16LE(at) : undefined
}

/** Behind a number as the protocol writes it: one byte, or a mark and two, three or eight. */
function skipNumber(buffer: Buffer, at: number): number {
  const first = buffer[at] ?? 0
  if (first === 0xfc) return at + 3
  if (first === 0xfd) return at + 4
  return first === 0xfe ? at + 9 : at + 1
}
