import type { Answerable, NativeQuery } from './native.ts'

/** A BEGIN that goes out ahead of the first statement of its transaction, in the same write. */
export interface Opening {
  readonly sql: string
  /** The server has refused it, and with it the statement. */
  failed(error: unknown): void
}

/** Bind of the unnamed statement to the unnamed portal, without parameters or formats; Execute of all of that. */
const bindAndExecute = Buffer.from('420000000c000000000000000045000000090000000000', 'hex')

/**
 * Parse, Bind and Execute of a text without parameters, and no Sync: if it fails, the server leaves out all that follows up to the next
 * Sync, which is that of the statement behind it. So that can never run outside of the transaction.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
function openingMessages(sql: string): Buffer {
  const text = Buffer.byteLength(sql)
  // Length, unnamed statement, text, number of parameter types.
  const parse = 4 + 1 + text + 1 + 2
  const message = Buffer.alloc(1 + parse + bindAndExecute.length)
  message.writeUInt8(0x50, 0) // P
  message.writeInt32BE(parse, 1)
  message.write(sql, 6)
  message.set(bindAndExecute, 1 + parse)
  return message
}

/** Makes a query of a prepared text take BEGIN along. */
export function openWith(query: NativeQuery, opening: Opening): void {
  const first = query as Answerable
  const submit = first.submit.bind(first)
  const handleCommandComplete = first.handleCommandComplete.bind(first)
  const handleError = first.handleError.bind(first)
  let isOpen = false
  first.submit = (connection) => {
    const { stream } = connection
    stream.cork?.()
    try {
      if (stream.writable) stream.write(openingMessages(opening.sql))
      return submit(connection)
    } finally {
      stream.uncork?.()
    }
  }
  first.handleCommandComplete = (message, connection) => {
    if (isOpen) handleCommandComplete(message, connection)
    isOpen = true
  }
  first.handleError = (error, connection) => {
    if (!isOpen && isFromServer(error)) opening.failed(error)
    handleError(error, connection)
  }
}

/** Other errors are of a connection that is lost, or of a parameter, which goes nowhere. */
function isFromServer(error: unknown): boolean {
  return typeof (error as { readonly severity?: unknown } | null | undefined)?.severity === 'string'
}
