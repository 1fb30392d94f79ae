import { DiscardedAnswer, type AnswerPacket } from './discarded-answer.ts'
import type { LanePlace, LaneRead } from './lane-read.ts'

/** What mysql2 has besides its types, of a connection that is sent more before it has answered. */
export interface Pipelined {
  sequenceId: number
  compressedSequenceId: number
  _paused: boolean
  handlePacket(packet?: unknown): void
  readonly stream: { resume(): unknown; cork(): void; uncork(): void }
}

/** What the lane hears of its places. */
export interface PlaceEvents {
  /** A command of the connection is being told something. */
  isTelling: boolean
  over(place: Place): void
  lost(): void
  breakOff(place: Place): void
  retire(): void
}

/** What stands in mysql2's queue for a read that was sent already. */
export class Place implements LanePlace {
  readonly read: LaneRead
  readonly sentAt: number
  readonly #events: PlaceEvents
  /** That of the first packet of the answer. */
  sequenceId = 1
  hasBegun = false
  /** It holds up those behind it, and its text knows. */
  holdsUp = false
  #discarded: DiscardedAnswer | undefined

  constructor(read: LaneRead, sentAt: number, events: PlaceEvents) {
    this.read = read
    this.sentAt = sentAt
    this.#events = events
  }

  /** Somebody waits for the answer, and for this one. */
  get isWanted(): boolean {
    return this.#discarded === undefined && !this.read.settled
  }

  /** @internal By mysql2: without a packet when those before it are over. */
  execute(packet: unknown, connection: Pipelined): boolean {
    if (packet === undefined) {
      connection.sequenceId = this.sequenceId
      return false
    }
    this.hasBegun = true
    const isOver = this.#tell(packet, connection)
    if (isOver) this.#events.over(this)
    return isOver
  }

  #tell(packet: unknown, connection: Pipelined): boolean {
    const before = this.#events.isTelling
    this.#events.isTelling = true
    try {
      return this.#take(packet, connection)
    } finally {
      this.#events.isTelling = before
    }
  }

  #take(packet: unknown, connection: Pipelined): boolean {
    return this.#discarded === undefined
      ? this.read.command.execute(packet, connection)
      : this.#discarded.take(packet as AnswerPacket)
  }

  /** @internal For mysql2's log. */
  stateName(): string {
    return 'shared'
  }

  /** @internal By mysql2: the connection was lost. */
  onResult(error: unknown): void {
    this.#events.lost()
    if (!this.isWanted) return
    this.#events.isTelling = true
    this.read.command.onResult(error)
    this.#events.isTelling = false
  }

  leave(): void {
    this.#discarded ??= new DiscardedAnswer()
  }

  breakOff(): void {
    this.#events.breakOff(this)
  }

  retire(): void {
    this.#events.retire()
  }
}
