import type { Engine } from '../drivers/driver.ts'
import type { CallLimits } from '../execution/time-limit.ts'
import { LookupWriteError } from '../routing/lookups/lookup-error.ts'
import { writtenText, type Lookup } from '../routing/lookups/lookup.ts'
import { storedKey } from '../routing/lookups/stored-key.ts'
import type { ShardMap } from '../routing/shard-map.ts'
import { marks } from '../statement/parameter-marks.ts'
import { quotedName, quotedTable } from '../statement/quotes.ts'
import type { LookupServers } from './lookup-servers.ts'

/** A row that has a value. */
export interface LookedUpRow {
  readonly value: string
  /** As it came, for parameters. */
  readonly given: unknown
  /** As `storedKey` gives it. */
  readonly key: string
  readonly shard: string
}

/** The rows of a shard that have a value, in batches, in the order of the values. */
export async function* rowsOf(
  lookup: Lookup,
  shard: string,
  map: ShardMap,
  servers: LookupServers,
  { batch, limits }: { readonly batch: number; readonly limits: CallLimits },
): AsyncGenerator<readonly LookedUpRow[], void, undefined> {
  const engine = await servers.engineOf(lookup.database)
  const column = quotedName(engine, lookup.column)
  const keys = lookup.shardKey.map(
    (name, index) => `${exact(engine, quotedName(engine, name), map.keyTypes[index] ?? '')} as k${index}`,
  )
  const [mark] = marks(engine, 1)
  let last: unknown
  for (;;) {
    const behind = last === undefined ? `${column} is not null` : `${column} > ${mark}`
    const sql =
      `select ${exact(engine, column, lookup.type)} as v, ${keys.join(', ')} from ${quotedTable(engine, lookup.table)} ` +
      `where ${behind} order by ${column} limit ${batch}`
    const params = last === undefined ? [] : [last]
    const { rows } = await servers.query<Readonly<Record<string, unknown>>>(
      { database: lookup.database, shard },
      { sql, params, access: 'read' },
      limits,
    )
    if (rows.length > 0) yield rows.map((row) => readRow(row, lookup, shard, map))
    if (rows.length < batch) return
    const given = rows.at(-1)?.['v']
    last = lookup.type === 'integer' ? BigInt(String(given)) : given
  }
}

/** A value that several rows of the shard have; `undefined` if there is none. */
export async function doubleOn(
  lookup: Lookup,
  shard: string,
  servers: LookupServers,
  limits: CallLimits,
): Promise<number> {
  const engine = await servers.engineOf(lookup.database)
  const column = quotedName(engine, lookup.column)
  const sql =
    `select count(*) as n from (select ${column} from ${quotedTable(engine, lookup.table)} where ${column} is not null ` +
    `group by ${column} having count(*) > 1) as doubles`
  const { rows } = await servers.query<{ readonly n: unknown }>(
    { database: lookup.database, shard },
    { sql, access: 'read' },
    limits,
  )
  return Number(rows[0]?.n ?? 0)
}

function readRow(row: Readonly<Record<string, unknown>>, lookup: Lookup, shard: string, map: ShardMap): LookedUpRow {
  const given = row['v']
  const value = writtenText(lookup.type, given)
  const key = storedKey(
    lookup.shardKey.map((_, index) => row[`k${index}`]),
    map.keyTypes,
  )
  if (value !== undefined && key !== undefined) return { value, given, key, shard }
  throw new LookupWriteError(
    `A row of ${lookup.table.name} on the shard "${shard}" has a ${value === undefined ? `value of ${lookup.column}` : 'shard key'} of which no entry can be kept: ` +
      `it does not fit its type, is too long, or not in its usual form (lookup ${lookup.name}, type "${lookup.type}").`,
    { database: lookup.database, shard },
  )
}

/** Numbers as text, which no driver rounds. */
function exact(engine: Engine, column: string, type: string): string {
  if (type === 'integer') return `cast(${column} as ${engine === 'mysql' ? 'char' : 'text'})`
  return type === 'uuid' && engine === 'postgres' ? `${column}::text` : column
}
