import { ConfigError } from '../errors.ts'
import type { CallLimits } from '../execution/time-limit.ts'
import type { Lookup } from '../routing/lookups/lookup.ts'
import { quotedName, quotedTable } from '../statement/quotes.ts'
import type { LookupServers } from './lookup-servers.ts'

/** Texts that only a collation takes for the same: which of them the column does. */
const pairs = [
  ['A', 'a'],
  ['É', 'E'],
  ['ß', 'ss'],
  ['\u00e9', 'e\u0301'],
] as const

/**
 * Refuses a column that is declared as `text`, and takes different texts for the same: a row would not be found under the other one. Other
 * types are exact, or as coarse as a collation can be for what they hold. Works without rows: a literal in a UNION gets the collation of
 * the column.
 */
export async function checkFit(
  lookup: Lookup,
  shard: string,
  servers: LookupServers,
  limits: CallLimits,
): Promise<void> {
  if (lookup.type !== 'text') return
  const engine = await servers.engineOf(lookup.database)
  const texts = pairs.map(([one]) => `union all select '${one}'`).join(' ')
  const others = pairs.map(([one, other]) => `(c = '${one}' and c = '${other}')`).join(' or ')
  const sql =
    `select count(*) as n from (select ${quotedName(engine, lookup.column)} as c from ${quotedTable(engine, lookup.table)} where 1 = 0 ` +
    `${texts}) as texts where ${others}`
  const { rows } = await servers.query<{ readonly n: unknown }>(
    { database: lookup.database, shard },
    { sql, access: 'read' },
    limits,
  )
  if (Number(rows[0]?.n ?? 0) === 0) return
  throw new ConfigError(
    `tables.${lookup.table.name}.lookups.${lookup.column}.type`,
    `On the shard "${shard}" the column takes different texts for the same (case, accents), so a row would not be found under each of them.`,
    '"caseless-text", or a column with an exact collation',
  )
}
