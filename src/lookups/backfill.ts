import { randomUUID } from 'node:crypto'
import type { CallLimits } from '../execution/time-limit.ts'
import { valueTaken } from '../routing/lookups/lookup-error.ts'
import type { Lookup } from '../routing/lookups/lookup.ts'
import type { ShardMap } from '../routing/shard-map.ts'
import { checkFit } from './column-fit.ts'
import type { Entries } from './entries.ts'
import type { LookupServers } from './lookup-servers.ts'
import type { LookupShards } from './lookup-shards.ts'
import { doubleOn, rowsOf, type LookedUpRow } from './looked-up-rows.ts'

export interface FillParts {
  readonly entries: Entries
  readonly shards: LookupShards
  readonly servers: LookupServers
  readonly map: ShardMap
  readonly batch: number
  /** How many rows of each shard a check looks at. */
  readonly rows: number
  readonly limits: CallLimits
}

/** What {@link LookupIndexes.backfill} did. */
export interface BackfillReport {
  /** Rows that have a value. */
  readonly rows: number
  /** Entries that were missing, or led to a key whose row is gone, and are right now. */
  readonly added: number
}

/** Rows whose entries are looked after at a time. */
const concurrency = 8

/**
 * Makes an entry for each row that has none, and has the lookup asked from then on. Beside writes that keep the entries themselves; may be
 * broken off, and begun again.
 */
export async function backfillLookup(lookup: Lookup, parts: FillParts): Promise<BackfillReport> {
  const { map, servers, entries, batch, limits } = parts
  const report = { rows: 0, added: 0 }
  for (const shard of map.shards) {
    await checkFit(lookup, shard, servers, limits)
    const doubles = await doubleOn(lookup, shard, servers, limits)
    if (doubles > 0)
      throw valueTaken(
        lookup,
        await servers.engineOf(lookup.database),
        `${doubles} values are those of several rows on the shard "${shard}"`,
      )
    for await (const rows of rowsOf(lookup, shard, map, servers, { batch, limits })) {
      report.rows += rows.length
      const known = await entries.list(
        lookup,
        rows.map(({ value }) => value),
        limits,
      )
      const waiting = rows.filter(({ value, key }) => known.get(value)?.key !== key)
      const work = async (): Promise<void> => {
        for (let row = waiting.shift(); row !== undefined; row = waiting.shift())
          if (await adopt(lookup, row, parts)) report.added += 1
      }
      await Promise.all(Array.from({ length: concurrency }, work))
    }
  }
  await entries.markFilled(lookup, limits)
  return report
}

/** Whether the entry leads to the row now, and did not before; a row that is gone by now needs none. */
async function adopt(
  lookup: Lookup,
  row: LookedUpRow,
  { entries, shards, servers, limits }: FillParts,
): Promise<boolean> {
  const { value, key } = row
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const holder = randomUUID()
    if (await entries.insert(lookup, value, { key, holder }, limits)) return true
    const found = await entries.read(lookup, value, limits)
    if (found === undefined) continue
    if (shards.keyText(lookup, found.key) === shards.keyText(lookup, key)) return false
    const place = await shards.placeOf(lookup, found.key, limits)
    await shards.fence(lookup, found, place, limits)
    const isOthers = await shards.hasRow(lookup, found, row, place, limits)
    if (!(await shards.hasRow(lookup, { key }, row, { database: lookup.database, shard: row.shard }, limits)))
      return false
    if (isOthers && (await entries.read(lookup, value, limits))?.holder === found.holder) {
      const engine = await servers.engineOf(lookup.database)
      throw valueTaken(lookup, engine, `the rows with the shard keys ${found.key} and ${key} both have it`)
    }
    if (await entries.replace(lookup, value, found.holder, { key, holder }, limits)) return true
  }
  return false
}

/** Each time somebody else has changed the entry meanwhile; whoever does that looks after the row as well. */
const mostAttempts = 100
