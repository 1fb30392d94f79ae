import type { LaneLoad } from './lane-choice.ts'
import type { LatencyRecord } from './statement-latency.ts'

/** A read that is sent over connections which it shares with others. */
export interface QueuedRead {
  /** Of its text. */
  readonly latency: LatencyRecord
  /** Its caller waits no more. */
  readonly settled: boolean
}

/** The read that the server of a lane works on. */
export interface LaneHead {
  /** Its time so far. */
  readonly ms: number
  /** Somebody waits for this answer. */
  readonly isWanted: boolean
}

/** One connection on which many reads are on their way at a time; answers come in the order of sending. */
export interface SharedLane<Read> extends LaneLoad {
  /** The way there and back, in ms, once it is open. */
  readonly roundTripMs: number
  /** When it last had something to do. */
  readonly usedAt: number
  readonly head: LaneHead | undefined
  /** Connects and measures the round trip. If it rejects, the lane is closed. */
  open(): Promise<void>
  send(read: Read): void
  /** The first read takes too long: nothing more is sent until it has ended. */
  noteHoldUp(): void
  /** Reads that wait for their answers on this lane alone, without the first. */
  waitingBehindHead(): Read[]
  /** Ends the connection when the last answer is in. */
  close(): void
  /** Stops the first read on the server, and closes the connection at once. */
  abandon(): void
}
