import { basename, dirname } from 'node:path'
import { messageOf, TestServerError } from '../errors.ts'
import { findProgram, pathFolders, run } from './binaries.ts'

/** Where MariaDB's programs are looked for. The defaults are the machine's; tests of the search put others in. */
export interface MariadbSearch {
  /** The value of `SIGNALBOX_TEST_MARIADB_BIN`. */
  readonly variable?: string | undefined
  /** The folders of PATH, and others in which packages put the server. */
  readonly folders?: readonly string[]
  /** Installs a package, for `install: true`; by default `apt-get`, as root. */
  readonly apt?: (args: readonly string[]) => Promise<unknown>
  readonly root?: boolean
}

export interface MariadbPrograms {
  readonly server: string
  readonly installer: string
  readonly version: string
}

/** They hold mariadbd, mariadb-install-db and my_print_defaults, and no service that an installation would start. */
export const mariadbPackages = ['mariadb-server-core', 'mariadb-client-core']

const usualFolders = [
  '/usr/sbin',
  '/usr/bin',
  '/usr/libexec',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/local/mysql/bin',
  '/usr/local/mysql/scripts',
]

/**
 * MariaDB's programs. A folder that was named explicitly counts alone (then its sibling folders `bin`, `sbin`, `scripts`).
 *
 * @throws TestServerError if they are missing, saying where it looked and which command to run.
 */
export async function findMariadb(
  explicit?: string,
  search: MariadbSearch = {},
  install = false,
): Promise<MariadbPrograms> {
  const variable = 'variable' in search ? search.variable : process.env['SIGNALBOX_TEST_MARIADB_BIN']
  const named = explicit ?? (variable === '' ? undefined : variable)
  if (named !== undefined) {
    const siblings = ['bin', 'sbin', 'scripts'].map((name) => `${dirname(named)}/${name}`)
    const found = await lookIn([named, ...(/^s?bin$/.test(basename(named)) ? siblings : [])])
    if ('server' in found) return found
    const source = explicit === undefined ? 'SIGNALBOX_TEST_MARIADB_BIN' : 'The option `binaries`'
    throw new TestServerError(`${source} is "${named}", but ${found.missing}.`)
  }
  const folders = search.folders ?? [...new Set([...pathFolders(), ...usualFolders])]
  const found = await lookIn(folders)
  if ('server' in found) return found
  const command = `apt-get install --yes --no-install-recommends ${mariadbPackages.join(' ')}`
  const root = search.root ?? process.getuid?.() === 0
  if (install && root) {
    await installPackages(search, command)
    const installed = await lookIn(folders)
    if ('server' in installed) return installed
    throw new TestServerError(`"${command}" ran, but ${installed.missing}.`)
  }
  throw new TestServerError(
    `MariaDB was not found: ${found.missing} (searched ${folders.join(', ') || 'nothing'}). On Debian or Ubuntu run: ` +
      `${root ? '' : 'sudo '}${command} (no service is started by it), or name the folder of its programs in SIGNALBOX_TEST_MARIADB_BIN.`,
  )
}

async function installPackages(search: MariadbSearch, command: string): Promise<void> {
  const apt = search.apt ?? ((args: readonly string[]) => run('apt-get', args))
  try {
    await apt(command.split(' ').slice(1))
  } catch (error) {
    throw new TestServerError(
      `MariaDB was not found, and installing it failed: ${messageOf(error)}. Run: ${command}`,
      error,
    )
  }
}

async function lookIn(folders: readonly string[]): Promise<MariadbPrograms | { missing: string }> {
  const server = await findProgram(folders, ['mariadbd', 'mysqld'])
  if (server === undefined) return { missing: 'there is no program mariadbd or mysqld' }
  const installer = await findProgram(folders, ['mariadb-install-db', 'mysql_install_db'])
  if (installer === undefined) return { missing: 'there is no program mariadb-install-db' }
  const text = await run(server, ['--no-defaults', '--version'])
  const version = /Ver (\S+)/.exec(text)?.[1] ?? ''
  if (!version.includes('MariaDB')) return { missing: `${server} is not MariaDB (${text.trim()})` }
  return { server, installer, version: /^[\d.]+-MariaDB/.exec(version)?.[0] ?? version }
}
