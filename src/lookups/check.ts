import type { CallLimits } from '../execution/time-limit.ts'
import type { Lookup } from '../routing/lookups/lookup.ts'
import { checkFit } from './column-fit.ts'
import type { FoundEntry } from './entries.ts'
import type { FillParts } from './backfill.ts'
import { doubleOn, rowsOf, type LookedUpRow } from './looked-up-rows.ts'

/** What {@link LookupIndexes.check} found. */
export interface LookupReport {
  /** `customer.email` */
  readonly lookup: string
  /** Whether reads ask it: `backfill` has ended well once. */
  readonly filled: boolean
  /** Rows that have a value. */
  readonly rows: number
  /** Rows without an entry: a read by their value does not find them. */
  readonly missing: number
  /** Rows whose entry leads to another key, which has no such row: not found either. */
  readonly wrong: number
  /** Rows that have the value of another one. */
  readonly doubles: number
  /** The shard keys of the first rows with any of these troubles, as JSON. */
  readonly examples: readonly string[]
}

type Trouble = 'missing' | 'wrong' | 'doubles'

const mostExamples = 10

/** Compares the rows with the entries, beside writes: what seems to be wrong is looked at once more. */
export async function checkLookup(lookup: Lookup, parts: FillParts): Promise<LookupReport> {
  const { map, servers, entries, rows: most, limits } = parts
  const batch = Math.min(parts.batch, most)
  const found = { rows: 0, missing: 0, wrong: 0, doubles: 0 }
  const examples: string[] = []
  for (const shard of map.shards) {
    await checkFit(lookup, shard, servers, limits)
    found.doubles += await doubleOn(lookup, shard, servers, limits)
    const before = found.rows
    for await (const rows of rowsOf(lookup, shard, map, servers, { batch, limits })) {
      if (found.rows - before >= most) break
      found.rows += rows.length
      const known = await entries.list(lookup, rows.map(valueOf), limits)
      for (const row of rows) {
        if (known.get(row.value)?.key === row.key) continue
        const trouble = await troubleOf(lookup, row, parts)
        if (trouble === undefined) continue
        found[trouble] += 1
        if (examples.length < mostExamples) examples.push(row.key)
      }
    }
  }
  const filled = (await entries.keysOf(lookup, [''], limits)) !== undefined
  return Object.freeze({ lookup: lookup.name, filled, ...found, examples: Object.freeze(examples) })
}

function valueOf({ value }: LookedUpRow): string {
  return value
}

/** What is wrong now; a row that is gone has no trouble. */
async function troubleOf(lookup: Lookup, row: LookedUpRow, parts: FillParts): Promise<Trouble | undefined> {
  const { entries, shards, limits } = parts
  const entry = await entries.read(lookup, row.value, limits)
  if (entry !== undefined && isOf(lookup, entry, row, parts)) return undefined
  const own = { database: lookup.database, shard: row.shard }
  if (!(await shards.hasRow(lookup, row, row, own, limits))) return undefined
  if (entry === undefined) return 'missing'
  return (await hasOther(lookup, entry, row, parts, limits)) ? 'doubles' : 'wrong'
}

async function hasOther(
  lookup: Lookup,
  entry: FoundEntry,
  row: LookedUpRow,
  { shards }: FillParts,
  limits: CallLimits,
): Promise<boolean> {
  return await shards.hasRow(lookup, entry, row, await shards.placeOf(lookup, entry.key, limits), limits)
}

function isOf(lookup: Lookup, entry: FoundEntry, row: LookedUpRow, { shards }: FillParts): boolean {
  return shards.keyText(lookup, entry.key) === shards.keyText(lookup, row.key)
}
