import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compare, countsOf } from '../../conformance/comparison.ts'
import { sorted, type KnownDifference } from '../../conformance/known-differences.ts'
import { outcomesOf } from '../../conformance/mocha.ts'
import { eitherOf, numbered, type Outcome } from '../../conformance/outcome.ts'
import { filledPage } from '../../conformance/page.ts'
import { runFile } from '../../conformance/program-file.ts'
import { readResults, updated } from '../../conformance/results.ts'
import { wishesKey } from '../../conformance/subject.ts'
import type { SuiteRun } from '../../conformance/suite-run.ts'
import type { SubjectName } from '../../conformance/suite.ts'
import { runProgram } from '../../conformance/test-process.ts'
import { putShim, replaceInFile } from '../../conformance/work-file.ts'

const root = join(import.meta.dirname, '../..')
const passed = (test: string, more: Partial<Outcome> = {}): Outcome => ({ test, status: 'passed', ...more })
const failed = (test: string, why = 'it broke'): Outcome => ({ test, status: 'failed', why })

describe('two runs of a suite', () => {
  it('come to the same where each test does', () => {
    const outcomes = [passed('a'), failed('b'), { test: 'c', status: 'pending' } as const]
    expect(compare(outcomes, outcomes)).toEqual({ same: 3, lost: [], gained: [] })
    expect(countsOf(outcomes)).toEqual({ passed: 1, failed: 1, pending: 1 })
  })

  it('differ where a test fails, is not reached, is skipped, or fails besides', () => {
    const bare = [passed('fails'), passed('absent'), passed('skipped'), passed('same')]
    const ours = [failed('fails'), { test: 'skipped', status: 'pending' } as const, passed('same'), failed('hook')]
    const { same, lost, gained } = compare(bare, ours)
    expect({ same, gained }).toEqual({ same: 1, gained: [] })
    expect(lost).toEqual([
      { test: 'fails', bare: 'passed', subject: 'failed', why: 'it broke' },
      { test: 'absent', bare: 'passed', subject: 'absent', why: '' },
      { test: 'skipped', bare: 'passed', subject: 'pending', why: '' },
      { test: 'hook', bare: 'absent', subject: 'failed', why: 'it broke' },
    ])
  })

  it('differ where a file passes with fewer tests than bare', () => {
    const { lost } = compare([passed('file', { parts: 4 })], [passed('file', { parts: 3 })])
    expect(lost).toMatchObject([{ test: 'file', why: '3 of its 4 tests said that they passed' }])
  })

  it('say what passes only through Signalbox', () => {
    expect(compare([failed('a'), failed('hook')], [passed('a'), passed('b')]).gained).toMatchObject([
      { test: 'a', bare: 'failed', subject: 'passed' },
      { test: 'hook', bare: 'failed', subject: 'absent' },
      { test: 'b', bare: 'absent', subject: 'passed' },
    ])
  })
})

it('a test that failed first passes if it does when it is run again, and says so', () => {
  expect(eitherOf([passed('a'), failed('b'), failed('c')], [failed('a'), passed('b'), failed('c')])).toEqual([
    passed('a'),
    passed('b', { again: true }),
    failed('c'),
  ])
})

it('tests of the same name are told apart', () => {
  expect(numbered([passed('a'), passed('a'), passed('b')]).map(({ test }) => test)).toEqual(['a', 'a (2)', 'b'])
})

describe('what mocha wrote', () => {
  const line = (event: string, test?: string, why?: string) => JSON.stringify({ event, test, why })
  const whole = [line('begun', 'a'), line('passed', 'a'), line('begun', 'b'), line('failed', 'b', 'no'), line('ended')]
  const ended = { code: 1, timedOut: false, output: '', seconds: 1 }

  it('says what became of each test, and that the process ended', () => {
    expect(outcomesOf(whole.join('\n'), ended)).toEqual([passed('a'), failed('b', 'no'), passed('the process ends')])
  })

  it('says which test was running when the process died', () => {
    const text = [...whole.slice(0, 2), line('begun', 'b')].join('\n')
    const outcomes = outcomesOf(text, { ...ended, code: 255, output: 'unhandled' })
    expect(outcomes).toMatchObject([passed('a'), failed('b', 'It began, and did not end.'), { status: 'failed' }])
    expect(outcomes[2]!.why).toMatch(/code 255:\nunhandled/)
  })

  it('says that a process went on after its last test', () => {
    const [, , end] = outcomesOf(whole.join('\n'), { ...ended, timedOut: true, seconds: 180 })
    expect(end).toEqual(failed('the process ends', 'After its last test it did not end within 60 seconds.'))
  })
})

