import type { Connection } from 'mysql2'
import type { Cargo, DriverRequest, PoolOptions, StatedSettings, UnderWay } from '../driver.ts'
import type { LossCounter } from '../loss-counter.ts'
import { Multiplexer } from '../multiplexing/multiplexer.ts'
import { Multiplexers } from '../multiplexing/multiplexers.ts'
import type { LatencyRecord } from '../multiplexing/statement-latency.ts'
import type { QueryKiller } from './killer.ts'
import { Lane } from './lane.ts'
import { LaneRead } from './lane-read.ts'
import type { CarriedCommand } from './native-command.ts'
import { statedSettings } from './stated-settings.ts'
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
  readonly runAlone: (cargo: Cargo, settings: StatedSettings | undefined) => UnderWay
}

type Lanes = Multiplexer<LaneRead, Lane>
type Settings = DriverRequest['settings']

/** The reads of one pool that share connections, and those that may do so one day. */
export class SharedReads {
  readonly #latencies = new TextLatencies()
  readonly #parts: SharedReadsParts
  readonly #multiplexers: Multiplexers<Lanes, StatedSettings>
  /** On connections of their own now. */
  #alone = 0

  constructor(parts: SharedReadsParts) {
    this.#parts = parts
    this.#multiplexers = new Multiplexers(parts.options.multiplexConnections, (settings, mayOpen) =>
      this.#lanesUnder(settings, mayOpen),
    )
  }

  /** Open connections. */
  get shared(): number {
    return this.#multiplexers.shared
  }

  get inFlight(): number {
    return this.#multiplexers.inFlight
  }

  /**
   * What is known of the text; `undefined` for what never shares a connection, and where no other read is on its way: what is won by sharing is
   * that a server's thread finds its next statement without being woken, and then there is none.
   */
  latencyOf(request: DriverRequest, cargo: Cargo): LatencyRecord | undefined {
    if (this.#alone === 0 && this.#multiplexers.inFlight === 0 && !this.#parts.ownAreTaken()) return undefined
    const { sql, access, changes, oneOffLike, signal } = request
    if (access !== 'read' || changes !== undefined || signal?.aborted) return undefined
    return (cargo.query as CarriedCommand).isOneText ? this.#latencies.of(sql, oneOffLike) : undefined
  }

  /** Sends a read, if its text is known to be quick and a connection has room. */
  send(latency: LatencyRecord, settings: Settings, cargo: Cargo): UnderWay | undefined {
    const lane = this.#lanesOf(settings)?.laneFor(latency)
    if (lane === undefined) return undefined
    const read = new LaneRead(latency, cargo)
    lane.send(read)
    return read
  }

  /** A read begins on a connection of its own; returns the time for `ended`, where that is wanted. */
  began(latency: LatencyRecord | undefined, settings: Settings): number {
    this.#alone += 1
    return latency === undefined ? 0 : (this.#lanesOf(settings)?.now() ?? 0)
  }

  ended(latency: LatencyRecord | undefined, settings: Settings, since: number, hasAnswered: boolean): void {
    this.#alone -= 1
    if (since === 0 || latency === undefined || !hasAnswered) return
    const lanes = this.#lanesOf(settings)
    lanes?.observe(latency, lanes.now() - since)
  }

  /** Lets what is on its way end. Calls back when the last connection is closed. */
  close(then: () => void): void {
    this.#multiplexers.close(then)
  }

  destroyAll(): void {
    this.#multiplexers.destroyAll()
  }

  /** `undefined`: as many others have lanes already as may. */
  #lanesOf(settings: Settings): Lanes | undefined {
    return this.#multiplexers.of(statedSettings(settings))
  }

  #lanesUnder(settings: StatedSettings | undefined, mayOpen: () => boolean): Lanes {
    const { options, killer, losses, connect, ownAreTaken, runAlone } = this.#parts
    const { multiplexSlowMs: slowMs, idleTimeoutMs, connectTimeoutMs: limitMs, readOnly, exitOnIdle } = options
    return new Multiplexer<LaneRead, Lane>({
      mayOpen,
      slowMs,
      idleTimeoutMs,
      createLane: (multiplexer, clock) =>
        new Lane({
          connect,
          clock,
          killer,
          losses,
          limitMs,
          readOnly: readOnly === true,
          settings: settings?.statements ?? [],
          exitOnIdle: exitOnIdle === true,
          observed: (read, ms) => multiplexer.observed(read, ms),
          sendAgain: (read) => multiplexer.sendAgain(read),
          closed: (lane) => multiplexer.closed(lane),
        }),
      ownAreTaken,
      runAlone: (read) => read.goAlone((cargo) => runAlone(cargo, settings)),
    })
  }
}
