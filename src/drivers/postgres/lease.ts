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
  NamedSettings,
  CopyBlock,
  DriverRequest,
  DriverResult,
  Lease,
  ReleaseMode,
  SubmittedOutcome,
  TransactionStatus,
} from '../driver.ts'
import { expiry, isLimited, Watch } from './call.ts'
import { askFate } from './commit-evidence.ts'
import type { Connection } from './connection.ts'
import { canCopy, copyIn, copyOut } from './copy.ts'
import { classify, isRefusedAsReadOnly, ownRefusal, queryError, writesNothing } from './errors.ts'
import { beginText, LateBegin } from './late-begin.ts'
import { loadCursor, type NativeAnswer } from './native.ts'
import type { OwnPool } from './own-pool.ts'
import { outgoingOf, type Outgoing } from './query-sender.ts'
import { resetSession, rollBackLeftover } from './reset.ts'
import { driverResult } from './result.ts'
import type { StatementBooks } from './statement-books.ts'
import { streamRows } from './stream.ts'
import { submitted } from './submitted.ts'
import { TransactionTrace, type EvidenceSupport } from './transaction-trace.ts'

/** PostgreSQL cuts longer names off without an error (NAMEDATALEN), so that two of them could become one. */
const longestIdentifier = 63

/** What a lease shares with the pool that it comes from. */
export interface LeaseSource {
  readonly pool: OwnPool
  readonly books: StatementBooks
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
  readonly #settings: NamedSettings | undefined
  #released = false
  #streaming = false
  /** A statement changed the session: nobody else may see that. */
  #changed = false
  /** Settings are not those that it was taken with: what was prepared under these may mean something else. */
  #isUnlike = false
  /** The server takes no writes: its address may lead to another one by now, which only a new connection finds out. */
  #refused = false
  /** The transaction was begun as read-only, here and not by the server. */
  #readOnly = false
  readonly #trace: TransactionTrace
  readonly #begin: LateBegin
  #told: ConnectionEvents | undefined
  readonly #untell: (() => void)[] = []

  /** `settings`: those that the connection has. */
  constructor(connection: Connection, source: LeaseSource, settings?: NamedSettings) {
    this.#settings = settings
    this.#connection = connection
    this.#source = source
    this.#trace = new TransactionTrace(connection, source.evidence)
    this.#begin = new LateBegin(connection, source.address)
    if (!canCopy(connection)) return
    this.copyOut = (request) => this.#copyOut(request)
    this.copyIn = async (request, blocks) => await this.#copyIn(request, blocks)
  }

