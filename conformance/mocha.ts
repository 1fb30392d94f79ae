import { readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { numbered, type Outcome, type Status } from './outcome.ts'
import type { RunPlace } from './suite.ts'
import { type Ended, runProgram } from './test-process.ts'

interface Line {
  readonly event: 'begun' | Status | 'ended'
  readonly test?: string
  readonly why?: string
}

export interface MochaWishes {
  /** Below the place's folder. */
  readonly cwd?: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly limitMs: number
}

/** How long a process may go on after its last test; bare ones wait for idle connections. */
const endLimitMs = 60_000

/** The name of what is noted besides the tests. */
const theEnd = 'the process ends'

/** Runs the mocha of the place's packages. */
export async function runMocha(place: RunPlace, wishes: MochaWishes): Promise<readonly Outcome[]> {
  const file = join(place.folder, 'outcomes.jsonl')
  await rm(file, { force: true })
  const mocha = createRequire(join(place.folder, 'package.json')).resolve('mocha/bin/mocha.js')
  const reporter = join(import.meta.dirname, 'mocha-lines.cjs')
  const grep = place.grep === undefined ? [] : ['--fgrep', place.grep]
  const ended = await runProgram([...place.nodeOptions, mocha, '--reporter', reporter, ...grep, ...wishes.args], {
    cwd: join(place.folder, wishes.cwd ?? '.'),
    env: { ...process.env, ...place.env, ...wishes.env, SIGNALBOX_CONFORMANCE_OUTCOMES: file },
    limitMs: wishes.limitMs,
    done: { line: 'signalbox conformance: ended', limitMs: endLimitMs },
  })
  return outcomesOf(await readFile(file, 'utf8').catch(() => ''), ended)
}

/** What the reporter's lines and the end of the process say. */
export function outcomesOf(text: string, ended: Ended): readonly Outcome[] {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  const outcomes: Outcome[] = []
  const begun: string[] = []
  for (const { event, test = '', why } of lines) {
    if (event === 'begun') begun.push(test)
    else if (event !== 'ended') {
      if (begun.at(-1) === test) begun.pop()
      outcomes.push({ test, status: event, ...(why === undefined ? {} : { why: shortened(why) }) })
    }
  }
  const over = lines.at(-1)?.event === 'ended'
  if (!over) for (const test of begun) outcomes.push({ test, status: 'failed', why: 'It began, and did not end.' })
  return [...numbered(outcomes), endOf(ended, over)]
}

function endOf({ timedOut, code, output, seconds }: Ended, over: boolean): Outcome {
  if (timedOut) {
    const when = over ? 'After its last test it' : 'It'
    return {
      test: theEnd,
      status: 'failed',
      why: `${when} did not end within ${(over ? endLimitMs / 1_000 : seconds).toFixed(0)} seconds.`,
    }
  }
  if (over) return { test: theEnd, status: 'passed' }
  return { test: theEnd, status: 'failed', why: `It ended with code ${code ?? 'none'}:\n${output.slice(-2_000)}` }
}

/** Enough to find the cause. */
export function shortened(text: string): string {
  return text.length <= 1_500 ? text : `${text.slice(0, 1_500)} …`
}
