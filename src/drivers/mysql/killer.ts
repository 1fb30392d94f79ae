import { connect, type Socket } from 'node:net'

import type { Connection, ConnectionOptions, PoolConnection } from 'mysql2'

/** A statement that runs on a connection. */
export interface Interruptible {
  readonly connection: PoolConnection
  /** Resolves when the statement has ended, well or not. */
  readonly ended: Promise<void>
  readonly hasEnded: boolean
  /** Lets the rest of the answer come in, to be thrown away. */
  drain(): void
}

/** The part of mysql2 that opens a connection outside the pool. */
export type CreateConnection = (options: ConnectionOptions) => Connection

/**
 * Interrupts statements with KILL QUERY, sent on a connection of its own that lives while there is something to kill.
 * It leads to the very address that the victim's socket is connected to, because connection ids mean nothing on
 * another server of the same name.
 */
export class QueryKiller {
  readonly #createConnection: CreateConnection
  readonly #limitMs: number
  readonly #open = new Map<string, { readonly connection: Connection; users: number }>()

  /** `limitMs`: how long an interruption may take, from the first step to the last. */
  constructor(createConnection: CreateConnection, limitMs: number) {
    this.#createConnection = createConnection
    this.#limitMs = limitMs
  }

  /**
   * Stops a statement, and makes its connection fit for the next user. A KILL may arrive just after the statement
   * ended. A server that keeps it for the next one on that connection would hit a stranger, so a statement that does
   * nothing follows and takes it. (MariaDB 10.11 was seen to forget such a KILL; nothing documents that for all.)
   *
   * @returns false if the connection must not be used again
   */
  async interrupt(statement: Interruptible): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, this.#limitMs, false)
    })
    const done = this.#interrupt(statement).catch(() => false)
    const usable = await Promise.race([done, late])
    clearTimeout(timer)
    return usable
  }

  async #interrupt(statement: Interruptible): Promise<boolean> {
    const killed = await this.#kill(statement)
    statement.drain()
    await statement.ended
    if (killed) await absorb(statement.connection)
    return true
  }

  /** Returns false if there was nothing left to kill. */
  async #kill(statement: Interruptible): Promise<boolean> {
    const victim = statement.connection
    const key = addressOf(victim)
    const entry = this.#open.get(key) ?? { connection: this.#connect(victim), users: 0 }
    this.#open.set(key, entry)
    entry.users += 1
    try {
      await ping(entry.connection)
      if (statement.hasEnded) return false
      await run(entry.connection, `KILL QUERY ${victim.threadId}`)
      return true
    } finally {
      entry.users -= 1
      if (entry.users === 0) {
        this.#open.delete(key)
        entry.connection.destroy()
      }
    }
  }

  #connect(victim: PoolConnection): Connection {
    const { host, port, user, password, ssl, socketPath, authPlugins, insecureAuth } = victim.config
    const { remoteAddress, remotePort } = socketOf(victim)
    const connection = this.#createConnection({
      ...defined({ host, port, user, password, socketPath, authPlugins, insecureAuth }),
      ...(ssl ? { ssl } : {}),
      ...(remoteAddress !== undefined && remotePort !== undefined
        ? { stream: () => connect(remotePort, remoteAddress).setNoDelay(true) }
        : {}),
      connectTimeout: this.#limitMs,
    })
    // Errors come to the callbacks; without a listener they would also end the process.
    connection.on('error', () => undefined)
    return connection
  }
}

function socketOf(connection: PoolConnection): Partial<Pick<Socket, 'remoteAddress' | 'remotePort'>> {
  const stream: unknown = Reflect.get(connection, 'stream')
  if (typeof stream !== 'object' || stream === null) return {}
  const remoteAddress: unknown = Reflect.get(stream, 'remoteAddress')
  const remotePort: unknown = Reflect.get(stream, 'remotePort')
  if (typeof remoteAddress !== 'string' || typeof remotePort !== 'number') return {}
  return { remoteAddress, remotePort }
}

function addressOf(connection: PoolConnection): string {
  const { remoteAddress, remotePort } = socketOf(connection)
  return `${remoteAddress} ${remotePort}`
}

function defined<T extends object>(options: T): Partial<T> {
  // Leaving entries out of a T makes a Partial<T>
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}

function ping(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()))
  })
}

/** Runs a short text of the driver's own. */
export function run(connection: Connection, sql: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.query(sql, (error: Error | null, header: unknown) => (error ? reject(error) : resolve(header)))
  })
}

async function absorb(connection: PoolConnection): Promise<void> {
  const interrupted = 1317
  try {
    await run(connection, 'DO 0')
  } catch (error) {
    if (!(error instanceof Error) || Reflect.get(error, 'errno') !== interrupted) throw error
  }
}