  query(request: DriverRequest): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      this.#usable()
      if (request.signal?.aborted) throw expiry('abort', request, 'waiting', true)
      this.#noteChanges(request)
      const isNamed = request.prepare !== false && request.oneOffLike === undefined && !this.#isUnlike
      const record = isNamed ? this.#source.books.of(this.#settings).lookUp(request.sql) : undefined
      let state: 'waiting' | 'running' | 'ended' = 'waiting'
      let isStopped = false
      const watch = isLimited(request)
        ? new Watch(request, (reason) => {
            const progress = state === 'running' ? 'running' : 'waiting'
            if (progress === 'running') this.#connection.cancel()
            isStopped = progress === 'running' && reason === 'abort' && request.untilEnded === true
            if (isStopped) return
            state = 'ended'
            reject(expiry(reason, request, progress, progress === 'waiting' || request.access === 'read'))
          })
        : undefined
      const outgoing = outgoingOf(request)
      const opening = this.#begin.along(record)
      if (opening === undefined) this.#beginNow()
      this.#connection.whenReady(() => {
        if (state === 'ended') return
        state = 'running'
        const trailing = this.#trace.question(request.access)
        this.#sendNow(
          trailing === undefined && opening === undefined ? outgoing : { ...outgoing, trailing, opening },
          record,
          // Without a COMMIT behind it, a loss has undone it.
          opening === undefined ? request.access : 'read',
          (error, result) => {
            watch?.stop()
            if (result !== undefined) resolve(driverResult(result))
            else if (isStopped) this.#connection.whenReady(() => reject(this.#refusal(error)))
            else reject(this.#refusal(error))
          },
        )
      })
    })
  }

  async *stream(request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
    this.#usable()
    this.#streaming = true
    this.#noteChanges(request)
    try {
      const cursorClass = await loadCursor()
      await this.#begun(request)
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
    await this.#begun(request).catch((error: unknown) => {
      this.#streaming = false
      throw error
    })
  }

  /** When the connection is ready, and the transaction begun, if one is to be. */
  async #begun({ access }: DriverRequest): Promise<void> {
    this.#beginNow()
    await new Promise<void>((resolve) => this.#connection.whenReady(resolve))
    const { lost } = this.#connection
    if (this.#begin.failure !== undefined) throw this.#begin.failure
    if (lost !== undefined) throw queryError(lost, { access, sent: false, address: this.#source.address })
  }

  async submit(
    request: DriverRequest,
    statement: object,
    events?: ConnectionEvents,
    hear?: (outcome: SubmittedOutcome) => void,
  ): Promise<TransactionStatus> {
    await this.#occupied(request)
    this.#noteChanges(request)
    try {
      if (events !== undefined) this.#tell(events)
      return await submitted(this.#connection, request, statement, this.#source.address, hear)
    } finally {
      await new Promise<void>((resolve) => this.#trace.ask(request.access, resolve))
      this.#streaming = false
    }
  }

  #noteChanges({ access, changes }: DriverRequest): void {
    if (changes !== undefined) this.#connection.settings.changing(changes)
    else if (access === 'session') this.#changed = true
    this.#isUnlike ||= changes !== undefined || access === 'session'
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
    // The server says first that it throws the connection out, and then that it is gone.
    const lost = (error: unknown): void => void events.emit('lost', error)
    client.once('error', lost)
    this.#untell.push(() => client.removeListener('error', lost))
  }

  async begin(options: BeginOptions): Promise<void> {
    const { readOnly } = options
    const sql = beginText(options)
    this.#usable()
    if (readOnly !== true) this.#trace.begin()
    if (!this.#begin.hold(sql)) await this.#control(sql, 'read')
    this.#readOnly = readOnly === true
  }

  /** Sends BEGIN by itself, if it has not been sent; what is sent next comes behind it. */
  #beginNow(): void {
    const sql = this.#begin.take()
    if (sql === undefined) return
    this.#connection.whenReady(() => {
      this.#sendNow({ sql, params: [] }, undefined, 'read', (error) => {
        if (error !== undefined) this.#begin.refused(error)
      })
    })
  }

  async commit(): Promise<void> {
    this.#usable()
    const { failure } = this.#begin
    let answer: NativeAnswer | undefined
    try {
      if (this.#begin.end()) answer = await this.#control('COMMIT', 'write')
    } catch (error) {
      throw this.#commitError(error)
    } finally {
      this.#readOnly = false
      this.#trace.end()
    }
    // The server answers COMMIT of a failed transaction with success, and the tag of what it did instead.
    const isUndone = answer !== undefined && !Array.isArray(answer) && answer.command === 'ROLLBACK'
    if (isUndone || failure !== undefined) throw rolledBack(failure)
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
    this.#usable()
    if (this.#begin.end()) await this.#control('ROLLBACK', 'read')
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
    this.#beginNow()
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
    if (this.#begin.failure !== undefined) {
      done(this.#begin.failure, undefined)
      return
    }
    if (this.#connection.lost !== undefined) {
      done(queryError(this.#connection.lost, { access, sent: false, address }), undefined)
      return
    }
    this.#connection.send(outgoing, record, (error, result) => {
      this.#refused ||= !this.#readOnly && !writesNothing(this.#settings) && isRefusedAsReadOnly(error)
      if (result === undefined) done(queryError(error, { access, sent: true, address }), undefined)
      else done(undefined, result)
    })
  }

  /** What a read-only transaction refuses is the caller's affair, and says nothing about the server's role. */
  #refusal(error: SignalboxError | undefined): SignalboxError | undefined {
    if (!(error instanceof QueryError) || error.errorClass !== 'read-only') return error
    if (!this.#readOnly) return writesNothing(this.#settings) ? ownRefusal(error) : error
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

function rolledBack(cause?: unknown): QueryError {
  return new QueryError(
    'other',
    'The transaction was rolled back, not committed: a statement in it had failed. Nothing of it took effect.',
    { engineCode: '25P02', ...(cause === undefined ? {} : { cause }) },
  )
}

function identifier(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > longestIdentifier) {
    throw new ParameterError(`A savepoint's name has 1 to ${longestIdentifier} bytes, none of them zero.`)
  }
  return quotedName('postgres', name)
}
