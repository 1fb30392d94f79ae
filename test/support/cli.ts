import { spawn } from 'node:child_process'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach } from 'vitest'
import { run } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { compileCache } from './compile-cache.ts'

export const cliMain = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** How the program ended, and what it wrote. */
export interface CliAnswer {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface CliWishes {
  readonly input?: string
  /** Default 100. */
  readonly columns?: number
  readonly isInteractive?: boolean
  /** What is answered to every question. Default: nobody is there. */
  readonly answer?: string
  /** Called with everything that was written so far, piece by piece; true = Ctrl-C. */
  readonly hasSeenEnough?: ((frames: readonly string[]) => boolean) | undefined
}

/** Runs the program in this process, at a terminal without colours. */
export async function runCli(
  args: readonly string[],
  { input = '', columns = 100, isInteractive = false, answer, hasSeenEnough }: CliWishes = {},
): Promise<CliAnswer> {
  const [frames, errors, enough] = [[] as string[], [] as string[], new AbortController()]
  const terminal: Terminal = {
    write: async (text) => {
      frames.push(text)
      if (hasSeenEnough?.(frames) === true) enough.abort()
    },
    writeError: async (text) => void errors.push(text),
    style: (_style, text) => text,
    columns,
    read: async () => input,
    ask: async (question) => {
      errors.push(question)
      return answer
    },
    isInteractive,
    interruption: () => enough.signal,
  }
  const code = await run(args, terminal)
  return { code, out: frames.join(''), err: errors.join('') }
}

export interface SpawnedCliAnswer extends Omit<CliAnswer, 'code'> {
  readonly code: number | null
  readonly ms: number
}

export interface SpawnedCliWishes {
  readonly cwd: string
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs the program as a user would, in a process of its own. */
export async function spawnCli(
  args: readonly string[],
  { cwd, input = '', env = {} }: SpawnedCliWishes,
): Promise<SpawnedCliAnswer> {
  const begun = performance.now()
  const child = spawn(process.execPath, [cliMain, ...args], {
    cwd,
    // Neither settings of whoever runs the tests nor those of the test runner.
    env: { PATH: process.env['PATH'], ...compileCache, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(input)
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { code, out, err, ms: performance.now() - begun }
}

/** A folder of its own for each test of the file, by its real path. */
export function folderOfEachTest(): { readonly path: string } {
  const folder = { path: '' }
  beforeEach(async () => {
    folder.path = await realpath(await mkdtemp(join(tmpdir(), 'signalbox-cli-')))
  })
  afterEach(async () => {
    await rm(folder.path, { recursive: true, force: true })
  })
  return folder
}
