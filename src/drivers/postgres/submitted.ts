import type { Submittable } from 'pg'
import type { Access, DriverRequest, SubmittedOutcome, TransactionStatus } from '../driver.ts'
import { isLimited, Watch } from './call.ts'
import type { Connection } from './connection.ts'
import { queryError } from './errors.ts'
import { internalsOf, type WireConnection } from './native.ts'

/**
 * Runs a submittable on a connection that is ready and stays the caller's. Resolves when the server waits for the next statement; what
 * has become of this one is told to the object itself. A time limit or an abort cancels it on the server.
 */
export async function submitted(
  connection: Connection,
  request: DriverRequest,
  statement: object,
  address: string,
  hear?: (outcome: SubmittedOutcome) => void,
): Promise<TransactionStatus> {
  const { client } = connection
  const heard = hear === undefined ? undefined : listened(internalsOf(client).connection)
  const finished = connection.occupy()
  const watch = isLimited(request) ? new Watch(request, () => connection.cancel()) : undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const over = (): void => {
        client.removeListener('drain', over)
        client.removeListener('end', lost)
        resolve()
      }
      const lost = (): void => {
        client.removeListener('drain', over)
        // Part of the answer may be taken already, so that it must not be asked for again.
        reject(queryError(connection.lost, { access: 'write', sent: true, address }))
      }
      client.on('drain', over)
      client.once('end', lost)
      client.query(statement as Submittable)
    })
    return client.getTransactionStatus() ?? 'I'
  } finally {
    watch?.stop()
    finished()
    if (heard !== undefined) hear?.(told(heard.end(), { access: request.access, address }))
  }
}

interface Heard {
  readonly rowCount: number
  readonly error: unknown
}

/** Follows the answers of the server to one submittable. */
function listened(wire: WireConnection | undefined): { readonly end: () => Heard } {
  let rows = 0
  let counted = 0
  let error: unknown
  const listeners = {
    dataRow: (): void => void (rows += 1),
    commandComplete: ({ text }: { readonly text?: string }): void =>
      void (counted += Number(/\d+$/.exec(text ?? '') ?? 0)),
    errorMessage: (message: unknown): void => void (error ??= message),
  }
  const names = ['dataRow', 'commandComplete', 'errorMessage'] as const
  for (const name of names) wire?.on(name, listeners[name])
  return {
    end: () => {
      for (const name of names) wire?.removeListener(name, listeners[name])
      // The tag of a cursor counts the rows of its last portion alone.
      return { rowCount: rows || counted, error }
    },
  }
}

function told(
  { rowCount, error }: Heard,
  { access, address }: { readonly access: Access; readonly address: string },
): SubmittedOutcome {
  return error === undefined ? { rowCount } : { rowCount, error: queryError(error, { access, sent: true, address }) }
}
