import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, it, onTestFinished } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** How query tools find out what they were given: Drizzle by the name of the class, Prisma's adapter by `instanceof`, others by methods. */
const program = `
import pg from 'pg'
import facade, { Pool, Client, pgFor } from 'signalbox/pg'

const pool = new Pool()
const client = new Client()
const own = new (pgFor({}).Pool)()
console.log(JSON.stringify({
  instances: [pool instanceof pg.Pool, client instanceof pg.Client, own instanceof pg.Pool],
  names: [pool.constructor.name, client.constructor.name, own.constructor.name],
  hasPoolInName: [Pool.name.includes('Pool'), Object.getPrototypeOf(pool).constructor.name.includes('Pool')],
  shape: [typeof pool.connect, typeof client.release, typeof pool.totalCount, typeof facade.Pool],
  shared: [facade.types === pg.types, facade.Query === pg.Query, facade.Pool === Pool],
}))
`

it.each(['esm', 'cjs'] as const)(
  'classes keep what query tools know them by in a bundle made smaller, as %s',
  async (format) => {
    const folder = await mkdtemp(join(root, 'node_modules/.signalbox-bundle-'))
    onTestFinished(async () => await rm(folder, { recursive: true, force: true }))
    const source = join(folder, 'program.mjs')
    await writeFile(source, program)
    const outfile = join(folder, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
    await build({
      entryPoints: [source],
      outfile,
      bundle: true,
      minify: true,
      platform: 'node',
      format,
      target: 'node22',
      // What is loaded on demand stays outside.
      external: ['pg-native', 'pg-cursor', 'libpg-query', 'mysql2'],
      absWorkingDir: root,
      logLevel: 'silent',
      banner:
        format === 'esm'
          ? { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url)" }
          : {},
    })
    const { stdout } = await promisify(execFile)(process.execPath, [outfile])
    expect(JSON.parse(stdout)).toEqual({
      instances: [true, true, true],
      names: ['Pool', 'Client', 'Pool'],
      hasPoolInName: [true, true],
      shape: ['function', 'undefined', 'number', 'function'],
      shared: [true, true, true],
    })
  },
)
