import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Source } from './suite.ts'

const run = promisify(execFile)

/** Git ignores it: code of others never gets into this repository. */
export const ignoredFolder = join(import.meta.dirname, '..', '.conformance')

const checkoutOf = ({ name, version }: Source): string => join(ignoredFolder, 'checkouts', `${name}-${version}`)

/**
 * The source's files in a folder of their own, with the packages they need: from `from`, a checkout that somebody has,
 * or else cloned from its public repository, once.
 */
export async function prepareSource(source: Source, from: string | undefined, tell: (text: string) => void) {
  const checkout = from ?? (await clone(source, tell))
  const folder = join(ignoredFolder, 'work', source.name)
  await install(source, folder, tell)
  for (const path of source.paths) {
    if (!existsSync(join(checkout, path)))
      throw new Error(
        `${checkout} has no ${path}. Is it a checkout of ${source.repository}, version ${source.version}?`,
      )
    await rm(join(folder, path), { recursive: true, force: true })
    await cp(join(checkout, path), join(folder, path), { recursive: true })
  }
  await source.prepare(folder)
  return folder
}

async function clone(source: Source, tell: (text: string) => void): Promise<string> {
  const folder = checkoutOf(source)
  if (existsSync(folder)) return folder
  tell(`Cloning ${source.repository}, ${source.version} …`)
  const partial = `${folder}.partial`
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  const git = (...args: readonly string[]) =>
    run('git', args, { cwd: partial, env: { ...process.env, GIT_TERMINAL_PROMPT: '0' } })
  try {
    await git('init', '--quiet')
    await git('fetch', '--quiet', '--depth', '1', source.repository, source.version)
    await git('checkout', '--quiet', 'FETCH_HEAD')
  } catch (error) {
    throw new Error(
      `${source.repository} could not be cloned. Where there is no network, give a checkout of ${source.version}: ` +
        `npm run conformance -- --suite … --from DIR`,
      { cause: error },
    )
  }
  await run('mv', [partial, folder])
  return folder
}

/** Nothing is done where the same packages are there already. */
async function install({ name, packages }: Source, folder: string, tell: (text: string) => void): Promise<void> {
  const manifest = JSON.stringify({ name: `conformance-${name}`, private: true, dependencies: packages }, undefined, 2)
  const note = join(folder, 'installed.json')
  if ((await readFile(note, 'utf8').catch(() => '')) === manifest) return
  tell(`Installing ${Object.keys(packages).length} packages that ${name} wants …`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), manifest)
  const npm = join(dirname(process.execPath), 'npm')
  const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--legacy-peer-deps']
  try {
    await run(existsSync(npm) ? npm : 'npm', flags, { cwd: folder })
  } catch (error) {
    throw new Error(`The packages that ${name} wants could not be installed from npm's registry.`, { cause: error })
  }
  await writeFile(note, manifest)
}
