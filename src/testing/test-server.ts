import type { FreshDatabase, ServerAddress } from './test-database.ts'

/** Settings of a server, by name, as in its configuration file; an empty value gives a MariaDB switch without a value. */
export type ServerSettings = Readonly<Record<string, string>>

/** What every start of a test server takes. */
export interface TestServerOptions {
  /** Added to, and stronger than, the test kit's own settings. */
  readonly settings?: ServerSettings
  /** The folder of the server's programs; by default they are looked for (see `startPostgres`, `startMariadb`). */
  readonly binaries?: string
  /** A data directory made before with `createTemplate`: it is copied, which is faster than making one. */
  readonly template?: ServerTemplate
}

/** A data directory in which no server ever ran, to be copied. Plain data: it may travel to another process. */
export interface ServerTemplate {
  readonly engine: 'postgres' | 'mysql'
  readonly folder: string
  readonly binaries: string
  readonly password: string
}

/** A private database server of a test, in a temporary folder, on a free port of 127.0.0.1. */
export interface TestServer extends ServerAddress, AsyncDisposable {
  /** As the server says it: `15.18`, `10.11.19-MariaDB`. */
  readonly version: string
  /** The server's process; another one after `restart()`. */
  readonly pid: number
  /** Whether the server's process exists; true while it is frozen. */
  readonly running: boolean
  /** The folder of the programs that run. */
  readonly binaries: string
  /** The data directory: for configuration and replication. Belongs to the system user that runs the server. */
  readonly dataDirectory: string

  /** A data source name, of the database that always exists unless one is named. Holds the password. */
  dsn(database?: string): string
  /** As `dsn`, for an account that may do everything. On PostgreSQL both are the same superuser. */
  adminDsn(database?: string): string
  /** Creates an empty database, with a name of its own unless one is given. */
  createDatabase(name?: string): Promise<FreshDatabase>
  /** Drops a database and breaks the connections to it. It is no error if there is none. */
  dropDatabase(name: string): Promise<void>

  /**
   * Sends a signal. SIGKILL hits the server with all its processes at once, as a crash of the machine would; its data
   * stays on disk, and `restart()` recovers it. Does nothing if the server is not running. `await exited()` tells when it is over.
   */
  kill(signal: NodeJS.Signals): void
  /** Resolves when the server's process has ended; at once if it is not running. */
  exited(): Promise<void>
  /**
   * Stops all of the server's processes in their tracks (SIGSTOP): the system still accepts connections for it, and
   * nobody answers. This is how a hung server looks.
   */
  freeze(): void
  /** Lets a frozen server go on where it stood (SIGCONT). */
  thaw(): void
  /**
   * Ends the server in order if it runs, and starts it again on the same port and data, with changed settings if some
   * are given. Resolves when it takes connections.
   */
  restart(settings?: ServerSettings): Promise<void>
  /** Ends the server without ceremony and removes its folder. May be called in every state, and again. */
  stop(): Promise<void>
  /** What the server wrote, over all restarts; the newest million characters. */
  log(): string
}
