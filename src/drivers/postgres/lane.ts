import type { Client } from 'pg'
import type { SignalboxError } from '../../errors.ts'
import type { LossCounter } from '../loss-counter.ts'
import { cancelOnServer } from './cancellation.ts'
import { queryError } from './errors.ts'
import { internalsOf, type NativeAnswer } from './native.ts'
import { PreparedStatements } from './prepared-statements.ts'
import type { QuerySender } from './query-sender.ts'
import type { SharedRead } from './shared-read.ts'
import { lostStatement, staleStatement } from './stale-statement.ts'
import type { StatementBook } from './statement-book.ts'
import { GatheredWrites } from '../multiplexing/gathered-writes.ts'
import type { LaneHead, SharedLane } from '../multiplexing/shared-lane.ts'
import { ServiceTimes } from '../multiplexing/service-times.ts'
import type { Clock } from '../multiplexing/work-clock.ts'

/** Empty statements that measure the way to the server when a lane opens. */
const pings = 3
/** How long the request to cancel an abandoned statement may take. */
const cancelTimeoutMs = 5_000

/**
 * - `opening`: connects
 * - `open`: takes statements
 * - `stalled`: its first statement takes too long; takes none until that has ended
 * - `closing`: takes none; ends when the last answer is in
 * - `closed`
 */
export type LaneState = 'opening' | 'open' | 'stalled' | 'closing' | 'closed'

/** What a lane reports. */
export interface LaneEvents {
  /** An answer took `serviceMs` of the server's time. */
  observed(read: SharedRead, serviceMs: number): void
  /** The prepared statement of a read was stale or lost: the read did not run, and has to be sent again. */
  sendAgain(read: SharedRead): void
  closed(lane: Lane): void
}

export interface LaneParts {
  readonly client: Client
  readonly book: StatementBook
  readonly sender: QuerySender
  readonly losses: LossCounter
  readonly statementCacheSize: number
  /** Makes the settings under which all statements of the lane run; `undefined`: those that every connection has. */
  readonly settingsText?: string | undefined
  readonly address: string
  readonly clock: Clock
  readonly events: LaneEvents
  /** While nothing is on the wire the lane does not keep the process alive. */
  readonly exitOnIdle?: boolean
}

/** One statement on the wire, in the order of sending. */
interface Ticket {
  readonly read: SharedRead
  readonly name: string | undefined
  readonly sentAt: number
  /** The caller has heard of it already, but the server's answer is still to come. */
  reported: boolean
  /** It holds up those behind it, and its text knows. */
  heldUp: boolean
}

/**
 * One connection in `pg`'s pipeline mode, shared by many autocommit reads. Each is followed by a Sync of its own, so an
 * error stays with its statement; answers come in the order of sending.
 */
export class Lane implements SharedLane<SharedRead> {
  state: LaneState = 'opening'
  /** When the lane last had something to do. */
  usedAt: number
  readonly #parts: LaneParts
  readonly #client: Client
  readonly #statements: PreparedStatements
  #tickets: Ticket[] = []
  #submitting: Ticket | undefined
  readonly #times = new ServiceTimes()
  readonly #writes = new GatheredWrites()

  constructor(parts: LaneParts) {
    this.#parts = parts
    this.#client = parts.client
    this.#statements = new PreparedStatements(internalsOf(parts.client).connection, parts.statementCacheSize)
    this.usedAt = parts.clock.now()
    this.#client.on('error', (error) => this.#break(error))
    this.#client.on('end', () => this.#lose(new Error('Connection terminated unexpectedly')))
  }

  /** Statements on the wire. */
  get size(): number {
    return this.#tickets.length
  }

  get backlogMs(): number {
    return this.#times.of(this.#tickets.length)
  }

  /** The quickest of a few empty statements when the lane opened. */
  get roundTripMs(): number {
    return this.#times.roundTripMs
  }

