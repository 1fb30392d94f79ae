import type { Access, BeginOptions, Lease, ReleaseMode } from '../drivers/driver.ts'
import {
  CrossDatabaseTransactionError,
  QueryError,
  ReadOnlyTransactionError,
  TransactionClosedError,
  locate,
} from '../errors.ts'
import { nameOf } from '../routing/home.ts'
import { whereOf, type Decision } from './decision.ts'
import { withRetry } from './retry.ts'

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'open'; readonly first: Decision; readonly lease: Promise<Lease> }
  | { readonly name: 'ended'; readonly how: 'committed' | 'rolled back' | 'failed'; readonly error?: unknown }

/** Where a transaction's connection comes from. */
export type LeaseSource = (decision: Decision, access: Access) => Promise<Lease>

/**
 * One real transaction on one connection, from the first statement to the end. `BEGIN` is sent with the first
 * statement, so that the statement decides the database and a transaction on the wrong one cannot happen.
 */
export class TransactionCore {
  readonly #lease: LeaseSource
  readonly #options: BeginOptions
  readonly #attempts: number
  #state: State = { name: 'idle' }
  #dirty = false

  constructor(lease: LeaseSource, options: BeginOptions, attempts: number) {
    this.#lease = lease
    this.#options = options
    this.#attempts = attempts
  }

  /** The database that the transaction runs on, once its first statement has decided that. */
  get database(): string | undefined {
    return this.#state.name === 'open' ? this.#state.first.route.database : undefined
  }

  /** The connection while the transaction is open. */
  get current(): Promise<Lease> | undefined {
    return this.#state.name === 'open' ? this.#state.lease : undefined
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
  async enter(decision: Decision): Promise<Lease> {
    this.assertUsable()
    this.#refuseWrite(decision)
    if (this.#state.name === 'idle') {
      this.#state = {
        name: 'open',
        first: decision,
        lease: withRetry(this.#attempts, async () => await this.#begin(decision)),
      }
    }
    const state = this.#state
    if (state.name !== 'open')
      throw new TransactionClosedError('The transaction ended while a statement was waiting for it.')
    if (state.first.route.database !== decision.route.database) {
      const error = crossDatabase(state.first, decision)
      await this.fail(error)
      throw error
    }
    if (decision.route.effect === 'session') this.#dirty = true
    try {
      return await state.lease
    } catch (error) {
      this.#state = { name: 'ended', how: 'failed', error: locate(error, whereOf(decision)) }
      throw error
    }
  }

  #refuseWrite(decision: Decision): void {
    if (this.#options.readOnly !== true) return
    if (decision.analysis.kind !== 'write' && decision.analysis.kind !== 'ddl') return
    throw new ReadOnlyTransactionError(
      `The transaction is read-only, and this statement writes: ${decision.analysis.why}. Nothing was sent.`,
      whereOf(decision),
    )
  }

  async #begin(decision: Decision): Promise<Lease> {
    const lease = await this.#lease(decision, this.#options.readOnly === true ? 'read' : 'write')
    try {
      await lease.begin(this.#options)
      return lease
    } catch (error) {
      await lease.release('destroy')
      throw error
    }
  }

  /** Notes that a statement's connection is gone: nothing can be done on it any more. */
  async noteError(error: unknown): Promise<void> {
    if (
      error instanceof QueryError &&
      (error.errorClass === 'connection-lost' || error.errorClass === 'shutting-down')
    ) {
      await this.#end('failed', 'destroy', undefined, error)
    }
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
    const lease = await state.lease.catch(() => undefined)
    if (lease === undefined) return
    try {
      await finish?.(lease)
      await lease.release(mode)
    } catch (finishError) {
      // Whether the transaction is still open on it is not known: the connection must not be used again.
      await lease.release('destroy')
      const located = locate(finishError, whereOf(state.first))
      if (how === 'committed') {
        this.#state = { name: 'ended', how: 'failed', error: located }
        throw located
      }
    }
  }
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
