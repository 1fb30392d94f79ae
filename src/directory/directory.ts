import { AbortedError, ClientClosedError, SignalboxError, TimeoutError, locate } from '../errors.ts'
import type { Lease } from '../drivers/driver.ts'
import { whereOf, type Decision } from '../execution/decision.ts'
import { OwnerMovedError, type Hold } from '../execution/owner-check.ts'
import type { CallLimits } from '../execution/time-limit.ts'
import type { OwnerDirectory, ShardMap } from '../routing/shard-map.ts'
import type { ShardAnswer, ShardQuestion } from '../routing/shards/unanswered.ts'
import type { Database } from '../topology/topology.ts'
import { DirectoryError, failureText } from './errors.ts'
import { LocalOwners, type LocalOwner, type SendLocal } from './local-owners.ts'
import { OwnerMemory } from './owner-memory.ts'
import { OwnerTable, type ControlSource, type Owner } from './owner-table.ts'

export interface DirectoryParts {
  /** The one whose rows are spread. */
  readonly database: Database
  readonly map: ShardMap
  readonly owners: OwnerDirectory
  /** The one that has the table. */
  readonly control: Database
  /** Runs statements on it, outside of every session and scope. */
  readonly queryable: ControlSource
  /** Milliseconds since any fixed moment. */
  readonly now: () => number
}

/** Who owns the keys of one database: asks the table, remembers for a while, and proves on the shards. */
export class Directory {
  readonly database: Database
  readonly map: ShardMap
  readonly owners: OwnerDirectory
  readonly control: Database
  readonly table: OwnerTable
  readonly local: LocalOwners
  readonly memory: OwnerMemory

  constructor({ database, map, owners, control, queryable, now }: DirectoryParts) {
    this.database = database
    this.map = map
    this.owners = owners
    this.control = control
    this.table = new OwnerTable(queryable, control.engine, owners.table, database.alias)
    this.local = new LocalOwners(database.engine, database.alias)
    this.memory = new OwnerMemory({ ...owners, now })
  }

  /** What is remembered of the owner of a key. */
  remembered({ subject }: ShardQuestion): string | undefined {
    return this.memory.shardOf(subject)
  }

  /** Asks for all keys in one query. Those that are to be placed and have no owner get one; of several who place a key all get the same. */
  async answer(questions: readonly ShardQuestion[], limits: CallLimits): Promise<readonly ShardAnswer[]> {
    const keys = [...new Set(questions.map(({ subject }) => subject))]
    const owners = await this.ask(keys, limits)
    const places = new Map<string, string>()
    for (const { subject, intent } of questions)
      if (intent === 'place' && !owners.has(subject)) places.set(subject, this.owners.placeOf(subject))
    if (places.size > 0) {
      await this.#told(whoOwns(places.size), async () => await this.table.place(places, limits))
      for (const [key, owner] of await this.ask([...places.keys()], limits)) owners.set(key, owner)
    }
    return questions.map((question) => {
      const owner = owners.get(question.subject)
      if (owner === undefined && question.intent === 'place')
        throw this.#impossible(`has no row for a key that it was given`)
      return [question, owner?.shard ?? null]
    })
  }

