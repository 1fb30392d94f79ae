import { createHash } from 'node:crypto'
import { access, lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../src/errors.ts'
import { findProgram, run } from '../../src/testing/binaries.ts'

/** Why packages cannot be had on this machine: the text is for the line that says which tests were skipped. */
export class PackagesMissingError extends Error {
  override readonly name = 'PackagesMissingError'
}

/** Debian packages, and what they need and the machine does not have, unpacked into one private folder. */
export interface DebianPackages {
  /** Holds `usr/bin`, `etc` and so on. Readable to everybody; shared with other processes, so nothing is written here. */
  readonly root: string
  /** The unpacked packages' files: `pgpool2_4.3.5-1+deb12u1_amd64.deb`. */
  readonly files: readonly string[]
  /** PATH, LD_LIBRARY_PATH and PYTHONPATH, for programs that find theirs in the folder. */
  readonly environment: Readonly<Record<string, string>>
  /**
   * A program of the packages, or else of the machine's own packages, which may have it already. PATH does not count: what stands
   * there need not fit (another version of Python).
   *
   * @throws PackagesMissingError if there is none.
   */
  program(name: string): Promise<string>
}

const aptOptions = [
  '-qq',
  ...['Acquire::Retries=1', 'Acquire::http::Timeout=20', 'APT::Install-Recommends=false'].flatMap((one) => ['-o', one]),
]

/**
 * Brings packages to the system's temporary folder without installing them: nothing of the machine changes, no service
 * starts, and no privilege is needed. The folder is kept, so that only the first run on a machine needs the network; it belongs to
 * exactly these packages in these versions. Several processes may call this at the same time.
 *
 * Where the machine has no lists of packages (containers come without), today's are fetched beside them.
 *
 * @throws PackagesMissingError without apt-get (anything but Debian and Ubuntu), without the network, or if a package does not exist.
 */
export async function debianPackages(...names: readonly string[]): Promise<DebianPackages> {
  const cache = await cacheFolder()
  let lists: readonly string[] = []
  try {
    return await packagesWith(lists, names, cache)
  } catch {
    // No lists, or old ones that name files which the mirror has replaced.
    lists = await todaysLists(cache)
  }
  try {
    return await packagesWith(lists, names, cache)
  } catch (error) {
    throw missing(names, error)
  }
}

async function packagesWith(
  lists: readonly string[],
  names: readonly string[],
  cache: string,
): Promise<DebianPackages> {
  const files = await neededFiles(lists, names)
  const key = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 16)
  const root = join(cache, `${names.join('+')}-${key}`)
  if (!(await exists(root))) await unpack(lists, files, root, cache)
  return {
    root,
    files,
    environment: await environmentOf(root),
    program: async (name) => {
      const found = await findProgram([...(await programFolders(root)), ...(await programFolders('/'))], [name])
      if (found === undefined) throw new PackagesMissingError(`${names.join(', ')}: without the program ${name}.`)
      return found
    },
  }
}

