import type { Submittable } from 'pg'
import type { DriverRequest, TransactionStatus } from '../driver.ts'
import { isLimited, Watch } from './call.ts'
import type { Connection } from './connection.ts'
import { queryError } from './errors.ts'

/**
 * Runs a submittable on a connection that is ready and stays the caller's. Resolves when the server waits for the next statement; what
 * has become of this one is told to the object itself. A time limit or an abort cancels it on the server.
 */
export async function submitted(
  connection: Connection,
  request: DriverRequest,
  statement: object,
  address: string,
): Promise<TransactionStatus> {
  const { client } = connection
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
  }
}
