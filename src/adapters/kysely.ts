import { Kysely, type KyselyConfig } from 'kysely'
import type { Scope } from '../index.ts'
import { SignalboxDialect, type SignalboxDialectOptions } from './kysely/signalbox-dialect.ts'

export { SignalboxDialect, type SignalboxDialectOptions } from './kysely/signalbox-dialect.ts'
export { onCommit } from './kysely/on-commit.ts'
export { using } from './kysely/using-plugin.ts'
export { signalboxErrorOf } from './driver-error.ts'

/** How {@link kysely} makes an instance: Kysely's own `plugins` and `log`, and the engine. */
export interface KyselyOptions extends SignalboxDialectOptions, Omit<KyselyConfig, 'dialect'> {}

/**
 * A Kysely instance over all databases of a client: each query goes to the database that it belongs to. A query of a
 * database with another engine is compiled again, by that engine's compiler of Kysely.
 *
 * Given a scope, `kysely(client.using('archive'))`, the whole instance is bound to that database and speaks its
 * engine's dialect: for migrations, introspection, and queries with fragments of that engine.
 *
 * - Fragments of SQL text (`sql`) are never translated: where they would have to be, `CrossEngineError` says so.
 * - What an engine cannot do (`returning` on MySQL, for instance) it refuses itself. What values mean is the engine's
 *   affair too: collation, case in `like`, division of integers.
 * - A transaction begins with its first query, on that query's database. A query of another database rolls it back and
 *   throws `CrossDatabaseTransactionError`. Savepoints, isolation levels and `read only` are kept.
 * - `db.connection()` reserves one real connection, on the database of its first query.
 * - An abort signal does what `inflightQueryAbortStrategy` says, as with Kysely's own dialects: by default the caller hears of it at once, and
 *   the statement goes on; with `cancel query` it is cancelled on its server; with `kill session` what it was part of is given up, too. A
 *   stream is always cancelled.
 * - Errors of servers are the driver's own; {@link signalboxErrorOf} tells where they happened. Kysely's own logging shows
 *   queries, BEGIN and COMMIT as its own dialect would send them, `tracing:signalbox:query` what was sent.
 * - `db.destroy()` does not close the client, which belongs to the application; the instance cannot be used afterwards.
 *
 * Throws `ConfigError` if there is no default database and no `engine` is named.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { kysely, using } from 'signalbox/kysely'
 *
 * const client = await connect({
 *   databases: { default: 'shop', shop: 'postgres://localhost/shop', archive: 'sqlite:./archive.db' },
 *   tables: { 'archived_*': 'archive' },
 * })
 * const db = kysely<Shop>(client)
 * await db.selectFrom('product').selectAll().where('id', '=', 7).execute() // PostgreSQL
 * await db.selectFrom('archived_purchase').selectAll().limit(10).execute() // SQLite
 * await db.withPlugin(using(client, 'archive')).selectFrom('product').selectAll().execute() // SQLite
 * ```
 */
export function kysely<DB>(scope: Scope, { engine, ...config }: KyselyOptions = {}): Kysely<DB> {
  return new Kysely<DB>({ ...config, dialect: new SignalboxDialect(scope, engine === undefined ? {} : { engine }) })
}
