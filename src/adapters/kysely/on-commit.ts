import type { Transaction } from 'kysely'
import { UnsupportedError } from '../../index.ts'
import { VirtualConnection } from './virtual-connection.ts'

/**
 * Runs `fn` after the COMMIT of a transaction of Kysely; never if the transaction is rolled back, or rolled back to a
 * savepoint that was set before this call. Resolves when `fn` is registered, after the queries that were begun before.
 *
 * If `fn` fails, the data is committed all the same, and the transaction throws `OnCommitError`.
 * Throws `UnsupportedError` if the transaction is not of an instance that `kysely(client)` made.
 *
 * @example
 * ```ts
 * import { onCommit } from 'signalbox/kysely'
 *
 * await db.transaction().execute(async (trx) => {
 *   await trx.insertInto('purchase').values({ id: 1 }).execute()
 *   await onCommit(trx, () => console.log('sold'))
 * })
 * ```
 */
export async function onCommit(
  // Of any tables, and whoever ends it.
  trx: Pick<Transaction<unknown>, 'isTransaction' | 'getExecutor'>,
  fn: () => unknown,
): Promise<void> {
  await trx.getExecutor().provideConnection(async (connection) => {
    if (!(connection instanceof VirtualConnection)) {
      throw new UnsupportedError('onCommit() takes a transaction of an instance that kysely(client) made.')
    }
    await Promise.resolve(connection.transaction.current.onCommit(fn))
  })
}
