// Packs Signalbox and signalbox-pg as they would be published, has npm install the example of aliases from these packages, and runs it.
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const example = join(root, 'packages/signalbox-pg/example')

interface Manifest {
  dependencies: Record<string, string>
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  spawn(command, args, { cwd, stdio: 'inherit' }).once('error', reject).once('close', resolve)
  const code = await promise
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code ?? 'a signal'}.`)
}

const folder = await mkdtemp(join(tmpdir(), 'signalbox-aliases-'))
try {
  for (const name of ['.', 'packages/signalbox-pg'])
    await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], join(root, name))
  const packed = await readdir(folder)
  const tarball = (name: string): string =>
    `file:${join(folder, packed.find((file) => new RegExp(`^${name}-\\d.*\\.tgz$`).test(file)) ?? `${name}.tgz`)}`
  await cp(example, folder, { recursive: true })
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  Object.assign(manifest.dependencies, { signalbox: tarball('signalbox'), pg: tarball('signalbox-pg') })
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], folder)
  await run('npm', ['ls', 'pg'], folder)
  await run(process.execPath, ['main.mjs'], folder)
} finally {
  await rm(folder, { recursive: true, force: true })
}
