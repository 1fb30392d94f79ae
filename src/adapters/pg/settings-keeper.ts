import { splitStatements, type Analysis, type CallOptions, type Queryable } from '../../index.ts'
import { SessionSettings, type SettingsChange } from './session-settings.ts'
import { mayChangeSettings, settingsChangeOf } from './setting-text.ts'
import type { SessionHost } from './session-host.ts'
import type { SessionEvents, SessionStatement } from './session-statement.ts'

/** What servers tell of by themselves whenever it changes, as they name it. */
const told: readonly string[] = [
  'application_name',
  'client_encoding',
  'DateStyle',
  'default_transaction_read_only',
  'IntervalStyle',
  'search_path',
  'session_authorization',
  'standard_conforming_strings',
  'TimeZone',
]
/** More than this a session keeps on a connection of its own. */
const mostSettings = 200

/** The settings of one virtual session: what it has set, what its statements are sent with, and what its user is told of them. */
export class SettingsKeeper {
  readonly settings: SessionSettings
  readonly #events: SessionEvents
  /** What the server said to whoever connects with what the session begins with. */
  #welcome: Readonly<Record<string, string>> = {}
  #told: ReadonlyMap<string, string> | undefined
  /** What `callOf` gave last: most calls are like the one before. */
  #last: { readonly call: CallOptions; readonly settings: object; readonly given: CallOptions } | undefined

  constructor(host: SessionHost, events: SessionEvents, base: ReadonlyMap<string, string> | undefined) {
    this.settings = new SessionSettings(host.settings, base)
    this.#events = events
  }

  /** What was told when it connected. */
  welcomed(parameters: Readonly<Record<string, string>>): void {
    this.#welcome = parameters
  }

  /** The options of a call, with the settings that it runs under. */
  callOf(call: CallOptions): CallOptions {
    const settings = this.settings.forCalls
    if (settings === undefined) return call
    if (this.#last?.call === call && this.#last.settings === settings) return this.#last.given
    // A standby refuses whatever runs so.
    const isSerializable = settings.values.get('default_transaction_isolation')?.toLowerCase() === 'serializable'
    const given = { ...call, settings, ...(isSerializable ? { role: 'primary' as const } : {}) }
    if (Object.isFrozen(call)) this.#last = { call, settings, given: Object.freeze(given) }
    return given
  }

  /** Those of a call that changes some of them. */
  changingCallOf(call: CallOptions, change: SettingsChange): CallOptions {
    return { ...this.callOf(call), changes: this.settings.namesOf(change) }
  }

  /** What a statement does to settings, if to nothing else. */
  async changeOf({ sql, values }: SessionStatement, analysis?: Analysis): Promise<SettingsChange | undefined> {
    if (analysis !== undefined && analysis.kind !== 'session') return undefined
    if (!mayChangeSettings(sql) || (this.settings.current?.values.size ?? 0) >= mostSettings) return undefined
    const isOne = analysis?.statements === 1
    const statements = isOne ? [sql] : (await splitStatements(sql, 'postgres')).map((statement) => statement.sql)
    return settingsChangeOf(statements, values)
  }

  /** A change has taken effect, and these are the values of what it set. */
  learned(change: SettingsChange, values: ReadonlyMap<string, string>, lasting: boolean): void {
    this.settings.apply(change, values, lasting)
    this.tell()
  }

  /** Tells what is another than was told last. */
  tell(): void {
    if (this.#told === undefined && !this.settings.isChanged) return
    const now = new Map<string, string>()
    for (const name of told) {
      const value = this.settings.valueOf(name.toLowerCase())
      if (value !== undefined) now.set(name, value)
    }
    const before = this.#told
    this.#told = now.size === 0 ? undefined : now
    for (const parameterName of new Set([...(before?.keys() ?? []), ...now.keys()])) {
      const first = this.#welcome[parameterName]
      const parameterValue = now.get(parameterName) ?? first
      if (parameterValue === undefined || parameterValue === (before?.get(parameterName) ?? first)) continue
      this.#events.emit('parameterStatus', { name: 'parameterStatus', parameterName, parameterValue })
    }
  }
}

/** Asks for the values of settings; as a text that has no parameters, so that it can stand behind another one. */
export function questionOf(names: readonly string[]): string {
  const items = names.map((name, n) => `pg_catalog.current_setting('${name.replaceAll("'", "''")}', true) as s${n}`)
  return `select ${items.join(', ')}`
}

/** The answer to {@link questionOf}. */
export function valuesOf(names: readonly string[], row: unknown): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const found = Object.values((row ?? {}) as Readonly<Record<string, unknown>>)
  for (const [n, name] of names.entries()) {
    const value = found[n]
    // What is in nobody's role is what everybody begins as.
    if (typeof value === 'string' && !(name === 'role' && value === 'none')) values.set(name, value)
  }
  return values
}

/** Asks where the settings are. */
export async function askedOf(
  on: Queryable,
  names: readonly string[],
  call: CallOptions,
): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map()
  const { signal, settings } = call
  const asked = { dialect: 'postgres' as const, changes: [], rowMode: 'array' as const, settings }
  const { rows } = await on.query<readonly unknown[]>(questionOf(names), [], signal ? { ...asked, signal } : asked)
  return valuesOf(names, rows[0])
}
