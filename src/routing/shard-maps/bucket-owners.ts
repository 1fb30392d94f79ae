import { ConfigError } from '../../errors.ts'
import { asRecord, show } from '../../option.ts'
import type { BucketRun } from '../shard-map.ts'
import { readShard, sortedNames } from './map-options.ts'

/** The owner of each bucket. */
export type BucketOwners = readonly string[]

/** Reads `owners`: for each shard the runs of its buckets. Each bucket must have one owner. */
export function readOwners(value: unknown, buckets: number, shards: readonly string[], path: string): BucketOwners {
  const owners: (string | undefined)[] = Array.from({ length: buckets })
  for (const [name, runs] of Object.entries(asRecord(value, path))) {
    const shard = readShard(name, shards, `${path}.${name}`)
    if (!Array.isArray(runs)) throw wrongRun(`${path}.${name}`, runs, buckets)
    for (const [index, run] of (runs as readonly unknown[]).entries()) {
      const place = `${path}.${name}[${index}]`
      const [first, last] = readRun(run, buckets, place)
      for (let bucket = first; bucket <= last; bucket += 1) {
        const other = owners[bucket]
        if (other !== undefined) {
          throw new ConfigError(place, `The bucket ${bucket} belongs to ${show(other)} already.`, 'one owner a bucket')
        }
        owners[bucket] = shard
      }
    }
  }
  const without = owners.indexOf(undefined)
  if (without === -1) return owners.map((owner) => owner ?? '')
  throw new ConfigError(
    path,
    `Nobody owns the bucket ${without}.`,
    `one owner for each of the buckets 0 to ${buckets - 1}`,
  )
}

/** The runs of each shard's buckets. Shards stand in the order of their names, also those that own none. */
export function runsOf(owners: BucketOwners, shards: readonly string[]): Record<string, BucketRun[]> {
  const runs = new Map<string, BucketRun[]>(sortedNames(shards).map((name) => [name, []]))
  let first = 0
  for (let bucket = 1; bucket <= owners.length; bucket += 1) {
    if (owners[bucket] === owners[first]) continue
    runs.get(owners[first] ?? '')?.push([first, bucket - 1])
    first = bucket
  }
  return Object.fromEntries(runs)
}

/**
 * Spreads the buckets evenly over the shards, so that two of them differ by one bucket at most, and moves as few as that
 * allows. Owners that are no longer among the shards give everything away; `undefined` has no owner yet. What a shard
 * gives away are its last buckets, so that its runs stay few. The order in which the shards are named does not matter.
 */
export function balanced(owners: readonly (string | undefined)[], shards: readonly string[]): BucketOwners {
  const counts = new Map<string, number>(sortedNames(shards).map((name) => [name, 0]))
  for (const owner of owners) {
    const count = owner === undefined ? undefined : counts.get(owner)
    if (owner !== undefined && count !== undefined) counts.set(owner, count + 1)
  }
  const missing = new Map<string, number>()
  const larger = owners.length % shards.length
  for (const [index, [name, count]] of [...counts].sort(([, one], [, other]) => other - one).entries()) {
    // Those that have most keep the odd buckets.
    missing.set(name, Math.floor(owners.length / shards.length) + (index < larger ? 1 : 0) - count)
  }
  const next = owners.map((owner) => (owner !== undefined && counts.has(owner) ? owner : undefined))
  for (let bucket = next.length - 1; bucket >= 0; bucket -= 1) {
    const owner = next[bucket]
    const count = owner === undefined ? 0 : (missing.get(owner) ?? 0)
    if (owner === undefined || count >= 0) continue
    next[bucket] = undefined
    missing.set(owner, count + 1)
  }
  const receivers = sortedNames(shards).flatMap((name) => Array.from({ length: missing.get(name) ?? 0 }, () => name))
  let taken = 0
  return next.map((owner) => owner ?? receivers[taken++] ?? '')
}

function readRun(run: unknown, buckets: number, path: string): BucketRun {
  const [first, last, ...more] = Array.isArray(run) ? (run as readonly unknown[]) : []
  const fits = (bucket: unknown): bucket is number =>
    typeof bucket === 'number' && Number.isInteger(bucket) && bucket >= 0 && bucket < buckets
  if (fits(first) && fits(last) && first <= last && more.length === 0) return [first, last]
  throw wrongRun(path, run, buckets)
}

function wrongRun(path: string, given: unknown, buckets: number): ConfigError {
  const shown = Array.isArray(given) ? `[${given.map(show).join(', ')}]` : show(given)
  return new ConfigError(
    path,
    `${shown} is not accepted.`,
    `runs of buckets such as [0, ${buckets - 1}], first and last of each, from 0 to ${buckets - 1}`,
  )
}
