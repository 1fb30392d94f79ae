import type { ClaimBook } from '../execution/claim-book.ts'
import type { ShardAnswerers } from '../execution/shard-answerers.ts'
import type { CallLimits } from '../execution/time-limit.ts'
import { ConfigError } from '../errors.ts'
import { asRecord, readOptions, refuseUnknownKeys, show, type OptionTable } from '../option.ts'
import type { Lookup, LookupMap } from '../routing/lookups/lookup.ts'
import { lookupOf, notFilled } from '../routing/lookups/looked-up-keys.ts'
import type { ShardMap } from '../routing/shard-map.ts'
import type { ShardAnswer, ShardQuestion } from '../routing/shards/unanswered.ts'
import { Claims } from './claims.ts'
import { Entries } from './entries.ts'
import { checkLookup, type LookupReport } from './check.ts'
import { backfillLookup, type FillParts, type BackfillReport } from './backfill.ts'
import { isTableMissing, withTables } from './missing-tables.ts'
import { setUpLookups } from './set-up.ts'
import { LookupServers, type LookupHost } from './lookup-servers.ts'
import { LookupShards } from './lookup-shards.ts'

export interface LookupsParts extends LookupHost {
  readonly lookups: LookupMap
  readonly mapOf: (database: string) => ShardMap | undefined
  readonly answerers: ShardAnswerers
}

/** The lookups of a client: answers where values are, and keeps the entries right. */
export class Lookups {
  readonly #lookups: LookupMap
  readonly #servers: LookupServers
  readonly #entries: Entries
  readonly #shards: LookupShards
  readonly #mapOf: (database: string) => ShardMap

  constructor({ lookups, mapOf, answerers, ...host }: LookupsParts) {
    this.#lookups = lookups
    this.#servers = new LookupServers(host)
    this.#entries = new Entries(this.#servers)
    this.#mapOf = (database) => {
      const map = mapOf(database)
      if (map === undefined) throw new ConfigError(`databases.${database}`, 'It has no shard map.', 'a shardMap')
      return map
    }
    this.#shards = new LookupShards({ servers: this.#servers, answerers, mapOf: this.#mapOf })
    for (const lookup of lookups.all) {
      answerers.register(lookupOf(lookup), async (questions, limits) => await this.#answer(lookup, questions, limits))
    }
  }

  /** For one transaction. */
  claims(): ClaimBook {
    return new Claims({ entries: this.#entries, shards: this.#shards })
  }

  /** Creates the tables, unless they are there. */
  async setUp(limits: CallLimits): Promise<void> {
    await setUpLookups(this.#lookups, this.#servers, (database) => this.#mapOf(database).shards, limits)
  }

  async backfill(target: LookupTarget, limits: CallLimits): Promise<BackfillReport> {
    const lookup = this.#named(target)
    return await withTables(lookup, backfillLookup(lookup, this.#partsFor(lookup, target, limits)))
  }

  async check(target: LookupTarget, limits: CallLimits): Promise<LookupReport> {
    const lookup = this.#named(target)
    return await withTables(lookup, checkLookup(lookup, this.#partsFor(lookup, target, limits)))
  }

  #partsFor(lookup: Lookup, target: LookupTarget, limits: CallLimits): FillParts {
    const { batch, rows } = readOptions(fillOptions, { batch: target.batch, rows: target.rows }, 'options')
    const parts = { entries: this.#entries, shards: this.#shards, servers: this.#servers }
    return { ...parts, map: this.#mapOf(lookup.database), batch, rows, limits }
  }

  #named(target: LookupTarget): Lookup {
    refuseUnknownKeys(asRecord(target, 'options'), ['table', 'column', 'batch', 'rows'], 'options')
    const { table, column } = target
    const lookup = this.#lookups.named(`${table}.${column}`)
    if (lookup !== undefined) return lookup
    throw new ConfigError(
      'options',
      `There is no lookup ${show(`${table}.${column}`)}.`,
      this.#lookups.all.map(({ name }) => name).join(', ') || 'none is declared',
    )
  }

  async #answer(
    lookup: Lookup,
    questions: readonly ShardQuestion[],
    limits: CallLimits,
  ): Promise<readonly ShardAnswer[]> {
    const answers: ShardAnswer[] = []
    for (let from = 0; from < questions.length; from += mostValues) {
      const some = questions.slice(from, from + mostValues)
      const values = some.map(({ subject }) => subject)
      const keys = await this.#entries.keysOf(lookup, values, limits).catch((error: unknown) => {
        // Nobody has set it up, so it has no entries: every shard is asked.
        if (isTableMissing(error)) return undefined
        throw error
      })
      for (const question of some)
        answers.push([question, keys === undefined ? notFilled : (keys.get(question.subject) ?? null)])
    }
    return answers
  }
}

/** Values that one question to the control database is about. */
const mostValues = 1_000

/** Which lookup is meant. */
export interface LookupTarget {
  /** As it is declared in `tables`. */
  readonly table: string
  readonly column: string
  /** Rows that are read at a time: 1 to 10,000, default 500. */
  readonly batch?: number
  /** Of `check`: how many rows of each shard are looked at, 1 to 1,000,000,000; default all. */
  readonly rows?: number
}

const fillOptions = {
  batch: { default: 500, min: 1, max: 10_000, unit: 'rows', about: 'Rows that are read at a time.' },
  rows: { default: 1_000_000_000, min: 1, max: 1_000_000_000, unit: 'rows', about: 'Rows of each shard.' },
} as const satisfies OptionTable
