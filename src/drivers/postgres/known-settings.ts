import { quotedName, quotedText } from '../../statement/quotes.ts'
import type { NamedSettings } from '../driver.ts'

/** Who the session is: that decides what else it may set. */
const identities: readonly string[] = ['role', 'session_authorization']

/**
 * What is known of the settings of one connection: those that were changed since it was opened, and, as far as that is certain, to what.
 * All others are as the server gives them to whoever connects.
 */
export class KnownSettings {
  /** By name in lower case; `undefined`: changed, to something unknown. */
  #values = new Map<string, string | undefined>()
  /** Of the settings that it has been given as a whole, if nothing has changed since. */
  #key: string | undefined = ''

  /** Whether anything was changed. */
  get isChanged(): boolean {
    return this.#values.size > 0
  }

  /** The text that makes the settings those that are wanted, and no others; `undefined` if they are. It takes effect as a whole, or fails. */
  changeTo(wanted: NamedSettings | undefined): string | undefined {
    if (this.#key === (wanted?.key ?? '')) return undefined
    const isForeign = [...this.#values.keys()].some((name) => wanted?.values.has(name) !== true)
    // Under another role, or in another order than before, what was allowed once may be refused.
    const isAnew = isForeign || identities.some((name) => this.#values.has(name) || wanted?.values.has(name) === true)
    const steps: string[] = []
    if (isAnew && this.#values.size > 0) {
      // Alone they are refused to who may not set them; all together they are not.
      for (const name of identities) if (this.#values.has(name)) steps.push(`RESET ${quotedName('postgres', name)}`)
      steps.push('RESET ALL')
    }
    const set = [...(wanted?.values ?? [])].filter(([name, value]) => isAnew || this.#values.get(name) !== value)
    if (set.length > 0) steps.push(`SELECT ${set.map(settingCall).join(', ')}`)
    return steps.length === 0 ? undefined : steps.join('; ')
  }

  /** They are these now. */
  became(settings: NamedSettings | undefined): void {
    this.#values = new Map(settings?.values)
    this.#key = settings?.key ?? ''
  }

  /** A statement goes out that may change these. */
  changing(names: readonly string[]): void {
    for (const name of names) this.#values.set(name, undefined)
    if (names.length > 0) this.#key = undefined
  }
}

function settingCall([name, value]: readonly [string, string]): string {
  const [written, given] = [quotedText('postgres', name), quotedText('postgres', value)]
  return `pg_catalog.set_config(${written}, ${given}, false)`
}
