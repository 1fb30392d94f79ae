import type { CallOptions } from '../config.ts'
import type { DriverRequest, Lease } from '../drivers/driver.ts'
import { UnsupportedError, locate } from '../errors.ts'
import { givesLookedUpValues, type ClaimBook } from '../execution/claim-book.ts'
import {
  refuseHiddenCommit,
  refuseTransactionControl,
  requestOf,
  whereOf,
  type Decision,
  type SendOptions,
} from '../execution/decision.ts'
import { changeOfSeveralStreamed, insertByShard, writeEveryShard } from '../execution/every-shard.ts'
import { streamTraced } from '../execution/row-stream.ts'
import { openShardOf, type OpenShard } from '../execution/one-shard.ts'
import { needsAllKept, ProvedKeys } from '../execution/owner-check.ts'
import { PlacedLease } from '../execution/placed-lease.ts'
import type { Result } from '../execution/result.ts'
import type { Scatter } from '../execution/scatter/scatter.ts'
import { inTermsOf, withTimeLeft } from '../execution/time-limit.ts'
import { fateOnServer } from '../execution/transaction-core.ts'
import type { TransactionHost } from '../execution/transaction-host.ts'
import type { Params } from '../statement/statement.ts'
import type { Database } from '../topology/topology.ts'
import { Branch } from './branch.ts'
import { formatBranchName } from './branch-name.ts'

export interface DistributedParts {
  readonly id: string
  /** The name of the log. */
  readonly log: string
  readonly host: TransactionHost
  readonly isDeclared: (database: Database) => boolean
  /** Milliseconds for each statement of the caller. */
  readonly timeoutMs: number | undefined
  /** Milliseconds for each statement that prepares or ends a branch. */
  readonly stepTimeoutMs: number
}

/** A statement and the branch that it is to be sent on. */
interface Entered {
  readonly placed: Decision
  readonly lease: Lease
  /** With what is left of its time. */
  readonly request: DriverRequest
}

