import { once } from 'node:events'
import { connect, createServer, type Server, Socket } from 'node:net'
import { TestServerError } from '../errors.ts'
import { checkFault, type Fault } from './fault.ts'
import { FaultConnection } from './fault-connection.ts'
import { freePort } from './free-port.ts'

/** The server that a proxy stands in front of. */
export interface ProxyTarget {
  readonly host: string
  readonly port: number
}

/** A TCP proxy that does to connections what networks do, when a test says so. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string
  /** Where clients connect; the same as long as the proxy lives. */
  readonly port: number
  /** The connections that are open, oldest first. */
  readonly connections: readonly FaultConnection[]
  /** How many connections were accepted so far. */
  readonly accepted: number
  /** What new connections are met with. */
  readonly fault: Fault

  /** A data source name with its address replaced by the proxy's. */
  through(dsn: string): string
  /**
   * Changes the fault of all connections, open and new.
   *
   * @throws RangeError if a number of the fault is out of range.
   */
  apply(fault: Fault): void
  /** Resolves with the next connection that is accepted, from now on. */
  nextConnection(): Promise<FaultConnection>
  /** From now on new connections are refused (ECONNREFUSED), as by a server that is down. Open ones stay. */
  refuse(): void
  /** New connections are accepted again. Connections are accepted from the start. */
  accept(): Promise<void>
  /** Breaks all open connections (ECONNRESET on both sides); returns how many. */
  reset(): number
  /** Breaks all connections and ends the proxy. May be called again. */
  close(): Promise<void>
}

/**
 * Starts a proxy on a free port of 127.0.0.1 in front of a server. It hands everything on until `apply` says otherwise.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { connect } from 'signalbox'
 * import { startFaultProxy, startPostgres } from 'signalbox/testing'
 *
 * await using server = await startPostgres()
 * await using proxy = await startFaultProxy(server)
 * await using client = await connect(proxy.through(server.dsn()))
 *
 * const sale = client.transaction(async (tx) => {
 *   await tx.query('create table sale (id integer)')
 *   // COMMIT will take effect, but its answer is lost, and nobody can be asked what has become of it:
 *   proxy.apply({ kind: 'cut-on', pattern: 'COMMIT', moment: 'answered' })
 *   proxy.refuse()
 * })
 * await assert.rejects(sale, { code: 'SIGNALBOX_COMMIT_UNKNOWN' })
 *
 * // The server hangs:
 * proxy.apply({ kind: 'black-hole' })
 * ```
 */
export async function startFaultProxy(target: ProxyTarget): Promise<FaultProxy> {
  return ListeningProxy.start(target)
}

const portAttempts = 5

class ListeningProxy implements FaultProxy {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly #target: ProxyTarget
  readonly #server: Server
  readonly #open = new Set<FaultConnection>()
  #next = Promise.withResolvers<FaultConnection>()
  #fault: Fault = { kind: 'pass' }
  #accepted = 0

  private constructor(target: ProxyTarget, server: Server, port: number) {
    this.#target = target
    this.#server = server
    this.port = port
    server.on('connection', (client) => this.#accept(client))
  }

  static async start(target: ProxyTarget): Promise<ListeningProxy> {
    for (let attempt = 1; ; attempt++) {
      // Both sides of a connection end on their own, as on a wire.
      const server = createServer({ allowHalfOpen: true, noDelay: true })
      try {
        const port = await freePort()
        server.listen(port, '127.0.0.1')
        await once(server, 'listening')
        return new ListeningProxy(target, server, port)
      } catch (error) {
        if (attempt === portAttempts) throw new TestServerError('The fault proxy found no port to listen on.', error)
      }
    }
  }

  get connections(): readonly FaultConnection[] {
    return [...this.#open]
  }
  get accepted(): number {
    return this.#accepted
  }
  get fault(): Fault {
    return this.#fault
  }

  through(dsn: string): string {
    const url = new URL(dsn)
    url.hostname = this.host
    url.port = String(this.port)
    return url.href
  }

  apply(fault: Fault): void {
    checkFault(fault)
    this.#fault = fault
    for (const connection of this.#open) connection.apply(fault)
  }

  nextConnection(): Promise<FaultConnection> {
    return this.#next.promise
  }

  refuse(): void {
    // The port closes at once; the server's event 'close' comes only when the open connections are gone.
    if (this.#server.listening) this.#server.close()
  }

  async accept(): Promise<void> {
    if (this.#server.listening) return
    this.#server.listen(this.port, this.host)
    await once(this.#server, 'listening')
  }

  reset(): number {
    const open = this.connections
    for (const connection of open) connection.reset()
    return open.length
  }

  async close(): Promise<void> {
    this.refuse()
    const open = this.connections
    this.reset()
    await Promise.all(open.map((connection) => connection.closed))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #accept(client: Socket): void {
    this.#accepted++
    const connection = new FaultConnection(this.#accepted, client, this.#dial(), this.#fault)
    this.#open.add(connection)
    void connection.closed.then(() => this.#open.delete(connection))
    const { resolve } = this.#next
    this.#next = Promise.withResolvers()
    resolve(connection)
  }

  /** A connection to the server; in a black hole, a socket that leads nowhere. */
  #dial(): Socket {
    if (this.#fault.kind === 'black-hole') return new Socket()
    return connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
  }
}
