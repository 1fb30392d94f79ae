import { Socket } from 'node:net'
import { readingSockets } from '../reading-socket.ts'

/** What mysql2 hands to the option `stream`, of what it would open a socket with itself. */
interface SocketTerms {
  readonly config: {
    readonly host?: string
    readonly port?: number
    readonly socketPath?: string
    readonly ssl?: unknown
    readonly enableKeepAlive?: boolean
    readonly keepAliveInitialDelay?: number
  }
}

/** Opens the sockets of one pool as mysql2 does, but for how they read; those that are to be encrypted read as ever. For its option `stream`. */
export function poolSockets(): (terms: SocketTerms) => Socket {
  const makeSocket = readingSockets()
  return ({ config: { host, port, socketPath, ssl, enableKeepAlive, keepAliveInitialDelay } }) => {
    const socket = ssl ? new Socket() : makeSocket()
    if (socketPath) return socket.connect(socketPath)
    if (enableKeepAlive) socket.once('connect', () => socket.setKeepAlive(true, keepAliveInitialDelay))
    return socket.connect({ port: port ?? 3306, ...(host === undefined ? {} : { host }) }).setNoDelay(true)
  }
}
