import type { ClientBase, Submittable } from 'pg'
import type { Answerable, AnswerCallback, NativeQuery, NativeQueryClass } from './native.ts'

/** A text without parameters that goes out right behind another statement, without waiting for that one's answer. */
export interface Trailing {
  readonly sql: string
  readonly answer: AnswerCallback
}

/**
 * Makes a query take another one along, so that both cost one round trip; the server works on them one after the other.
 *
 * `pg` sends a query when the one before is answered, by calling its `submit`. Here the first one's `submit` writes both,
 * and the second one's, which comes with the first answer, writes nothing: it only stands ready for its own answer. It
 * is queued before the caller hears of the first answer and can send something else.
 */
export function takeAlong(query: NativeQuery, client: ClientBase, base: NativeQueryClass, trailing: Trailing): void {
  const first = query as Answerable
  const submit = first.submit.bind(first)
  const handleError = first.handleError.bind(first)
  const handleReadyForQuery = first.handleReadyForQuery.bind(first)
  let state: 'unsent' | 'failed' | 'sent' | 'queued' = 'unsent'
  const queue = (): void => {
    if (state !== 'sent') return
    state = 'queued'
    const second = new base(trailing.sql, undefined, trailing.answer) as Answerable
    second.submit = () => null
    client.query(second as unknown as Submittable)
  }
  first.submit = (connection) => {
    const { stream } = connection
    stream.cork?.()
    try {
      const error = submit(connection)
      // A parameter that could not be encoded: what the server then gets and answers is `pg`'s affair.
      if (error !== null || state === 'failed') return error
      state = 'sent'
      if (stream.writable) stream.write(queryMessage(trailing.sql))
      return null
    } finally {
      stream.uncork?.()
    }
  }
  first.handleError = (error, connection) => {
    if (state === 'unsent') state = 'failed'
    queue()
    handleError(error, connection)
  }
  first.handleReadyForQuery = (connection) => {
    queue()
    handleReadyForQuery(connection)
  }
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html, "Query". */
function queryMessage(sql: string): Buffer {
  const length = Buffer.byteLength(sql)
  const message = Buffer.alloc(1 + 4 + length + 1)
  message.writeUInt8(0x51, 0) // Q
  message.writeInt32BE(4 + length + 1, 1)
  message.write(sql, 5)
  return message
}
