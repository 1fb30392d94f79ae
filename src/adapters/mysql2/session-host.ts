import { randomInt } from 'node:crypto'
import { UnsupportedError, type Analysis, type Scope } from '../../index.ts'
import type { Bound } from '../behind.ts'
import { driverError } from '../driver-error.ts'
import type { CommandClasses } from './native-mysql2.ts'
import { RoutableTexts } from './routable-texts.ts'
import type { Hello } from './server-words.ts'
import type { Kill } from './statement-text.ts'

/** Above the ids that servers give, which they count from 1. The protocol has 32 bits for them. */
const firstThreadId = 3_000_000_000
const lastThreadId = 4_294_967_295

/** What a virtual connection lets others do to it. */
export interface Killable {
  /** Stops the statement that runs, if one does. Resolves when it has ended. */
  stop(): Promise<void>
  /** Ends the connection, as a server does. */
  end(): void
}

/** CLIENT_*: what servers of MySQL and MariaDB have in common, as mysql2 needs it. LONG_PASSWORD is missing, as on MariaDB. */
const capabilityFlags = 0x81bf_f7fe

/** What all virtual connections of one module share. */
export class SessionHost {
  readonly scope: Scope
  readonly bound: Bound
  readonly texts = new RoutableTexts()
  readonly #connections = new Map<number, Killable>()
  #version: Promise<string> | undefined
  /** Anywhere, so that an id of another module or another process means nobody here. */
  #nextThreadId = randomInt(firstThreadId, lastThreadId)

  readonly #classes: CommandClasses

  constructor(bound: Bound, classes: CommandClasses) {
    this.scope = bound
    this.bound = bound
    this.#classes = classes
  }

  /** Sends a text on behalf of a session. Rejects with mysql2's error. */
  async say(sql: string, submit: (statement: object) => Promise<void>): Promise<void> {
    let failure: unknown
    await submit(new this.#classes.Query({ sql }, (error) => (failure = error)))
    // As other errors of its kind, it is told after the command's end.
    if (failure) throw failure
  }

  /** Asks a server once whether it can be reached at all, as connecting does; then what it said. */
  async welcome(): Promise<Hello> {
    const asked = (this.#version ??= this.#ask())
    try {
      const serverVersion = await asked
      const connectionId = this.#nextThreadId
      this.#nextThreadId = connectionId === lastThreadId ? firstThreadId : connectionId + 1
      // Utf8mb4_general_ci
      return { serverVersion, characterSet: 45, capabilityFlags, connectionId }
    } catch (error) {
      // The next connection finds out anew.
      if (this.#version === asked) this.#version = undefined
      throw driverError(error)
    }
  }

  async #ask(): Promise<string> {
    const { engine } = this.scope
    if (engine !== 'mysql')
      throw new UnsupportedError(
        `The façade of mysql2 leads to MySQL and MariaDB, and this database is on ${engine ?? 'no engine'}.`,
      )
    // What anybody has written has no say in it, so no replica has to have that.
    const ask = this.scope.query<{ version: string }>('select version() as version', [], { role: 'replica' })
    const { rows } = await ask
    return String(rows[0]?.version)
  }

  /** What a text does, apart from its values. */
  outlineOf(sql: string): Analysis | Promise<Analysis> {
    return this.scope.outline(sql, 'mysql')
  }

  /** Others can stop it from now on, until it is left. */
  connected(threadId: number, connection: Killable): void {
    this.#connections.set(threadId, connection)
  }

  left(threadId: number): void {
    this.#connections.delete(threadId)
  }

  /** False if there is no such connection. */
  async kill({ what, threadId }: Kill): Promise<boolean> {
    const connection = this.#connections.get(threadId)
    if (what === 'query') await connection?.stop()
    else connection?.end()
    return connection !== undefined
  }

  /** Whether the id was given out here. */
  isVirtual(threadId: number): boolean {
    return threadId >= firstThreadId
  }
}
