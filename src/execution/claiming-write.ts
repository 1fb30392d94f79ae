import type { CallOptions } from '../config.ts'
import { UnsupportedError } from '../errors.ts'
import type { Params } from '../statement/statement.ts'
import { givesLookedUpValues } from './claim-book.ts'
import { refuseTransactionControl, requestOf, type Decision } from './decision.ts'
import { insertByShard } from './every-shard.ts'
import type { Result } from './result.ts'
import { inTermsOf, withTimeLeft } from './time-limit.ts'
import type { TransactionHost } from './transaction-host.ts'
import { runTransaction, Transaction } from './transaction.ts'

/**
 * One autocommit statement that gives values to looked-up columns: in a transaction of its own on each of its shards, which claims the
 * entries.
 */
export async function writeClaiming<Row>(
  host: TransactionHost,
  decision: Decision,
  params: Params,
  options: CallOptions | undefined,
): Promise<Result<Row>> {
  const begun = performance.now()
  const request = requestOf(decision, params, options, host.queryTimeoutMs)
  const claims = host.claims()
  // What stands in the way of one of the values does so before any shard has rows.
  const isClaiming = await claims.reserve(decision, params, request)
  const runOn = async (single: Decision, given: Params): Promise<Result<Row>> => {
    const { timeoutMs = 0 } = withTimeLeft(request, begun)
    const own = { ...options, timeoutMs }
    if (!isClaiming) return await host.executor.run<Row>(single, given, own, host.surroundings)
    const transaction = new Transaction({ ...host, decide: () => single, claims: () => claims }, {})
    return await runTransaction(transaction, async (tx) => await tx.query<Row>(single.sql, given, own))
  }
  try {
    if (decision.rows === undefined) return await runOn(decision, params)
    host.executor.called(decision, params)
    return await insertByShard<Row>(decision, decision.rows, params, runOn)
  } catch (error) {
    throw inTermsOf(request.timeoutMs, error)
  }
}

/** What cannot be given row by row: transaction control, and changes that claim looked-up values. */
export function refuseUnstreamable(decision: Decision): void {
  refuseTransactionControl(decision, 'client.transaction()')
  refuseClaimingStream(decision)
}

/** Its rows would come while the transaction that claims the entries is open. */
function refuseClaimingStream(decision: Decision): void {
  if (!givesLookedUpValues(decision)) return
  throw new UnsupportedError(
    'A change that gives values to columns that are looked up cannot be streamed. Nothing was sent. Use query().',
    { database: decision.database.alias },
  )
}
