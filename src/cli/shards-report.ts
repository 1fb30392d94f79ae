import type { Engine, ShardMapData } from '../index.ts'
import type { ReachFailure } from './check-report.ts'

/** What `shards --json` prints. Fields are only ever added. */
export interface ShardsReport {
  /** Every shard answered, and has every sharded table. */
  readonly ok: boolean
  /** Rows are those of the statistics (`--estimate`), not counted. */
  readonly estimated: boolean
  readonly databases: readonly SpreadReport[]
}

/** How the rows of a database are spread. What is not known is `null`. */
export interface SpreadReport {
  readonly database: string
  readonly engine: Engine
  readonly map: ShardMapData['kind'] | null
  /** Of a hash map. */
  readonly buckets: number | null
  readonly shards: readonly ShardPart[]
  readonly tables: readonly TableSpread[]
  /** The rows of the largest shard, by those of an average one; 1 is even. `null` if not all are known, or there are none. */
  readonly skew: number | null
}

/** What a shard has of something. */
export interface Part {
  readonly shard: string
  readonly rows: number | null
  /** On disk, with indexes. */
  readonly bytes: number | null
  /** Of the rows that are known, from 0 to 1. */
  readonly share: number | null
  readonly failure: ReachFailure | null
}

/** Of all sharded tables together. */
export interface ShardPart extends Part {
  /** Without password. */
  readonly address: string
  /** How many buckets of a hash map it owns. */
  readonly buckets: number | null
  /** How many keys it owns, where a directory says so. */
  readonly keys: number | null
}

export interface TableSpread {
  readonly table: string
  readonly shards: readonly Part[]
  readonly skew: number | null
}

/** What was learnt of one shard. */
export interface ShardLook {
  readonly shard: string
  readonly address: string
  /** Why it did not answer. */
  readonly failure: ReachFailure | null
  readonly tables: readonly TableLook[]
}

export interface TableLook {
  readonly table: string
  readonly rows: number | null
  readonly bytes: number | null
  readonly failure: ReachFailure | null
}

/** Puts together what was learnt of the shards of one database. Pure. */
export function spreadReport(
  { alias, engine }: { readonly alias: string; readonly engine: Engine },
  map: ShardMapData | undefined,
  looks: readonly ShardLook[],
  keyCounts: Readonly<Record<string, number>> = {},
): SpreadReport {
  const owned = map?.kind === 'hash' ? map : undefined
  const names = [...new Set(looks.flatMap(({ tables }) => tables.map(({ table }) => table)))].sort()
  const tables = names.map((table): TableSpread => {
    const parts = withShares(looks.map((look) => partOf(look, table)))
    return { table, shards: parts, skew: skewOf(parts) }
  })
  const totals = withShares(
    looks.map((look): ShardPart => {
      const { shard, address, failure } = look
      const parts = tables.flatMap(({ shards }) => shards.filter((part) => part.shard === shard))
      const buckets = owned === undefined ? null : bucketsOf(owned, shard)
      const [rows, bytes] = [sumOf(parts.map((part) => part.rows)), sumOf(parts.map((part) => part.bytes))]
      return { shard, address, buckets, keys: keyCounts[shard] ?? null, rows, bytes, share: null, failure }
    }),
  )
  const { kind = null } = map ?? {}
  const buckets = owned?.buckets ?? null
  return { database: alias, engine, map: kind, buckets, shards: totals, tables, skew: skewOf(totals) }
}

/** Nothing is left out: what a shard lacks that others have is a failure. */
function partOf({ shard, failure, tables }: ShardLook, table: string): Part {
  const look = tables.find((each) => each.table === table)
  if (look !== undefined) return { shard, rows: look.rows, bytes: look.bytes, share: null, failure: look.failure }
  const absent: ReachFailure = { kind: 'other', code: null, engineCode: null, message: `There is no ${table}.` }
  return { shard, rows: null, bytes: null, share: null, failure: failure ?? absent }
}

function withShares<P extends Part>(parts: readonly P[]): readonly P[] {
  const all = parts.reduce((sum, { rows }) => sum + (rows ?? 0), 0)
  return parts.map((part) => ({ ...part, share: part.rows === null || all === 0 ? null : part.rows / all }))
}

function skewOf(parts: readonly Part[]): number | null {
  const all = sumOf(parts.map(({ rows }) => rows))
  if (all === null || all === 0) return null
  return Math.max(...parts.map(({ rows }) => rows ?? 0)) / (all / parts.length)
}

function sumOf(numbers: readonly (number | null)[]): number | null {
  return numbers.length === 0 || numbers.includes(null)
    ? null
    : numbers.reduce<number>((sum, number) => sum + (number ?? 0), 0)
}

function bucketsOf({ owners }: Extract<ShardMapData, { kind: 'hash' }>, shard: string): number {
  return (owners[shard] ?? []).reduce((sum, [first, last]) => sum + last - first + 1, 0)
}