/** What apt-get would download for an installation; empty if the machine has it all. */
async function neededFiles(lists: readonly string[], names: readonly string[]): Promise<readonly string[]> {
  // Files that apt-get has in its own archive would be left out.
  const noArchive = ['-o', 'Dir::Cache::archives=/nonexistent/']
  // Every line is: 'address' file size checksum
  const lines = await run('apt-get', [...aptOptions, ...lists, ...noArchive, '--print-uris', 'install', ...names])
  return [...lines.matchAll(/^'[^']+' (\S+\.deb) /gm)].map(([, file = '']) => file).toSorted()
}

async function unpack(lists: readonly string[], files: readonly string[], root: string, cache: string): Promise<void> {
  const staging = await mkdtemp(join(cache, 'staging-'))
  try {
    const downloads = join(staging, 'downloads')
    const unpacked = join(staging, 'root')
    await mkdir(downloads)
    await mkdir(unpacked, { mode: 0o755 })
    // As root apt-get would download as a user of its own, who cannot write here.
    const asRoot = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []
    if (files.length > 0) {
      await run('apt-get', [...aptOptions, ...lists, ...asRoot, 'download', ...files.map(nameAndVersion)], {
        cwd: downloads,
      })
    }
    for (const file of await readdir(downloads)) await run('dpkg', ['-x', join(downloads, file), unpacked])
    await rename(unpacked, root).catch(async (error: unknown) => {
      // Another process was faster.
      if (!(await exists(root))) throw error
    })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** `libssl3_3.0.15-1_amd64.deb` → `libssl3:amd64=3.0.15-1`; the colon of an epoch is written as %3a. */
function nameAndVersion(file: string): string {
  const [name = '', version = '', architecture = ''] = file.replace(/\.deb$/, '').split('_')
  return `${name}${architecture === 'all' ? '' : `:${architecture}`}=${decodeURIComponent(version)}`
}

/** Options by which apt-get uses lists of today, and not the machine's; they are fetched once a day. */
async function todaysLists(cache: string): Promise<readonly string[]> {
  const folder = join(cache, `lists-${new Date().toISOString().slice(0, 10)}`)
  const options = (lists: string) => [
    '-o',
    `Dir::State::lists=${lists}`,
    '-o',
    'Dir::Cache::pkgcache=',
    '-o',
    'Dir::Cache::srcpkgcache=',
  ]
  if (await exists(folder)) return options(folder)
  const staging = await mkdtemp(join(cache, 'staging-'))
  try {
    const lists = join(staging, 'lists')
    await mkdir(join(lists, 'partial'), { recursive: true })
    const asRoot = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []
    await run('apt-get', [...aptOptions, ...options(lists), ...asRoot, '-o', 'APT::Update::Error-Mode=any', 'update'])
    await rename(lists, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error
    })
    return options(folder)
  } catch (error) {
    throw missing(['lists of packages'], error)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Not in the home folder: servers run as another user if the tests run as root. */
async function cacheFolder(): Promise<string> {
  const user = process.getuid?.() ?? 0
  const folder = join(tmpdir(), `signalbox-debian-packages-${user}`)
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const { uid, mode } = await lstat(folder)
  if (uid === user && (mode & 0o022) === 0) return folder
  throw new PackagesMissingError(
    `${folder} belongs to another user or can be written by others: programs in it are not run.`,
  )
}

async function environmentOf(root: string): Promise<Readonly<Record<string, string>>> {
  const libraries = ['usr/lib', 'lib'].map((name) => join(root, name))
  const triplets = await Promise.all(
    libraries.map(async (folder) =>
      (await entries(folder)).filter((name) => /-linux-/.test(name)).map((name) => join(folder, name)),
    ),
  )
  const folders = {
    PATH: await programFolders(root),
    LD_LIBRARY_PATH: triplets.flat(),
    PYTHONPATH: [join(root, 'usr/lib/python3/dist-packages')],
  }
  return Object.fromEntries(
    Object.entries(folders).map(([variable, before]) => {
      const present = process.env[variable] ?? ''
      return [variable, [...before, ...(present === '' ? [] : [present])].join(':')]
    }),
  )
}

/** Where packages have their programs. */
async function programFolders(root: string): Promise<string[]> {
  const postgres = join(root, 'usr/lib/postgresql')
  const versions = (await entries(postgres))
    .toSorted()
    .toReversed()
    .map((version) => join(postgres, version, 'bin'))
  return [...['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((name) => join(root, name)), ...versions]
}

function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function missing(names: readonly string[], error: unknown): PackagesMissingError {
  if (error instanceof PackagesMissingError) return error
  const text = messageOf(error)
  const reason = /ENOENT/.test(text) ? 'there is no apt-get here (it is a program of Debian and Ubuntu)' : text
  return new PackagesMissingError(`Debian's ${names.join(', ')} cannot be had: ${reason}`)
}
