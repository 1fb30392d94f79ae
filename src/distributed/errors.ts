import { SignalboxError, messageOf, type Where } from '../errors.ts'

/** Whether it was decided that the transaction is committed cannot be found out now; `client.recoverTransactions()` does. */
export class InDoubtError extends SignalboxError {
  /** Of the transaction, in its log. */
  readonly id: string
  /** Where its branches are prepared, each as `database/shard`. */
  readonly branches: readonly string[]
  constructor(id: string, branches: readonly string[], cause: unknown) {
    super(
      'SIGNALBOX_IN_DOUBT',
      `The log did not answer when the distributed transaction ${id} was to be decided (${messageOf(cause)}). Its branches stay ` +
        `prepared, with their locks: ${branches.join(', ')}. It takes effect everywhere or nowhere once client.recoverTransactions(), ` +
        'or `signalbox recover`, has looked into the log. Do not repeat it before.',
      { cause },
    )
    this.id = id
    this.branches = branches
  }
}

/** A recovery has decided that the transaction is rolled back. */
export class TransactionGivenUpError extends SignalboxError {
  /** Of the transaction, in its log. */
  readonly id: string
  constructor(id: string) {
    super(
      'SIGNALBOX_TRANSACTION_GIVEN_UP',
      `The distributed transaction ${id} took so long that a recovery gave it up. Everything was rolled back. ` +
        'Repeat it; give recoveries a longer olderThanMs if this happens often.',
      { safeToRetry: true },
    )
    this.id = id
  }
}

/** A row could not be moved. Nothing was changed. */
export class MoveRowError extends SignalboxError {
  readonly table: string
  /** How many rows the key names; other than 1, that is the reason. */
  readonly matched: number
  constructor(message: string, { table, matched }: { readonly table: string; readonly matched: number }, where: Where) {
    super('SIGNALBOX_MOVE_ROW', message, where)
    this.table = table
    this.matched = matched
  }
}
