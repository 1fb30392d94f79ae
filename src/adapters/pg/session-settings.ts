import type { CallOptions } from '../../index.ts'

/** As a driver takes them. */
type SettingsOfCall = Extract<CallOptions['settings'], { readonly values: unknown }>

/** What a text does to the settings of its session. */
export interface SettingsChange {
  /** All are given back first, but for who the session is. */
  readonly resetsAll: boolean
  /** Given back, by name in lower case. */
  readonly reset: readonly string[]
  /** Set to something that the server is to be asked for. */
  readonly set: readonly string[]
}

type Values = ReadonlyMap<string, string>

/** Who the session is. What it may set hangs on that, so that the order counts where one of these is among the settings. */
const identities: readonly string[] = ['session_authorization', 'role']
/** Settings that are kept as one object each, however many sessions have them. */
const mostKept = 1_000

/** Settings as connections get them; the same object for equal ones. */
export class SettingsCatalogue {
  readonly #known = new Map<string, SettingsOfCall>()

  /** `undefined`: there are none. */
  of(values: Values | undefined): SettingsOfCall | undefined {
    if (values === undefined || values.size === 0) return undefined
    const entries = [...values]
    if (!identities.some((name) => values.has(name))) entries.sort(([one], [other]) => (one < other ? -1 : 1))
    const key = JSON.stringify(entries)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size >= mostKept) this.#known.delete(this.#known.keys().next().value!)
    const made = { key, values: new Map(entries) }
    this.#known.set(key, made)
    return made
  }
}

/**
 * The settings of one session, as a server would keep them: what a transaction sets goes with its ROLLBACK, and with one to a
 * savepoint. Knows no server and sends nothing.
 */
export class SessionSettings {
  readonly #catalogue: SettingsCatalogue
  /** What the session begins with, and a reset goes back to. */
  #base: Values | undefined
  #own: Values | undefined
  #current: SettingsOfCall | undefined
  /** How they were when the transaction began, and at each of its savepoints. */
  #transaction: { readonly before: Values | undefined; readonly begun: SettingsOfCall | undefined } | undefined
  #savepoints: { readonly name: string; readonly own: Values | undefined }[] = []

  constructor(catalogue: SettingsCatalogue, base?: Values) {
    this.#catalogue = catalogue
    this.#base = base
    this.#current = catalogue.of(base)
  }

  /** What a statement runs under: in a transaction, what its connection was given when it began. */
  get forCalls(): SettingsOfCall | undefined {
    return this.#transaction === undefined ? this.#current : this.#transaction.begun
  }

  get current(): SettingsOfCall | undefined {
    return this.#current
  }

  /** Whether anything was set since the session began. */
  get isChanged(): boolean {
    return this.#own !== undefined
  }

  /** What was set, by name in lower case. */
  valueOf(name: string): string | undefined {
    return this.#own?.get(name)
  }

  /** The names of all that a text changes. */
  namesOf({ resetsAll, reset, set }: SettingsChange): readonly string[] {
    const all = resetsAll ? [...(this.#current?.values.keys() ?? [])] : []
    return [...new Set([...all, ...reset, ...set])]
  }

  /** A text has taken effect; `values`: what is set now. `lasting`: the session counts as begun with it. */
  apply({ resetsAll, reset, set }: SettingsChange, values: Values, lasting = false): void {
    const before = [...(this.#own ?? [])]
    const own = new Map(resetsAll ? before.filter(([name]) => identities.includes(name)) : before)
    for (const name of reset) own.delete(name)
    for (const name of set) {
      // What is set later stands later.
      own.delete(name)
      const value = values.get(name)
      if (value !== undefined) own.set(name, value)
    }
    if (!lasting) {
      this.#become(own)
      return
    }
    const base = new Map([...((resetsAll ? undefined : this.#base) ?? []), ...own])
    for (const name of reset) base.delete(name)
    this.#base = base
    this.#become(undefined)
  }

  begin(): void {
    this.#transaction = { before: this.#own, begun: this.#current }
    this.#savepoints = []
  }

  savepoint(name: string): void {
    this.#savepoints.push({ name, own: this.#own })
  }

  release(name: string): void {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
    if (index >= 0) this.#savepoints.length = index
  }

  rollbackTo(name: string): void {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
    if (index < 0) return
    this.#become(this.#savepoints[index]!.own)
    this.#savepoints.length = index + 1
  }

  commit(): void {
    this.#transaction = undefined
    this.#savepoints = []
  }

  rollback(): void {
    if (this.#transaction !== undefined) this.#become(this.#transaction.before)
    this.commit()
  }

  /** As the session began. */
  forget(): void {
    this.commit()
    if (this.#own !== undefined) this.#become(undefined)
  }

  #become(given: Values | undefined): void {
    const own = given?.size === 0 ? undefined : given
    const base = this.#base
    this.#current = this.#catalogue.of(
      base === undefined || own === undefined ? (own ?? base) : new Map([...base, ...own]),
    )
    // What is the same for many is kept once.
    this.#own = base === undefined && own !== undefined ? this.#current?.values : own
  }
}
