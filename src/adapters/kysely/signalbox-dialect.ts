import {
  MysqlIntrospector,
  PostgresIntrospector,
  SqliteIntrospector,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
} from 'kysely'
import { ConfigError, type Engine, type Scope } from '../../index.ts'
import { adapterOf } from './dialect-adapters.ts'
import { compilerOf } from './translating-compilers.ts'
import { VirtualDriver } from './virtual-driver.ts'

/** How an instance is made. */
export interface SignalboxDialectOptions {
  /**
   * The engine that queries are built for: the meaning of `sql` fragments, the introspector and the migration lock.
   * Default: that of the database which the scope is bound to, or of the default database.
   */
  readonly engine?: Engine
}

/**
 * A dialect of Kysely over the databases of a client, for code that makes the instance itself:
 * `new Kysely<DB>({ dialect: new SignalboxDialect(client) })`.
 *
 * Throws `ConfigError` if there is no default database and no `engine` is named.
 */
export class SignalboxDialect implements Dialect {
  readonly #scope: Scope
  readonly #engine: Engine

  constructor(scope: Scope, options: SignalboxDialectOptions = {}) {
    this.#scope = scope
    this.#engine = engineOf(scope, options)
  }

  createDriver(): Driver {
    return new VirtualDriver(this.#scope, this.#engine)
  }

  createQueryCompiler(): QueryCompiler {
    return compilerOf(this.#engine)
  }

  createAdapter(): DialectAdapter {
    return adapterOf(this.#engine)
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return introspectors[this.#engine](db)
  }
}

const introspectors = {
  postgres: (db) => new PostgresIntrospector(db),
  mysql: (db) => new MysqlIntrospector(db),
  sqlite: (db) => new SqliteIntrospector(db),
} as const satisfies Record<Engine, (db: Kysely<unknown>) => DatabaseIntrospector>

function engineOf(scope: Scope, { engine }: SignalboxDialectOptions): Engine {
  const named = engine ?? scope.engine
  if (named !== undefined && Object.hasOwn(introspectors, named)) return named
  throw new ConfigError(
    'engine',
    named === undefined ? 'There is no default database whose engine could be taken.' : `"${named}" is no engine.`,
    '"postgres", "mysql" (also for MariaDB), "sqlite"',
  )
}
