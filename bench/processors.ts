import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Those that this process may run on, at its start. */
const allowed = allowedProcessors()

/**
 * Has a process, and what it starts from then on, run on the first processor (a client) or on the others (servers), as if they were two
 * machines: where both wander over the same processors, what is measured is where they happen to meet. Returns false, and changes nothing,
 * where that is not Linux, there is no `taskset`, or one processor alone.
 */
export function useProcessor(side: 'client' | 'server', pid: number): boolean {
  const [first, ...others] = allowed
  if (first === undefined || others.length === 0) return false
  const list = side === 'client' ? [first] : others
  const task = spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list.join(','), String(pid)])
  return task.status === 0
}

function allowedProcessors(): readonly number[] {
  if (process.platform !== 'linux') return []
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return list.split(',').flatMap((range) => {
    const [from = Number.NaN, to = from] = range.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}