  /** The owners of those keys that have one, as they are now. What is learnt is remembered; that nobody owns a key is not. */
  async ask(keys: readonly string[], limits: CallLimits): Promise<Map<string, Owner>> {
    const askedAt = this.memory.now()
    const owners = await this.#told(whoOwns(keys.length), async () => await this.table.read(keys, limits))
    for (const [key, owner] of owners) {
      if (!this.map.shards.includes(owner.shard))
        throw this.#impossible(
          `names the shard "${owner.shard}" as an owner, and "${this.database.alias}" has none of that name`,
        )
      this.memory.note(key, owner, askedAt)
    }
    return owners
  }

  /** How many keys each shard owns. */
  async counts(limits: CallLimits): Promise<ReadonlyMap<string, number>> {
    return await this.#told('how many keys each shard owns', async () => await this.table.counts(limits))
  }

  /** See `OwnerCheck`. */
  async prove(
    lease: Lease,
    decision: Decision,
    keys: readonly string[],
    limits: CallLimits,
    hold: Hold,
  ): Promise<() => void> {
    const [shard = ''] = decision.route.shards
    const send = this.#sender(lease, decision, limits)
    const unseen = keys.filter((key) => !this.memory.isLocal(key, shard))
    if (unseen.length > 0) await this.#adopt(send, decision, shard, unseen, limits)
    let known = await this.local.lock(send, keys, hold)
    const absent = keys.filter((key) => !known.has(key))
    if (absent.length > 0) {
      await this.#adopt(send, decision, shard, absent, limits)
      known = new Map([...known, ...(await this.local.lock(send, absent, hold))])
    }
    this.#assertOwned(decision, shard, keys, known)
    return () => {
      for (const key of keys) this.memory.noteLocal(key, shard)
    }
  }

  /** See `OwnerCheck`. */
  async keepAll(decision: Decision, limits: CallLimits): Promise<() => Promise<void>> {
    const { tx, moving } = await this.#told(
      'to keep all keys where they are',
      async () => await this.table.keepAll(limits),
    )
    if (moving.length === 0) return async () => await tx.rollback()
    await tx.rollback()
    throw new OwnerMovedError(
      `The statement changes rows on all shards of "${decision.route.database}", and the keys ${moving.map((key) => JSON.stringify(key)).join(', ')} are on two of them, ` +
        'because they are being moved. Nothing was sent. Repeat it when the moves are done; one that was broken off is ended by client.moveOwner().',
      moving,
      { database: decision.route.database },
    )
  }

  /** The shard is told that keys are its own, which the directory must say now. */
  async #adopt(
    send: SendLocal,
    decision: Decision,
    shard: string,
    keys: readonly string[],
    limits: CallLimits,
  ): Promise<void> {
    const owners = await this.ask(keys, limits)
    const others = keys.filter((key) => owners.get(key)?.shard !== shard)
    if (others.length > 0) {
      for (const key of others) if (!owners.has(key)) this.memory.forget(key)
      throw movedError(decision, shard, others)
    }
    await this.local.adopt(send, new Map([...owners].map(([key, { epoch }]) => [key, epoch])))
  }

  #assertOwned(
    decision: Decision,
    shard: string,
    keys: readonly string[],
    known: ReadonlyMap<string, LocalOwner>,
  ): void {
    const moved = keys.filter((key) => known.get(key)?.state !== 'owned')
    if (moved.length === 0) return
    for (const key of moved) this.memory.forget(key, known.get(key)?.epoch)
    throw movedError(decision, shard, moved)
  }

  #sender(lease: Lease, decision: Decision, { signal, timeoutMs }: CallLimits): SendLocal {
    return async (sql, params) => {
      try {
        return await lease.query({ sql, params, access: 'write', timeoutMs, signal })
      } catch (error) {
        const located = locate(error, whereOf(decision))
        if (!(located instanceof SignalboxError) || located.code !== 'SIGNALBOX_SYNTAX') throw located
        throw new DirectoryError(
          `The shard "${decision.route.shards[0]}" of "${this.database.alias}" could not be asked which keys are its own: ${failureText(located, this.database.alias)}`,
          { ...whereOf(decision), cause: located },
        )
      }
    }
  }

  async #told<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      // The caller's own limits, and its own client.
      if (error instanceof TimeoutError || error instanceof AbortedError || error instanceof ClientClosedError)
        throw error
      throw new DirectoryError(
        `The directory of "${this.database.alias}" (the table ${this.owners.table} of "${this.control.alias}") could not be asked ${what}: ` +
          failureText(error, this.database.alias),
        { database: this.control.alias, cause: error, safeToRetry: true },
      )
    }
  }

  #impossible(what: string): DirectoryError {
    return new DirectoryError(
      `The directory of "${this.database.alias}" (the table ${this.owners.table} of "${this.control.alias}") ${what}. Nothing was sent.`,
      { database: this.control.alias },
    )
  }
}

function whoOwns(keys: number): string {
  return keys === 1 ? 'who owns a key' : `who owns ${keys} keys`
}

function movedError(decision: Decision, shard: string, keys: readonly string[]): OwnerMovedError {
  const some = keys
    .slice(0, 3)
    .map((key) => JSON.stringify(key))
    .join(', ')
  const named =
    keys.length === 1
      ? `The key ${some} does`
      : `The keys ${some}${keys.length > 3 ? ` and ${keys.length - 3} more` : ''} do`
  return new OwnerMovedError(
    `${named} not belong to the shard "${shard}" of "${decision.route.database}" any more, or ${keys.length === 1 ? 'is' : 'are'} being moved. ` +
      'Nothing of the statement was sent, and its transaction was rolled back. Repeat it: the owner is asked for anew. If it stays so, a move was broken off: call client.moveOwner() again.',
    keys,
    whereOf(decision),
  )
}
