import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { TestServerError } from '../errors.ts'
import { errnoOf } from './errno.ts'

interface ProcessEntry {
  readonly pid: number
  readonly parent: number
}

/** The process and everything it started, parents before children. Empty if the process is gone. */
export function processTree(root: number): number[] {
  if (!isRunning(root)) return []
  const entries = process.platform === 'linux' ? entriesFromProc() : entriesFromPs()
  const tree = [root]
  for (const parent of tree) {
    for (const entry of entries) if (entry.parent === parent) tree.push(entry.pid)
  }
  return tree
}

/** Whether a process exists and has not ended; one that has ended but waits for its parent (a zombie) is not running. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
  return process.platform !== 'linux' || !['Z', 'X', undefined].includes(readStat(String(pid))?.state)
}

/** Sends a signal, and does not mind if the process is gone already. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error
  }
}

const freezeLimitMs = 5000

/**
 * Stops a process and everything it started, and returns when all their threads stand still: the signal alone arrives
 * later on another processor, where a thread may still finish an answer. Waits without giving up the thread of control.
 *
 * @throws TestServerError if some thread has not stopped after 5 seconds.
 */
export function freezeTree(root: number): void {
  // The parent stops first, so that it starts nothing while its children are listed.
  signalProcess(root, 'SIGSTOP')
  waitUntilStopped([root])
  const tree = processTree(root)
  for (const pid of tree) signalProcess(pid, 'SIGSTOP')
  waitUntilStopped(tree)
}

function waitUntilStopped(pids: readonly number[]): void {
  const deadline = performance.now() + freezeLimitMs
  const pause = new Int32Array(new SharedArrayBuffer(4))
  while (pids.some((pid) => !isStopped(pid))) {
    if (performance.now() > deadline) {
      throw new TestServerError(`Processes ${pids.join(', ')} did not stop within ${freezeLimitMs} ms.`)
    }
    Atomics.wait(pause, 0, 0, 1)
  }
}

/** Whether every thread of a process stands still, or is gone. */
function isStopped(pid: number): boolean {
  const idle = (state: string | undefined) => state === undefined || /^[TtZX]/.test(state)
  if (process.platform !== 'linux') {
    return idle(spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim() || undefined)
  }
  return threadsOf(pid).every((thread) => idle(readStat(`${pid}/task/${thread}`)?.state))
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function entriesFromProc(): ProcessEntry[] {
  const entries: ProcessEntry[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readStat(name)
    if (stat !== undefined) entries.push({ pid: Number(name), parent: stat.parent })
  }
  return entries
}

/** State and parent of a process or thread, from its file stat below /proc (proc(5)): the command's name stands in parentheses and may hold any character. */
function readStat(of: string): { state: string; parent: number } | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${of}/stat`, 'utf8')
  } catch {
    return undefined
  }
  const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state, parent: Number(parent) }
}

function entriesFromPs(): ProcessEntry[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  return lines.map((line) => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number)
    return { pid: pid ?? 0, parent: parent ?? 0 }
  })
}
