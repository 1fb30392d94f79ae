import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'

/**
 * Reads process ids from its input, one a line, the newest one counts (an empty line: none). When the input ends, the
 * process that fed it is gone, however it went: then the server is stopped and its folder removed.
 */
const script = `
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -CONT "$pid"; kill -"$2" "$pid"
  tries=0
  while kill -0 "$pid" && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL "$pid"
fi
rm -rf "$1"
`

/**
 * Last resort for one server: a small shell process that outlives this one, and then ends the server and removes its
 * folder. Unlike an exit handler it also works after SIGKILL, and it keeps no list in this process.
 */
export class Watchdog {
  readonly #shell: ChildProcess

  constructor(folder: string, stopSignal: NodeJS.Signals) {
    this.#shell = spawn('/bin/sh', ['-c', script, 'signalbox-watchdog', folder, stopSignal.slice('SIG'.length)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    })
    this.#shell.unref()
    // A pipe to a child is a socket, and would keep the event loop alive.
    if (this.#shell.stdin instanceof Socket) this.#shell.stdin.unref()
    this.#shell.stdin?.on('error', () => undefined)
  }

  get pid(): number | undefined {
    return this.#shell.pid
  }

  /** The server's process from now on; undefined while it is down. */
  watch(pid: number | undefined): void {
    this.#shell.stdin?.write(`${pid ?? ''}\n`)
  }

  /** Ends the watchdog without letting it act. */
  async dismiss(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return
    this.#shell.ref()
    const exited = once(this.#shell, 'exit')
    this.#shell.kill('SIGKILL')
    await exited
  }
}
