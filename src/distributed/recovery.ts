import type { Lease } from '../drivers/driver.ts'
import { messageOf } from '../errors.ts'
import { timeOfId } from './branch-name.ts'
import { preparedBranches, preparedText, type PreparedBranch, type PreparingEngine } from './branch-text.ts'
import { finishPrepared, own } from './branch.ts'
import { isOver, recoveryOf, type Verdict } from './protocol.ts'
import type { TransactionLog } from './transaction-log.ts'

/** A shard that may have prepared branches. */
export interface RecoveryPlace {
  readonly database: string
  readonly shard: string
  readonly engine: PreparingEngine
  /** A connection to its primary. */
  readonly open: () => Promise<Lease>
}

/** What has become of a branch that was found prepared. */
export interface RecoveredBranch {
  /** The id of its transaction in the log. */
  readonly transaction: string
  /** By which the server knows it. */
  readonly name: string
  /** Where it was found; on MySQL and MariaDB the first database that is on its server. */
  readonly database: string
  readonly shard: string
  /** Prepared still are `young` ones, whose coordinator may be at work, and those `left` for the reason in `why`. */
  readonly outcome: 'committed' | 'rolled back' | 'young' | 'left'
  readonly why?: string
}

/** A shard whose primary could not be asked. */
export interface UnreachablePlace {
  readonly database: string
  readonly shard: string
  readonly why: string
}

/** What {@link Client.recoverTransactions} found and did. */
export interface RecoveryReport {
  readonly branches: readonly RecoveredBranch[]
  /** What is prepared there was not looked at: recover again once they are back. */
  readonly unreachable: readonly UnreachablePlace[]
  /** Entries of the log that were taken out, because nothing of their transactions is prepared any more. */
  readonly forgotten: number
}

export interface RecoveryParts {
  readonly log: TransactionLog
  readonly places: readonly RecoveryPlace[]
  readonly olderThanMs: number
  readonly keepMs: number
  readonly timeoutMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A place that was asked, and the connection over which that was done. */
interface Asked {
  readonly place: RecoveryPlace
  readonly lease: Lease
  readonly prepared: readonly PreparedBranch[]
}

/** Ends what is prepared as the log says. Any number may run at the same time, also beside coordinators at work. */
export async function recover(parts: RecoveryParts): Promise<RecoveryReport> {
  const { log, places } = parts
  const name = await log.name()
  // Before the servers are asked: what is in it was prepared everywhere by now.
  const commits = await log.commits(parts.keepMs)
  const unreachable: UnreachablePlace[] = []
  const asked: Asked[] = []
  try {
    await Promise.all(
      places.map(async (place) => {
        try {
          asked.push(await ask(place, name, parts.timeoutMs))
        } catch (error) {
          unreachable.push({ database: place.database, shard: place.shard, why: messageOf(error) })
        }
      }),
    )
    const branches = await endAll(parts, asked)
    const prepared = branches.filter(({ outcome }) => outcome === 'left' || outcome === 'young')
    const left = new Set(prepared.map(({ transaction }) => transaction))
    const reached = new Set(asked.map(({ place }) => `${place.database}/${place.shard}`))
    const over = commits.filter((commit) => isOver(commit, reached, left))
    for (const { id } of over) await log.forget(id)
    return { branches, unreachable, forgotten: over.length }
  } finally {
    // What recovery has done is done, however its connections are given back.
    await Promise.all(asked.map(async ({ lease }) => await lease.release('clean').catch(() => undefined)))
  }
}

async function ask(place: RecoveryPlace, log: string, timeoutMs: number): Promise<Asked> {
  const lease = await place.open()
  try {
    return {
      place,
      lease,
      prepared: preparedBranches(await lease.query(own(preparedText[place.engine], timeoutMs)), log),
    }
  } catch (error) {
    // The error of the question is the one to be told.
    await lease.release('destroy').catch(() => undefined)
    throw error
  }
}

/** Each branch once, however many of the databases are on its server. */
async function endAll(parts: RecoveryParts, asked: readonly Asked[]): Promise<readonly RecoveredBranch[]> {
  const found = new Map<string, RecoveredBranch>()
  for (const { place, lease, prepared } of asked) {
    for (const branch of prepared) {
      const before = found.get(branch.name)
      if (before === undefined || before.outcome === 'left')
        found.set(branch.name, await endOne(parts, place, lease, branch))
    }
  }
  return [...found.values()]
}

async function endOne(
  parts: RecoveryParts,
  { database, shard, engine }: RecoveryPlace,
  lease: Lease,
  { id, name, ageMs }: PreparedBranch,
): Promise<RecoveredBranch> {
  const told = { transaction: id, name, database, shard }
  try {
    const verdict = await verdictOn(parts, id, ageMs ?? parts.now() - timeOfId(id))
    if (verdict === undefined) return { ...told, outcome: 'young' }
    await finishPrepared(lease, engine, name, verdict === 'commit' ? 'commit' : 'rollback', parts.timeoutMs)
    return { ...told, outcome: verdict === 'commit' ? 'committed' : 'rolled back' }
  } catch (error) {
    return { ...told, outcome: 'left', why: messageOf(error) }
  }
}

/** What the log says, and what it says from now on where it said nothing about an old transaction. */
async function verdictOn({ log, olderThanMs }: RecoveryParts, id: string, ageMs: number): Promise<Verdict | undefined> {
  const what = recoveryOf(await log.read(id), ageMs, olderThanMs)
  if (what === 'leave') return undefined
  if (what !== 'give up') return what === 'commit' ? 'commit' : 'abort'
  // Whoever writes first decides: a coordinator that is merely slow finds this, and rolls back.
  const { outcome, error } = await log.record(id, 'abort', [])
  if (outcome === 'recorded') return 'abort'
  if (outcome !== 'taken') throw error
  return await log.read(id)
}
