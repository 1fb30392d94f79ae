import { AbortedError } from '../../errors.ts'
import type { Cargo, UnderWay } from '../driver.ts'
import type { QueuedRead } from '../multiplexing/shared-lane.ts'
import type { LatencyRecord } from '../multiplexing/statement-latency.ts'
import { isAnswer, mysqlError } from './errors.ts'
import type { CarriedCommand, CarriedEnds } from './native-command.ts'

/** The place of a read on the connection that it was sent over. */
export interface LanePlace {
  /** Its answer has begun to come in. */
  readonly hasBegun: boolean
  /** The answer is of no use any more. */
  leave(): void
  /** Nothing can follow on this connection; those behind are sent elsewhere. */
  breakOff(): void
  /** The connection takes nothing more, and is closed after what is on its way. */
  retire(): void
}

/**
 * One read on its way over a connection that it shares. It takes its answer itself, so there is one of it: where it is sent again, its
 * place on the first connection is given up.
 */
export class LaneRead implements QueuedRead, CarriedEnds, UnderWay {
  readonly latency: LatencyRecord
  readonly command: CarriedCommand
  readonly #cargo: Cargo
  settled = false
  #place: LanePlace | undefined
  /** On a connection of its own. */
  #own: UnderWay | undefined
  #isStopped = false

  constructor(latency: LatencyRecord, cargo: Cargo) {
    this.latency = latency
    this.#cargo = cargo
    this.command = cargo.query as CarriedCommand
  }

  /** It is about to be sent over another connection. */
  takePlace(place: LanePlace): void {
    this.#leave()
    this.command.ends = this
    this.#place = place
  }

  /** It is sent over a connection of its own from now on, and is no more for this one to tell. */
  goAlone(run: (cargo: Cargo) => UnderWay): void {
    this.#leave()
    this.#own = run(this.#cargo)
  }

  answered(rows: unknown, fields: unknown): void {
    this.#place = undefined
    this.settled = true
    this.#cargo.answered([rows, fields])
  }

  failed(error: unknown): void {
    if (!isAnswer(error)) this.#place?.retire()
    this.#fail(mysqlError(error, 'run', 'read'))
  }

  lost(error: unknown): void {
    this.#fail(this.#isStopped ? stopped() : mysqlError(error, 'run', 'read'))
  }

  spoilt(): void {
    const place = this.#place
    this.#place = undefined
    this.settled = true
    place?.breakOff()
  }

  /** Strangers may be on the same connection: it is not the server that is told, unless the read turns out to be slow. */
  stop(): void {
    if (this.#own !== undefined) {
      this.#own.stop()
      return
    }
    if (this.settled || this.#isStopped) return
    this.#isStopped = true
    if (this.#place?.hasBegun === true) {
      this.#place.breakOff()
      return
    }
    this.#leave()
    this.#fail(stopped())
  }

  #leave(): void {
    if (this.#place === undefined) return
    this.#place.leave()
    this.#place = undefined
    this.command.rewind()
  }

  #fail(error: unknown): void {
    this.#place = undefined
    if (this.settled) return
    this.settled = true
    this.#cargo.failed(error)
  }
}

function stopped(): AbortedError {
  return new AbortedError('The call was aborted while its statement ran.', { safeToRetry: true })
}
