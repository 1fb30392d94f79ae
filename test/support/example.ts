import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'
import { runProgram, type Ended } from './program.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** A copy of one of the examples, in a temporary folder of its own. */
export interface InstalledExample {
  readonly folder: string
  readonly run: (env?: Readonly<Record<string, string>>) => Promise<Ended>
}

/**
 * What makes copies of an example, each with the link to Signalbox that `npm install` would make; they are removed behind the tests
 * of the block that this is called in. An example runs what was built.
 */
export function exampleOf(name: string): () => Promise<InstalledExample> {
  const folders: string[] = []
  beforeAll(() => {
    if (!existsSync(join(root, 'dist/index.js'))) throw new Error('The examples run what was built. Run: npm run build')
  })
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })
  return async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'signalbox-example-test-'))
    folders.push(temporary)
    // A PostgreSQL that runs as a user of its own has to get through.
    await chmod(temporary, 0o711)
    const folder = join(temporary, name)
    await mkdir(join(folder, 'node_modules'), { recursive: true })
    const source = join(root, 'examples', name)
    // Not what a run in the folder itself has left.
    for (const file of (await readdir(source)).filter((each) => /\.(?:json|ts|tsv)$/.test(each)))
      await cp(join(source, file), join(folder, file))
    await symlink(root, join(folder, 'node_modules/signalbox'))
    return { folder, run: async (env) => await runProgram([join(folder, 'main.ts')], { temporary, env }) }
  }
}
