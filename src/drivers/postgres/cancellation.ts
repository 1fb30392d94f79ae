import type { ClientInternals, WireConnection } from './native.ts'

/** Why a statement could not be cancelled; the connection that it runs on must then be closed. */
export type CancelOutcome = 'delivered' | 'failed'

/**
 * Asks the server to cancel what runs on `client`'s connection, over a connection of its own, as the protocol demands
 * (PostgreSQL documentation, "Canceling Requests in Progress").
 *
 * The server says nothing, it closes the connection when it has sent the signal. Calls back once, and with `delivered`
 * only after that close: a signal on its way would otherwise hit whatever runs next. Goes the same way as `client` did
 * (Unix socket, TLS, direct TLS), because what stands between may take nothing else. Takes at most `timeoutMs`.
 */
export function cancelOnServer(
  client: ClientInternals,
  timeoutMs: number,
  done: (outcome: CancelOutcome) => void,
): void {
  const { connection, processID, secretKey, host = '', port = 5432 } = client
  if (connection === undefined || typeof processID !== 'number' || secretKey == null) {
    done('failed')
    return
  }
  const wire = anotherWire(client, connection)
  let sent = false
  let finished = false
  const finish = (outcome: CancelOutcome): void => {
    if (finished) return
    finished = true
    clearTimeout(timer)
    wire.stream.destroy()
    done(outcome)
  }
  const timer = setTimeout(finish, timeoutMs, 'failed')
  const send = (): void => {
    sent = true
    wire.cancel(processID, secretKey)
  }
  // Some systems answer the close with a reset, which is as good as a close once the request is out.
  wire.on('error', () => finish(sent ? 'delivered' : 'failed'))
  wire.on('end', () => finish(sent ? 'delivered' : 'failed'))
  wire.on('sslconnect', send)
  wire.on('connect', () => {
    if (!client.ssl) send()
    else if (client.sslNegotiation !== 'direct') wire.requestSsl()
  })
  if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${port}`)
  else wire.connect(port, host)
}

/** `pg`'s connection class is taken from the client itself, so that it is the application's copy of `pg`. */
function anotherWire(client: ClientInternals, connection: WireConnection): WireConnection {
  const wireClass = connection.constructor as new (config: object) => WireConnection
  return new wireClass({ ssl: client.ssl, sslNegotiation: client.sslNegotiation })
}