describe('known differences', () => {
  const run = { suite: 's', subject: 'pg', topology: 'replicas' } as const
  const known: readonly KnownDifference[] = [
    { suite: 's', subject: 'pg', tests: 'ssl', reason: 'own certificate' },
    { suite: 's', subject: 'pg', tests: 'gone', reason: 'was mended' },
    { suite: 's', subject: 'pg', topology: 'primary', tests: 'lag', reason: 'of another topology' },
    { suite: 'other', subject: 'pg', tests: 'lag', reason: 'of another suite' },
  ]
  const difference = (test: string) => ({ test, bare: 'passed', subject: 'failed', why: '' }) as const

  it('are told from news, and from those that are met no more', () => {
    expect(sorted([difference('ssl-tests'), difference('lag')], run, known)).toEqual({
      expected: [known[0]],
      unexpected: [difference('lag')],
      missing: [known[1]],
    })
  })

  it('is not missed where it is a race', () => {
    const race: KnownDifference = { suite: 'pg-cursor', subject: 'pg', tests: 'race', reason: 'time', sometimes: true }
    const run = { suite: 'pg-cursor', subject: 'pg', topology: 'primary' } as const
    expect(sorted([], run, [race]).missing).toEqual([])
    expect(sorted([difference('race')], run, [race])).toEqual({ expected: [race], unexpected: [], missing: [] })
  })
})

describe('what is known of a suite', () => {
  const run = (subject: SubjectName, outcomes: readonly Outcome[], more: Partial<SuiteRun> = {}): SuiteRun => ({
    suite: 'pg-cursor',
    subject,
    topology: 'primary',
    counts: 'tests',
    date: '2026-11-22',
    seconds: 1,
    versions: { suite: 'v1', server: '15.20', node: '24.21.0' },
    outcomes,
    ...more,
  })
  const bare = run('bare', [passed('a'), failed('b')])
  const ours = run('pg', [failed('a'), failed('b')])
  const known = updated(undefined, bare, [ours])!

  it('is nothing before it was run bare', () => {
    expect(updated(undefined, undefined, [ours])).toBeUndefined()
  })

  it('has figures and the names of tests, and nothing that a suite has said', () => {
    expect(known.through).toMatchObject([{ same: 1, lost: [{ test: 'a', bare: 'passed', subject: 'failed' }] }])
    expect(JSON.stringify(known)).not.toContain('it broke')
  })

  it('stays where something else was run', () => {
    expect(updated(known, undefined, [])).toBe(known)
    const withReplicas = run('pg', [passed('a'), failed('b')], { topology: 'replicas' })
    const both = updated(known, bare, [withReplicas])!
    expect(both.through.map(({ topology, same }) => [topology, same])).toEqual([
      ['primary', 1],
      ['replicas', 2],
    ])
    expect(updated(both, bare, [run('pg', [passed('a'), failed('b')])])!.through).toMatchObject([
      { same: 2 },
      { same: 2 },
    ])
  })

  it('is not compared with another version', () => {
    const versions = { ...bare.versions, suite: 'v2' }
    expect(updated(known, { ...bare, versions }, [ours])!.through).toEqual([])
  })

  const text = '<!-- results --><!-- end of results -->\n<!-- differences --><!-- end of differences -->'
  const row = '| pg-cursor | `v1` | 15.20 | 24.21.0 | 1 of 2 tests, 1 fail |'

  it('is a row of the page, bare and through Signalbox', () => {
    expect(filledPage(text, [updated(undefined, bare, [])!])).toContain(`${row} | | |`)
    expect(filledPage(text, [known])).toContain(`${row} \`signalbox/pg\` | 1 the same, 1 not |  |`)
  })

  it('stands there with each difference', () => {
    expect(filledPage(text, [known])).toContain('- **pg-cursor** through `signalbox/pg`: `a`: not explained yet.')
    const lagging = updated(undefined, bare, [{ ...ours, topology: 'replicas' }])!
    expect(filledPage(text, [lagging])).toContain('`a` (with replicas): not explained yet.')
  })

  it('is what the page says, and nothing there is without a reason', async () => {
    const page = await readFile(join(root, 'docs/conformance.md'), 'utf8')
    expect(filledPage(page, await readResults())).toBe(page)
    expect(page).not.toContain('not explained yet')
  })
})

