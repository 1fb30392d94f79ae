import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'

/**
 * Reads what to look after from its input, one a line: `pid 123` (the newest one counts; none: the server is down) and
 * `folder /path`. When the input ends, the process that fed it is gone, however it went: then the server is stopped and
 * the folders are removed.
 */
const script = `
signal=$1; shift
while read -r kind value; do
  case $kind in
    pid) pid=$value ;;
    folder) set -- "$@" "$value" ;;
  esac
done
if [ -n "$pid" ]; then
  kill -CONT "$pid"; kill -"$signal" "$pid"
  tries=0
  while kill -0 "$pid" && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL "$pid"
fi
rm -rf "$@"
`

/**
 * Last resort for one server: a small shell process that outlives this one, and then ends the server and removes its
 * folders. Unlike an exit handler it also works after SIGKILL, and it keeps no list in this process.
 */
export class Watchdog {
  readonly #shell: ChildProcess

  constructor(stopSignal: NodeJS.Signals) {
    this.#shell = spawn('/bin/sh', ['-c', script, 'signalbox-watchdog', stopSignal.slice('SIG'.length)], {
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
    this.#shell.stdin?.write(`pid ${pid ?? ''}\n`)
  }

  /** A folder to remove, in addition to those named before. Its path must hold no line break. */
  watchFolder(folder: string): void {
    this.#shell.stdin?.write(`folder ${folder}\n`)
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
