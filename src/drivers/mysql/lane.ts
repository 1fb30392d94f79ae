import type { Connection, PoolConnection } from 'mysql2'
import type { LaneLoad } from '../multiplexing/lane-choice.ts'
import { GatheredWrites } from '../multiplexing/gathered-writes.ts'
import type { LaneHead, SharedLane } from '../multiplexing/shared-lane.ts'
import { ServiceTimes } from '../multiplexing/service-times.ts'
import type { Clock } from '../multiplexing/work-clock.ts'
import type { LossCounter } from '../loss-counter.ts'
import { run, type QueryKiller } from './killer.ts'
import { Place, type Pipelined, type PlaceEvents } from './lane-place.ts'
import type { LaneRead } from './lane-read.ts'
import { addCommand } from './native-command.ts'
import { breakConnection, keepAlive } from './native-pool.ts'
import { refuseWrites } from './session.ts'

/** Pings that measure the way to the server when a lane opens. */
const pings = 3

export interface LaneParts {
  /** Begins to connect. */
  readonly connect: () => Connection
  readonly clock: Clock
  readonly killer: QueryKiller
  readonly losses: LossCounter
  /** How long it may take to open, in milliseconds. */
  readonly limitMs: number
  /** The server is to refuse writes there. */
  readonly readOnly: boolean
  /** What makes the settings under which all statements of the lane run. */
  readonly settings: readonly string[]
  /** While nothing is on the wire the lane does not keep the process alive. */
  readonly exitOnIdle: boolean
  readonly observed: (read: LaneRead, serviceMs: number) => void
  readonly sendAgain: (read: LaneRead) => void
  readonly closed: (lane: Lane) => void
}

/**
 * One connection of mysql2 that many autocommit reads share. mysql2 sends a command when the one before has its answer; here each is sent at
 * once, and its place in mysql2's queue takes the answer. A server reads one command after the other from its connection, so answers come
 * in the order of sending, each with an error of its own.
 */
export class Lane implements SharedLane<LaneRead> {
  state: LaneLoad['state'] = 'opening'
  usedAt: number
  readonly #parts: LaneParts
  readonly #connection: PoolConnection & Pipelined
  #places: Place[] = []
  readonly #times = new ServiceTimes()
  readonly #writes = new GatheredWrites()

  constructor(parts: LaneParts) {
    this.#parts = parts
    this.#connection = parts.connect() as unknown as PoolConnection & Pipelined
    this.usedAt = parts.clock.now()
    this.#guardResume()
    this.#connection.on('error', () => this.#lose())
    this.#connection.on('end', () => this.#lose())
  }

  get size(): number {
    return this.#places.length
  }

  get backlogMs(): number {
    return this.#times.of(this.#places.length)
  }

  get roundTripMs(): number {
    return this.#times.roundTripMs
  }

