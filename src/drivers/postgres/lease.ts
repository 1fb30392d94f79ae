import {
  CommitUnknownError,
  ParameterError,
  QueryError,
  ReadOnlyTransactionError,
  type SignalboxError,
  TransactionClosedError,
  UnsupportedError,
} from '../../errors.ts'
import { quotedName } from '../../statement/quotes.ts'
import type {
  Access,
  BeginOptions,
  CommitFate,
  ConnectionEvents,
  CopyBlock,
  DriverRequest,
  DriverResult,
  Isolation,
  Lease,
  ReleaseMode,
  TransactionStatus,
} from '../driver.ts'
import { expiry, isLimited, Watch } from './call.ts'
import { askFate } from './commit-evidence.ts'
import type { Connection } from './connection.ts'
import { canCopy, copyIn, copyOut } from './copy.ts'
import { classify, isRefusedAsReadOnly, queryError } from './errors.ts'
import { loadCursor, type NativeAnswer } from './native.ts'
import type { OwnPool } from './own-pool.ts'
import { outgoingOf, type Outgoing } from './query-sender.ts'
import { resetSession, rollBackLeftover } from './reset.ts'
import { driverResult } from './result.ts'
import type { StatementBook } from './statement-book.ts'
import { streamRows } from './stream.ts'
import { submitted } from './submitted.ts'
import { TransactionTrace, type EvidenceSupport } from './transaction-trace.ts'

/** SQL is built from these texts only, never from what a caller passes. */
const isolationLevels = {
  'read uncommitted': 'READ UNCOMMITTED',
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
} as const satisfies Record<Isolation, string>

/** PostgreSQL cuts longer names off without an error (NAMEDATALEN), so that two of them could become one. */
const longestIdentifier = 63

/** What a lease shares with the pool that it comes from. */
export interface LeaseSource {
  readonly pool: OwnPool
  readonly book: StatementBook
  readonly address: string
  readonly fetchSize: number
  readonly evidence: EvidenceSupport
}

/** A connection of one's own until released. */
export class PostgresLease implements Lease {
  readonly copyOut?: NonNullable<Lease['copyOut']>
  readonly copyIn?: NonNullable<Lease['copyIn']>
  readonly #connection: Connection
  readonly #source: LeaseSource
  #released = false
  #streaming = false
  /** A statement changed the session: nobody else may see that. */
  #changed = false
  /** The server takes no writes: its address may lead to another one by now, which only a new connection finds out. */
  #refused = false
  /** The transaction was begun as read-only, here and not by the server. */
  #readOnly = false
  readonly #trace: TransactionTrace
  #told: ConnectionEvents | undefined
  readonly #untell: (() => void)[] = []

  constructor(connection: Connection, source: LeaseSource) {
    this.#connection = connection
    this.#source = source
    this.#trace = new TransactionTrace(connection, source.evidence)
    if (!canCopy(connection)) return
    this.copyOut = (request) => this.#copyOut(request)
    this.copyIn = async (request, blocks) => await this.#copyIn(request, blocks)
  }

