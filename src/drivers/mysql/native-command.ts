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

interface TakesCommands {
  addCommand(command: object): unknown
}

/** Has a connection run a command when those before it are over. */
export function addCommand(connection: PoolConnection, command: object): void {
  // Not in mysql2's types, but it is how each of its own methods sends.
  ;(connection as unknown as TakesCommands).addCommand(command)
}
