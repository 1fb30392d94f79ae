import { ConfigError, ShardKeyError } from '../errors.ts'
import type { Queryable } from '../execution/queryable.ts'
import type { Transaction } from '../execution/transaction.ts'
import type { Directory } from './directory.ts'
import { DirectoryError } from './errors.ts'
import type { LocalOwner, SendLocal } from './local-owners.ts'
import type { Owner } from './owner-table.ts'

/** The two shards of a move. Every statement runs on that shard, whatever its text says of the key. */
export interface MoveShards {
  /** Where the key has been: to be read. What is changed here is undone. */
  readonly from: Queryable
  /** Where it goes: a transaction that takes effect as a whole, or not at all. */
  readonly to: Queryable
}

/** How the rows of the key go along. Without it there are none, or somebody else takes care of them. */
export interface MoveWork {
  /** Writes the key's rows, of all tables that share it, on the new shard. */
  readonly copy: (shards: MoveShards) => Promise<void>
  /** Deletes them on the old one. May be called again, when a process died meanwhile. */
  readonly remove: (from: Queryable) => Promise<void>
}

/** A transaction on one shard, as those of `MoveShards`. */
export type BeginOn = (shard: string) => { readonly tx: Transaction; readonly send: SendLocal }

const mostAttempts = 5

/**
 * Gives one key to another shard. Each step takes effect by itself, in an order in which a process may die between any two: changes
 * of the key are then refused until the move is called for again, which goes on where it was left.
 *
 * 1. The directory notes where the key goes. 2. The old shard gives it away: that waits for changes under way, and from then on none is
 * made there. 3. Its rows are copied, and the new shard owns it, in one transaction. 4. The directory names the new owner. 5. The
 * rows on the old shard are removed.
 */
export class OwnerMove {
  readonly #directory: Directory
  readonly #key: string
  readonly #to: string
  readonly #work: MoveWork | undefined
  readonly #begin: BeginOn

  constructor(directory: Directory, key: string, to: string, work: MoveWork | undefined, begin: BeginOn) {
    this.#directory = directory
    this.#key = key
    this.#to = to
    this.#work = work
    this.#begin = begin
  }

  async run(): Promise<void> {
    // Somebody else may be moving it as well: then it is looked at anew.
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) if (await this.#step()) return
    throw new DirectoryError(`The key ${this.#shown} changed its owner ${mostAttempts} times while it was to be moved.`)
  }

