import { UnsupportedError, type Analysis, type Client, type Scope } from '../../index.ts'
import { driverError } from '../driver-error.ts'
import type { Stop } from './stop-text.ts'
import type { Welcome } from './idle-connection.ts'

/** Above every process id of an operating system (Linux: at most 4,194,304), so that none is taken for another. */
const firstProcessId = 5_000_000
const lastProcessId = 2_147_483_647
/** Texts whose analysis is kept, and how many characters each of them may have. */
const mostTexts = 2_000
const longestText = 10_000

/** Settings that drivers tell to whoever connects. */
const told = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'standard_conforming_strings',
] as const

/** What all virtual clients of one module share. */
export class SessionHost {
  readonly scope: Scope
  readonly #analyses = new Map<string, Analysis>()
  readonly #running = new Map<number, () => void>()
  readonly #connected = new Map<number, () => void>()
  #parameters: Promise<Readonly<Record<string, string>>> | undefined
  #nextProcessId = firstProcessId

  constructor(scope: Scope) {
    this.scope = scope
  }

  /** Asks a server once whether it can be reached at all, as connecting does; then what it said. */
  async welcome(): Promise<Welcome> {
    const asked = (this.#parameters ??= this.#ask())
    try {
      const parameters = await asked
      const processID = this.#nextProcessId
      this.#nextProcessId = processID === lastProcessId ? firstProcessId : processID + 1
      return { processID, secretKey: processID, parameters }
    } catch (error) {
      // The next client finds out anew.
      if (this.#parameters === asked) this.#parameters = undefined
      throw driverError(error)
    }
  }

  async #ask(): Promise<Readonly<Record<string, string>>> {
    const { engine } = this.scope
    if (engine !== 'postgres')
      throw new UnsupportedError(
        `The façade of pg leads to PostgreSQL, and this database is on ${engine ?? 'no engine'}.`,
      )
    const { rows } = await this.scope.query<{ name: string; setting: string }>(
      `select s.name, current_setting(s.name) as setting from unnest($1::text[]) as s(name)`,
      [told],
    )
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
  }

  /** What a text does. */
  analysisOf(sql: string): Analysis | Promise<Analysis> {
    return this.#analyses.get(sql) ?? this.#analyse(sql)
  }

  async #analyse(sql: string): Promise<Analysis> {
    const analysis = await this.scope.analyze(sql, [], { dialect: 'postgres' })
    if (sql.length > longestText) return analysis
    if (this.#analyses.size >= mostTexts) this.#analyses.delete(this.#analyses.keys().next().value!)
    this.#analyses.set(sql, analysis)
    return analysis
  }

  /** `cancel` stops what runs under this process id. Gives what ends this. */
  running(processID: number, cancel: () => void): () => void {
    this.#running.set(processID, cancel)
    return () => void this.#running.delete(processID)
  }

  /** The client of a process id can be ended by others until it is left. */
  connected(processID: number, end: () => void): void {
    this.#connected.set(processID, end)
  }

  left(processID: number): void {
    this.#connected.delete(processID)
  }

  /** Stops what runs under a process id, or the client as a whole. False if there is none. */
  stop({ what, processID }: Stop): boolean {
    const end = this.#connected.get(processID)
    if (what === 'cancel') this.#running.get(processID)?.()
    else end?.()
    return end !== undefined
  }

  /** Whether the id was given out here. */
  isVirtual(processID: number): boolean {
    return processID >= firstProcessId
  }
}

/** A client of Signalbox, or one of its scopes. */
export type Bound = Client | Scope