  /** The statement that the server works on, and its time so far. */
  get head(): LaneHead | undefined {
    const ticket = this.#tickets[0]
    return ticket && { isWanted: !ticket.read.settled, ms: this.#times.since(ticket.sentAt, this.#parts.clock.now()) }
  }

  /** Connects and measures the round trip. Rejects with a `QueryError`; the lane is then closed. */
  async open(): Promise<void> {
    const { clock, settingsText } = this.#parts
    try {
      await this.#client.connect()
      if (settingsText !== undefined) await this.#client.query(settingsText)
      let quickest = Infinity
      for (let i = 0; i < pings; i++) {
        const start = clock.now()
        await this.#client.query('')
        quickest = Math.min(quickest, clock.now() - start)
      }
      this.#times.roundTripMs = quickest
      if (this.state === 'opening') this.state = 'open'
      this.#rest()
    } catch (error) {
      internalsOf(this.#client).connection?.stream.destroy()
      this.#lose(error)
      throw this.#failure(error, false)
    }
  }

  send(read: SharedRead): void {
    const prepared = read.prepare ? this.#statements.use(read.record) : undefined
    const name = prepared?.name
    const ticket: Ticket = { read, name, sentAt: this.#parts.clock.now(), reported: false, heldUp: false }
    read.lane = this
    read.copies++
    const { connection } = internalsOf(this.#client)
    // The first one gives its server something to do at once.
    if (this.#tickets.length > 0 && connection !== undefined) this.#writes.gather(connection.stream)
    else if (this.#parts.exitOnIdle === true && this.#tickets.length === 0) internalsOf(this.#client).ref?.()
    this.#tickets.push(ticket)
    this.#submitting = ticket
    const { sender } = this.#parts
    sender.send(this.#client, read.outgoing, prepared, (error, result) => this.#answered(ticket, error, result))
    this.#submitting = undefined
  }

  /** The first statement takes too long: nothing more is sent until it has ended. */
  noteHoldUp(): void {
    const ticket = this.#tickets[0]
    if (ticket === undefined || ticket.heldUp) return
    ticket.heldUp = true
    ticket.read.record.latency.holdsUp()
    if (this.state === 'open') this.state = 'stalled'
  }

  /** Reads on this lane that no newer copy elsewhere answers for, without the first. */
  waitingBehindHead(): SharedRead[] {
    const waiting: SharedRead[] = []
    for (let i = 1; i < this.#tickets.length; i++) {
      const { read } = this.#tickets[i]!
      if (!read.settled && read.lane === this) waiting.push(read)
    }
    return waiting
  }

  /** Ends the connection when the last answer is in. */
  close(): void {
    if (this.state === 'opening') this.abandon()
    else if (this.state !== 'closed') this.state = 'closing'
    if (this.state === 'closing' && this.size === 0) this.#end()
  }

  /**
   * Cancels the first statement and closes the connection at once. Nothing else ever runs on this server process, so the
   * cancel request can't hit a stranger, however late it comes.
   */
  abandon(): void {
    const client = internalsOf(this.#client)
    if (this.state !== 'opening' && this.state !== 'closed') cancelOnServer(client, cancelTimeoutMs, () => {})
    client.connection?.stream.destroy()
    this.#break(new Error('Connection terminated: its first statement was given up'))
  }

  #answered(ticket: Ticket, error: unknown, result: NativeAnswer | undefined): void {
    if (this.#submitting === ticket) {
      // A parameter could not be encoded. `pg` has sent a Close for the statement and a Sync, whose answer comes in its turn.
      ticket.reported = true
      if (ticket.name !== undefined) this.#statements.forget(ticket.read.record, ticket.name)
      ticket.read.failed(this.#failure(error, false))
      return
    }
    if (this.#tickets[0] !== ticket) return
    const { clock, events } = this.#parts
    const now = clock.now()
    const ms = this.#times.answered(ticket.sentAt, now)
    this.#tickets.shift()
    this.#rest()
    this.usedAt = now
    if (ticket.heldUp) ticket.read.record.latency.holdUpEnded()
    if (this.state === 'stalled') this.state = 'open'
    events.observed(ticket.read, ms)
    if (result === undefined) this.#failed(ticket, error)
    else if (!ticket.reported) ticket.read.succeeded(result)
    if (this.state === 'closing' && this.#tickets.length === 0) this.#end()
  }

  #rest(): void {
    if (this.#parts.exitOnIdle === true && this.#tickets.length === 0) internalsOf(this.#client).unref?.()
  }

  #failed({ read, name, reported }: Ticket, error: unknown): void {
    if (reported) return
    const why =
      name === undefined ? undefined : staleStatement(error) ? 'stale' : lostStatement(error, name) ? 'lost' : undefined
    if (why === 'lost' && name !== undefined && !this.#statements.isParsed(name)) {
      // The one that was to prepare it failed, which says nothing of this one but that it has to find out by itself.
      this.#statements.failed(read.record, name)
      read.prepare = false
      this.#again(read)
      return
    }
    if (name !== undefined && why === undefined) this.#statements.failed(read.record, name)
    if (name === undefined || why === undefined || read.renewed) {
      read.failed(this.#failure(error, true))
      return
    }
    if (why === 'lost') this.#statements.forget(read.record, name)
    if (read.record.name === name) this.#parts.book.renew(read.record, why)
    read.renewed = true
    this.#again(read)
  }

  #again(read: SharedRead): void {
    read.copies--
    if (!read.settled) this.#parts.events.sendAgain(read)
  }

  #break(error: unknown): void {
    if (this.state !== 'opening' && this.state !== 'closed') this.#parts.losses.note(this.#client)
    this.#lose(error)
  }

  #lose(error: unknown): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    const tickets = this.#tickets
    this.#tickets = []
    this.#parts.events.closed(this)
    const failure = this.#failure(error, true)
    for (const { read, reported, heldUp } of tickets) {
      if (heldUp) read.record.latency.holdUpEnded()
      if (!reported) read.failed(failure)
    }
  }

  #end(): void {
    this.#lose(new Error('Connection terminated'))
    // Everything on the lane has been answered; how the goodbye of a lost connection fails concerns nobody.
    this.#client.end().catch(() => {})
  }

  #failure(error: unknown, sent: boolean): SignalboxError {
    return queryError(error, { access: 'read', sent, address: this.#parts.address })
  }
}