  /** True once the key is where it was to go, and nothing is left to do. */
  async #step(): Promise<boolean> {
    const owner = await this.#read()
    const { shard, movingTo, movedFrom } = owner
    if (shard === this.#to) {
      if (movedFrom !== undefined) return await this.#finish(owner, movedFrom)
      if (movingTo !== undefined) return await this.#callOff(owner, movingTo)
      return await this.#own(owner)
    }
    if (movedFrom !== undefined) throw this.#unfinished(`its rows on "${movedFrom}" are not removed yet`, [shard])
    if (movingTo !== undefined && movingTo !== this.#to)
      throw this.#unfinished(`it is on its way to "${movingTo}"`, [movingTo, shard])
    await this.#directory.table.beginMove(this.#key, owner, this.#to)
    const begun = await this.#read()
    if (begun.epoch !== owner.epoch || begun.movingTo !== this.#to) return false
    if (!(await this.#giveAway(owner))) return false
    try {
      if (!(await this.#copy(owner))) return false
    } catch (error) {
      // What was answered late may have taken effect; then there is nothing to call off, and the next call goes on from there.
      await this.#callOff(owner, this.#to).catch(() => undefined)
      throw error
    }
    await this.#directory.table.switchOwner(this.#key, owner, this.#to)
    const switched = await this.#read()
    if (switched.shard !== this.#to || switched.movedFrom === undefined) return false
    return await this.#finish(switched, switched.movedFrom)
  }

  /** Waits for changes that hold the key; whoever comes later is sent elsewhere. */
  async #giveAway({ shard, epoch }: Owner): Promise<boolean> {
    return await this.#on(shard, async ({ send }) => {
      await this.#directory.local.note(send, this.#key, { state: 'moved', epoch: epoch + 1 })
      const known = await this.#locked(send)
      return known?.epoch === epoch + 1 && known.state === 'moved'
    })
  }

  async #copy({ shard, epoch }: Owner): Promise<boolean> {
    return await this.#on(this.#to, async ({ tx: to, send }) => {
      const { local } = this.#directory
      // So that there is a row to lock: two who move the same key must not both copy.
      await local.note(send, this.#key, { state: 'moved', epoch })
      const known = await this.#locked(send)
      if (known !== undefined && known.epoch > epoch) return known.epoch === epoch + 1 && known.state === 'owned'
      if (this.#work !== undefined) {
        const { tx: from } = this.#begin(shard)
        try {
          await this.#work.copy({ from, to })
        } finally {
          await from.rollback()
        }
      }
      await local.note(send, this.#key, { state: 'owned', epoch: epoch + 1 })
      return true
    })
  }

  /** Removes the rows on the shard that had the key, unless it has it again. */
  async #finish(owner: Owner, old: string): Promise<boolean> {
    await this.#on(old, async ({ tx, send }) => {
      const known = await this.#locked(send)
      if (known?.state === 'moved' && known.epoch === owner.epoch) await this.#work?.remove(tx)
    })
    await this.#directory.table.endMove(this.#key, owner)
    return true
  }

  /** The key stays where it is: the other shard must not get it any more, which waits for one who is copying. */
  async #callOff(owner: Owner, other: string): Promise<boolean> {
    const { local, table } = this.#directory
    const isCopied = await this.#on(other, async ({ send }) => {
      await local.note(send, this.#key, { state: 'moved', epoch: owner.epoch })
      const known = await this.#locked(send)
      if (known?.state === 'owned' && known.epoch === owner.epoch + 1) return true
      await local.note(send, this.#key, { state: 'moved', epoch: owner.epoch + 2 })
      return false
    })
    if (isCopied) throw this.#unfinished(`its rows are on "${other}" already`, [other])
    await table.callOff(this.#key, owner, other)
    const now = await this.#read()
    return now.shard === owner.shard && now.movingTo === undefined ? await this.#own(now) : false
  }

  /** The shard that the directory names knows that the key is its own. */
  async #own({ shard, epoch }: Owner): Promise<boolean> {
    return await this.#on(shard, async ({ send }) => {
      await this.#directory.local.note(send, this.#key, { state: 'owned', epoch })
      const known = await this.#locked(send)
      return known?.state === 'owned'
    })
  }

  async #locked(send: SendLocal): Promise<LocalOwner | undefined> {
    return (await this.#directory.local.lock(send, [this.#key], 'alone')).get(this.#key)
  }

  async #on<T>(shard: string, work: (on: ReturnType<BeginOn>) => Promise<T>): Promise<T> {
    const on = this.#begin(shard)
    try {
      const value = await work(on)
      await on.tx.commit()
      return value
    } catch (error) {
      await on.tx.rollback()
      throw error
    }
  }

  async #read(): Promise<Owner> {
    const owner = (await this.#directory.ask([this.#key], {})).get(this.#key)
    if (owner !== undefined) return owner
    throw new ShardKeyError(
      `No shard owns the key ${this.#shown}, so it cannot be moved. Its first row gives it an owner.`,
    )
  }

  #unfinished(why: string, allowed: readonly string[]): ConfigError {
    return new ConfigError(
      'options.to',
      `The key ${this.#shown} cannot be moved to "${this.#to}" now: ${why}.`,
      `${allowed.map((shard) => JSON.stringify(shard)).join(' or ')}, which ends that move`,
    )
  }

  get #shown(): string {
    return JSON.stringify(this.#key)
  }
}
