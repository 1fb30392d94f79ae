import type { CallOptions } from '../config.ts'
import type { Access, Lease } from '../drivers/driver.ts'
import { PartialWriteError, TransactionClosedError, UnsupportedError, locate } from '../errors.ts'
import {
  refuseHiddenCommit,
  refuseTransactionControl,
  requestOf,
  whereOf,
  type Decision,
} from '../execution/decision.ts'
import { insertByShard, writeEveryShard } from '../execution/every-shard.ts'
import { queryTraced } from '../execution/execute.ts'
import { openShardOf } from '../execution/one-shard.ts'
import { PlacedLease } from '../execution/placed-lease.ts'
import type { Result } from '../execution/result.ts'
import { Scatter } from '../execution/scatter/scatter.ts'
import { inTermsOf, withTimeLeft } from '../execution/time-limit.ts'
import type { TransactionHost } from '../execution/transaction.ts'
import { Turns } from '../execution/turns.ts'
import type { Params } from '../statement/statement.ts'
import type { Database } from '../topology/topology.ts'
import { Branch } from './branch.ts'
import { formatBranchName } from './branch-name.ts'

/** What is to be done in a distributed transaction. */
export type DistributedWork<T> = (tx: DistributedTransaction) => Promise<T>

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

const concurrency = 8

/**
 * What `fn` of `client.distributedTransaction()` works with. Statements run one after the other, each on the branches of its
 * shards. One that fails makes the whole roll back, whoever catches its error.
 */
export class DistributedTransaction {
  /** In the log, and in the names of the prepared branches. */
  readonly id: string
  readonly #parts: DistributedParts
  readonly #branches = new Map<string, Promise<Branch>>()
  readonly #turns = new Turns()
  #first: Decision | undefined
  #failure: { readonly error: unknown } | undefined
  #closed = false

  /** Made by `client.distributedTransaction()`. */
  constructor(parts: DistributedParts) {
    this.id = parts.id
    this.#parts = parts
  }

  /**
   * Runs one statement where the client would, within the transaction: on one shard, or on several (scattered reads,
   * `allShards`, rows of several shards). It sees what was written before it on its shards.
   */
  async query<Row = Record<string, unknown>>(
    sql: string,
    params: Params = [],
    options?: CallOptions,
  ): Promise<Result<Row>> {
    this.#assertOpen()
    return await this.#turns.take(async () => {
      if (this.#failure !== undefined) throw this.#failure.error
      try {
        return await this.#run<Row>(sql, params, this.#limited(options))
      } catch (error) {
        // Of a change of several shards one may have its part: nothing of all that must be committed.
        const told = error instanceof PartialWriteError ? (error.cause ?? error) : error
        this.#failure = { error: told }
        throw told
      }
    })
  }

  /** Waits for every statement that was called, and takes no more. Throws the error of one that failed. */
  async close(): Promise<readonly Branch[]> {
    this.#closed = true
    await this.#turns.take(async () => await Promise.resolve())
    if (this.#failure !== undefined) throw this.#failure.error
    return await this.branches()
  }

  /** Those that have begun. */
  async branches(): Promise<readonly Branch[]> {
    this.#closed = true
    await this.#turns.take(async () => await Promise.resolve())
    const begun = await Promise.allSettled(this.#branches.values())
    return begun.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  }

  #assertOpen(): void {
    if (this.#closed)
      throw new TransactionClosedError(
        'The distributed transaction has ended. Statements after its end belong to a new one.',
      )
  }

  #limited(options: CallOptions | undefined): CallOptions | undefined {
    const { timeoutMs } = this.#parts
    return timeoutMs === undefined ? options : { timeoutMs, ...options }
  }

  async #run<Row>(sql: string, params: Params, options: CallOptions | undefined): Promise<Result<Row>> {
    const { host } = this.#parts
    const pinned = this.#first === undefined ? undefined : openShardOf(this.#first)
    const decision = await host.decide(sql, params, options, pinned)
    refuseTransactionControl(decision, 'the end of the callback, or an error thrown in it')
    refuseHiddenCommit(decision)
    if (!this.#parts.isDeclared(decision.database)) {
      throw new UnsupportedError(
        `"${decision.database.alias}" is not declared in \`databases\`, so no recovery would find its part of a distributed transaction. Nothing was sent.`,
      )
    }
    const runOn = async <T>(single: Decision, given: Params, how = options): Promise<Result<T>> =>
      await this.#runOn<T>(single, given, how)
    const { route, plan, shardMap } = decision
    if (route.shards.length === 1) return await runOn<Row>(decision, params)
    if (plan?.kind === 'keyed' && plan.inserts !== undefined && shardMap !== undefined)
      return await insertByShard<Row>(decision, plan.inserts, shardMap, params, runOn)
    if (route.effect !== 'read')
      return await writeEveryShard<Row>(decision, async (single) => await runOn(single, params))
    const scatter = new Scatter({
      run: async (single, given, how) => await this.#runOn(single, given, how as CallOptions | undefined),
      stream: () => {
        throw new UnsupportedError('A distributed transaction has no streams.')
      },
      concurrency,
    })
    return await scatter.query<Row>(decision, params, options)
  }

  async #runOn<Row>(decision: Decision, params: Params, options: CallOptions | undefined): Promise<Result<Row>> {
    const { host } = this.#parts
    const request = requestOf(decision, params, options, host.queryTimeoutMs)
    const begun = performance.now()
    await this.#assertWritable(decision)
    const branch = await this.#branchOf(decision, request.timeoutMs)
    if (decision.route.effect !== 'read') branch.wrote = true
    const { lease } = branch
    const placed = lease instanceof PlacedLease ? lease.place(decision, options) : decision
    const left = withTimeLeft(request, begun)
    try {
      return host.executor.result<Row>(placed, await queryTraced(placed, left, true, () => lease.query(left)))
    } catch (error) {
      throw locate(inTermsOf(request.timeoutMs, error), whereOf(placed))
    }
  }

  /** SQLite cannot prepare a transaction: it writes alone, or not at all. */
  async #assertWritable(decision: Decision): Promise<void> {
    if (decision.route.effect === 'read') return
    const others = (await Promise.all(this.#branches.values())).filter(
      (branch) => branch.wrote && branch.place !== placeOf(decision),
    )
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

  #branchOf(decision: Decision, timeoutMs: number | undefined): Promise<Branch> {
    const place = placeOf(decision)
    let branch = this.#branches.get(place)
    if (branch === undefined) {
      this.#first ??= decision
      branch = this.#begin(decision, this.#branches.size, timeoutMs)
      this.#branches.set(place, branch)
    }
    return branch
  }

  async #begin(decision: Decision, number: number, timeoutMs: number | undefined): Promise<Branch> {
    const { host, id, log, stepTimeoutMs } = this.#parts
    const open = async (on: Decision, limitMs = stepTimeoutMs): Promise<Lease> =>
      await host.executor.lease(on, 'write' satisfies Access, { timeoutMs: limitMs }, host.surroundings)
    const lease = await open(decision, timeoutMs)
    const name = formatBranchName({ log, id, branch: number })
    return await Branch.begin(decision, lease, name, open, stepTimeoutMs)
  }
}

function placeOf({ route }: Decision): string {
  return `${route.database}/${route.shards[0] ?? ''}`
}
