import { ClockError, ConfigError } from '../errors.ts'
import { asRecord, refuseUnknownKeys, show } from '../option.ts'
import { TimeCounter, timeText } from './time-counter.ts'
import { readWhole } from './whole-number.ts'

/** An id as JavaScript or a driver has it: a bigint, or its decimal text. */
export type SnowflakeId = bigint | string

/** What `ids.snowflake()` takes. */
export interface SnowflakeOptions {
  /** The number of this process, 0 to 1,023 (2^`nodeBits` − 1). No two processes may have the same one at a time. */
  readonly node: number
  /** Bits of an id that hold the node: 0 to 10, default 10. What it leaves goes to the count of ids in a millisecond. */
  readonly nodeBits?: number | undefined
  /**
   * The time that ids count from; default 2020-01-01. They end 69 years later. It must stay as it is for ever, and be the
   * same in every process.
   */
  readonly epoch?: Date | undefined
  /** The clock, in milliseconds since 1970; default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined
}

/** What `ids.snowflake()` takes for ids that hold the number of their shard. */
export interface ShardedSnowflakeOptions extends SnowflakeOptions {
  /** Bits of an id that hold the number of its shard: 1 to 12, so that there may be 2 to 4,096 shards. */
  readonly shardBits: number
}

/** What both kinds of {@link SnowflakeIds} can tell about an id. */
export interface SnowflakeFields {
  /** When the id was made, to the millisecond; up to 10 ms late where many were made at once. */
  timeOf(id: SnowflakeId): Date
  /** The number of the process that made it. */
  nodeOf(id: SnowflakeId): number
}

/** Ids of one process: each is higher than the one before. */
export interface SnowflakeIds extends SnowflakeFields {
  /**
   * The next id, below 2^63.
   *
   * @throws {ClockError} The clock has gone back by more than 10 ms, or is outside of the 69 years from the epoch.
   */
  next(): bigint
}

/** Ids of one process that name their shard: each is higher than the one before, whatever their shards. */
export interface ShardedSnowflakeIds extends SnowflakeFields {
  /**
   * The next id, for a row on this shard: 0 to 2^`shardBits` − 1.
   *
   * @throws {ClockError} The clock has gone back by more than 10 ms, or is outside of the 69 years from the epoch.
   */
  next(shard: number): bigint
  /** The number of the shard that the id was made for. In SQL: `id & 63` with 6 bits, or `id % 64`. */
  shardOf(id: SnowflakeId): number
}

/** 41 bits of milliseconds are above these, which node, count and shard share. */
const lowBits = 22
const mostMs = 2 ** 41 - 1
const defaultEpoch = Date.UTC(2020, 0, 1)

/** From the top: 41 bits of milliseconds, then the node, the count within the millisecond, and the shard. */
class Snowflake implements ShardedSnowflakeIds {
  readonly #epoch: number
  readonly #node: number
  readonly #countBits: number
  readonly #shardBits: number
  readonly #counter: TimeCounter

