import { MysqlAdapter, PostgresAdapter, SqliteAdapter, type DialectAdapter } from 'kysely'
import type { Engine } from '../../index.ts'

/** Kysely's own adapter of an engine, changed where it knows only that engine or only one connection. */
export function adapterOf(engine: Engine): DialectAdapter {
  return adapters[engine]()
}

const adapters = {
  postgres: () => new PostgresAdapter(),
  mysql: () => new ReturningMysqlAdapter(),
  sqlite: () => new PooledSqliteAdapter(),
} as const satisfies Record<Engine, () => DialectAdapter>

/** MariaDB has `insert … returning`, and the query may belong to another engine; a server without it refuses it itself. */
class ReturningMysqlAdapter extends MysqlAdapter {
  override get supportsReturning(): boolean {
    return true
  }
}

/** Kysely locks migrations on SQLite by having one connection only. Here there are more, so migrations take turns. */
class PooledSqliteAdapter extends SqliteAdapter {
  #turn: Promise<void> = Promise.resolve()
  #end: (() => void) | undefined

  override get supportsMultipleConnections(): boolean {
    return true
  }

  override async acquireMigrationLock(): Promise<void> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    await before
    this.#end = resolve
  }

  override async releaseMigrationLock(): Promise<void> {
    await Promise.resolve(this.#end?.())
  }
}
