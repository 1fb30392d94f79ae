import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runProgram } from '../support/program.ts'
import { testedEngines } from '../support/servers.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const demo = join(root, 'demo/main.ts')

vi.setConfig({ testTimeout: 60_000 })

const folders: string[] = []

beforeAll(() => {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('The demo runs what was built. Run: npm run build')
})
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

/** One for each program, because some of them run at the same time. */
async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-demo-test-'))
  folders.push(folder)
  // A PostgreSQL that runs as a user of its own has to get through.
  await chmod(folder, 0o711)
  return folder
}

const demoEngines = [
  { name: 'postgres', engine: 'postgres', title: 'PostgreSQL' },
  { name: 'mariadb', engine: 'mysql', title: 'MariaDB' },
] as const

// Both at the same time: most of a run is waiting.
describe.concurrent('the demo with replicas', () => {
  it.each(demoEngines.filter(({ engine }) => testedEngines.includes(engine)))(
    'on $title: servers die, hang and change their roles, and the application reads on',
    async ({ name, title }) => {
      const temporary = await temporaryFolder()
      const args = [demo, '--engine', name, '--replicas', '2', '--seconds', '5']
      const { code, output } = await runProgram(args, { temporary })
      expect(output).toContain(`a ${title} primary with 2 replicas`)
      const incidents = [
        'B, a replica, is killed',
        'B is started again',
        'C, a replica, is frozen',
        'C goes on',
        'A, the primary, is killed',
        'is promoted to primary',
        'A is back, as a replica',
      ]
      const places = incidents.map((text) => output.indexOf(text))
      expect(places).not.toContain(-1)
      expect(places).toEqual(places.toSorted((a, b) => a - b))
      expect(output).not.toContain('✗')
      for (const fact of [
        '0 failed reads',
        '0 stale reads of own writes',
        '0 failed writes that were not on their way',
        'nobody had more than one failed write',
        'A served again after',
        '9,994 rows of order_line on C',
        '0 baskets on C with a lost or doubled write',
      ])
        expect(output).toContain(`✓ ${fact}`)
      expect(output).toMatch(/^ +\d+\.\d s {2}reads: A [\d,]+, B [\d,]+, C [\d,]+; writes: [\d,]+/m)
      expect(output).toContain('18 facts checked, all as promised.')
      expect(output).not.toContain('\u001B')
      expect(code).toBe(0)
      expect(await readdir(temporary)).toEqual([])
    },
  )

  it('refuses what cannot be replicated before it does anything', async () => {
    const temporary = await temporaryFolder()
    const wrong = await Promise.all(
      [
        ['--replicas', '2'],
        ['--engine', 'postgres', '--replicas', '1'],
        ['--seconds', 'soon'],
      ].map(async (args) => runProgram([demo, ...args], { temporary })),
    )
    expect(wrong.map(({ code }) => code)).toEqual([1, 1, 1])
    expect(wrong.map(({ output }) => output.split('\n')[0])).toEqual([
      expect.stringContaining('--replicas needs servers that replicate'),
      expect.stringContaining('A whole number from 2 to 5 is wanted'),
      expect.stringContaining('A whole number from 5 to 600 is wanted'),
    ])
  })
})
