import {
  MysqlDriver,
  PostgresDriver,
  SqliteDriver,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
} from 'kysely'
import { UnsupportedError, type Engine } from '../../index.ts'

/** What is done in place of a statement that Kysely's own driver would send. */
export type Deed = () => void | Promise<void>

/** A connection that can be told what a query stands for. */
export interface TeachableConnection extends DatabaseConnection {
  /** Has the connection do `deed` when it is asked to run `query`. */
  teach(query: CompiledQuery, deed: Deed): void
}

/**
 * Kysely's own driver of an engine, for what it says: a transaction is begun and ended by Signalbox, but the statements for it that the
 * application's log and its tests see are those of Kysely. It has no database to send them to.
 */
export function spokenDriver(engine: Engine): Driver {
  return drivers[engine]()
}

const noDatabase = async (): Promise<never> => {
  await Promise.resolve()
  throw new UnsupportedError('This driver only says what it would send.')
}

const drivers = {
  postgres: () => new PostgresDriver({ pool: noDatabase }),
  mysql: () => new MysqlDriver({ pool: noDatabase }),
  sqlite: () => new SqliteDriver({ database: noDatabase }),
} as const satisfies Record<Engine, () => Driver>

/**
 * Lets a driver of Kysely speak on `connection`, where its first statement comes to `deed` and others to nothing.
 * Rejects with what the deed rejected with, whatever the driver makes of it.
 */
export async function spoken(
  connection: TeachableConnection,
  deed: Deed,
  speak: (connection: DatabaseConnection) => Promise<void>,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined
  let isDone = false
  const once: Deed = async () => {
    if (isDone) return
    isDone = true
    await deed()
  }
  const listening: DatabaseConnection = {
    // By the connection's own method, which Kysely has put its log around.
    executeQuery: async (query, options) => {
      connection.teach(query, once)
      try {
        return await connection.executeQuery(query, options)
      } catch (error) {
        failure ??= { error }
        throw error
      }
    },
    streamQuery: (...args) => connection.streamQuery(...args),
  }
  try {
    await speak(listening)
  } catch (error) {
    throw failure === undefined ? error : failure.error
  }
}
