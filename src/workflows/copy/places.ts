import { UnsupportedError } from '../../errors.ts'
import { withShards } from '../../execution/shard-decision.ts'
import type { TransactionHost } from '../../execution/transaction-host.ts'
import type { Database } from '../../topology/topology.ts'
import { Place, type PlaceLimits } from './place.ts'
import { mysqlSettings } from './values/mysql-codec.ts'
import { postgresSettings } from './values/postgres-codec.ts'

/** Throws `UnsupportedError` for a database with several shards, where a row has a shard that its key says. */
export function refuseShards({ alias, shards }: Database, what: string): void {
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
    if (database.engine === 'mysql') await place.query(mysqlSettings, [], 'session')
    return place
  } catch (error) {
    await place.close()
    throw error
  }
}

/** Begins a transaction in which values are exact. On the target constraints are checked at its end, as far as they can be. */
export async function beginOn(place: Place, role: 'source' | 'target'): Promise<void> {
  await place.begin(role === 'source')
  if (place.engine === 'postgres') {
    const items = Object.entries(postgresSettings).map(([name, value]) => `set_config('${name}', '${value}', true)`)
    await place.query(`select ${items.join(', ')}`)
    if (role === 'target') await place.query('set constraints all deferred', [], 'write')
  } else if (place.engine === 'sqlite' && role === 'target') {
    await place.query('pragma defer_foreign_keys = on', [], 'write')
  }
}
