import type { AbortableOperationOptions, DatabaseConnection, Driver, TransactionSettings } from 'kysely'
import { UnsupportedError, type Engine, type Scope } from '../../index.ts'
import { driverError } from '../driver-error.ts'
import { commitError } from './commit-error.ts'
import { Translators } from './translating-compilers.ts'
import { VirtualConnection } from './virtual-connection.ts'

/** Gives Kysely connections that pick their database themselves. Opens and closes nothing: the client does. */
export class VirtualDriver implements Driver {
  readonly #scope: Scope
  readonly #engine: Engine
  readonly #translators: Translators

  constructor(scope: Scope, engine: Engine) {
    this.#scope = scope
    this.#engine = engine
    this.#translators = new Translators(engine)
  }

  /** Loads what it takes to read the dialect, which the client has not done if it declares no such database. */
  async init(): Promise<void> {
    await this.#scope.analyze('select 1', [], { dialect: this.#engine })
  }

  async acquireConnection(options?: AbortableOperationOptions): Promise<DatabaseConnection> {
    return await Promise.resolve(new VirtualConnection(this.#scope, this.#engine, this.#translators, options))
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    await Promise.resolve(virtual(connection).begin(settings))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await virtual(connection).commit().catch(rethrow(commitError))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await virtual(connection).rollback().catch(rethrow(driverError))
  }

  async savepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await Promise.resolve(virtual(connection).transaction.savepoint(name))
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await virtual(connection).transaction.rollbackTo(name).catch(rethrow(driverError))
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await virtual(connection).transaction.release(name).catch(rethrow(driverError))
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
