import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runProgram, type Ended } from '../support/program.ts'
import { testedEngines } from '../support/servers.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const demo = join(root, 'demo/main.ts')
const example = join(root, 'examples/replication')

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

describe('the example of replication', () => {
  /** A copy of the example, with the link to Signalbox that `npm install` would make. */
  async function install(): Promise<string> {
    const folder = join(await temporaryFolder(), 'replication')
    await mkdir(join(folder, 'node_modules'), { recursive: true })
    for (const file of ['package.json', 'databases.ts', 'main.ts']) await cp(join(example, file), join(folder, file))
    await symlink(root, join(folder, 'node_modules/signalbox'))
    return join(folder, 'main.ts')
  }

  async function run(main: string, env: Readonly<Record<string, string>>): Promise<Ended> {
    return await runProgram([main], { temporary: dirname(dirname(main)), env })
  }

  function expectPages({ code, output }: Ended): void {
    expect(output.split('\n').filter((line) => /^(?:Ada|Somebody|—)/.test(line))).toEqual([
      'Somebody who looks around: 2 messages, from the replica, the newest by Edsger',
      'Ada, who has just written: 3 messages, from the primary, the newest by Ada',
      'Somebody else at the same time: 2 messages, from the replica, the newest by Edsger',
      'Ada again, with her token: 3 messages, from the primary, the newest by Ada',
      '— the replica has the new message —',
      'Somebody who looks around: 3 messages, from the replica, the newest by Ada',
      'Ada again: 3 messages, from the replica, the newest by Ada',
    ])
    expect(code).toBe(0)
  }

  it('runs on SQLite files with a lag of its own, and again on the files that are there', async () => {
    const main = await install()
    expectPages(await run(main, {}))
    expectPages(await run(main, { LAG_MS: '500' }))
    expect(await readdir(dirname(main))).toEqual(expect.arrayContaining(['primary.db', 'replica-1.db']))
  })

  it.runIf(testedEngines.includes('postgres'))('runs on PostgreSQL by one setting', async () => {
    const ended = await run(await install(), { ENGINE: 'postgres', LAG_MS: '1000' })
    expectPages(ended)
    expect(ended.output.trimEnd().split('\n').at(-1)).toContain('the replica shows everything that the session wrote')
  })

  it('says what the settings may be', async () => {
    const main = await install()
    const [engine, lag] = [await run(main, { ENGINE: 'oracle' }), await run(main, { LAG_MS: 'long' })]
    expect(engine.output).toContain('ENGINE=oracle: use sqlite or postgres.')
    expect(lag.output).toContain('LAG_MS=long: a number of milliseconds')
    expect([engine.code, lag.code]).toEqual([1, 1])
  })
})
