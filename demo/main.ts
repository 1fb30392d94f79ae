import { constants } from 'node:os'
import { runDemo } from './demo.ts'
import { readOptions } from './options.ts'
import { runReplicationDemo } from './replication/demo.ts'

/** A signal of the operating system that ends the demo early. */
class Interruption extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

const options = readOptions()
const stop = new AbortController()
// Once: a second Ctrl-C ends the process at once, and the watchdogs of the servers see to the rest.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write(`\n${signal}: cleaning up …\n`)
    stop.abort(new Interruption(signal, 128 + constants.signals[signal]))
  })
}
// Whoever reads the output may stop reading (`npm run demo | head`).
process.stdout.on('error', () => stop.abort(new Interruption('nobody reads the output', 0)))

try {
  const failed =
    options.kind === 'replication'
      ? await runReplicationDemo(options, stop.signal)
      : await runDemo(options, stop.signal)
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  const { reason } = stop.signal
  if (reason instanceof Interruption) process.exitCode = reason.exitCode
  else {
    console.error(error)
    process.exitCode = 1
  }
}
