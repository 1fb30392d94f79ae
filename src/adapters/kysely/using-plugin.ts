import type {
  KyselyPlugin,
  PluginTransformQueryArgs,
  PluginTransformResultArgs,
  QueryId,
  QueryResult,
  RootOperationNode,
  UnknownRow,
} from 'kysely'
import type { Client, UsingTarget } from '../../index.ts'

/** Where single queries were asked to run. Weak: Kysely's plugins have no other way to reach the connection of a query. */
const targets = new WeakMap<QueryId, UsingTarget<string>>()

/** Where a query was asked to run, if it was. */
export function targetOf(queryId: QueryId): UsingTarget<string> | undefined {
  return targets.get(queryId)
}

class UsingPlugin implements KyselyPlugin {
  readonly #target: UsingTarget<string>

  constructor(target: UsingTarget<string>) {
    this.#target = target
  }

  transformQuery({ node, queryId }: PluginTransformQueryArgs): RootOperationNode {
    targets.set(queryId, this.#target)
    return node
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return await Promise.resolve(result)
  }
}

/**
 * A plugin that sends queries to this database, whatever routers and declarations say: an alias, a data source name,
 * or a pool or handle of one's own. Works on an instance, in a transaction, and on a single query.
 *
 * It is not asked for queries that were compiled beforehand (`db.executeQuery(compiled)`) and not by `db.introspection`:
 * for these, bind an instance with `kysely(client.using(target))`.
 *
 * Throws `UnknownDatabaseError` or `UnsupportedError` at once if there is no such database.
 *
 * @example
 * ```ts
 * import { using } from 'signalbox/kysely'
 *
 * const archived = await db.withPlugin(using(client, 'archive')).selectFrom('purchase').selectAll().execute()
 * ```
 */
export function using<A extends string>(client: Client<A>, target: UsingTarget<NoInfer<A>>): KyselyPlugin {
  client.using(target)
  return new UsingPlugin(target)
}
