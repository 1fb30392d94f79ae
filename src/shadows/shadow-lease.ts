import type { BeginOptions, CommitFate, DriverRequest, DriverResult, Lease, ReleaseMode } from '../drivers/driver.ts'
import { QueryError, ShadowError } from '../errors.ts'
import type { Position } from '../topology/position.ts'
import { renewed, renewedRows } from './renewed.ts'
import { reusedParams } from './reused-text.ts'
import type { Remedy, Renewal, ShadowStep } from './shadow-dialect.ts'

/** What a lease needs to know of its shadow. */
export interface ShadowTerms {
  /** What a statement becomes; `undefined`: it stays as it is. Throws `ShadowError`. */
  readonly stepOf: (request: DriverRequest) => ShadowStep | undefined
  /** What a read becomes. */
  readonly readOf: (request: DriverRequest) => DriverRequest
  /** An error in the names that the application knows. */
  readonly inOwnNames: (error: unknown) => unknown
  /** As in `ShadowDialect`. */
  readonly remedyOf: ((error: unknown) => Remedy | undefined) | undefined
  /** As in `ShadowDialect`. */
  readonly renewal: Renewal | undefined
  /** As in `ShadowDialect`. */
  readonly failsTransactions: true | undefined
  /** Definitions were changed, in a transaction that is committed by now. */
  readonly learn: (run: (sql: string) => Promise<DriverResult>) => Promise<void>
  /** Does what it can in a transaction of its own. */
  readonly apply: (remedy: Remedy) => Promise<void>
}

const savepoint = 'signalbox_statement'
/** A statement that copies rows of one table after the other fails once for each of them. */
const mostRemedies = 100

/** Failures that OR FAIL is about; what all others leave behind is undone with the transaction. */
const keptBehind: ReadonlySet<string> = new Set([
  'SQLITE_CONSTRAINT_UNIQUE',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
  'SQLITE_CONSTRAINT_ROWID',
  'SQLITE_CONSTRAINT_NOTNULL',
  'SQLITE_CONSTRAINT_CHECK',
])

/** A connection to the local database of a shadow, on which changes are made of the local rows. */
export class ShadowLease implements Lease {
  readonly #lease: Lease
  readonly #terms: ShadowTerms
  readonly #run = async (sql: string): Promise<DriverResult> =>
    await this.#lease.query({ sql, params: [], access: 'read' })
  #inTransaction = false
  /** Definitions are changed by the running transaction. */
  #isRedefining = false

  constructor(lease: Lease, terms: ShadowTerms) {
    this.#lease = lease
    this.#terms = terms
  }

  get committed(): Position | undefined {
    return this.#lease.committed
  }

  async query(request: DriverRequest): Promise<DriverResult> {
    return await renewed(this.#terms.renewal, this.#run, async () => await this.#query(request))
  }

  async #query(request: DriverRequest): Promise<DriverResult> {
    if (request.access === 'read') return await this.#lease.query(this.#terms.readOf(request))
    const step = this.#terms.stepOf(request)
    return await this.#told(async () =>
      step === undefined ? await this.#lease.query(request) : await this.#change(request, step),
    )
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    const step = this.#terms.stepOf(request)
    if (step === undefined) {
      const read = this.#terms.readOf(request)
      const { renewal } = this.#terms
      yield* renewal === undefined
        ? this.#lease.stream(read)
        : renewedRows(renewal, this.#run, () => this.#lease.stream(read))
      return
    }
    // Rows that a change returns are few, and a change is never left half-way.
    const { rows } = await this.query(request)
    yield* rows
  }

  async begin(options: BeginOptions): Promise<void> {
    await this.#lease.begin(options)
    this.#inTransaction = true
  }

  async commit(): Promise<void> {
    this.#inTransaction = false
    await this.#told(async () => await this.#lease.commit())
    await this.#learn()
  }

  async commitFate(there: Lease): Promise<CommitFate> {
    const fate = await this.#lease.commitFate?.(there)
    return fate ?? { kind: 'open', why: 'the engine cannot tell', final: true }
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false
    await this.#lease.rollback()
  }

  async savepoint(name: string): Promise<void> {
    await this.#lease.savepoint(name)
  }

  async rollbackTo(name: string): Promise<void> {
    await this.#lease.rollbackTo(name)
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#lease.releaseSavepoint(name)
  }

  async release(mode: ReleaseMode): Promise<void> {
    await this.#lease.release(mode)
  }