  constructor(options: Partial<ShardedSnowflakeOptions>) {
    refuseUnknownKeys(asRecord(options, 'options'), ['node', 'nodeBits', 'shardBits', 'epoch', 'now'], 'options')
    const nodeBits = readWhole(options.nodeBits, 'options.nodeBits', { min: 0, max: 10, default: 10 })
    const shards = { min: options.shardBits === undefined ? 0 : 1, max: 12, default: 0 }
    this.#shardBits = readWhole(options.shardBits, 'options.shardBits', shards)
    this.#countBits = lowBits - nodeBits - this.#shardBits
    if (this.#countBits < 4) {
      throw new ConfigError(
        'options.shardBits',
        `With ${nodeBits} bits for the node, ${this.#shardBits} leave ${2 ** this.#countBits} ids for a millisecond.`,
        'nodeBits and shardBits of at most 18 together',
      )
    }
    this.#node = readWhole(options.node, 'options.node', { min: 0, max: 2 ** nodeBits - 1 })
    this.#epoch = readEpoch(options.epoch)
    this.#counter = new TimeCounter({
      now: options.now ?? Date.now,
      mostCount: 2 ** this.#countBits - 1,
      firstCount: () => 0,
    })
  }

  next(shard?: number): bigint {
    const number = this.#shardBits === 0 ? 0 : readWhole(shard, 'shard', { min: 0, max: 2 ** this.#shardBits - 1 })
    this.#counter.advance()
    const sinceEpoch = this.#counter.ms - this.#epoch
    if (sinceEpoch < 0 || sinceEpoch > mostMs) {
      throw new ClockError(
        `The clock shows ${timeText(this.#counter.ms)}, and ids count from ${timeText(this.#epoch)} ` +
          `to ${timeText(this.#epoch + mostMs)}. Set the clock, or choose another \`epoch\` before the first id is made.`,
      )
    }
    const low = (this.#node * 2 ** this.#countBits + this.#counter.count) * 2 ** this.#shardBits + number
    return (BigInt(sinceEpoch) << BigInt(lowBits)) | BigInt(low)
  }

  timeOf(id: SnowflakeId): Date {
    return new Date(this.#epoch + Number(readId(id) >> BigInt(lowBits)))
  }

  nodeOf(id: SnowflakeId): number {
    const low = Number(readId(id) % (1n << BigInt(lowBits)))
    return Math.floor(low / 2 ** (this.#countBits + this.#shardBits))
  }

  shardOf(id: SnowflakeId): number {
    return Number(readId(id) % (1n << BigInt(this.#shardBits)))
  }
}

/**
 * Ids of 63 bits that any process makes by itself, without asking a database: the time, the number of the process, and a
 * count. They sort by the time of their making, exactly within a process and to the millisecond between processes whose
 * clocks agree.
 *
 * They are unique as long as no two processes have the same `node` at a time, and a process makes them with one generator,
 * which is made once. A process makes 4,096 in a millisecond, and in a burst those of the next 10 ms; further ones wait for
 * the clock, holding the thread. With `shardBits` an id also holds the number of its shard, so that a row is found by its id
 * alone; each of these bits, and each of `nodeBits` below 10, halves or doubles the ids in a millisecond.
 *
 * Read it back as text or as a bigint: see docs/ids.md.
 *
 * @throws {ConfigError} An option is missing, unknown or out of range.
 * @example
 * ```ts
 * import { ids } from 'signalbox'
 *
 * const reviewIds = ids.snowflake({ node: Number(process.env['NODE_NUMBER']) })
 * const id = reviewIds.next()
 * await client.query('insert into review (id, product_id) values ($1, $2)', [id, 7])
 * console.log(reviewIds.timeOf(id))
 * ```
 */
export function snowflake(options: ShardedSnowflakeOptions): ShardedSnowflakeIds
export function snowflake(options: SnowflakeOptions): SnowflakeIds
export function snowflake(options: SnowflakeOptions | ShardedSnowflakeOptions): SnowflakeIds | ShardedSnowflakeIds {
  return new Snowflake(options)
}

function readEpoch(epoch: unknown): number {
  if (epoch === undefined) return defaultEpoch
  if (epoch instanceof Date && !Number.isNaN(epoch.getTime())) return epoch.getTime()
  throw new ConfigError('options.epoch', `${show(epoch)} is not accepted.`, 'a Date; default 2020-01-01')
}

function readId(id: unknown): bigint {
  const value = typeof id === 'bigint' ? id : typeof id === 'string' && /^\d{1,19}$/.test(id) ? BigInt(id) : -1n
  if (value >= 0n && value < 1n << 63n) return value
  const rounded = typeof id === 'number' ? ' As a number it may be rounded already.' : ''
  throw new ConfigError('id', `${show(id)} is not accepted.${rounded}`, 'a bigint or its decimal text, 0 to 2^63 − 1')
}
