import { AsyncLocalStorage } from 'node:async_hooks'
import type { CallOptions } from './config.ts'
import type { Databases } from './databases.ts'
import { Directories } from './directory/directories.ts'
import { Directory } from './directory/directory.ts'
import type { BeginOn } from './directory/move-owner.ts'
import type { Decision } from './execution/decision.ts'
import type { Result } from './execution/result.ts'
import { withShards, type ShardTerms } from './execution/shard-decision.ts'
import { Transaction } from './execution/transaction.ts'
import type { ParsedConfig } from './parse-config.ts'
import { directoryOf } from './routing/shards/key-owners.ts'
import { ShardAnswers } from './routing/shards/unanswered.ts'
import type { ClientParts } from './client-parts.ts'
import { Scope } from './scope.ts'
import type { Params } from './statement/statement.ts'

/** The directories of the databases whose shard maps have one. `parts`: the client's, once there is one. */
export function makeDirectories(
  { shardMaps, topology }: ParsedConfig,
  databases: Databases,
  parts: () => ClientParts,
  now: () => number = () => performance.now(),
): Directories {
  // What is asked is for all: it must not become part of the session, or obey the scope, of the call that happens to ask.
  const outside = AsyncLocalStorage.snapshot()
  return new Directories(
    [...shardMaps].flatMap(([alias, map]): readonly Directory[] => {
      const database = topology.databases.get(alias)
      const { directory: owners } = map
      if (owners === undefined || database === undefined) return []
      const control = databases.resolve(owners.alias)
      let scope: Scope | undefined
      const on = (): Scope => (scope ??= new Scope(parts(), control.alias))
      const query = async <Row>(sql: string, params?: Params, options?: CallOptions): Promise<Result<Row>> =>
        await outside(async () => await on().query<Row>(sql, params, options))
      const begin = (): Transaction => outside(() => on().begin())
      return [new Directory({ database, map, owners, control, queryable: () => ({ query, begin }), now })]
    }),
  )
}

/** Makes the tables of a directory, on the control database and on each shard, unless they are there. */
export async function setUpDirectory(directory: Directory, parts: ClientParts): Promise<void> {
  await directory.table.setUp()
  for (const { name } of directory.database.shards) {
    const decision = await onShard(directory, name, directory.local.tableText, parts)
    const { sessions, executor, config } = parts
    const { queryTimeoutMs: timeoutMs } = config.limits
    const lease = await executor.lease(decision, 'write', { timeoutMs }, sessions.current())
    const create = async (): Promise<unknown> =>
      await lease.query({ sql: decision.sql, params: [], access: 'write', timeoutMs })
    try {
      // Two at the same time can get in each other's way on PostgreSQL; the second attempt finds the table.
      await create().catch(create)
    } finally {
      await lease.release('clean')
    }
  }
}

/** Begins transactions on the shards of a move: whatever a text says of the key, it runs there. */
export function beginOn(
  directory: Directory,
  key: unknown,
  parts: ClientParts,
  timeoutMs: number | undefined,
): BeginOn {
  const { decider, executor, reservations, sessions, config, lookups } = parts
  const { alias } = directory.database
  const question = { about: directoryOf(alias), subject: directory.map.keyText(key), intent: 'place' } as const
  const binding = { key, database: alias, locked: false, by: 'client.moveOwner()', byCall: true } as const
  return (shard) => {
    const own = new Set<string>()
    const decide = async (sql: string, params: Params, options: CallOptions | undefined): Promise<Decision> => {
      if (own.has(sql)) return await onShard(directory, shard, sql, parts)
      const terms: ShardTerms = { binding, answers: new ShardAnswers([[question, shard]]) }
      const decision = await decider.decide(sql, params, options, alias, 'transaction', undefined, terms)
      return { ...decision, ownedKeys: undefined }
    }
    const tx = new Transaction(
      {
        executor,
        reservations,
        hinted: (_sql, options) => options,
        surroundings: sessions.current(),
        attempts: config.limits.readAttempts,
        queryTimeoutMs: config.limits.queryTimeoutMs,
        decide,
        known: () => undefined,
        claims: () => lookups.claims(),
        explain: (sql, params, options) => decider.explain(sql, params, options, alias, 'transaction').route,
      },
      timeoutMs === undefined ? {} : { timeoutMs },
    )
    return {
      tx,
      send: async (sql, params) => {
        own.add(sql)
        return await tx.query(sql, params, { rowMode: 'object' })
      },
    }
  }
}

/** A statement of ours on one shard, whose tables nobody declares. */
async function onShard(
  { database }: Directory,
  shard: string,
  sql: string,
  { decider }: ClientParts,
): Promise<Decision> {
  // As in a transaction that may write: on the primary.
  const anywhere = await decider.decide('select 1', [], undefined, database.alias, 'transaction')
  const decision = withShards(anywhere, [shard])
  return { ...decision, sql, route: Object.freeze({ ...decision.route, effect: 'write' as const }) }
}