/** The branches of one distributed transaction: where its statements run, each within as many savepoints as say its `depth`. */
export class Branches {
  readonly #parts: DistributedParts
  readonly #branches = new Map<string, Promise<Branch>>()
  readonly #claims: ClaimBook
  #names = 0
  #open: OpenShard | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(parts: DistributedParts) {
    this.#parts = parts
    this.#claims = parts.host.claims()
  }

  /** Where its first branch is; `undefined` before that. */
  get open(): OpenShard | undefined {
    return this.#open
  }

  /** Why nothing of all that can be committed any more: a server keeps nothing of a branch, or a savepoint could not be ended everywhere. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** Those that have begun. */
  async begun(): Promise<readonly Branch[]> {
    const outcomes = await Promise.allSettled(this.#branches.values())
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  }

  /** The decision for a statement; refused is what would end the transaction behind everybody's back. */
  async decide(sql: string, params: Params, options: CallOptions | undefined): Promise<Decision> {
    const { host, isDeclared } = this.#parts
    const decision = await host.decide(sql, params, options, this.#open)
    refuseTransactionControl(
      decision,
      'the end of the callback, an error thrown in it, or a nested transaction() for a savepoint',
    )
    refuseHiddenCommit(decision)
    if (!isDeclared(decision.database)) {
      throw new UnsupportedError(
        `"${decision.database.alias}" is not declared in \`databases\`, so no recovery would find its part of a distributed transaction. Nothing was sent.`,
      )
    }
    host.executor.called(decision, params)
    return decision
  }

  async query<Row>(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
    depth: number,
  ): Promise<Result<Row>> {
    const { route, rows } = decision
    const runOn = async <T>(single: Decision, given: Params): Promise<Result<T>> =>
      await this.#queryOne<T>(single, given, options, depth)
    if (route.shards.length === 1) return await runOn<Row>(decision, params)
    // What stands in the way of one of the values does so before any shard has rows.
    if (givesLookedUpValues(decision))
      await this.#claims.reserve(
        decision,
        params,
        requestOf(decision, params, options, this.#parts.host.queryTimeoutMs),
      )
    if (rows !== undefined) return await insertByShard<Row>(decision, rows, params, runOn)
    if (needsAllKept(decision)) throw keysNotNamed(decision)
    if (route.effect !== 'read') return await writeEveryShard<Row>(decision, params, runOn)
    return await this.#scatter(depth).query<Row>(decision, params, options)
  }

  stream<Row>(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
    depth: number,
  ): AsyncGenerator<Row, void, undefined> {
    const { route } = decision
    if (route.shards.length === 1) return this.#streamOne<Row>(decision, params, options, depth)
    if (route.effect !== 'read') throw changeOfSeveralStreamed()
    return this.#scatter(depth).stream<Row>(decision, params, options)
  }

  /** Undoes on every branch what was done since the savepoint of this depth, also on those that have begun since. */
  async rollbackTo(depth: number): Promise<void> {
    await this.#onAll(async (branch) => {
      // Locks that were taken behind the savepoint are gone.
      branch.proved.clear()
      await branch.rollbackTo(depth)
    })
  }

  /** Takes the savepoints of this depth away; what was done since is part of what is around them. */
  async release(depth: number): Promise<void> {
    await this.#onAll(async (branch) => await branch.releaseSavepoint(depth))
  }

  /** Waits for all, so that nothing is under way any more when it throws. */
  async #onAll(work: (branch: Branch) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled((await this.begun()).map(work))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return
    // Some branches have it and others do not.
    this.#failure ??= { error: failed.reason }
    throw failed.reason
  }

  #noted(error: unknown): unknown {
    if (fateOnServer(error) !== undefined) this.#failure ??= { error }
    return error
  }

  #scatter(depth: number): Scatter {
    return this.#parts.host.executor.scatter({
      run: async (single, given, how) => await this.#queryOne(single, given, how, depth),
      stream: (single, given, how) => this.#streamOne(single, given, how, depth),
    })
  }

  async #queryOne<Row>(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    depth: number,
  ): Promise<Result<Row>> {
    const { executor } = this.#parts.host
    const { placed, lease, request } = await this.#enter(decision, params, options, depth)
    try {
      const answer = await executor.onLease(placed, request, lease, { inTransaction: true })
      return executor.result<Row>(placed, answer)
    } catch (error) {
      throw this.#noted(locate(inTermsOf(request.timeoutMs, error), whereOf(placed)))
    }
  }

  async *#streamOne<Row>(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    depth: number,
  ): AsyncGenerator<Row, void, undefined> {
    const { executor } = this.#parts.host
    const { placed, lease, request } = await this.#enter(decision, params, options, depth)
    try {
      const rows = streamTraced(placed, request, true, () => lease.stream(request))
      yield* executor.locatedRows<Row>(placed, rows)
    } catch (error) {
      throw this.#noted(locate(inTermsOf(request.timeoutMs, error), whereOf(placed)))
    }
  }

  async #enter(decision: Decision, params: Params, options: SendOptions | undefined, depth: number): Promise<Entered> {
    const request = requestOf(decision, params, options, this.#parts.host.queryTimeoutMs)
    const begun = performance.now()
    await this.#assertWritable(decision)
    const branch = await this.#branchOf(decision, request.timeoutMs)
    await branch.enter(depth).catch((error: unknown) => {
      throw this.#noted(error)
    })
    if (decision.route.effect !== 'read') branch.wrote = true
    const { lease } = branch
    const placed = lease instanceof PlacedLease ? lease.place(decision, options) : decision
    // At READ COMMITTED, MySQL and MariaDB drop the shared locks of a branch that is prepared.
    const hold = decision.database.engine === 'mysql' ? 'alone' : 'share'
    await branch.proved.prove(lease, placed, withTimeLeft(request, begun), hold).catch((error: unknown) => {
      throw this.#noted(locate(inTermsOf(request.timeoutMs, error), whereOf(placed)))
    })
    if (givesLookedUpValues(decision)) {
      try {
        await this.#claims.claim(decision, params, withTimeLeft(request, begun), lease)
      } catch (error) {
        throw this.#noted(locate(inTermsOf(request.timeoutMs, error), whereOf(placed)))
      }
    }
    return { placed, lease, request: withTimeLeft(request, begun) }
  }

  /** SQLite cannot prepare a transaction: it writes alone, or not at all. */
  async #assertWritable(decision: Decision): Promise<void> {
    if (decision.route.effect === 'read') return
    const others = (await this.begun()).filter((branch) => branch.wrote && branch.place !== placeOf(decision))
    const sqlite = [decision, ...others.map((branch) => branch.decision)].find(
      ({ database }) => database.engine === 'sqlite',
    )
    if (others.length === 0 || sqlite === undefined) return
    throw new UnsupportedError(
      `"${sqlite.database.alias}" is on SQLite, which cannot prepare a transaction, so it cannot write in a distributed one together with ` +
        `${others.length === 1 ? 'another shard' : 'others'}. The statement was not sent, and everything is rolled back.`,
      { database: sqlite.database.alias },
    )
  }

  async #branchOf(decision: Decision, timeoutMs: number | undefined): Promise<Branch> {
    const place = placeOf(decision)
    const known = this.#branches.get(place)
    if (known !== undefined) return await known
    const begun = this.#begin(decision, this.#names++, timeoutMs)
    this.#branches.set(place, begun)
    try {
      const branch = await begun
      this.#open ??= openShardOf(decision)
      return branch
    } catch (error) {
      // Nothing has begun there: after a nested block that failed by this, another may try again.
      this.#branches.delete(place)
      throw error
    }
  }

  async #begin(decision: Decision, number: number, timeoutMs: number | undefined): Promise<Branch> {
    const { host, id, log, stepTimeoutMs } = this.#parts
    const open = async (on: Decision, limitMs = stepTimeoutMs): Promise<Lease> =>
      await host.executor.lease(on, 'write', { timeoutMs: limitMs }, host.surroundings)
    const lease = await open(decision, timeoutMs)
    const proved = new ProvedKeys(host.executor.owners)
    return await Branch.begin(
      decision,
      lease,
      formatBranchName({ log, id, branch: number }),
      open,
      stepTimeoutMs,
      proved,
    )
  }
}

function keysNotNamed({ database: { alias } }: Decision): UnsupportedError {
  return new UnsupportedError(
    `The statement changes rows of all shards of "${alias}" without naming their keys, whose owners stand in a directory: nobody could move one until ` +
      'the distributed transaction ends. Nothing of it was sent. Name the keys, or run it by itself.',
    { database: alias },
  )
}

function placeOf({ route }: Decision): string {
  return `${route.database}/${route.shards[0] ?? ''}`
}
