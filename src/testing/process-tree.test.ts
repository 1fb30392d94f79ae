import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { freezeTree, isRunning, processTree, signalProcess } from './process-tree.ts'

/** Six threads that never rest. */
const busy = `
const { Worker } = require('node:worker_threads')
const code = "require('node:worker_threads').parentPort.postMessage('up'); for (;;);"
let up = 0
for (let n = 0; n < 5; n++) new Worker(code, { eval: true }).once('message', () => {
  if (++up < 5) return
  process.stdout.write('up')
  for (;;);
})`

function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  })
}

// Other systems show no threads; there the servers' own tests stand for it.
test.runIf(process.platform === 'linux')('when freezing returns, every thread stands still', async () => {
  const child = spawn(process.execPath, ['-e', busy], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  try {
    for (let round = 0; round < 50; round++) {
      freezeTree(pid)
      expect(new Set(threadStates(pid))).toEqual(new Set(['T']))
      signalProcess(pid, 'SIGCONT')
    }
  } finally {
    child.kill('SIGKILL')
    await exited
  }
})

test('a tree holds the children of children, parents first, and is empty when the process is gone', async () => {
  const child = spawn('/bin/sh', ['-c', 'sh -c "sleep 60 & echo up; wait" & wait'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  const tree = processTree(child.pid ?? 0)
  expect(tree).toHaveLength(3)
  expect(tree[0]).toBe(child.pid)
  expect(tree.every(isRunning)).toBe(true)
  for (const pid of tree.toReversed()) signalProcess(pid, 'SIGKILL')
  await exited
  expect(processTree(child.pid ?? 0)).toEqual([])
  expect(isRunning(child.pid ?? 0)).toBe(false)
  signalProcess(child.pid ?? 0, 'SIGTERM')
})
