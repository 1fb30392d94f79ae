import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { compileCache } from './compile-cache.ts'

export interface Ended {
  readonly code: number | null
  readonly output: string
}

export interface ProgramWishes {
  /** Where it puts its temporary files, so that one sees what it leaves behind. */
  readonly temporary: string
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Once the output holds this text, the program gets SIGINT. */
  readonly interruptAt?: string | undefined
  /** How long it may take: 50 seconds by default, which is less than a test of programs has. */
  readonly limitMs?: number | undefined
}

/**
 * Runs a program of Node.js as a CI does: no terminal, no input.
 *
 * @throws Error with all that the program said, if it does not end in time.
 */
export async function runProgram(args: readonly string[], wishes: ProgramWishes): Promise<Ended> {
  const { temporary, env = {}, interruptAt, limitMs = 50_000 } = wishes
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], CI: 'true', TMPDIR: temporary, ...compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let interrupted = false
  const note = (chunk: Buffer): void => {
    output += chunk.toString()
    if (interruptAt === undefined || interrupted || !output.includes(interruptAt)) return
    interrupted = true
    child.kill('SIGINT')
  }
  child.stdout.on('data', note)
  child.stderr.on('data', note)
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
  await once(child, 'close')
  clearTimeout(limit)
  if (child.signalCode === 'SIGKILL') throw new Error(`It did not end within ${limitMs} ms. It said:\n${output}`)
  return { code: child.exitCode, output }
}
