import type { Engine } from '../drivers/driver.ts'
import type { ShardAnswerers } from '../execution/shard-answerers.ts'
import type { CallLimits } from '../execution/time-limit.ts'
import type { Lookup } from '../routing/lookups/lookup.ts'
import { keyOfStored } from '../routing/lookups/stored-key.ts'
import type { ShardMap } from '../routing/shard-map.ts'
import { unwrapped } from '../routing/shards/pinned-keys.ts'
import { KeyOwners } from '../routing/shards/key-owners.ts'
import { Unanswered, type ShardAnswers } from '../routing/shards/unanswered.ts'
import { marks } from '../statement/parameter-marks.ts'
import { quotedName, quotedTable } from '../statement/quotes.ts'
import type { Entry, FoundEntry } from './entries.ts'
import type { LookupPlace, LookupServers } from './lookup-servers.ts'
import { claimTable, hasInserted, insertText } from './lookup-text.ts'

export type ClaimState = 'live' | 'dead'

export const claimColumns = ['lookup', 'value', 'holder', 'state']

export interface ShardsParts {
  readonly servers: LookupServers
  readonly answerers: ShardAnswerers
  readonly mapOf: (database: string) => ShardMap
}

/** The shards of looked-up tables: the claims that are made on them, and the rows. */
export class LookupShards {
  readonly #parts: ShardsParts

  constructor(parts: ShardsParts) {
    this.#parts = parts
  }

  /** The same text for all forms of a key. */
  keyText({ database }: Lookup, key: string): string {
    const map = this.#parts.mapOf(database)
    return map.keyText(unwrapped(keyOfStored(key, map.keyTypes)))
  }

  /** The shard of the key of an entry; asks its owner where that stands in a table. */
  async placeOf({ database }: Lookup, key: string, limits: CallLimits): Promise<LookupPlace> {
    const map = this.#parts.mapOf(database)
    const wanted = unwrapped(keyOfStored(key, map.keyTypes))
    const choose = (answers?: ShardAnswers): string => {
      const owners = new KeyOwners({ database, map, answers })
      const shard = owners.shardOf(wanted, 'find')
      owners.settle()
      return shard
    }
    try {
      return { database, shard: choose() }
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      return { database, shard: await this.#parts.answerers.answered(error, limits, choose) }
    }
  }

  /**
   * Sees to it that the holder of an entry writes no row any more. While a transaction with its claim is open this waits; once it is over,
   * or where there is none, no later one can be.
   */
  async fence(lookup: Lookup, { value, holder }: FoundEntry, place: LookupPlace, limits: CallLimits): Promise<void> {
    const { servers } = this.#parts
    const engine = await servers.engineOf(lookup.database)
    const sql = insertText(engine, claimTable, claimColumns)
    const params = [lookup.name, value, holder, 'dead' satisfies ClaimState]
    const isNew = await hasInserted(servers.query(place, { sql, params, access: 'write' }, limits))
    // A transaction has committed with it, and nobody else ever uses the holder: it has served.
    if (!isNew) await this.#removeLive(lookup, value, holder, engine, place, limits)
  }

  /** Whether rows with the key of the entry have the value, committed as of now. */
  async hasRow(
    lookup: Lookup,
    { key }: Pick<Entry, 'key'>,
    given: { readonly value: string; readonly given: unknown },
    place: LookupPlace,
    limits: CallLimits,
  ): Promise<boolean> {
    const { servers, mapOf } = this.#parts
    const engine = await servers.engineOf(lookup.database)
    const [mark = '', ...keyMarks] = marks(engine, lookup.shardKey.length + 1)
    const column = quotedName(engine, lookup.column)
    const isCaseless = lookup.type === 'caseless-text'
    const conditions = [
      isCaseless ? `lower(${column}) = ${mark}` : `${column} = ${mark}`,
      ...lookup.shardKey.map((name, index) => `${quotedName(engine, name)} = ${keyMarks[index]}`),
    ]
    const sql = `select 1 as found from ${quotedTable(engine, lookup.table)} where ${conditions.join(' and ')} limit 1`
    const params = [isCaseless ? given.value : given.given, ...keyOfStored(key, mapOf(lookup.database).keyTypes)]
    return (await servers.query(place, { sql, params, access: 'read' }, limits)).rows.length > 0
  }

  async #removeLive(
    lookup: Lookup,
    value: string,
    holder: string,
    engine: Engine,
    place: LookupPlace,
    limits: CallLimits,
  ): Promise<void> {
    const [m1, m2, m3] = marks(engine, 3)
    const sql = `delete from ${claimTable} where lookup = ${m1} and value = ${m2} and holder = ${m3} and state = 'live'`
    await this.#parts.servers.query(place, { sql, params: [lookup.name, value, holder], access: 'write' }, limits)
  }
}
