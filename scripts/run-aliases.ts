// Packs Signalbox and the packages that stand for drivers as they would be published, has npm install their examples from these, and runs them.
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
/** The drivers, each of which `signalbox-<name>` stands for; or those that the command line names. */
const drivers = process.argv.length > 2 ? process.argv.slice(2) : ['pg', 'mysql2']

interface Manifest {
  dependencies: Record<string, string>
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  spawn(command, args, { cwd, stdio: 'inherit' }).once('error', reject).once('close', resolve)
  const code = await promise
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code ?? 'a signal'}.`)
}

async function pack(folder: string): Promise<(name: string) => string> {
  for (const name of ['.', ...drivers.map((driver) => `packages/signalbox-${driver}`)])
    await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], join(root, name))
  const packed = await readdir(folder)
  return (name) =>
    `file:${join(folder, packed.find((file) => new RegExp(`^${name}-\\d.*\\.tgz$`).test(file)) ?? `${name}.tgz`)}`
}

async function runExample(driver: string, folder: string, tarball: (name: string) => string): Promise<void> {
  await mkdir(folder)
  await cp(join(root, `packages/signalbox-${driver}/example`), folder, { recursive: true })
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  Object.assign(manifest.dependencies, { signalbox: tarball('signalbox'), [driver]: tarball(`signalbox-${driver}`) })
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], folder)
  await run('npm', ['ls', driver], folder)
  await run(process.execPath, ['main.mjs'], folder)
}

const folder = await mkdtemp(join(tmpdir(), 'signalbox-aliases-'))
try {
  const tarball = await pack(folder)
  for (const driver of drivers) await runExample(driver, join(folder, driver), tarball)
} finally {
  await rm(folder, { recursive: true, force: true })
}