describe('a suite whose module is replaced by two lines', () => {
  let folder: string

  beforeAll(async () => {
    await mkdir(join(root, '.conformance'), { recursive: true })
    // Below the project, so that the driver's copy finds what it needs.
    folder = await mkdtemp(join(root, '.conformance/test-'))
    await cp(join(root, 'node_modules/pg/lib'), join(folder, 'lib'), { recursive: true, dereference: true })
    await writeFile(join(folder, 'package.json'), '{}')
    await putShim(join(folder, 'lib/index.js'), 'pg')
    const files = {
      counts: `const { Result, types } = require('./lib')
        const result = new Result('', types)
        result.addCommandComplete({ text: 'SELECT 2' })
        require('assert').strictEqual(result.rowCount, 2)
        console.log('  counts rows ✔')`,
      hangs: 'setInterval(() => {}, 1000)',
      lingers: 'console.log("done"); setInterval(() => {}, 1000)',
    }
    for (const [name, code] of Object.entries(files)) await writeFile(join(folder, `${name}.js`), code)
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const run = async (subject: string | undefined, file = 'counts.js', limitMs = 20_000): Promise<Outcome> => {
    const wishes = { subject, bare: join(folder, 'lib/bare.js'), primary: '', replicas: [] }
    const preload = pathToFileURL(join(root, 'conformance/preload.ts')).href
    const options = subject === undefined ? [] : ['--import', preload]
    const env = { [wishesKey]: JSON.stringify(wishes) }
    return await runFile(file, { cwd: folder, nodeOptions: options, env, limitMs })
  }

  it('runs as it was, and with the driver by the way of a façade', async () => {
    expect(await run(undefined)).toEqual(passed('counts.js', { parts: 1 }))
    expect(await run('delegate')).toEqual(passed('counts.js', { parts: 1 }))
  })

  it('notices a driver with a defect', async () => {
    const outcome = await run('broken')
    expect(outcome).toMatchObject({ status: 'failed', parts: 0 })
    expect(outcome.why).toMatch(/exit code 1[\s\S]*3 !== 2/)
  })

  it('is ended when its time is over', async () => {
    expect(await run(undefined, 'hangs.js', 500)).toMatchObject({
      status: 'failed',
      why: expect.stringMatching(/^not done within 0.5 seconds/),
    })
  })

  it('has less time to end once it has said that it is done', async () => {
    const limits = { limitMs: 60_000, done: { line: 'done', limitMs: 200 } }
    const ended = await runProgram(['lingers.js'], { cwd: folder, env: process.env, ...limits })
    expect(ended).toMatchObject({ timedOut: true, code: undefined, output: 'done\n' })
  })

  it('is replaced once, however often it is prepared', async () => {
    const shim = await readFile(join(folder, 'lib/index.js'), 'utf8')
    await putShim(join(folder, 'lib/index.js'), 'pg')
    expect(await readFile(join(folder, 'lib/index.js'), 'utf8')).toBe(shim)
    expect(await readFile(join(folder, 'lib/bare.js'), 'utf8')).toContain('poolFactory')
  })

  it('is not changed where its code is not what was expected', async () => {
    const file = join(folder, 'counts.js')
    await expect(replaceInFile(file, 'port: 5434,', '')).rejects.toThrow(/has "port: 5434," 0 times/)
  })
})
