import type { Lease } from '../drivers/driver.ts'
import type { Params } from '../statement/statement.ts'
import type { Decision } from './decision.ts'
import type { CallLimits } from './time-limit.ts'

/**
 * The values of looked-up columns that one transaction gives to rows. The entries that lead to them stand in another database; see
 * `src/lookups`.
 */
export interface ClaimBook {
  /**
   * Sees to it that the entries of the statement's values are its own, and that nobody else's rows have these values. `inside`: the
   * connection of the transaction, if it is open already. Gives whether there are any.
   *
   * Throws what `claimsOf` throws, the error of a constraint for a value that another row has, and `LookupBusyError`.
   */
  reserve(decision: Decision, params: Params, limits: CallLimits, inside?: Lease): Promise<boolean>
  /** The same, and claims the entries within the transaction: before its statement, on its connection. */
  claim(decision: Decision, params: Params, limits: CallLimits, lease: Lease): Promise<void>
}

/** Whether entries have to be kept right for the statement. */
export function givesLookedUpValues({ lookupUse }: Decision): boolean {
  return lookupUse?.kind === 'writes'
}
