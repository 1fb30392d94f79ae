import { loadMysql2 } from '../drivers/mysql/true-mysql2.ts'
import { DriverMissingError } from '../errors.ts'
import { dsnOf, type ServerAddress } from './test-database.ts'

export type AdminRow = Readonly<Record<string, string | number | boolean | null>>

const connectLimitMs = 5000
const answerLimitMs = 20_000

/**
 * One connection of the administrator to a test's server, for a cluster's questions and orders. A server that does not
 * answer (frozen) costs 5 seconds to connect to, and 20 for a statement.
 */
export class AdminSession implements Disposable {
  readonly #ask: (sql: string) => Promise<readonly AdminRow[]>
  readonly #close: () => void

  private constructor(ask: (sql: string) => Promise<readonly AdminRow[]>, close: () => void) {
    this.#ask = ask
    this.#close = close
  }

  /**
   * @throws DriverMissingError if the npm package `pg` or `mysql2` is not installed.
   * @throws The driver's own error if the server refuses.
   */
  static open(server: ServerAddress): Promise<AdminSession> {
    const dsn = dsnOf(server, undefined, true)
    return server.engine === 'postgres' ? AdminSession.#openPostgres(dsn) : AdminSession.#openMariadb(dsn)
  }

  static async #openPostgres(dsn: string): Promise<AdminSession> {
    const { Client } = (await loaded('pg', import('pg'))).default
    const limits = { connectionTimeoutMillis: connectLimitMs, query_timeout: answerLimitMs }
    const client = new Client({ connectionString: dsn, ...limits })
    client.on('error', () => undefined)
    await client.connect()
    return new AdminSession(
      async (sql) => (await client.query<AdminRow>(sql)).rows,
      // Not waited for: a frozen server would never close its end.
      () => void client.end().catch(() => undefined),
    )
  }

  static async #openMariadb(dsn: string): Promise<AdminSession> {
    const { createConnectionPromise } = await loaded('mysql2', loadMysql2())
    const connection = await createConnectionPromise({ uri: dsn, connectTimeout: connectLimitMs })
    connection.on('error', () => undefined)
    return new AdminSession(
      async (sql) => {
        const [rows] = await connection.query({ sql, timeout: answerLimitMs })
        return Array.isArray(rows) ? rows.map((row) => Object.fromEntries(Object.entries(row))) : []
      },
      () => connection.destroy(),
    )
  }

  /** The rows of one statement; none if it has no result. */
  query(sql: string): Promise<readonly AdminRow[]> {
    return this.#ask(sql)
  }

  [Symbol.dispose](): void {
    this.#close()
  }
}

/** Runs statements one after the other on a connection of their own, and returns the rows of the last one. */
export async function askAdmin(server: ServerAddress, ...statements: readonly string[]): Promise<readonly AdminRow[]> {
  using session = await AdminSession.open(server)
  let rows: readonly AdminRow[] = []
  for (const statement of statements) rows = await session.query(statement)
  return rows
}

async function loaded<T>(name: string, module: Promise<T>): Promise<T> {
  try {
    return await module
  } catch (cause) {
    throw new DriverMissingError(name, 'A test cluster', cause)
  }
}
