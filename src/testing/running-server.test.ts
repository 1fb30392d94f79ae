import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { isRunning } from './process-tree.ts'
import { RunningServer, type ServerRecipe } from './running-server.ts'
import { Workplace } from './workplace.ts'

/** A server that a shell plays: it is ready at once on every port but one. */
function recipe(workplace: Workplace, script: string): ServerRecipe {
  return {
    engine: 'postgres',
    version: '0',
    binaries: '/bin',
    user: 'u',
    adminUser: 'u',
    password: 'p',
    dataDirectory: join(workplace.folder, 'data'),
    settings: {},
    restartSignal: 'SIGTERM',
    stopSignal: 'SIGKILL',
    command: (port) => ({
      file: '/bin/sh',
      args: ['-c', script, 'server', String(port)],
      cwd: workplace.folder,
      ready: /^ready/m,
    }),
  }
}

const playServer =
  'if [ "$1" = 1 ]; then echo "bind: Address already in use" >&2; exit 1; fi; echo ready >&2; while :; do sleep 60; done'

test('a port that somebody else took meanwhile is replaced by another one', async () => {
  const workplace = await Workplace.create('test', 'SIGKILL')
  const ports = [1, 1, 20_123]
  await using server = await RunningServer.start(recipe(workplace, playServer), workplace, () =>
    Promise.resolve(ports.shift() ?? 0),
  )
  expect(server.port).toBe(20_123)
  expect(server.log().match(/already in use/g)).toHaveLength(2)
})

test('after five lost ports it gives up, with the log', async () => {
  const workplace = await Workplace.create('test', 'SIGKILL')
  let asked = 0
  const start = RunningServer.start(recipe(workplace, playServer), workplace, () => {
    asked++
    return Promise.resolve(1)
  })
  await expect(start).rejects.toThrow(/sh ended with code 1 instead of getting ready.*Address already in use/s)
  expect(asked).toBe(5)
  await workplace.remove()
})

test('a program that does not exist is told from one that ends', async () => {
  const workplace = await Workplace.create('test', 'SIGKILL')
  const missing: ServerRecipe = {
    ...recipe(workplace, ''),
    command: () => ({ file: '/nonexistent/program', args: [], cwd: workplace.folder, ready: /ready/ }),
  }
  await expect(RunningServer.start(missing, workplace)).rejects.toThrow('program could not be started')
  await expect(RunningServer.start(recipe(workplace, 'exit 7'), workplace)).rejects.toThrow('ended with code 7')
  await workplace.remove()
})

test('a server that ignores its signal is killed at the end of its time, with its children', async () => {
  const workplace = await Workplace.create('test', 'SIGKILL')
  const stubborn = 'trap "" TERM; sleep 60 & echo $! > child; echo ready >&2; while :; do sleep 60; done'
  const server = await RunningServer.start(recipe(workplace, stubborn), workplace)
  const child = Number(await readFile(join(workplace.folder, 'child'), 'utf8'))
  expect(isRunning(child)).toBe(true)
  await server.stop()
  expect([server.pid, child].filter(isRunning)).toEqual([])
})

/** Reads one line of what a process says. */
async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no output')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('the process said nothing')
}

test('if the test process is killed, the watchdog ends the server and removes its folder', async () => {
  const index = pathToFileURL(join(import.meta.dirname, 'index.ts')).href
  const program = `import { startPostgres } from '${index}'
    const server = await startPostgres()
    console.log(JSON.stringify({ pid: server.pid, data: server.dataDirectory }))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { pid, data }: { pid: number; data: string } = JSON.parse(await firstLine(child))
  expect(isRunning(pid)).toBe(true)
  expect(existsSync(data)).toBe(true)
  child.kill('SIGKILL')
  await expect.poll(() => isRunning(pid), { timeout: 15_000 }).toBe(false)
  await expect.poll(() => existsSync(dirname(data)), { timeout: 15_000 }).toBe(false)
})

test('a server that somebody forgets to stop does not keep the process from ending, and is cleared up', async () => {
  const index = pathToFileURL(join(import.meta.dirname, 'index.ts')).href
  const program = `import { startPostgres } from '${index}'
    const server = await startPostgres()
    console.log(JSON.stringify({ pid: server.pid, data: server.dataDirectory }))`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const { pid, data }: { pid: number; data: string } = JSON.parse(await firstLine(child))
  expect(await exited).toBe(0)
  await expect.poll(() => isRunning(pid), { timeout: 15_000 }).toBe(false)
  await expect.poll(() => existsSync(dirname(data)), { timeout: 15_000 }).toBe(false)
})
