import type { ClientBase, Submittable } from 'pg'
import { internalsOf, type Answerable, type AnswerCallback, type NativeQuery, type NativeQueryClass } from './native.ts'

/** A text without parameters that goes out right ahead of a statement, in the same write. That is sent whatever becomes of the text. */
export interface Leading {
  readonly sql: string
  readonly answer: AnswerCallback
}

/** Not where `pg` runs over its native bindings. */
export function canGoAhead(client: ClientBase): boolean {
  return internalsOf(client).connection !== undefined && 'Query' in client.constructor
}

/**
 * The query to send in place of `query`: it takes that one along, so that both cost one round trip. As in `takeAlong`, the one behind
 * is queued when the one ahead is answered, and then only stands ready for its own answer.
 */
export function goAhead(query: NativeQuery, client: ClientBase, base: NativeQueryClass, leading: Leading): NativeQuery {
  const second = query as Answerable
  const first = new base(leading.sql, undefined, leading.answer) as Answerable
  const submitFirst = first.submit.bind(first)
  const submitSecond = second.submit.bind(second)
  const handleError = first.handleError.bind(first)
  const handleReadyForQuery = first.handleReadyForQuery.bind(first)
  // `pg` says so when it queues the query, and a repeated one asks for the parsers when it is sent.
  if (second._result !== undefined) second._result._types ??= (client as { readonly _types?: unknown })._types
  let isQueued = false
  const queue = (): void => {
    if (isQueued) return
    isQueued = true
    client.query(second as unknown as Submittable)
  }
  first.submit = (connection) => {
    const { stream } = connection
    stream.cork?.()
    try {
      const error = submitFirst(connection)
      const refused = submitSecond(connection)
      second.submit = () => refused
      return error
    } finally {
      stream.uncork?.()
    }
  }
  first.handleError = (error, connection) => {
    queue()
    handleError(error, connection)
  }
  first.handleReadyForQuery = (connection) => {
    queue()
    handleReadyForQuery(connection)
  }
  return first
}
