import type { CommandNotes } from './command-notes.ts'
import type { Carrier, ValueSettings } from './carried-command.ts'
import type { Command, CommandClasses, ConnectionInternals, ExecuteCommand } from './native-mysql2.ts'
import { routedExecute } from './command-statement.ts'
import { QueryCargo, type CarriedEnd, type PlainCommand } from './query-cargo.ts'
import type { RoutableTexts } from './routable-texts.ts'
import type { UnderWay } from './session-statement.ts'
import type { VirtualSession } from './virtual-session.ts'

export interface PlainQueriesParts {
  readonly classes: CommandClasses
  readonly session: VirtualSession
  readonly notes: CommandNotes
  readonly texts: RoutableTexts
  readonly connection: ConnectionInternals
  readonly settings: ValueSettings
  readonly senderOf: CarriedEnd['senderOf']
  /** Gives a query the answer of a later attempt. */
  readonly deliver: (command: PlainCommand, rows: unknown, fields: unknown) => void
  /** The command has ended, and was told. */
  readonly finish: () => void
  readonly fail: (command: Command, error: unknown, signal: AbortSignal) => void
}

/** Queries of one connection that ask for nothing but their answer: each goes to a server as it is, without a promise. */
export class PlainQueries {
  readonly #parts: PlainQueriesParts
  readonly #end: CarriedEnd
  #current: QueryCargo | undefined
  #underWay: UnderWay | undefined
  #stop = new AbortController()
  #ended: PromiseWithResolvers<void> | undefined

  constructor(parts: PlainQueriesParts) {
    this.#parts = parts
    this.#end = {
      settings: parts.settings,
      classes: parts.classes,
      senderOf: parts.senderOf,
      isPaused: () => parts.connection._paused === true,
      answered: (cargo, native) => this.#answered(cargo, native),
      failed: (cargo, error) => this.#failed(cargo, error),
      spoilt: (cargo, tell) => this.#spoilt(cargo, tell),
    }
  }

  /** Whether one runs. */
  get isRunning(): boolean {
    return this.#current !== undefined
  }

  /** The connection below, on which it runs. */
  get carrier(): Carrier | undefined {
    return this.#current?.carrier
  }

  /** Resolves when the one that runs has ended. */
  get ended(): Promise<void> | undefined {
    if (this.#current === undefined) return undefined
    this.#ended ??= Promise.withResolvers()
    return this.#ended.promise
  }

  /** Sends it; false if it is more than a plain query, and nothing was done. */
  start(command: Command): boolean {
    const { session, notes } = this.#parts
    if (!isBare(command) || notes.purposeOf(command) !== undefined) return false
    const { sql, params } = this.#routed(command)
    const cargo = new QueryCargo(command, this.#end)
    this.#current = cargo
    const underWay = session.carry(sql, params, this.#stop.signal, cargo)
    if (underWay === undefined) {
      this.#current = undefined
      return false
    }
    // It may have ended already, and the next one begun.
    if (this.#current === cargo) this.#underWay = underWay
    // Its connection tells it the answer, and knows nothing of where it was called.
    notes.tellWithin(command)
    return true
  }

  /** A text and values as the statement is routed by them. */
  #routed(command: PlainCommand): { readonly sql: string; readonly params: readonly unknown[] } {
    if ('_executeOptions' in command) return routedExecute(command)
    const written = this.#parts.notes.writtenOf(command)
    return written === undefined ? { sql: command.sql, params: none } : this.#parts.texts.of(written, command)
  }

  stop(): void {
    if (this.#current === undefined) return
    this.#stop.abort()
    this.#underWay?.stop()
  }

  #answered(cargo: QueryCargo, [rows, fields]: readonly [unknown, unknown]): void {
    const { session, connection, deliver, finish } = this.#parts
    const { asked: command } = cargo
    if (this.#current !== cargo) return
    session.carried(rows)
    try {
      // While it still runs: whoever gives the connection back now leaves nothing on it.
      if (!cargo.isAnswered) deliver(command, rows, fields)
    } finally {
      this.#over()
      if (connection._command === command) finish()
    }
  }

  #failed(cargo: QueryCargo, error: unknown): void {
    const { notes, connection, fail } = this.#parts
    const { asked: command } = cargo
    const { signal } = this.#stop
    if (this.#current !== cargo) return
    this.#over()
    // Whoever was told that the connection is lost hears no more.
    if (connection._command === command) notes.run(command, fail, command, error, signal)
  }

  #spoilt(cargo: QueryCargo, tell: (() => void) | undefined): void {
    const { connection, finish } = this.#parts
    if (this.#current !== cargo) return
    try {
      tell?.()
    } finally {
      this.#over()
      if (connection._command === cargo.asked) finish()
    }
  }

  #over(): void {
    this.#current = undefined
    this.#underWay = undefined
    if (this.#stop.signal.aborted) this.#stop = new AbortController()
    this.#ended?.resolve()
    this.#ended = undefined
  }
}

const none: readonly unknown[] = []

/** A query or a prepared statement whose rows are wanted all at once, and that is not limited in time by mysql2. */
function isBare(command: Command): command is PlainCommand {
  if (typeof command.onResult !== 'function' || command.timeout) return false
  // One without a statement: its preparation was refused.
  return (
    '_queryOptions' in command || ('_executeOptions' in command && isPrepared(command as unknown as ExecuteCommand))
  )
}

function isPrepared({ statement }: ExecuteCommand): boolean {
  return statement !== undefined
}
