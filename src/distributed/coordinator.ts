import { InDoubtError, TransactionGivenUpError } from './errors.ts'
import type { Branch } from './branch.ts'
import { afterContest, afterRecording } from './protocol.ts'
import { tellStep } from './steps.ts'
import type { TransactionLog } from './transaction-log.ts'

/** A branch that is decided to be committed, and could not be yet: recovery does it. */
export interface PendingBranch {
  readonly database: string
  readonly shard: string
  readonly error: unknown
}

export interface CoordinatorParts {
  readonly id: string
  /** All that have written. */
  readonly branches: readonly Branch[]
  readonly log: TransactionLog
  /** The log over another connection. */
  readonly reopenLog: () => Promise<TransactionLog>
}

/**
 * Commits all branches or none. Gives those that are decided to be committed, but could not be yet.
 *
 * Throws, after everything was rolled back, the error of a branch that could not be prepared, `TransactionGivenUpError`, or what the
 * log answered; `InDoubtError` if it cannot be known what was decided: then every branch stays prepared.
 */
export async function commitInTwoPhases(parts: CoordinatorParts): Promise<readonly PendingBranch[]> {
  const { id, branches, log } = parts
  await prepareAll(id, branches)
  tellStep({ id, step: 'all-prepared' })
  await decide(parts)
  tellStep({ id, step: 'decided' })
  const pending = (await Promise.all(branches.map(async (branch) => await commitOne(id, branch)))).flat()
  if (pending.length > 0) return pending
  tellStep({ id, step: 'all-committed' })
  // An entry that stays does no harm, and goes with a later recovery.
  await log.forget(id).then(
    () => tellStep({ id, step: 'forgotten' }),
    () => undefined,
  )
  return pending
}

/** Rolls all of them back. */
export async function abandonAll(branches: readonly Branch[]): Promise<void> {
  await Promise.all(branches.map(async (branch) => await branch.abandon()))
}

async function prepareAll(id: string, branches: readonly Branch[]): Promise<void> {
  const outcomes = await Promise.allSettled(
    branches.map(async (branch) => {
      await branch.prepare()
      tellStep({ id, step: 'prepared', ...placeOf(branch) })
    }),
  )
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return
  await abandonAll(branches)
  throw failed.reason
}

async function commitOne(id: string, branch: Branch): Promise<readonly PendingBranch[]> {
  const error = await branch.commitPrepared()
  if (error !== undefined) return [{ ...placeOf(branch), error }]
  tellStep({ id, step: 'committed', ...placeOf(branch) })
  return []
}

/** Returns if it is decided that all branches are committed. */
async function decide(parts: CoordinatorParts): Promise<void> {
  const { id, branches, log } = parts
  const places = branches.map(({ place }) => place)
  const { outcome, error } = await log.record(id, 'commit', places)
  const first = afterRecording(outcome)
  if (first === 'commit') return
  const decided = first === 'abort' ? 'abort' : await settle(parts, first, places)
  if (decided === 'commit') return
  if (decided === 'in doubt') {
    for (const branch of branches) await branch.leave()
    throw new InDoubtError(id, places, error)
  }
  await abandonAll(branches)
  throw outcome === 'taken' ? new TransactionGivenUpError(id) : error
}

/** Finds out what was decided, and decides it where nobody has. */
async function settle(
  { id, log, reopenLog }: CoordinatorParts,
  next: 'read' | 'contest',
  places: readonly string[],
): Promise<'commit' | 'abort' | 'in doubt'> {
  let current = log
  try {
    if (next === 'contest') {
      // Its place in the pool may be the only one.
      await log.close('destroy')
      current = await reopenLog()
      const { outcome } = await current.record(id, 'abort', places)
      const then = afterContest(outcome)
      if (then !== 'read') return then
    }
    return (await current.read(id)) === 'commit' ? 'commit' : 'abort'
  } catch {
    return 'in doubt'
  } finally {
    if (current !== log) await current.close()
  }
}

function placeOf({ decision: { route } }: Branch): { readonly database: string; readonly shard: string } {
  return { database: route.database, shard: route.shards[0] ?? '' }
}
