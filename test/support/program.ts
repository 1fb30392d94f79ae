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
}

/** Runs a program of Node.js as a CI does: no terminal, no input. */
export async function runProgram(args: readonly string[], wishes: ProgramWishes): Promise<Ended> {
  const { temporary, env = {}, interruptAt } = wishes
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
  await once(child, 'close')
  return { code: child.exitCode, output }
}
