import { type Client, connect } from '../src/index.ts'
import type { Engine } from '../src/topology/server-target.ts'
import { createTable, type OracleTable, rowsOf, type World } from './world.ts'

export const shardNames = ['a', 'b', 'c', 'd']

/** An empty database that somebody else drops. */
export type MakeDatabase = () => Promise<{ readonly dsn: string }>

/** The same rows in one database, and spread over shards. */
export interface Sides extends AsyncDisposable {
  readonly engine: Engine
  readonly world: World
  readonly whole: Client<'default'>
  readonly sharded: Client<'default'>
  /** Each shard as a database of its own. */
  readonly shards: ReadonlyMap<string, Client<'default'>>
}

export async function startSides(engine: Engine, world: World, makeDatabase: MakeDatabase): Promise<Sides> {
  await using stack = new AsyncDisposableStack()
  const [single, ...parts] = await Promise.all([makeDatabase(), ...shardNames.map(async () => await makeDatabase())])
  const whole = stack.use(await connect(single.dsn))
  const shards = new Map<string, Client<'default'>>()
  for (const [i, name] of shardNames.entries()) shards.set(name, stack.use(await connect(parts[i]!.dsn)))
  const sharded = stack.use(
    await connect({
      databases: {
        default: {
          shards: Object.fromEntries(shardNames.map((name, i) => [name, parts[i]!.dsn])),
          shardMap: world.map,
          pool: { maxConnections: 2 },
        },
      },
      tables: Object.fromEntries(
        [...world.tables, world.written].map(({ name, shardKey }) => [
          name,
          shardKey === undefined
            ? { database: 'default' as const, kind: 'reference' as const }
            : { database: 'default' as const, shardKey: [...shardKey] },
        ]),
      ),
    }),
  )
  for (const table of [...world.tables, world.written]) {
    for (const client of [whole, sharded]) {
      await client.query(createTable(engine, table))
      for (const row of rowsOf(table)) await client.query(insertText(engine, table), row)
    }
  }
  const kept = stack.move()
  return { engine, world, whole, sharded, shards, [Symbol.asyncDispose]: async () => await kept.disposeAsync() }
}

export function insertText(engine: Engine, { name, columns }: OracleTable): string {
  const names = Object.keys(columns)
  const marks = names.map((_, i) => (engine === 'postgres' ? `$${i + 1}` : '?'))
  return `insert into ${name} (${names.join(', ')}) values (${marks.join(', ')})`
}
