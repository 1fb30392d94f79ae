import { randomUUID } from 'node:crypto'
import { ClockError, ConfigError } from '../errors.ts'
import { asRecord, refuseUnknownKeys, show } from '../option.ts'
import { TimeCounter, timeText } from './time-counter.ts'

/** What `ids.uuidv7()` takes. */
export interface Uuidv7Options {
  /** The clock, in milliseconds since 1970; default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined
}

/** UUIDs of one process: each sorts behind the one before. */
export interface Uuidv7Ids {
  /**
   * The next UUID, in lower case.
   *
   * @throws {ClockError} The clock has gone back by more than 10 ms, or is before 1970.
   */
  next(): string
  /** When the UUID was made, to the millisecond; up to 10 ms late where many were made at once. */
  timeOf(uuid: string): Date
}

const mostMs = 2 ** 48 - 1
const mostCount = 2 ** 12 - 1
const pattern = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i

/** RFC 9562, 5.7: milliseconds, `rand_a` as a counter (6.2, method 1), and 62 random bits. */
class Uuids implements Uuidv7Ids {
  readonly #counter: TimeCounter

  constructor(options: Uuidv7Options) {
    refuseUnknownKeys(asRecord(options, 'options'), ['now'], 'options')
    // Begun at random, so that it can be guessed less; in the lower half, so that there is room to count.
    const firstCount = (): number => Number.parseInt(randomUUID().slice(0, 3), 16) >> 1
    this.#counter = new TimeCounter({ now: options.now ?? Date.now, mostCount, firstCount })
  }

  next(): string {
    this.#counter.advance()
    const { ms, count } = this.#counter
    if (ms < 0 || ms > mostMs)
      throw new ClockError(`The clock shows ${timeText(ms)}, which a UUID cannot hold. Set it.`)
    const time = ms.toString(16).padStart(12, '0')
    // A random UUID of version 4 has the same variant, and the same 62 random bits behind it.
    const random = randomUUID().slice(18)
    return `${time.slice(0, 8)}-${time.slice(8)}-7${count.toString(16).padStart(3, '0')}${random}`
  }

  timeOf(uuid: string): Date {
    const [, high, low] = (typeof uuid === 'string' ? pattern.exec(uuid) : null) ?? []
    if (high !== undefined && low !== undefined) return new Date(Number.parseInt(high + low, 16))
    throw new ConfigError('uuid', `${show(uuid)} is not accepted.`, 'the text of a UUID of version 7')
  }
}

/**
 * UUIDs of version 7 (RFC 9562): 48 bits of milliseconds, a 12-bit counter that makes those of one generator rise, and 62
 * random bits of `node:crypto`. No process needs a number. They sort by the time of their making, as text, as
 * PostgreSQL's `uuid` and as 16 bytes, so an index grows at its end.
 *
 * At least 2,048 in a millisecond, and in a burst those of the next 10 ms; further ones wait for the clock, holding the
 * thread. Whoever has one knows when it was made.
 *
 * @throws {ConfigError} An option is unknown.
 * @example
 * ```ts
 * import { ids } from 'signalbox'
 *
 * const uuids = ids.uuidv7()
 * await client.query('insert into review (id, product_id) values ($1, $2)', [uuids.next(), 7])
 * ```
 */
export function uuidv7(options: Uuidv7Options = {}): Uuidv7Ids {
  return new Uuids(options)
}
