import type { PoolConnection } from 'mysql2'

/** What a connection of mysql2 asks of a command, its own and others. */
export interface NativeCommand {
  /** Sends what is to be sent, and takes what has come (nothing at the start). True when the next command may run. */
  execute(packet: unknown, connection: unknown): boolean
  /** Gets the error if the connection is lost before. */
  onResult?: ((error: unknown, ...answer: readonly unknown[]) => void) | undefined
  /** Where several commands run as one: that whose answer is asked for. */
  readonly asked?: NativeCommand | undefined
}

/** What a carried command tells when it has ended, and its connection may have the next one: one of them, once. */
export interface CarriedEnds {
  /** As mysql2 gives it: rows or a header, and the columns. */
  answered(rows: unknown, fields: unknown): void
  /** The server's error. */
  failed(error: unknown): void
  /** The connection was lost below it. */
  lost(error: unknown): void
  /** It has told its end, but the server may not have: nobody may use the connection any more. */
  spoilt(): void
}

/** A command that somebody else has, and that takes its answer on a connection of the driver's. `execute` as of {@link NativeCommand}. */
export interface CarriedCommand {
  /** Set before it is executed. */
  ends: CarriedEnds | undefined
  /** Sends one packet and nothing more before its answer is in, so that others may be sent behind it. */
  readonly isOneText: boolean
  /** A prepared statement may be executed in place of its text, whose answer it takes as its own. */
  readonly mayBeBound: boolean
  /** The packet that does so. Once: the next time its text is sent. */
  bound: Buffer | undefined
  execute(packet: unknown, connection: unknown): boolean
  /** It was sent, and until its answer comes the connection is that of others. */
  rest(): void
  /** It was sent in vain: it begins anew, perhaps on another connection. Only before any of its answer has come. */
  rewind(): void
  /** The connection was lost. */
  onResult(error: unknown): void
}

interface TakesCommands {
  addCommand(command: object): unknown
}

/** Has a connection run a command when those before it are over. */
export function addCommand(connection: PoolConnection, command: object): void {
  // Not in mysql2's types, but it is how each of its own methods sends.
  ;(connection as unknown as TakesCommands).addCommand(command)
}
