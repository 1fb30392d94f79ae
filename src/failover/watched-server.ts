import type { ServerStatus } from '../drivers/driver.ts'
import { comparePosition, type Position } from '../topology/position.ts'
import type { Server } from '../topology/topology.ts'
import type { ProbeOutcome } from './decide.ts'
import { type Health, nextHealth, unknownHealth } from './health.ts'
import { LagGate, type LagTracker } from './lag.ts'
import type { ProbeReport } from './prober.ts'

/**
 * What is known of one server. Everything that happens in a shard is numbered, so that what was learnt earlier never
 * stands against what was learnt later, whatever the order in which the answers come.
 */
export class WatchedServer {
  /** Its weight and tags may change. */
  server: Server
  readonly gate: LagGate
  /** It is of the configuration, and gets statements before it was ever asked. */
  readonly trusted: boolean
  readonly #isLimited: boolean
  health: Health = unknownHealth
  /** The last probe that counts, and its place in the order. */
  outcome: ProbeOutcome | undefined
  outcomeBegun = -1
  /** Undefined: nothing that is still valid. */
  position: Position | undefined
  lagMs: number | undefined
  /** How far it is behind could not be told when it was last asked, and there is a limit. */
  incomparable = false
  /** When the last probe began, for the schedule. */
  probedAt: number | undefined
  timer: unknown
  #measuredAt = -Infinity
  /** The running server that was there. */
  #positionOf: string | undefined
  /** It was there once, and is now there or further. */
  #isOld = false
  #positionBarred = -1
  #failureNoted = -1
  #entry: { readonly since: number; at?: Position } | undefined

  constructor(server: Server, maxLagMs: number, trusted: boolean) {
    this.server = server
    this.trusted = trusted
    this.gate = new LagGate(maxLagMs)
    this.#isLimited = maxLagMs > 0
  }

  get status(): ServerStatus | undefined {
    return this.outcome !== undefined && 'status' in this.outcome ? this.outcome.status : undefined
  }

  /** It joins a shard that is being read, at this place in the order: see `admit`. */
  joins(order: number): void {
    this.#entry = { since: order }
  }

  get isJoining(): boolean {
    return this.#entry !== undefined
  }

  /**
   * A server that joins may lack what every other one had shown before, and what nobody remembers for that reason. So it
   * waits until it has what the primary had since then. Where there are no positions its answer is enough.
   */
  admit(primary: WatchedServer | undefined): void {
    const entry = this.#entry
    if (entry === undefined || this.status === undefined || primary?.status === undefined) return
    if (primary.outcomeBegun <= entry.since) return
    if (primary === this || primary.status.position === undefined) return void (this.#entry = undefined)
    const { position } = primary
    if (position === undefined) return
    if (entry.at === undefined || comparePosition(position, entry.at) === 'incomparable') entry.at = position
    const isThere = this.position !== undefined && comparePosition(this.position, entry.at) === 'reached'
    if (isThere) this.#entry = undefined
  }

  /** Out of rotation by its health: has failed a probe, or is about to be asked whether it lives. */
  get failing(): boolean {
    return this.health.kind === 'suspect' || this.health.kind === 'down' || this.health.kind === 'probing'
  }

  /**
   * Takes in what a probe said. `false`: it says nothing, since it succeeded, but began before a statement failed.
   * `learnt` is the place of its end in the order.
   */
  report({ begun, begunAt, outcome }: ProbeReport, learnt: number, random: number): boolean {
    this.probedAt = begunAt
    if ('status' in outcome && begun < this.#failureNoted) return false
    this.outcome = outcome
    this.outcomeBegun = begun
    if ('failed' in outcome) {
      const { at, failed: why } = outcome
      this.health = nextHealth(this.health, { kind: 'probe failed', begunAt, at, why, random })
      this.forget(learnt)
      return true
    }
    this.health = nextHealth(this.health, { kind: 'probe ok', at: outcome.at })
    if (begun > this.#positionBarred) this.#learn(outcome.status)
    return true
  }

  /** A statement lost its connection. Probes that began before no longer prove that the server lives. */
  fail(why: string, order: number, at: number): void {
    this.health = nextHealth(this.health, { kind: 'statement failed', at, why })
    if (this.health.kind === 'suspect') this.#failureNoted = order
    this.forget(order)
  }

  /** Where it was is no longer known; only a probe that begins after this tells. */
  forget(order: number): void {
    this.position = undefined
    this.lagMs = undefined
    this.#positionBarred = order
  }

  /**
   * How old the rows may be at most that it shows at `now`: everything that the primary had so long ago is there. Counted
   * from the last time at which the primary was asked, since nobody knows what it wrote afterwards.
   */
  stalenessMs(tracker: LagTracker, now: number): number | undefined {
    if (this.failing) return undefined
    if (this.position === undefined) return this.lagMs === undefined ? undefined : this.lagMs + now - this.#measuredAt
    const until = tracker.shownUntil(this.position)
    return until === undefined ? undefined : now - until
  }

  /** How far behind it is by its position, else by its own account. */
  measure(tracker: LagTracker, at: number): void {
    this.#measuredAt = at
    this.lagMs = undefined
    this.incomparable = false
    if (this.status === undefined) return
    if (this.status.writable) return this.gate.reset()
    const byPosition = this.position === undefined || this.#isOld ? undefined : tracker.lagMs(this.position, at)
    // A replica counts what it received: one that is cut off believes that it has everything.
    this.lagMs = byPosition ?? (this.status.receiving === false ? undefined : this.status.lagMs)
    if (this.lagMs !== undefined) this.gate.observe(this.lagMs)
    else this.incomparable = this.#isLimited && !tracker.empty
  }

  /**
   * A PostgreSQL standby whose primary is gone cannot prove its timeline any more. As long as it runs it still has all that
   * it had: replay does not go back, and whoever crashes loses his connections, which forgets the position.
   */
  #learn({ position, instance }: ServerStatus): void {
    const runsOn = instance !== undefined && instance === this.#positionOf
    this.#isOld = position === undefined && this.position !== undefined && runsOn
    if (this.#isOld) return
    this.position = position
    this.#positionOf = instance
  }
}
