import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** How a program ended. */
export interface Ended {
  /** The exit code; undefined where a signal or the time limit ended it. */
  readonly code: number | undefined
  readonly timedOut: boolean
  /** All that it wrote, both streams in the order they arrived. */
  readonly output: string
  readonly seconds: number
}

export interface ProgramWishes {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly limitMs: number
  /** A line by which it says that it is done: from then on it has this long to end. */
  readonly done?: { readonly line: string; readonly limitMs: number }
}

const mostOutput = 1_000_000

/**
 * Runs a program of Node.js to its end, or ends it with all that it started when its time is over: it gets a process
 * group of its own for that.
 */
export async function runProgram(args: readonly string[], wishes: ProgramWishes): Promise<Ended> {
  const begun = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: wishes.cwd,
    env: wishes.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  let timedOut = false
  const endAfter = (ms: number): NodeJS.Timeout => {
    clearTimeout(timer)
    return setTimeout(() => {
      timedOut = true
      endGroup(child.pid)
    }, ms)
  }
  let timer: NodeJS.Timeout | undefined
  timer = endAfter(wishes.limitMs)
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => {
      if (output.length < mostOutput) output += `${line}\n`
      if (line === wishes.done?.line) timer = endAfter(Math.min(wishes.done.limitMs, wishes.limitMs))
    })
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject).once('close', resolve)
  try {
    const code = await promise
    const seconds = (performance.now() - begun) / 1_000
    return { code: timedOut ? undefined : (code ?? undefined), timedOut, output, seconds }
  } finally {
    clearTimeout(timer)
    // What it started may outlive it.
    endGroup(child.pid)
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it is gone already.
  }
}
