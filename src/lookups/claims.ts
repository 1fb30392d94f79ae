import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Lease } from '../drivers/driver.ts'
import { AbortedError, QueryError, TimeoutError, UnsupportedError } from '../errors.ts'
import type { ClaimBook } from '../execution/claim-book.ts'
import type { Decision } from '../execution/decision.ts'
import { queryChannel, traced } from '../execution/trace.ts'
import { withTimeLeft, type CallLimits } from '../execution/time-limit.ts'
import { claimsOf, type Claim } from '../routing/lookups/claims.ts'
import { LookupBusyError, valueTaken } from '../routing/lookups/lookup-error.ts'
import { marks } from '../statement/parameter-marks.ts'
import type { Params } from '../statement/statement.ts'
import type { Entries, FoundEntry } from './entries.ts'
import { claimColumns, type ClaimState, type LookupShards } from './lookup-shards.ts'
import { withTables } from './missing-tables.ts'
import { claimTable, hasInserted, insertText } from './lookup-text.ts'

export interface ClaimParts {
  readonly entries: Entries
  readonly shards: LookupShards
}

/** The entry of a value is this transaction's. */
interface Reservation {
  readonly holder: string
  readonly keyText: string
}

/** How long others may be waited for, within what the call allows. */
interface Wait {
  readonly limits: CallLimits
  readonly begun: number
}

/** Connections of the index that one statement uses at a time. */
const concurrency = 8

/**
 * Claims the values of one transaction.
 *
 * What is promised: every committed row with a value has an entry that leads to its key, so no two rows with different keys have one value. Who
 * writes a value makes the entry its own first (`reserve`), and then, in the transaction of the row, claims it under its holder
 * (`claim`). An entry changes hands only once its holder is fenced off at its shard, and no row with the value is there.
 */
export class Claims implements ClaimBook {
  readonly #parts: ClaimParts
  /** Not claimed yet. */
  readonly #reserved = new Map<string, Reservation>()
  /** Claimed by this transaction, unless it was rolled back to a savepoint since. */
  readonly #held = new Map<string, Reservation>()

  constructor(parts: ClaimParts) {
    this.#parts = parts
  }

