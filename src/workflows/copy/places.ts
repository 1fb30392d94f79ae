import { UnsupportedError } from '../../errors.ts'
import { withShards } from '../../execution/shard-decision.ts'
import type { TransactionHost } from '../../execution/transaction-host.ts'
import type { Database } from '../../topology/topology.ts'
import { Place, type PlaceLimits } from './place.ts'
import { mysqlSettings } from './values/mysql-codec.ts'
import { postgresSettings } from './values/postgres-codec.ts'

/** Throws `UnsupportedError` for a database with several shards, where a row has a shard that its key says; and for a shadow, which is no table of its own. */
export function refuseComposed({ alias, shards, shadow }: Database, what: string): void {
  if (shadow !== undefined) {
    throw new UnsupportedError(
      `${what} works with tables, and "${alias}" is a shadow, which shows those of two databases as one. Nothing was sent. Name its base, or its local database.`,
      { database: alias },
    )
  }
  if (shards.length === 1) return
  throw new UnsupportedError(
    `${what} works with databases of one shard, and "${alias}" has ${shards.length}: ${shards.map(({ name }) => name).join(', ')}. Nothing was sent. ` +
      'Name a shard by its data source name, or move rows between shards with moveRows().',
    { database: alias },
  )
}

/** A connection of one's own to the primary of a database, with settings under which values are exact. */
export async function openPlace(
  host: TransactionHost,
  target: unknown,
  database: Database,
  access: 'read' | 'write',
  {
    signal,
    timeoutMs = host.queryTimeoutMs,
  }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
): Promise<Place> {
  const limits: PlaceLimits = { signal, timeoutMs }
  const using = target as string
  const anywhere = await host.decide('select 1', [], { using, dialect: database.engine, timeoutMs }, undefined)
  const on = withShards(anywhere, [database.shards[0]!.name])
  const lease = await host.executor.lease(on, access, { timeoutMs, signal }, host.surroundings)
  const place = new Place(lease, database, limits)
  try {
    // A source may be one that takes no writes; whatever is set, the connection is reset when it is given back.
    if (database.engine === 'mysql') await place.query(mysqlSettings, [], access === 'read' ? 'read' : 'session')
    return place
  } catch (error) {
    await place.close()
    throw error
  }
}

/** When constraints are checked that can wait: at the end of the transaction, as far as they can, or with each statement. */
export type Checks = 'at the end' | 'at once'

/** Begins a transaction that reads, and in which values are exact. */
export async function beginReading(place: Place): Promise<void> {
  await place.begin(true)
  await settle(place)
}

/** The same of one that writes. */
export async function beginWriting(place: Place, checks: Checks): Promise<void> {
  await place.begin(false)
  await settle(place)
  const isAtOnce = checks === 'at once'
  if (place.engine === 'postgres')
    await place.query(`set constraints all ${isAtOnce ? 'immediate' : 'deferred'}`, [], 'write')
  else if (place.engine === 'sqlite' && !isAtOnce) await place.query('pragma defer_foreign_keys = on', [], 'write')
}

async function settle(place: Place): Promise<void> {
  if (place.engine !== 'postgres') return
  const items = Object.entries(postgresSettings).map(([name, value]) => `set_config('${name}', '${value}', true)`)
  await place.query(`select ${items.join(', ')}`)
}
