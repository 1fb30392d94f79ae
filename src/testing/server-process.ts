import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { TestServerError } from '../errors.ts'
import { freezeTree, isRunning, processTree, signalProcess } from './process-tree.ts'
import type { ServerLog } from './server-log.ts'

/** How to start a server, and how to see that it is ready. */
export interface ServerCommand {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Found in what the server writes to its standard error when it takes connections. */
  readonly ready: RegExp
  /** Called with the process's id as soon as it exists, for a watchdog of a server that takes its time to get ready. */
  readonly spawned?: ((pid: number) => void) | undefined
}

/** The server could not have its port: somebody else was faster. */
export class PortTakenError extends TestServerError {}

const startLimitMs = 60_000

/** One run of a server, from its start to its end. Its children count as part of it. */
export class ServerProcess {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #exited: Promise<void>

  private constructor(child: ChildProcess, pid: number, exited: Promise<void>) {
    this.#child = child
    this.pid = pid
    this.#exited = exited
  }

  /**
   * Starts the server and waits until it is ready, 60 seconds at most.
   *
   * @throws PortTakenError if its port is in use.
   * @throws TestServerError if it ends, or is not ready in time; with the end of its log.
   */
  static async start(command: ServerCommand, log: ServerLog): Promise<ServerProcess> {
    const child = spawn(command.file, command.args, {
      cwd: command.cwd,
      env: { ...process.env, LC_ALL: 'C', ...command.env },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own: Ctrl-C in a terminal reaches the tests, which then stop their servers in order.
      detached: true,
      ...(command.uid === undefined ? {} : { uid: command.uid }),
      ...(command.gid === undefined ? {} : { gid: command.gid }),
    })
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    if (child.pid !== undefined) command.spawned?.(child.pid)
    const name = command.file.slice(command.file.lastIndexOf('/') + 1)
    await becomeReady(child, name, command.ready, log)
    const started = new ServerProcess(child, child.pid ?? 0, exited)
    // A server that somebody forgets to stop must not keep the tests from ending; the watchdog sees to it.
    child.unref()
    if (child.stderr instanceof Socket) child.stderr.unref()
    return started
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** SIGKILL, SIGSTOP and SIGCONT go to the server and all its children; every other signal to the server alone. */
  signal(signal: NodeJS.Signals): void {
    if (!this.running) return
    if (signal === 'SIGSTOP') return freezeTree(this.pid)
    if (signal !== 'SIGKILL' && signal !== 'SIGCONT') return signalProcess(this.pid, signal)
    // A stopped parent starts nothing while its children are listed; it goes last, so that it reacts to nothing.
    if (signal === 'SIGKILL') signalProcess(this.pid, 'SIGSTOP')
    for (const pid of processTree(this.pid).toReversed()) signalProcess(pid, signal)
  }

  /** Waits for the end of the server and of all its children; after `limitMs` milliseconds they are killed. */
  async end(signal: NodeJS.Signals, limitMs: number): Promise<void> {
    const tree = this.running ? processTree(this.pid) : []
    if (signal !== 'SIGKILL') this.signal('SIGCONT')
    this.signal(signal)
    const timer = setTimeout(() => this.signal('SIGKILL'), limitMs)
    this.#child.ref()
    try {
      await this.#exited
      await gone(tree, limitMs)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Resolves when the server's own process has ended. */
  async exited(): Promise<void> {
    if (this.running) this.#child.ref()
    await this.#exited
  }
}

/** Children end with their parent, but are not ours to wait for: the system tells only whether they still exist. */
async function gone(pids: readonly number[], limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs
  for (const pid of pids) {
    while (isRunning(pid)) {
      if (performance.now() > deadline) signalProcess(pid, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}

async function becomeReady(child: ChildProcess, name: string, ready: RegExp, log: ServerLog): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let seen = ''
  let isReady = false
  const timer = setTimeout(() => {
    reject(new TestServerError(`${name} was not ready within ${startLimitMs} ms. Its log ends with:\n${log.tail()}`))
    child.kill('SIGKILL')
  }, startLimitMs)
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log.append(text)
    if (isReady) return
    seen += text
    isReady = ready.test(seen)
    if (isReady) resolve()
  })
  child.once('error', (error) => reject(new TestServerError(`${name} could not be started: ${error.message}`, error)))
  // 'close' and not 'exit': by then everything that the server wrote has arrived.
  child.once('close', (code, signal) => {
    const ended = `${name} ended with ${signal ?? `code ${code}`} instead of getting ready.`
    const Failure = /address already in use/i.test(seen) ? PortTakenError : TestServerError
    reject(new Failure(`${ended} Its log ends with:\n${log.tail()}`))
  })
  try {
    await promise
  } finally {
    clearTimeout(timer)
  }
}
