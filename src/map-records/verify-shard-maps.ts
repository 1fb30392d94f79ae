import { ConfigError } from '../errors.ts'
import { withShards } from '../execution/shard-decision.ts'
import type { TransactionHost } from '../execution/transaction-host.ts'
import type { MovedPart, ShardMap } from '../routing/shard-map.ts'
import { shardMoves } from '../routing/shard-maps/shard-moves.ts'
import { storedShardMap } from '../routing/shard-maps/stored-shard-map.ts'
import type { Database, Topology } from '../topology/topology.ts'
import { ShardMapChangedError } from './errors.ts'
import { MapRecord, type RecordedMap } from './map-record.ts'

/** How the maps of the configuration are compared with those of the shards. */
export interface VerifyShardMapsOptions {
  /** True: a changed map is written down as well, because its rows were moved. Default false: it is an error. */
  readonly accept?: boolean
}

/** What was found on one shard. */
export interface VerifiedShardMap {
  readonly database: string
  readonly shard: string
  /** `recorded`: it had none, and has this one now; `accepted`: it had another one. */
  readonly state: 'same' | 'recorded' | 'accepted'
}

/** The client's parts that are needed. */
export interface MapsHost {
  readonly config: { readonly topology: Topology; readonly shardMaps: ReadonlyMap<string, ShardMap> }
}

const defaultTimeoutMs = 30_000

/** Compares each shard's record with the map of the configuration, all before anything is written. */
export async function verifyShardMaps(
  { config }: MapsHost,
  host: TransactionHost,
  { accept = false }: VerifyShardMapsOptions,
): Promise<readonly VerifiedShardMap[]> {
  if (typeof accept !== 'boolean')
    throw new ConfigError('options.accept', `${typeof accept} is not accepted.`, 'true, false')
  const verified: VerifiedShardMap[] = []
  for (const [alias, map] of config.shardMaps) {
    const database = config.topology.databases.get(alias)
    if (database !== undefined) verified.push(...(await verifyMap(database, map, host, accept)))
  }
  return verified
}

async function verifyMap(
  database: Database,
  map: ShardMap,
  host: TransactionHost,
  accept: boolean,
): Promise<readonly VerifiedShardMap[]> {
  const declared = { fingerprint: map.fingerprint, data: JSON.stringify(map.data) }
  const found = await Promise.all(
    database.shards.map(async ({ name }) => ({
      shard: name,
      recorded: await onRecord(host, database, name, async (record) => await record.read()),
    })),
  )
  const changed = found.find(({ recorded }) => recorded !== undefined && recorded.fingerprint !== declared.fingerprint)
  if (changed?.recorded !== undefined && !accept) throw changedError(database, changed.shard, changed.recorded, map)
  // A shard that is new among old ones has no rows, and so no record: it is part of the change that is refused above.
  return await Promise.all(
    found.map(async ({ shard, recorded }): Promise<VerifiedShardMap> => {
      const at = { database: database.alias, shard }
      if (recorded?.fingerprint === declared.fingerprint) return { ...at, state: 'same' }
      if (recorded !== undefined) {
        await onRecord(host, database, shard, async (record) => await record.replace(declared))
        return { ...at, state: 'accepted' }
      }
      const kept = await onRecord(host, database, shard, async (record) => {
        await record.add(declared)
        return await record.read()
      })
      if (kept?.fingerprint === declared.fingerprint) return { ...at, state: 'recorded' }
      throw changedError(database, shard, kept ?? declared, map)
    }),
  )
}

/** Works on the table of a shard, on its primary. */
async function onRecord<T>(
  host: TransactionHost,
  { alias, engine }: Database,
  shard: string,
  work: (record: MapRecord) => Promise<T>,
): Promise<T> {
  const timeoutMs = host.queryTimeoutMs || defaultTimeoutMs
  const anywhere = await host.decide('select 1', [], { using: alias, timeoutMs }, undefined)
  const lease = await host.executor.lease(withShards(anywhere, [shard]), 'write', { timeoutMs }, host.surroundings)
  const record = new MapRecord(lease, { engine, database: alias, shard, timeoutMs })
  try {
    await record.setUp()
    return await work(record)
  } finally {
    await record.close()
  }
}

function changedError({ alias }: Database, shard: string, recorded: RecordedMap, map: ShardMap): ShardMapChangedError {
  return new ShardMapChangedError(
    `The rows of "${alias}" were spread by another shard map than the configuration has: ${difference(recorded, map)}. ` +
      `With this one they would be looked for where they are not, and new ones stored beside them. Go on with the map that the shard "${shard}" has recorded ` +
      `(the column data of its table signalbox_shard_map), or move the rows, and then say client.verifyShardMaps({ accept: true }).`,
    { database: alias, shard },
  )
}

/** What would move, for people. */
function difference({ data }: RecordedMap, map: ShardMap): string {
  let before: ShardMap
  try {
    before = storedShardMap(JSON.parse(data))
  } catch {
    // A user's own function has no data that a map could be made of again.
    return `the recorded one says ${shortened(data)}`
  }
  const moves = shardMoves(before, map)
  if (moves === undefined)
    return `the recorded one is of the kind ${before.kind}, with keys of ${before.keyTypes.join(', ')}`
  return moves
    .map(({ from, to, part }) => `${amount(part)} from "${from}" to ${to === null ? 'nobody' : `"${to}"`}`)
    .join('; ')
}

function amount(part: MovedPart): string {
  switch (part.kind) {
    case 'hash':
      return `${part.buckets.reduce((sum, [first, last]) => sum + last - first + 1, 0)} buckets would go`
    case 'range':
      return `the keys from ${part.from?.join('|') ?? 'the lowest'} up to ${part.to?.join('|') ?? 'the highest'} would go`
    case 'list':
      return `${part.values.length} listed keys${part.others ? ' and all others' : ''} would go`
    case 'modulo':
      return `${part.remainders.length} of ${part.modulus} remainders would go`
  }
}

function shortened(data: string): string {
  return data.length > 200 ? `${data.slice(0, 200)}…` : data
}
