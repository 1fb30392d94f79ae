import type { Client, Engine, Scope, TableHomeAnswer, TableName } from '../index.ts'
import type { FoundTable } from './inventory.ts'
import { inTime, type Probe } from './probe.ts'
import { probingAlias } from './probing-config.ts'
import { reachFailure } from './reach-failure.ts'

/** What was learnt of the rows of a table on one shard. */
export interface RowFact {
  readonly shard: string
  readonly table: FoundTable
  /** All of a reference table; of an unsharded one beside its shard 1 if there are any. `undefined`: see `failure`. */
  readonly rows: number | undefined
  readonly failure: string | undefined
  /** Of a sharded table: how many of the rows that were looked at belong to another shard. */
  readonly strays?: { readonly looked: number; readonly strays: number } | undefined
}

/** Rows of each sharded table that are looked at on each shard. */
const mostRows = 1_000

/**
 * Asks the shards of one database for the rows that should be the same everywhere (of reference tables), and for those that
 * should not be there (of unsharded tables, on other shards than the first; of sharded tables, with keys of other shards). Never throws.
 */
export async function rowFacts(
  probing: Client,
  probes: readonly Probe[],
  homeOf: (table: TableName) => TableHomeAnswer,
  ownersOf: (database: string, keys: readonly unknown[]) => Promise<readonly (string | undefined)[]>,
  timeoutMs: number,
): Promise<readonly RowFact[]> {
  const facts = await Promise.all(
    probes.map(async ({ database, shard, tables = [] }, index) => {
      const scope = probing.using(probingAlias(database, shard.primary))
      const asked: RowFact[] = []
      // One after the other: there is one connection.
      for (const table of tables) {
        const home = homeOf(table)
        if (table.isView || !home.declared || home.database !== database.alias) continue
        if (home.kind === 'sharded') {
          const owners: OwnersOf = async (keys) => await ownersOf(database.alias, keys)
          const answer = await inTime(
            timeoutMs,
            async () => await strayKeys(scope, database.engine, table, home, shard.name, owners),
          )
          // A table that lacks its key has a finding of its own.
          if (!('error' in answer))
            asked.push({ shard: shard.name, table, rows: undefined, failure: undefined, strays: answer })
          continue
        }
        if (home.kind !== 'reference' && (home.kind !== 'unsharded' || index === 0)) continue
        const question = home.kind === 'reference' ? countRows : anyRows
        const answer = await inTime(timeoutMs, async () => await question(scope, database.engine, table))
        const isKnown = typeof answer === 'number'
        asked.push({
          shard: shard.name,
          table,
          rows: isKnown ? answer : undefined,
          failure: isKnown ? undefined : reachFailure(answer.error).message,
        })
      }
      return asked
    }),
  )
  return facts.flat()
}

/** How many rows the table has now. */
export async function countRows(scope: Scope, engine: Engine, table: TableName): Promise<number> {
  const { rows } = await scope.query<{ n: number | string }>(`select count(*) as n from ${quoted(table, engine)}`)
  return Number(rows[0]?.n)
}

/** Looks whether rows are on the shard of their key: not so if the map was changed and the rows were not moved. */
async function strayKeys(
  scope: Scope,
  engine: Engine,
  table: TableName,
  { shardKey = [] }: TableHomeAnswer,
  shard: string,
  ownersOf: OwnersOf,
): Promise<{ readonly looked: number; readonly strays: number }> {
  const columns = shardKey.map((column) => quoted({ name: column }, engine)).join(', ')
  const text = `select ${columns} from ${quoted(table, engine)} limit ${mostRows}`
  const { rows } = await scope.query<readonly unknown[]>(text, [], { rowMode: 'array' })
  // A row whose key nobody owns, or that has none, is met by no statement that names it.
  const owners = await ownersOf(rows.map((key) => (key.length === 1 ? key[0] : key)))
  return { looked: rows.length, strays: owners.filter((owner) => owner !== shard).length }
}

type OwnersOf = (keys: readonly unknown[]) => Promise<readonly (string | undefined)[]>

async function anyRows(scope: Scope, engine: Engine, table: TableName): Promise<number> {
  return (await scope.query(`select 1 as one from ${quoted(table, engine)} limit 1`)).rows.length
}

/** The table as a statement names it, whatever characters are in its name. */
export function quoted(table: TableName, engine: Engine): string {
  const quote = engine === 'mysql' ? '`' : '"'
  const names = table.schema === undefined ? [table.name] : [table.schema, table.name]
  return names.map((name) => `${quote}${name.replaceAll(quote, quote + quote)}${quote}`).join('.')
}
