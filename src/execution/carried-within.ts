import type { Lease, UnderWay } from '../drivers/driver.ts'
import type { CarriedStatement } from './carried.ts'
import type { Decision } from './decision.ts'
import type { TransactionCore } from './transaction-core.ts'
import type { TransactionHost } from './transaction-host.ts'

/** Carries a statement of an open transaction, which goes on on its connection at once; `undefined`, and nothing was done, if it is more than that. */
export function carryWithin(
  core: TransactionCore,
  { known, executor }: Pick<TransactionHost, 'known' | 'executor'>,
  statement: CarriedStatement,
): UnderWay | undefined {
  const { sql, options, takes } = statement
  const { carrier } = executor
  let lease: Lease | undefined
  const accepts = (decision: Decision): boolean => {
    // One that names no table belongs wherever its transaction is.
    if (decision.locations.length === 0 || !carrier.canCarry(decision) || !takes(decision.analysis)) return false
    lease = core.readyFor(decision)
    return lease?.carry !== undefined
  }
  const decision = known(sql, options, accepts)
  if (decision === undefined || lease === undefined) return undefined
  return carrier.carryOn(lease, decision, statement, async (error) => await core.noteError(error))
}
