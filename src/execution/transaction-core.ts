import type { Access, BeginOptions, Lease, ReleaseMode } from '../drivers/driver.ts'
import {
  CommitUnknownError,
  CrossDatabaseTransactionError,
  QueryError,
  ReadOnlyTransactionError,
  TransactionClosedError,
  locate,
  type CrossShardError,
} from '../errors.ts'
import { nameOf } from '../routing/home.ts'
import type { Database } from '../topology/topology.ts'
import { whereOf, type Decision } from './decision.ts'
import { isSamePlace, onOtherShard, openShardOf, refuseSeveralShards, type OpenShard } from './one-shard.ts'
import { settleCommit, type CommitInquiry } from './commit-fate.ts'
import { withRetry } from './retry.ts'
import type { LeaseTerms } from './time-limit.ts'
import { Turns } from './turns.ts'

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'open'; readonly first: Decision; readonly lease: Promise<Lease>; begun?: Lease }
  | { readonly name: 'ended'; readonly how: 'committed' | 'rolled back' | 'failed'; readonly error?: unknown }

/** Where a transaction's connection comes from. */
export type LeaseSource = (decision: Decision, access: Access, terms: LeaseTerms) => Promise<Lease>

/** How to find out about a COMMIT that was not answered, on the database of the transaction's first statement. */
export type InquirySource = (first: Decision) => CommitInquiry

/** What MySQL and MariaDB answer when they have rolled the whole transaction back, not the statement alone. */
const endsOnServer: ReadonlySet<string | undefined> = new Set(['ER_LOCK_DEADLOCK', 'ER_XA_RBDEADLOCK'])

/** What an error of a statement says about its whole transaction: its connection is gone, or the server has undone all of it. */
export function fateOnServer(error: unknown): 'gone' | 'undone' | undefined {
  if (!(error instanceof QueryError)) return undefined
  if (error.errorClass === 'connection-lost' || error.errorClass === 'shutting-down') return 'gone'
  return endsOnServer.has(error.engineCode) ? 'undone' : undefined
}

/**
 * One real transaction on one connection, from the first statement to the end. `BEGIN` is sent with the first
 * statement, so that the statement decides the database and a transaction on the wrong one cannot happen.
 */
export class TransactionCore {
  readonly #lease: LeaseSource
  readonly #options: BeginOptions
  readonly #attempts: number
  readonly #inquiry: InquirySource | undefined
  #state: State = { name: 'idle' }
  #dirty = false
  readonly #turns = new Turns()

  /** Without an `inquiry` the fate of a transaction whose COMMIT was not answered stays unknown. */
  constructor(lease: LeaseSource, options: BeginOptions, attempts: number, inquiry?: InquirySource) {
    this.#inquiry = inquiry
    this.#lease = lease
    this.#options = options
    this.#attempts = attempts
  }

  /** The database that the transaction runs on, once its first statement has decided that. */
  get database(): Database | undefined {
    return this.#state.name === 'open' ? this.#state.first.database : undefined
  }

