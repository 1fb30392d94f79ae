import { tracingChannel } from 'node:diagnostics_channel'
import type { ConnectionSettings } from './connection-settings.ts'

/** What mysql2 tells with it, to who measures pools. */
interface PoolTrace {
  readonly database: string
  readonly serverAddress: string
  readonly serverPort: number | undefined
}

const channel = tracingChannel<PoolTrace, PoolTrace>('mysql2:pool:connect')

/** Tells of `open` as mysql2 does where its pool opens a connection. */
export function tracedOpening<D extends (...answer: never[]) => unknown>(
  open: (done: D) => void,
  trace: () => PoolTrace,
  done: D,
): void {
  if (channel.hasSubscribers) channel.traceCallback(open, 0, trace(), undefined, done)
  else open(done)
}

export function traceOf({ database = '', socketPath, host, port }: ConnectionSettings): PoolTrace {
  const isSocket = socketPath !== undefined && socketPath !== ''
  return { database, serverAddress: isSocket ? socketPath : host, serverPort: isSocket ? undefined : port }
}
