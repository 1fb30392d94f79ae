import { randomInt } from 'node:crypto'
import { UnsupportedError, type Analysis, type CallOptions, type Scope } from '../../index.ts'
import type { Bound } from '../behind.ts'
import { driverError } from '../driver-error.ts'
import { SettingsCatalogue } from './session-settings.ts'
import type { Stop } from './stop-text.ts'
import type { Welcome } from './idle-connection.ts'

/** Above every process id of an operating system (Linux: at most 4,194,304), so that none is taken for another. */
const firstProcessId = 5_000_000
const lastProcessId = 2_147_483_647

/** Different settings that clients begin with, for which is kept what the server said. */
const mostWelcomes = 100

/** Settings that drivers tell to whoever connects. */
const told = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'application_name',
  'session_authorization',
  'is_superuser',
  'default_transaction_read_only',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'standard_conforming_strings',
] as const

/** What all virtual clients of one module share. */
export class SessionHost {
  readonly scope: Scope
  readonly bound: Bound
  readonly #connected = new Map<number, Stoppable>()
  /** As connections get them. */
  readonly settings = new SettingsCatalogue()
  readonly #welcomes = new Map<string, Promise<Readonly<Record<string, string>>>>()
  /** Anywhere, so that an id of another module or another process means nobody here. */
  #nextProcessId = randomInt(firstProcessId, lastProcessId)

  constructor(bound: Bound) {
    this.scope = bound
    this.bound = bound
  }

  /** Asks a server once whether it can be reached at all, as connecting does, and takes these settings; then what it said. */
  async welcome(call: Pick<CallOptions, 'settings' | 'role'>): Promise<Welcome> {
    const { settings } = call
    const key = settings?.key ?? ''
    const asked = this.#welcomes.get(key) ?? this.#ask(call)
    if (this.#welcomes.size >= mostWelcomes) this.#welcomes.delete(this.#welcomes.keys().next().value!)
    this.#welcomes.set(key, asked)
    try {
      const parameters = await asked
      const processID = this.#nextProcessId
      this.#nextProcessId = processID === lastProcessId ? firstProcessId : processID + 1
      return { processID, secretKey: processID, parameters }
    } catch (error) {
      // The next client finds out anew.
      if (this.#welcomes.get(key) === asked) this.#welcomes.delete(key)
      throw driverError(error)
    }
  }

  async #ask(call: CallOptions): Promise<Readonly<Record<string, string>>> {
    const { engine } = this.scope
    if (engine !== 'postgres')
      throw new UnsupportedError(
        `The façade of pg leads to PostgreSQL, and this database is on ${engine ?? 'no engine'}.`,
      )
    const { rows } = await this.scope.query<{ name: string; setting: string }>(
      `select s.name, current_setting(s.name) as setting from unnest($1::text[]) as s(name)`,
      [told],
      // What anybody has written has no say in it, so no replica has to have that.
      { role: 'replica', ...call },
    )
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
  }

  /** What a text does, apart from its values. */
  outlineOf(sql: string): Analysis | Promise<Analysis> {
    return this.scope.outline(sql, 'postgres')
  }

  /** The client of a process id can be stopped by others until it is left. */
  connected(processID: number, client: Stoppable): void {
    this.#connected.set(processID, client)
  }

  left(processID: number): void {
    this.#connected.delete(processID)
  }

  /** Stops what runs under a process id, or the client as a whole. False if there is none. */
  async stop({ what, processID }: Stop): Promise<boolean> {
    const client = this.#connected.get(processID)
    if (what === 'cancel') await client?.cancel()
    else client?.end()
    return client !== undefined
  }

  /** Whether the id was given out here. */
  isVirtual(processID: number): boolean {
    return processID >= firstProcessId
  }
}

/** A client, as others see it who know its process id. */
export interface Stoppable {
  /** Stops what runs, if anything does; resolves when nothing of it runs any more, or that takes too long. */
  cancel(): Promise<void>
  end(): void
}