  get head(): LaneHead | undefined {
    const place = this.#places[0]
    return place && { isWanted: place.isWanted, ms: this.#times.since(place.sentAt, this.#parts.clock.now()) }
  }

  async open(): Promise<void> {
    const { clock, readOnly, settings, limitMs } = this.#parts
    const connection = this.#connection
    // mysql2's own limit ends with the greeting.
    const limit = setTimeout(() => this.#break('it did not answer in time'), limitMs)
    try {
      await answerOf((done) => connection.connect(done))
      if (readOnly) await answerOf((done) => refuseWrites(connection, done))
      for (const statement of settings) await run(connection, statement)
      let quickest = Infinity
      for (let count = 0; count < pings; count++) {
        const start = clock.now()
        await answerOf((done) => connection.ping(done))
        quickest = Math.min(quickest, clock.now() - start)
      }
      this.#times.roundTripMs = quickest
    } catch (error) {
      this.#break('it could not be opened')
      throw error
    } finally {
      clearTimeout(limit)
    }
    if (this.state !== 'opening') throw new Error('It was closed meanwhile.')
    this.state = 'open'
    this.#rest()
  }

  send(read: LaneRead): void {
    const connection = this.#connection
    const place = new Place(read, this.#parts.clock.now(), this.#events)
    read.takePlace(place)
    // The first one gives its server something to do at once.
    if (this.#places.length > 0) this.#writes.gather(connection.stream)
    else if (this.#parts.exitOnIdle) keepAlive(connection, true)
    this.#places.push(place)
    this.usedAt = place.sentAt
    // What comes in now is counted by the command that it is for.
    const { sequenceId, compressedSequenceId } = connection
    try {
      read.command.execute(undefined, connection)
    } catch (error) {
      // Nothing was written.
      this.#places.pop()
      this.#rest()
      read.lost(error)
      return
    } finally {
      read.command.rest()
      place.sequenceId = connection.sequenceId
      connection.sequenceId = sequenceId
      connection.compressedSequenceId = compressedSequenceId
    }
    addCommand(connection, place)
  }

  noteHoldUp(): void {
    const place = this.#places[0]
    if (place === undefined || place.holdsUp) return
    place.holdsUp = true
    place.read.latency.holdsUp()
    if (this.state === 'open') this.state = 'stalled'
  }

  waitingBehindHead(): LaneRead[] {
    return this.#places.slice(1).flatMap(({ read, isWanted }) => (isWanted ? [read] : []))
  }

  close(): void {
    if (this.state === 'opening') this.abandon()
    else if (this.state !== 'closed') this.state = 'closing'
    if (this.state === 'closing' && this.size === 0) this.#end()
  }

  /** Nothing else ever runs on this connection, so that a KILL hits no stranger, however late it comes. Whoever still waits for an answer here is told at once. */
  abandon(): void {
    const { killer } = this.#parts
    const connection = this.#connection
    const why = 'its first statement was given up'
    const mayStop = this.size > 0 && this.state !== 'opening' && this.state !== 'closed'
    if (!mayStop || this.#places.some(({ isWanted }) => isWanted)) return this.#break(why)
    const statement = { connection, ended: Promise.resolve(), hasEnded: false, drain: () => undefined }
    void killer.interrupt(statement).then(() => breakConnection(connection, why))
    this.#lose()
  }

  /** Called while a command is told something, mysql2's own would hand that command what is for those behind it. */
  #guardResume(): void {
    const connection = this.#connection
    const resume = connection.resume.bind(connection)
    connection.resume = () => {
      if (!this.#events.isTelling) return resume()
      // Who has called it goes on with what is there.
      connection._paused = false
      connection.stream.resume()
    }
  }

  readonly #events: PlaceEvents = {
    isTelling: false,
    over: (place) => this.#over(place),
    lost: () => this.#lose(),
    breakOff: (place) => this.#breakOff(place),
    retire: () => {
      if (this.state === 'open' || this.state === 'stalled') this.state = 'closing'
    },
  }

  #over(place: Place): void {
    if (this.#places[0] !== place) return
    const { clock, observed } = this.#parts
    const now = clock.now()
    const ms = this.#times.answered(place.sentAt, now)
    this.#places.shift()
    this.usedAt = now
    if (place.holdsUp) place.read.latency.holdUpEnded()
    if (this.state === 'stalled') this.state = 'open'
    observed(place.read, ms)
    this.#rest()
    if (this.state === 'closing' && this.size === 0) this.#end()
  }

  /** Those behind have not run, or are reads: they are sent elsewhere before anything ends here. */
  #breakOff(place: Place): void {
    const behind = this.#places.filter(({ isWanted, hasBegun }) => isWanted && !hasBegun)
    if (this.state === 'open') this.state = 'stalled'
    for (const { read } of behind) this.#parts.sendAgain(read)
    if (place.read.settled) place.leave()
    // More of the same answer may be there already, and would be taken for that of the next one.
    this.#connection.handlePacket = () => undefined
    breakConnection(this.#connection, 'an answer on it could not be read to its end')
    this.#leave()
  }

  #rest(): void {
    if (this.#parts.exitOnIdle && this.#places.length === 0) keepAlive(this.#connection, false)
  }

  #break(why: string): void {
    breakConnection(this.#connection, why)
    this.#lose()
  }

  /** mysql2 tells each place by itself. */
  #lose(): void {
    if (this.state === 'closed') return
    if (this.state !== 'opening') this.#parts.losses.note(this.#connection)
    this.#leave()
  }

  #end(): void {
    this.#leave()
    this.#connection.destroy()
  }

  #leave(): void {
    this.state = 'closed'
    for (const { read, holdsUp } of this.#places) if (holdsUp) read.latency.holdUpEnded()
    this.#places = []
    this.#parts.closed(this)
  }
}

function answerOf(ask: (done: (error: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => ask((error) => (error ? reject(error) : resolve())))
}