  async reserve(decision: Decision, params: Params, limits: CallLimits, inside?: Lease): Promise<boolean> {
    const claims = claimsIn(decision, params)
    const wait: Wait = { limits, begun: performance.now() }
    const waiting = claims.filter((claim) => !this.#reserved.has(idOf(claim)))
    const work = async (): Promise<void> => {
      for (let claim = waiting.shift(); claim !== undefined; claim = waiting.shift())
        this.#reserved.set(idOf(claim), await this.#reserve(claim, decision, wait, inside))
    }
    const works = Array.from({ length: Math.min(concurrency, waiting.length) }, work)
    if (claims[0] !== undefined) await withTables(claims[0].lookup, Promise.all(works))
    return claims.length > 0
  }

  async claim(decision: Decision, params: Params, limits: CallLimits, lease: Lease): Promise<void> {
    const begun = performance.now()
    await this.reserve(decision, params, limits, lease)
    for (const claim of claimsIn(decision, params)) {
      const wait: Wait = { limits: withTimeLeft(limits, begun), begun: performance.now() }
      for (
        let attempt = 0;
        !(await withTables(claim.lookup, this.#claim(claim, decision, wait, lease)));
        attempt += 1
      ) {
        await this.#pause(claim, wait, attempt)
        this.#reserved.set(idOf(claim), await this.#reserve(claim, decision, wait, lease))
      }
    }
  }

  /** Makes the entry the transaction's own. Nobody waits for this: a holder without a claim is fenced off at once. */
  async #reserve(claim: Claim, decision: Decision, wait: Wait, inside: Lease | undefined): Promise<Reservation> {
    const { lookup, value, key, keyText } = claim
    const { entries, shards } = this.#parts
    const held = await this.#heldBy(claim, decision, wait, inside)
    if (held?.keyText === keyText) return held
    // Were the transaction rolled back, the earlier row might be there again.
    if (held !== undefined) throw this.#taken(claim, decision, 'the same transaction has given it to another row')
    for (let attempt = 0; ; attempt += 1) {
      const holder = randomUUID()
      if (await entries.insert(lookup, value, { key, holder }, left(wait))) return { holder, keyText }
      const found = await entries.read(lookup, value, left(wait))
      if (found !== undefined) {
        const place = await shards.placeOf(lookup, found.key, left(wait))
        await this.#fence(claim, found, decision, wait, { place: place.shard ?? '', inside })
        const isOwn = shards.keyText(lookup, found.key) === keyText
        if (!isOwn && (await shards.hasRow(lookup, found, claim, place, left(wait))))
          throw this.#taken(claim, decision, 'a row with another shard key has it')
        // A row that was moved meanwhile, with the owner of its key, is not gone, and its writers are fenced off elsewhere.
        const isThere = (await shards.placeOf(lookup, found.key, left(wait))).shard === place.shard
        if (isThere && (await entries.replace(lookup, value, found.holder, { key, holder }, left(wait))))
          return { holder, keyText }
      }
      await this.#pause(claim, wait, attempt)
    }
  }

  /** What the transaction has claimed before, and not rolled back to a savepoint. */
  async #heldBy(
    claim: Claim,
    decision: Decision,
    wait: Wait,
    inside: Lease | undefined,
  ): Promise<Reservation | undefined> {
    const held = this.#held.get(idOf(claim))
    if (held === undefined || held.keyText === claim.keyText || inside === undefined) return held
    const row = { lookup: claim.lookup.name, value: claim.value, holder: held.holder }
    if ((await stateOf(inside, decision, row, wait)) === 'live') return held
    this.#held.delete(idOf(claim))
    return undefined
  }

  async #fence(
    claim: Claim,
    found: FoundEntry,
    decision: Decision,
    wait: Wait,
    { place, inside }: { readonly place: string; readonly inside: Lease | undefined },
  ): Promise<void> {
    const { lookup } = claim
    if (inside !== undefined && decision.database.engine === 'sqlite' && decision.route.shards[0] === place) {
      // Its file has one writer at a time, and that is this transaction: whoever has committed is seen, and nobody else can be waited for.
      if (
        (await stateOf(inside, decision, { lookup: lookup.name, value: found.value, holder: found.holder }, wait)) !==
        undefined
      )
        return
      throw new LookupBusyError(
        `A value of ${lookup.name} was left behind by a write that came to nothing, and SQLite cannot fence that off while the transaction writes. ` +
          'The statement was not carried out. Roll back, and make it the first one of its transaction.',
        { database: lookup.database, shard: place },
      )
    }
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#parts.shards.fence(
          lookup,
          found,
          { database: lookup.database, shard: place },
          left(wait, lookup.waitMs),
        )
        return
      } catch (error) {
        if (!isConflict(error)) throw error
        await this.#pause(claim, wait, attempt, error)
      }
    }
  }

  /** False: somebody has fenced the holder off. */
  async #claim(claim: Claim, decision: Decision, wait: Wait, lease: Lease): Promise<boolean> {
    const id = idOf(claim)
    const reserved = this.#reserved.get(id)
    this.#reserved.delete(id)
    if (reserved === undefined) return false
    const row = { lookup: claim.lookup.name, value: claim.value, holder: reserved.holder }
    const { engine } = decision.database
    const sql = insertText(engine, claimTable, claimColumns)
    const params = [row.lookup, row.value, row.holder, 'live' satisfies ClaimState]
    if (!(await hasInserted(send(lease, decision, sql, params, wait)))) {
      const isLive = (await stateOf(lease, decision, row, wait)) === 'live'
      if (!isLive) this.#held.delete(id)
      return isLive
    }
    this.#held.set(id, reserved)
    return true
  }

  #taken({ lookup }: Claim, { database }: Decision, why: string): QueryError {
    return valueTaken(lookup, database.engine, why)
  }

  /** Before trying again: others try, too. Throws when the time is over. */
  async #pause({ lookup }: Claim, { limits, begun }: Wait, attempt: number, cause?: unknown): Promise<void> {
    if (limits.signal?.aborted === true) {
      throw new AbortedError(`The call was aborted while a value of ${lookup.name} was claimed.`, {
        cause: limits.signal.reason,
        safeToRetry: true,
      })
    }
    const waited = performance.now() - begun
    const { timeoutMs = 0 } = limits
    if (timeoutMs > 0 && waited >= timeoutMs)
      throw new TimeoutError(`${timeoutMs} ms were over while a value of ${lookup.name} was claimed.`, timeoutMs, {
        cause,
      })
    if (waited >= lookup.waitMs) {
      throw new LookupBusyError(
        `Others were at work on a value of ${lookup.name} for ${Math.round(waited)} ms, so that it could not be claimed (waitMs of the lookup: ${lookup.waitMs}). ` +
          'The statement was not carried out. Repeat it; roll back first, if it is part of a transaction: the others may wait for that.',
        { database: lookup.database, cause },
      )
    }
    await setTimeout(randomInt(1, 2 + 4 * 2 ** Math.min(attempt, 5)))
  }
}

