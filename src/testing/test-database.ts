import { randomUUID } from 'node:crypto'
import type { Dsn } from '../config.ts'
import { loadMysql2 } from '../drivers/mysql/true-mysql2.ts'
import { DriverMissingError } from '../errors.ts'
import { quotedName } from '../statement/quotes.ts'

/** Where a test's server listens, and its accounts. Plain data: it may travel to another process. */
export interface ServerAddress {
  /** MariaDB is of the engine `mysql`. */
  readonly engine: 'postgres' | 'mysql'
  readonly host: string
  readonly port: number
  /**
   * The application's account. PostgreSQL: a superuser. MariaDB: may do everything but what makes an account write to a
   * read-only server (READ_ONLY ADMIN, SUPER).
   */
  readonly user: string
  /** May do everything. */
  readonly adminUser: string
  /** Of both accounts; different for every server or template. */
  readonly password: string
}

/** A database that was made for one test. */
export interface FreshDatabase {
  readonly name: string
  readonly dsn: Dsn
}

/** The database that exists on every server of an engine. */
const maintenanceDatabase = { postgres: 'postgres', mysql: 'mysql' } as const

/** The data source name of a database; of the one that always exists if none is named. */
export function dsnOf(
  server: ServerAddress,
  database: string = maintenanceDatabase[server.engine],
  admin = false,
): Dsn {
  const user = encodeURIComponent(admin ? server.adminUser : server.user)
  const credentials = `${user}:${encodeURIComponent(server.password)}`
  return `${server.engine}://${credentials}@${server.host}:${server.port}/${encodeURIComponent(database)}`
}

/** A name for a database that no other test uses. */
export function uniqueDatabaseName(): string {
  return `signalbox_${randomUUID().replaceAll('-', '').slice(0, 16)}`
}

/**
 * Creates an empty database, with a name of its own unless one is given. Needs the npm package `pg` or `mysql2`.
 *
 * @throws DriverMissingError if the package is not installed.
 * @throws The driver's own error if the server refuses.
 */
export async function createDatabase(
  server: ServerAddress,
  name: string = uniqueDatabaseName(),
): Promise<FreshDatabase> {
  const charset = server.engine === 'mysql' ? ' CHARACTER SET utf8mb4' : ''
  await runAsAdmin(server, `CREATE DATABASE ${quotedName(server.engine, name)}${charset}`)
  return { name, dsn: dsnOf(server, name) }
}

/** Drops a database and breaks the connections to it. It is no error if there is none. */
export async function dropDatabase(server: ServerAddress, name: string): Promise<void> {
  const force = server.engine === 'postgres' ? ' WITH (FORCE)' : ''
  await runAsAdmin(server, `DROP DATABASE IF EXISTS ${quotedName(server.engine, name)}${force}`)
}

async function runAsAdmin(server: ServerAddress, sql: string): Promise<void> {
  const dsn = dsnOf(server, undefined, true)
  if (server.engine === 'postgres') {
    const { Client } = (await load('pg', () => import('pg'))).default
    const client = new Client({ connectionString: dsn })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
    return
  }
  const { createConnectionPromise } = await load('mysql2', loadMysql2)
  const connection = await createConnectionPromise(dsn)
  try {
    await connection.query(sql)
  } finally {
    await connection.end()
  }
}

async function load<T>(name: string, importer: () => Promise<T>): Promise<T> {
  try {
    return await importer()
  } catch (cause) {
    throw new DriverMissingError(name, 'Creating a database on a test server', cause)
  }
}
