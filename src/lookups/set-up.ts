import type { CallLimits } from '../execution/time-limit.ts'
import type { LookupMap } from '../routing/lookups/lookup.ts'
import type { LookupPlace, LookupServers } from './lookup-servers.ts'
import { claimTable, definitionOf, entryTable } from './lookup-text.ts'

/** Creates the tables of all lookups, unless they are there: the entries in the control databases, the claims on each shard. */
export async function setUpLookups(
  { all }: LookupMap,
  servers: LookupServers,
  shardsOf: (database: string) => readonly string[],
  limits: CallLimits,
): Promise<void> {
  const create = async (place: LookupPlace, table: typeof entryTable | typeof claimTable): Promise<void> => {
    const sql = definitionOf(await servers.engineOf(place.database), table)
    const attempt = async (): Promise<unknown> => await servers.query(place, { sql, access: 'write' }, limits)
    // Two at the same time can get in each other's way on PostgreSQL; the second attempt finds the table.
    await attempt().catch(attempt)
  }
  for (const database of new Set(all.map(({ control }) => control))) await create({ database }, entryTable)
  for (const database of new Set(all.map((lookup) => lookup.database)))
    for (const shard of shardsOf(database)) await create({ database, shard }, claimTable)
}
