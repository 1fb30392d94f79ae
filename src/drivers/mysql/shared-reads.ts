import type { Connection } from 'mysql2'
import type { Cargo, DriverRequest, PoolOptions, UnderWay } from '../driver.ts'
import type { LossCounter } from '../loss-counter.ts'
import { Multiplexer } from '../multiplexing/multiplexer.ts'
import type { LatencyRecord } from '../multiplexing/statement-latency.ts'
import type { QueryKiller } from './killer.ts'
import { Lane } from './lane.ts'
import { LaneRead } from './lane-read.ts'
import type { CarriedCommand } from './native-command.ts'
import { TextLatencies } from './text-latencies.ts'

export interface SharedReadsParts {
  readonly options: PoolOptions
  readonly killer: QueryKiller
  readonly losses: LossCounter
  /** Begins to connect. */
  readonly connect: () => Connection
  /** Whether a connection of one's own would have to be waited for. */
  readonly ownAreTaken: () => boolean
  /** Runs a read on a connection of its own. */
  readonly runAlone: (cargo: Cargo) => UnderWay
}

/** The reads of one pool that share connections, and those that may do so one day. */
export class SharedReads {
  readonly #latencies = new TextLatencies()
  readonly #multiplexer: Multiplexer<LaneRead, Lane>
  readonly #ownAreTaken: () => boolean
  /** On connections of their own now. */
  #alone = 0

  constructor({ options, killer, losses, connect, ownAreTaken, runAlone }: SharedReadsParts) {
    const { multiplexConnections, multiplexSlowMs, idleTimeoutMs } = options
    this.#ownAreTaken = ownAreTaken
    this.#multiplexer = new Multiplexer<LaneRead, Lane>({
      mayOpen: () => this.#multiplexer.lanes < multiplexConnections,
      slowMs: multiplexSlowMs,
      idleTimeoutMs,
      createLane: (multiplexer, clock) =>
        new Lane({
          connect,
          clock,
          killer,
          losses,
          limitMs: options.connectTimeoutMs,
          readOnly: options.readOnly === true,
          exitOnIdle: options.exitOnIdle === true,
          observed: (read, ms) => multiplexer.observed(read, ms),
          sendAgain: (read) => multiplexer.sendAgain(read),
          closed: (lane) => multiplexer.closed(lane),
        }),
      ownAreTaken,
      runAlone: (read) => read.goAlone(runAlone),
    })
  }

  /** Open connections. */
  get shared(): number {
    return this.#multiplexer.shared
  }

  get inFlight(): number {
    return this.#multiplexer.inFlight
  }

  /**
   * What is known of the text; `undefined` for what never shares a connection, and where no other read is on its way: what is won by sharing is
   * that a server's thread finds its next statement without being woken, and then there is none.
   */
  latencyOf(request: DriverRequest, cargo: Cargo): LatencyRecord | undefined {
    if (this.#alone === 0 && this.#multiplexer.inFlight === 0 && !this.#ownAreTaken()) return undefined
    const { sql, access, settings, changes, oneOffLike, signal } = request
    if (access !== 'read' || settings !== undefined || changes !== undefined || signal?.aborted) return undefined
    return (cargo.query as CarriedCommand).isOneText ? this.#latencies.of(sql, oneOffLike) : undefined
  }

  /** Sends a read, if its text is known to be quick and a connection has room. */
  send(latency: LatencyRecord, cargo: Cargo): UnderWay | undefined {
    const lane = this.#multiplexer.laneFor(latency)
    if (lane === undefined) return undefined
    const read = new LaneRead(latency, cargo)
    lane.send(read)
    return read
  }

  /** A read begins on a connection of its own; returns the time for `ended`, where that is wanted. */
  began(latency: LatencyRecord | undefined): number {
    this.#alone += 1
    return latency === undefined ? 0 : this.#multiplexer.now()
  }

  ended(latency: LatencyRecord | undefined, since: number, hasAnswered: boolean): void {
    this.#alone -= 1
    if (latency !== undefined && hasAnswered) this.#multiplexer.observe(latency, this.#multiplexer.now() - since)
  }

  /** Lets what is on its way end. Calls back when the last connection is closed. */
  close(then: () => void): void {
    this.#multiplexer.close(then)
  }

  destroyAll(): void {
    this.#multiplexer.destroyAll()
  }
}
