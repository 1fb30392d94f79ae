import type { AbortableOperationOptions, DatabaseConnection, Driver, QueryCompiler, TransactionSettings } from 'kysely'
import { UnsupportedError, type Engine, type Scope } from '../../index.ts'
import { driverError } from '../driver-error.ts'
import { commitError } from './commit-error.ts'
import { spoken, spokenDriver } from './spoken-driver.ts'
import { Translators } from './translating-compilers.ts'
import { VirtualConnection } from './virtual-connection.ts'

type CompileQuery = QueryCompiler['compileQuery']

/** Gives Kysely connections that pick their database themselves. Opens and closes nothing: the client does. */
export class VirtualDriver implements Driver {
  readonly #scope: Scope
  readonly #engine: Engine
  readonly #translators: Translators
  readonly #spoken: Driver

  constructor(scope: Scope, engine: Engine) {
    this.#scope = scope
    this.#engine = engine
    this.#translators = new Translators(engine)
    this.#spoken = spokenDriver(engine)
  }

  /** Loads what it takes to read the dialect, which the client has not done if it declares no such database. */
  async init(): Promise<void> {
    await this.#scope.analyze('select 1', [], { dialect: this.#engine })
  }

  async acquireConnection(options?: AbortableOperationOptions): Promise<DatabaseConnection> {
    return await Promise.resolve(new VirtualConnection(this.#scope, this.#engine, this.#translators, options))
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const own = virtual(connection)
    await spoken(
      own,
      () => own.begin(settings),
      (told) => this.#spoken.beginTransaction(told, settings),
    )
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const own = virtual(connection)
    await spoken(
      own,
      () => own.commit().catch(rethrow(commitError)),
      (told) => this.#spoken.commitTransaction(told),
    )
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    const own = virtual(connection)
    await spoken(
      own,
      () => own.rollback().catch(rethrow(driverError)),
      (told) => this.#spoken.rollbackTransaction(told),
    )
  }

  async savepoint(connection: DatabaseConnection, name: string, compile: CompileQuery): Promise<void> {
    const own = virtual(connection)
    await spoken(
      own,
      () => own.transaction.savepoint(name),
      async (told) => await this.#spoken.savepoint?.(told, name, compile),
    )
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string, compile: CompileQuery): Promise<void> {
    const own = virtual(connection)
    await spoken(
      own,
      () => own.transaction.rollbackTo(name).catch(rethrow(driverError)),
      async (told) => await this.#spoken.rollbackToSavepoint?.(told, name, compile),
    )
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string, compile: CompileQuery): Promise<void> {
    const own = virtual(connection)
    await spoken(
      own,
      () => own.transaction.release(name).catch(rethrow(driverError)),
      async (told) => await this.#spoken.releaseSavepoint?.(told, name, compile),
    )
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await virtual(connection).release().catch(rethrow(driverError))
  }

  async destroy(): Promise<void> {}
}

function virtual(connection: DatabaseConnection): VirtualConnection {
  if (connection instanceof VirtualConnection) return connection
  throw new UnsupportedError('The connection was not made by this driver.')
}

function rethrow(translate: (error: unknown) => unknown): (error: unknown) => never {
  return (error) => {
    throw translate(error)
  }
}