  query(request: DriverRequest): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      this.#usable()
      if (request.signal?.aborted) throw expiry('abort', request, 'waiting', true)
      const record = request.prepare === false ? undefined : this.#source.book.lookUp(request.sql)
      let state: 'waiting' | 'running' | 'ended' = 'waiting'
      const watch = isLimited(request)
        ? new Watch(request, (reason) => {
            const progress = state === 'running' ? 'running' : 'waiting'
            if (progress === 'running') this.#connection.cancel()
            state = 'ended'
            reject(expiry(reason, request, progress, progress === 'waiting' || request.access === 'read'))
          })
        : undefined
      if (request.access === 'session') this.#changed = true
      const outgoing = outgoingOf(request)
      this.#connection.whenReady(() => {
        if (state === 'ended') return
        state = 'running'
        const trailing = this.#trace.question(request.access)
        this.#sendNow(
          trailing === undefined ? outgoing : { ...outgoing, trailing },
          record,
          request.access,
          (error, result) => {
            watch?.stop()
            if (result === undefined) reject(this.#refusal(error))
            else resolve(driverResult(result))
          },
        )
      })
    })
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    this.#usable()
    this.#streaming = true
    if (request.access === 'session') this.#changed = true
    try {
      const cursorClass = await loadCursor()
      await new Promise<void>((resolve) => this.#connection.whenReady(resolve))
      const fetchSize = request.fetchSize ?? this.#source.fetchSize
      yield* streamRows(this.#connection, cursorClass, request, fetchSize, this.#source.address)
    } finally {
      await new Promise<void>((resolve) => this.#trace.ask(request.access, resolve))
      this.#streaming = false
    }
  }

  async *#copyOut(request: DriverRequest): AsyncGenerator<CopyBlock, void, undefined> {
    await this.#occupied(request)
    try {
      yield* copyOut(this.#connection, request, this.#source.address)
    } finally {
      this.#streaming = false
    }
  }

  async #copyIn(request: DriverRequest, blocks: AsyncIterable<Uint8Array>): Promise<number> {
    await this.#occupied(request)
    try {
      return await copyIn(this.#connection, request, blocks, this.#source.address)
    } finally {
      this.#streaming = false
    }
  }

  /** Waits until the connection is ready, and keeps others from using it. */
  async #occupied(request: DriverRequest): Promise<void> {
    this.#usable()
    if (request.signal?.aborted) throw expiry('abort', request, 'waiting', true)
    this.#streaming = true
    await new Promise<void>((resolve) => this.#connection.whenReady(resolve))
    const { lost } = this.#connection
    if (lost === undefined) return
    this.#streaming = false
    throw queryError(lost, { access: request.access, sent: false, address: this.#source.address })
  }

  async submit(request: DriverRequest, statement: object, events?: ConnectionEvents): Promise<TransactionStatus> {
    await this.#occupied(request)
    if (request.access === 'session') this.#changed = true
    try {
      if (events !== undefined) this.#tell(events)
      return await submitted(this.#connection, request, statement, this.#source.address)
    } finally {
      await new Promise<void>((resolve) => this.#trace.ask(request.access, resolve))
      this.#streaming = false
    }
  }

  /** What the connection tells goes there from now on. */
  #tell(events: ConnectionEvents): void {
    if (this.#told === events) return
    this.#told = events
    const { client } = this.#connection
    for (const event of ['notice', 'notification'] as const) {
      const listener = (message: unknown): void => void events.emit(event, message)
      client.on(event, listener)
      this.#untell.push(() => client.removeListener(event, listener))
    }
  }

  async begin({ isolation, readOnly }: BeginOptions): Promise<void> {
    let sql = 'BEGIN'
    if (isolation !== undefined) {
      if (!Object.hasOwn(isolationLevels, isolation))
        throw new ParameterError(`There is no isolation level "${isolation}".`)
      sql += ` ISOLATION LEVEL ${isolationLevels[isolation]}`
    }
    if (readOnly === true) sql += ' READ ONLY'
    else if (readOnly === false) sql += ' READ WRITE'
    if (readOnly !== true) this.#trace.begin()
    await this.#control(sql, 'read')
    this.#readOnly = readOnly === true
  }

  async commit(): Promise<void> {
    let answer: NativeAnswer
    try {
      answer = await this.#control('COMMIT', 'write')
    } catch (error) {
      throw this.#commitError(error)
    } finally {
      this.#readOnly = false
      this.#trace.end()
    }
    // The server answers COMMIT of a failed transaction with success, and the tag of what it did instead.
    if (!Array.isArray(answer) && answer.command === 'ROLLBACK') {
      throw new QueryError(
        'other',
        'The transaction was rolled back, not committed: a statement in it had failed. Nothing of it took effect.',
        { engineCode: '25P02' },
      )
    }
  }

  async commitFate(there: Lease): Promise<CommitFate> {
    const { evidence } = this.#trace
    if (evidence === undefined)
      return { kind: 'open', why: 'the transaction had no id that could be asked for', final: true }
    return await askFate(evidence, (request) => there.query(request))
  }

  async rollback(): Promise<void> {
    this.#readOnly = false
    this.#trace.end()
    await this.#control('ROLLBACK', 'read')
  }

  async savepoint(name: string): Promise<void> {
    await this.#control(`SAVEPOINT ${identifier(name)}`, 'read')
  }

  async rollbackTo(name: string): Promise<void> {
    await this.#control(`ROLLBACK TO SAVEPOINT ${identifier(name)}`, 'read')
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#control(`RELEASE SAVEPOINT ${identifier(name)}`, 'read')
  }

  /**
   * `clean` also ends a transaction that was left open, and resets what a `session` statement changed. Waits until the statements called before have ended, except for
   * `destroy`.
   */
  release(mode: ReleaseMode): Promise<void> {
    if (this.#released) {
      return Promise.reject(new TransactionClosedError('The lease was released before. Release each lease once.'))
    }
    this.#released = true
    for (const untell of this.#untell) untell()
    const { pool } = this.#source
    const connection = this.#connection
    if (mode === 'destroy') {
      connection.abandon('its lease was released as broken')
      pool.release(connection, true)
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const tidy = mode === 'reset' || this.#changed ? resetSession : rollBackLeftover
      tidy(connection, (ok) => {
        pool.release(connection, !ok || this.#refused)
        resolve()
      })
    })
  }

  #usable(): void {
    if (this.#released) throw new TransactionClosedError('The lease was used after its release.')
    if (this.#streaming) {
      throw new UnsupportedError(
        'A stream is open on this connection, which can do nothing else meanwhile. Read the stream to its end, leave its loop, or use another connection.',
      )
    }
  }

  /** Transaction control. `access` says whether a loss leaves open what happened. */
  async #control(sql: string, access: Access): Promise<NativeAnswer> {
    this.#usable()
    return await new Promise<NativeAnswer>((resolve, reject) => {
      this.#connection.whenReady(() => {
        this.#sendNow({ sql, params: [] }, undefined, access, (error, result) => {
          if (result === undefined) reject(error)
          else resolve(result)
        })
      })
    })
  }

  /** Sends on the ready connection; calls back with a result, or with a classified error. */
  #sendNow(
    outgoing: Outgoing,
    record: Parameters<Connection['send']>[1],
    access: Access,
    done: (error: SignalboxError | undefined, result: NativeAnswer | undefined) => void,
  ): void {
    const { address } = this.#source
    if (this.#connection.lost !== undefined) {
      done(queryError(this.#connection.lost, { access, sent: false, address }), undefined)
      return
    }
    this.#connection.send(outgoing, record, (error, result) => {
      this.#refused ||= !this.#readOnly && isRefusedAsReadOnly(error)
      if (result === undefined) done(queryError(error, { access, sent: true, address }), undefined)
      else done(undefined, result)
    })
  }

  /** What a read-only transaction refuses is the caller's affair, and says nothing about the server's role. */
  #refusal(error: SignalboxError | undefined): SignalboxError | undefined {
    if (!this.#readOnly || !(error instanceof QueryError) || error.errorClass !== 'read-only') return error
    return new ReadOnlyTransactionError('A statement tried to write in a read-only transaction.', {
      cause: error.cause,
    })
  }

  /** A loss before COMMIT was sent means a rollback; a refusal of the server is final; only a loss afterwards is open. */
  #commitError(error: unknown): unknown {
    if (!(error instanceof QueryError) || error.safeToRetry) return error
    const { errorClass } = classify(error.cause)
    if (errorClass !== 'connection-lost' && errorClass !== 'shutting-down') return error
    return new CommitUnknownError(
      `The connection to ${this.#source.address} was lost after COMMIT was sent: the transaction may have taken effect or not. ` +
        'Look in the database whether it did before repeating it.',
      { cause: error.cause },
    )
  }
}

function identifier(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > longestIdentifier) {
    throw new ParameterError(`A savepoint's name has 1 to ${longestIdentifier} bytes, none of them zero.`)
  }
  return quotedName('postgres', name)
}
