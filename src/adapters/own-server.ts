/** More than virtual connections can ever want at a time: their own pools limit them. */
export const mostConnections = 10_000

/** How long opening a connection may take where the settings name no limit. */
export const longestConnectMs = 60_000

/** Settings of a driver that lead to one server, made into what Signalbox takes. */
export interface OwnServer {
  /** Equal for equal settings. Holds passwords: not to be shown. */
  readonly key: string
  /** `undefined` where the settings hold what no text can say: functions, certificates. */
  readonly dsn: string | undefined
  readonly connectTimeoutMs: number
  readonly idleTimeoutMs: number
  /** A pool of the driver's own, where there is no data source name. */
  readonly pool: () => OwnPool
}

export interface OwnPool {
  readonly handle: object
  readonly end: () => Promise<void>
}

/** Numbers objects and functions, so that settings can be compared by what they hold. */
export class Identities {
  readonly #numbers = new WeakMap<object, number>()
  #next = 1

  /** A text that is equal for equal parts: texts and numbers by value, all else by identity. */
  keyOf(parts: readonly unknown[]): string {
    return JSON.stringify(parts.map((part) => (isObject(part) ? { number: this.#numberOf(part) } : part)))
  }

  #numberOf(value: object): number {
    let number = this.#numbers.get(value)
    if (number === undefined) {
      number = this.#next++
      this.#numbers.set(value, number)
    }
    return number
  }
}

/** Whether a setting asks for anything. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0
}

/** A whole number within a range; `undefined` if it is none. */
export function inRange(value: unknown, min: number, max: number): number | undefined {
  const number = Math.round(Number(value ?? Number.NaN))
  return number >= min && number <= max ? number : undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
}