  /** The database and the shard, likewise. */
  get open(): OpenShard | undefined {
    if (this.#state.name !== 'open') return undefined
    return openShardOf(this.#state.first)
  }

  /**
   * Does one thing after the other, in the order of the calls: a statement's turn ends when it is sent, not when it is
   * answered. Otherwise one whose route or connection takes a moment could be sent behind the ROLLBACK or COMMIT of a
   * later call, and take effect at once.
   */
  inTurn<T>(work: () => T | Promise<T>): T | Promise<T> {
    return this.#turns.take(work)
  }

  /** The connection while the transaction is open. */
  get current(): Promise<Lease> | undefined {
    return this.#state.name === 'open' ? this.#state.lease : undefined
  }

  /** Before its first statement. */
  get isIdle(): boolean {
    return this.#state.name === 'idle'
  }

  get ended(): boolean {
    return this.#state.name === 'ended'
  }

  /** Throws if the transaction is over; an error that ended it is thrown again. */
  assertUsable(): void {
    if (this.#state.name !== 'ended') return
    const { how, error } = this.#state
    if (how === 'failed') throw error
    throw new TransactionClosedError(`The transaction is ${how} already. Statements after its end belong to a new one.`)
  }

  /**
   * The connection for a statement, after `BEGIN`. A statement of another database rolls everything back and throws.
   * Opening is repeated after a lost connection: nothing of the caller's was sent.
   */
  enter(decision: Decision, terms: LeaseTerms): Lease | Promise<Lease> {
    this.assertUsable()
    this.#refuseWrite(decision)
    const state = this.#state
    if (state.name !== 'open' || state.begun === undefined || !isSamePlace(state.first, decision))
      return this.#enterLate(decision, terms)
    if (decision.route.effect === 'session') this.#dirty = true
    return state.begun
  }

  async #enterLate(decision: Decision, terms: LeaseTerms): Promise<Lease> {
    if (this.#state.name === 'idle') {
      refuseSeveralShards(decision, 'A transaction')
      this.#state = {
        name: 'open',
        first: decision,
        lease: withRetry(this.#attempts, async () => await this.#begin(decision, terms)),
      }
    }
    const state = this.#state
    if (state.name !== 'open')
      throw new TransactionClosedError('The transaction ended while a statement was waiting for it.')
    if (!isSamePlace(state.first, decision)) {
      const error = elsewhere(state.first, decision)
      await this.fail(error)
      throw error
    }
    if (decision.route.effect === 'session') this.#dirty = true
    let lease: Lease
    try {
      lease = await state.lease
      state.begun = lease
    } catch (error) {
      this.#state = { name: 'ended', how: 'failed', error: locate(error, whereOf(decision)) }
      throw error
    }
    // Its connection may have been lost under an earlier statement meanwhile.
    this.assertUsable()
    return lease
  }

  /** The connection for a statement that is sent at once, without waiting for anything; `undefined` where it would have to. */
  readyFor(decision: Decision): Lease | undefined {
    const state = this.#state
    if (state.name !== 'open' || state.begun === undefined || this.#options.readOnly === true) return undefined
    return this.#turns.isFree && isSamePlace(state.first, decision) ? state.begun : undefined
  }

  #refuseWrite(decision: Decision): void {
    if (this.#options.readOnly !== true) return
    if (decision.analysis.kind !== 'write' && decision.analysis.kind !== 'ddl') return
    throw new ReadOnlyTransactionError(
      `The transaction is read-only, and this statement writes: ${decision.analysis.why}. Nothing was sent.`,
      whereOf(decision),
    )
  }

  async #begin(decision: Decision, terms: LeaseTerms): Promise<Lease> {
    const lease = await this.#lease(decision, this.#options.readOnly === true ? 'read' : 'write', terms)
    try {
      const ahead = terms.sender !== undefined && decision.route.effect === 'read'
      await lease.begin(ahead ? { ...this.#options, ahead } : this.#options)
      return lease
    } catch (error) {
      await lease.release('destroy')
      throw error
    }
  }

  /**
   * Notes that a statement's connection is gone, or its transaction on the server: nothing can be done there any more,
   * and what came later would run in a transaction of its own.
   */
  async noteError(error: unknown): Promise<void> {
    const fate = fateOnServer(error)
    if (fate === 'gone') await this.#end('failed', 'destroy', undefined, error)
    else if (fate === 'undone') await this.fail(error)
  }

  /** The error, with the place where the transaction runs. */
  located<E>(error: E): E {
    return this.#state.name === 'open' ? locate(error, whereOf(this.#state.first)) : error
  }

  /** Rolls back, and makes every later use throw `error`. */
  async fail(error: unknown): Promise<void> {
    await this.#end('failed', this.#cleanMode(), async (lease) => await lease.rollback(), error)
  }

  async commit(): Promise<void> {
    this.assertUsable()
    if (this.#state.name === 'idle') {
      this.#state = { name: 'ended', how: 'committed' }
      return
    }
    await this.#end('committed', this.#cleanMode(), async (lease) => await lease.commit())
  }

  async rollback(): Promise<void> {
    if (this.#state.name === 'ended') return
    await this.#end('rolled back', this.#cleanMode(), async (lease) => await lease.rollback())
  }

  /** What a failed COMMIT comes to; `undefined` if it has taken effect. */
  async #settled(lease: Lease, error: unknown, first: Decision): Promise<unknown> {
    if (this.#inquiry === undefined || !(error instanceof CommitUnknownError)) return error
    return await settleCommit(lease, locate(error, whereOf(first)), this.#inquiry(first)).catch(
      (final: unknown) => final,
    )
  }

  #cleanMode(): ReleaseMode {
    return this.#dirty ? 'reset' : 'clean'
  }

  async #end(
    how: 'committed' | 'rolled back' | 'failed',
    mode: ReleaseMode,
    finish?: (lease: Lease) => Promise<void>,
    error?: unknown,
  ): Promise<void> {
    const state = this.#state
    if (state.name === 'ended') return
    this.#state = { name: 'ended', how, ...(error === undefined ? {} : { error }) }
    if (state.name === 'idle') return
    // If it could not be opened, the statement that tried has been told, and has ended it as failed before a COMMIT's turn.
    const lease = await state.lease.catch(() => undefined)
    if (lease === undefined) return
    try {
      await finish?.(lease)
    } catch (finishError) {
      // Whether the transaction is still open on it is not known: the connection must not be used again.
      await giveBack(lease, 'destroy')
      if (how !== 'committed') return
      const final = await this.#settled(lease, finishError, state.first)
      if (final === undefined) return
      const located = locate(final, whereOf(state.first))
      this.#state = { name: 'ended', how: 'failed', error: located }
      throw located
    }
    await giveBack(lease, mode)
  }
}

// What becomes of the connection says nothing about the transaction: a COMMIT that was answered has taken effect.
async function giveBack(lease: Lease, mode: ReleaseMode): Promise<void> {
  await lease.release(mode).catch(nothing)
}

function nothing(): void {}

function elsewhere(first: Decision, second: Decision): CrossDatabaseTransactionError | CrossShardError {
  if (first.route.database !== second.route.database) return crossDatabase(first, second)
  const ways = 'One transaction cannot span two shards; everything was rolled back. Use a transaction for each.'
  return onOtherShard('transaction', first, second, ways)
}

function crossDatabase(first: Decision, second: Decision): CrossDatabaseTransactionError {
  const here = describe(first)
  const there = describe(second)
  return new CrossDatabaseTransactionError(
    `The transaction runs on "${first.route.database}" since its first statement (${here.text}), but this statement belongs to ` +
      `"${second.route.database}" (${there.text}). One transaction cannot span two databases; everything was rolled back. ` +
      'Use one transaction for each database, or say { using } if the tables are really on one.',
    [...here.tables, ...there.tables],
  )
}

function describe(decision: Decision): { text: string; tables: { table: string; database: string }[] } {
  const tables = decision.locations.map(({ table }) => ({ table: nameOf(table), database: decision.route.database }))
  const text = tables.length === 0 ? 'it names no table' : `table ${tables.map(({ table }) => table).join(', ')}`
  return { text, tables }
}