function claimsIn({ lookupUse, part, shardMap, database }: Decision, params: Params): readonly Claim[] {
  if (lookupUse?.kind !== 'writes') return []
  if (shardMap === undefined) throw new UnsupportedError(`"${database.alias}" has no shard map.`)
  const all = claimsOf(lookupUse.writes, part?.params ?? params, shardMap, database.engine)
  const own = part === undefined ? all : all.filter(({ row }) => part.rows.includes(row))
  // In one order for everybody, so that two who want the same values do not wait for each other.
  return [...new Map(own.map((claim) => [idOf(claim), claim])).values()].toSorted((a, b) =>
    idOf(a) < idOf(b) ? -1 : 1,
  )
}

function idOf({ lookup, value }: Claim): string {
  return `${lookup.name} ${value}`
}

/** Within the time of the call, and of the lookup. */
function left({ limits, begun }: Wait, most = longestStepMs): CallLimits {
  const { signal, timeoutMs = 0 } = limits
  return withTimeLeft({ signal, timeoutMs: timeoutMs === 0 ? most : Math.min(timeoutMs, most) }, begun)
}

/** A server of the index that hangs must not hold up a statement that has no limit of its own for ever. */
const longestStepMs = 30_000

/** A deadlock, a lock that was waited for too long, a busy file: it may go away. */
function isConflict(error: unknown): boolean {
  return error instanceof TimeoutError || (error instanceof QueryError && error.errorClass === 'serialization')
}

interface ClaimRow {
  readonly lookup: string
  readonly value: string
  readonly holder: string
}

async function stateOf(
  lease: Lease,
  decision: Decision,
  { lookup, value, holder }: ClaimRow,
  wait: Wait,
): Promise<ClaimState | undefined> {
  const { engine } = decision.database
  const [m1, m2, m3] = marks(engine, 3)
  // As it is now, and not as the transaction began to see it.
  const now = engine === 'mysql' ? ' lock in share mode' : ''
  const sql = `select state from ${claimTable} where lookup = ${m1} and value = ${m2} and holder = ${m3}${now}`
  const { rows } = await send(lease, decision, sql, [lookup, value, holder], wait)
  return (rows as readonly { readonly state: ClaimState }[])[0]?.state
}

async function send(
  lease: Lease,
  decision: Decision,
  sql: string,
  params: readonly unknown[],
  wait: Wait,
): ReturnType<Lease['query']> {
  const { signal, timeoutMs } = wait.limits
  const request = withTimeLeft({ sql, params, access: 'write' as const, signal, timeoutMs }, wait.begun)
  const run = async (): ReturnType<Lease['query']> => await lease.query(request)
  if (!queryChannel.hasSubscribers) return await run()
  return await traced({ sql, params, route: decision.route, inTransaction: true }, run)
}
