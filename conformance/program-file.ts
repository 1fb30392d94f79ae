import { shortened } from './mocha.ts'
import type { Outcome } from './outcome.ts'
import { runProgram } from './test-process.ts'

const fileLimitMs = 60_000

export interface FileWishes {
  readonly cwd: string
  readonly nodeOptions: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Default: none. */
  readonly args?: readonly string[]
  /** Default: a minute. */
  readonly limitMs?: number
}

/** Runs one file of a suite as a program of its own, which passes if it says so by its exit code. */
export async function runFile(file: string, wishes: FileWishes): Promise<Outcome> {
  const { cwd, nodeOptions, env, args = [], limitMs = fileLimitMs } = wishes
  const ended = await runProgram([...nodeOptions, file, ...args], { cwd, env: { ...process.env, ...env }, limitMs })
  const parts = ended.output.split('✔').length - 1
  if (ended.code === 0) return { test: file, status: 'passed', parts }
  const why = ended.timedOut ? `not done within ${limitMs / 1_000} seconds` : `exit code ${ended.code ?? 'none'}`
  return { test: file, status: 'failed', parts, why: `${why}\n${shortened(ended.output.slice(-1_400))}` }
}
