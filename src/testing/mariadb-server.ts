import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { run } from './binaries.ts'
import { findMariadb, type MariadbPrograms } from './mariadb-binaries.ts'
import { RunningServer, type ServerRecipe } from './running-server.ts'
import type { ServerCommand } from './server-process.ts'
import { temporaryFolder } from './temporary-folder.ts'
import type { ServerSettings, ServerTemplate, TestServer, TestServerOptions } from './test-server.ts'
import { Workplace } from './workplace.ts'

const user = 'signalbox'
const adminUser = 'signalbox_admin'

/**
 * Small and fast, and still whole after `kill('SIGKILL')`: with innodb-flush-log-at-trx-commit=2 a commit reaches the
 * operating system, which outlives the server (with 0 it would not).
 */
const fast: ServerSettings = {
  'innodb-flush-log-at-trx-commit': '2',
  'innodb-buffer-pool-size': '32M',
  'innodb-log-file-size': '16M',
  'innodb-flush-method': 'O_DSYNC',
  'sync-binlog': '0',
  'performance-schema': 'OFF',
  'max-connections': '200',
  'character-set-server': 'utf8mb4',
  'default-time-zone': '+00:00',
}

/** What {@link startMariadb} takes. */
export interface MariadbOptions extends TestServerOptions {
  /**
   * Default false. True: if MariaDB is missing, this is Debian or Ubuntu, and the process is root, installs the packages mariadb-server-core and
   * mariadb-client-core with apt-get. They bring no service.
   */
  readonly install?: boolean
}

/**
 * Starts a private MariaDB server: 1 to 2 seconds, of which the making of its data directory takes one; a template saves
 * that. It listens on a free port of 127.0.0.1 and lives in a temporary folder. The account of `dsn()` may not write
 * where the server is read-only; the one of `adminDsn()` may do everything.
 *
 * The programs are looked for in `options.binaries`, the environment variable `SIGNALBOX_TEST_MARIADB_BIN`, PATH, and the
 * usual folders below `/usr` and `/usr/local`. Linux and macOS.
 *
 * Should the test process die without calling `stop()`, a watchdog ends the server and removes its folder.
 *
 * @throws TestServerError if the programs are missing or the server does not start; nothing is left behind.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { startMariadb } from 'signalbox/testing'
 *
 * await using server = await startMariadb({ settings: { 'log-bin': 'log' } })
 * await using client = await connect((await server.createDatabase()).dsn)
 * ```
 */
export function startMariadb(options: MariadbOptions = {}): Promise<TestServer> {
  return launchMariadb(options)
}

/** As `startMariadb`, with all that a cluster does with a server of its own. */
export async function launchMariadb(options: MariadbOptions): Promise<RunningServer> {
  const programs = await findMariadb(options.template?.binaries ?? options.binaries, {}, options.install)
  const workplace = await Workplace.create('mariadb', 'SIGKILL')
  const { folder } = workplace
  try {
    const dataDirectory = join(folder, 'data')
    const password = options.template?.password ?? randomBytes(12).toString('hex')
    if (options.template === undefined) await installDatabase(programs, dataDirectory)
    else await run('cp', ['-Rp', options.template.folder, dataDirectory])
    const initFile = join(folder, 'accounts.sql')
    await writeFile(initFile, accounts(password), { mode: 0o600 })
    const recipe: ServerRecipe = {
      engine: 'mysql',
      version: programs.version,
      binaries: dirname(programs.server),
      dataDirectory,
      user,
      adminUser,
      password,
      settings: { ...fast, ...options.settings },
      restartSignal: 'SIGTERM',
      stopSignal: 'SIGKILL',
      command: (port, settings, first) =>
        mariadbCommand(programs, folder, port, settings, first ? [`--init-file=${initFile}`] : []),
    }
    return await RunningServer.start(recipe, workplace)
  } catch (error) {
    await workplace.remove()
    throw error
  }
}

/**
 * Makes a data directory to start servers from (`startMariadb({ template })`), each in a fraction of the time. The caller
 * removes `folder`, which has to be a folder that does not exist yet.
 */
export async function createMariadbTemplate(folder: string, options: MariadbOptions = {}): Promise<ServerTemplate> {
  const programs = await findMariadb(options.binaries, {}, options.install)
  await installDatabase(programs, folder)
  return { engine: 'mysql', folder, binaries: dirname(programs.server), password: randomBytes(12).toString('hex') }
}

const asRoot = () => (process.getuid?.() === 0 ? ['--user=root'] : [])

async function installDatabase(programs: MariadbPrograms, dataDirectory: string): Promise<void> {
  const ways = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve']
  // In the folder that all share, somebody may clear away the temporary tables by which it makes its own.
  const temporary = await temporaryFolder('install')
  const folders = [`--datadir=${dataDirectory}`, `--tmpdir=${temporary}`]
  try {
    await run(programs.installer, ['--no-defaults', ...folders, ...ways, ...asRoot()])
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

function mariadbCommand(
  programs: MariadbPrograms,
  folder: string,
  port: number,
  settings: ServerSettings,
  more: readonly string[],
): ServerCommand {
  const fixed = {
    datadir: join(folder, 'data'),
    // A server that starts clears away the temporary tables of all others in the folder that they would share.
    tmpdir: folder,
    socket: join(folder, 'socket'),
    'pid-file': join(folder, 'pid'),
    'bind-address': '127.0.0.1',
    port: String(port),
  }
  const switches = Object.entries({ ...settings, ...fixed }).map(([name, value]) =>
    value === '' ? `--${name}` : `--${name}=${value}`,
  )
  return {
    file: programs.server,
    // --no-defaults counts only in the first place.
    args: ['--no-defaults', '--skip-name-resolve', ...switches, ...more, ...asRoot()],
    cwd: folder,
    ready: /ready for connections/,
  }
}

/**
 * Run by the server before it takes connections, one statement a line, and kept out of its binary log. GRANT ALL includes
 * READ_ONLY ADMIN, with which an account writes to a read-only replica; SUPER brings it before MariaDB 10.11.
 */
function accounts(password: string): string {
  const statements = [
    'SET SESSION sql_log_bin = 0',
    `CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%' WITH GRANT OPTION`,
    `REVOKE READ_ONLY ADMIN, SUPER ON *.* FROM '${user}'@'%'`,
    `CREATE USER '${adminUser}'@'%' IDENTIFIED BY '${password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO '${adminUser}'@'%' WITH GRANT OPTION`,
  ]
  return statements.map((statement) => `${statement};\n`).join('')
}