  async #change(request: DriverRequest, { sql, touches, perform }: ShadowStep): Promise<DriverResult> {
    if (perform !== undefined) {
      this.#isRedefining = true
      return await this.#whole(async () =>
        perform(
          async (text, params = []) =>
            await this.#lease.query({ ...request, sql: text, params, rowMode: 'object', sender: undefined }),
        ),
      )
    }
    const change = { ...request, sql }
    const touched = touches.flatMap((touch): readonly DriverRequest[] => {
      const params = reusedParams(touch, request.params)
      return params === undefined ? [] : [{ ...request, sql: touch.sql, params, rowMode: 'object', sender: undefined }]
    })
    if (touched.length === 0 && this.#terms.remedyOf === undefined) return await this.#lease.query(change)
    const work = async (): Promise<DriverResult> => {
      for (const each of touched) await this.#lease.query(each)
      return await this.#lease.query(change)
    }
    if (this.#inTransaction) return await this.#remedied(work)
    await this.#lease.begin({})
    try {
      const result = await this.#remedied(work)
      await this.#lease.commit()
      return result
    } catch (error) {
      await this.#endAfter(error)
      throw error
    }
  }

  /** Several statements in place of one: all of them, or none. */
  async #whole(work: () => Promise<DriverResult>): Promise<DriverResult> {
    const isNested = this.#inTransaction
    await (isNested ? this.#lease.savepoint(savepoint) : this.#lease.begin({}))
    try {
      const result = await this.#remedied(work)
      await (isNested ? this.#lease.releaseSavepoint(savepoint) : this.#lease.commit())
      if (!isNested) await this.#learn()
      return result
    } catch (error) {
      // What the engine refuses has failed the transaction, and must; what the shadow refuses was never sent.
      const hasFailed = this.#terms.failsTransactions && !(error instanceof ShadowError)
      if (isNested && hasFailed) throw error
      await (isNested ? this.#lease.rollbackTo(savepoint) : this.#lease.rollback())
      if (isNested) await this.#lease.releaseSavepoint(savepoint)
      throw error
    }
  }

  async #learn(): Promise<void> {
    if (!this.#isRedefining) return
    this.#isRedefining = false
    await this.#terms.learn(this.#run)
  }

  /** A statement that fails for the shadow's own reasons runs again; any other error leaves the transaction as the engine leaves it. */
  async #remedied(work: () => Promise<DriverResult>): Promise<DriverResult> {
    const { remedyOf } = this.#terms
    if (remedyOf === undefined) return await work()
    const done = new Set<string>()
    let told: unknown
    let isHelped = false
    await this.#lease.savepoint(savepoint)
    for (;;) {
      try {
        const result = await work()
        // Looked at row by row it needs nothing, and has only met other numbers than before: the base would have failed.
        if (told !== undefined && !isHelped) await this.#failWith(told)
        await this.#lease.releaseSavepoint(savepoint)
        return result
      } catch (error) {
        const remedy = remedyOf(error)
        if (remedy === undefined) throw error
        const name = `${remedy.sql} ${String(remedy.params)}`
        if (done.has(name) || done.size === mostRemedies) throw remedy.isTold ? error : (told ?? error)
        if (remedy.isTold) told ??= error
        else isHelped ||= !remedy.apart
        done.add(name)
        await this.#lease.rollbackTo(savepoint)
        try {
          await this.#apply(remedy)
        } catch (failed) {
          throw told ?? failed
        }
        // What was done stays, whatever the statement needs besides.
        await this.#lease.releaseSavepoint(savepoint)
        await this.#lease.savepoint(savepoint)
      }
    }
  }

  /** Leaves the transaction as an error leaves it. */
  async #failWith(error: unknown): Promise<never> {
    await this.#lease.rollbackTo(savepoint)
    try {
      await this.#lease.query({ sql: 'SELECT 1 / 0', params: [], access: 'write' })
    } catch {
      // As it should.
    }
    throw error
  }

  async #apply(remedy: Remedy): Promise<void> {
    if (remedy.apart) await this.#terms.apply(remedy)
    // Where it is done already, this does nothing. Copies may need copies of other tables.
    await this.#remedied(
      async () => await this.#lease.query({ sql: remedy.sql, params: remedy.params, access: 'write' }),
    )
  }

  /** OR FAIL leaves what was changed before its failure; others of its kind have undone all but copies, by which nothing looks different. */
  async #endAfter(error: unknown): Promise<void> {
    if (error instanceof QueryError && keptBehind.has(error.engineCode ?? '')) {
      try {
        await this.#lease.commit()
        return
      } catch {
        // OR ROLLBACK has left no transaction, or a deferred foreign key is broken still. The caller is told of the first failure.
      }
    }
    await this.#lease.rollback()
  }

  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.#terms.inOwnNames(error)
    }
  }
}
