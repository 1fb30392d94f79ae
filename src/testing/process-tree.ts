import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
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
  return process.platform !== 'linux' || !['Z', 'X', undefined].includes(readStat(pid)?.state)
}

/** Sends a signal, and does not mind if the process is gone already. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error
  }
}

function entriesFromProc(): ProcessEntry[] {
  const entries: ProcessEntry[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readStat(Number(name))
    if (stat !== undefined) entries.push({ pid: Number(name), parent: stat.parent })
  }
  return entries
}

/** State and parent from /proc/PID/stat (proc(5)): the command's name stands in parentheses and may hold any character. */
function readStat(pid: number): { state: string; parent: number } | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
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
