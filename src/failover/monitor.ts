import type { ServerStatus } from '../drivers/driver.ts'
import type { Position } from '../topology/position.ts'
import type { Server, Shard } from '../topology/topology.ts'
import { type Clock, systemClock } from './clock.ts'
import { DecisionRecord } from './decision-record.ts'
import { type Health, nextHealth, unknownHealth } from './health.ts'
import { LagTracker } from './lag.ts'
import { failureText, Prober, type ProbeReport } from './prober.ts'
import { type ShardPrimary, type ShardView, viewOf } from './shard-view.ts'
import { WatchedServer } from './watched-server.ts'

export interface MonitorOptions {
  /** Milliseconds between two probes of a server that answers; default 1,000. */
  readonly probeIntervalMs?: number | undefined
  /** Milliseconds until a probe without an answer has failed; default 1,000. */
  readonly probeTimeoutMs?: number | undefined
  /** Milliseconds behind the primary above which a replica gets no statements; 0 (default) = no limit. */
  readonly maxLagMs?: number | undefined
}

export interface ShardMonitorParts {
  /** The alias of the database. */
  readonly database: string
  readonly shard: Shard
  /** Asks a server how it is, in at most `timeoutMs` milliseconds; rejects if it cannot be reached. */
  readonly probe: (server: Server, timeoutMs: number) => Promise<ServerStatus>
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
  /** From 0 to below 1; default `Math.random`. */
  readonly random?: (() => number) | undefined
  readonly options?: MonitorOptions | undefined
  /** Called when it begins to ask the servers. */
  readonly onStart?: (() => void) | undefined
  /** Called when another server is the primary, or none, and when a server goes out of rotation or comes back. */
  readonly onChange?: ((view: ShardView) => void) | undefined
}

/** Between two rounds in which all servers are asked at once. */
const roundEveryMs = 100
/** Without a primary the servers are asked this often, so that a promotion is followed at once … */
const urgentIntervalMs = 200
/** … for so long; afterwards it is no longer a failover, but an outage. */
const urgentForMs = 30_000

/**
 * What is known about the servers of one shard, and who is its primary. It asks each server on a schedule of its own,
 * all of them at once when a statement has failed, and follows what they say (see `decide`). It elects nobody.
 *
 * It asks nobody until it is asked itself. Until a probe says otherwise the configured primary is the primary and every
 * server is usable, so that a replica that is down at the start does not stop the start.
 */
export class ShardMonitor {
  readonly #parts: ShardMonitorParts
  readonly #clock: Clock
  readonly #random: () => number
  readonly #intervalMs: number
  readonly #watched = new Map<string, WatchedServer>()
  #servers: readonly Server[]
  readonly #probers = new Map<string, Prober>()
  readonly #lag = new LagTracker()
  readonly #timing: { readonly probeTimeoutMs: number; readonly maxLagMs: number }
  readonly #record: DecisionRecord
  #decidedAt: number
  #change = Promise.withResolvers<void>()
  #lastTold: string
  #order = 0
  #lastRoundAt = -Infinity
  #roundTimer: unknown
  #roundsUnderWay = 0
  #settled: PromiseWithResolvers<void> | undefined
  #hasFollowed = false
  #state: 'new' | 'running' | 'stopped' = 'new'

  constructor(parts: ShardMonitorParts) {
    const { shard, clock = systemClock, random = Math.random, options = {} } = parts
    const { probeIntervalMs = 1_000, probeTimeoutMs = 1_000, maxLagMs = 0 } = options
    this.#parts = parts
    this.#clock = clock
    this.#random = random
    // Lag is measured as finely as the primary is asked, so the limit must be some of these steps.
    this.#intervalMs = maxLagMs === 0 ? probeIntervalMs : Math.min(probeIntervalMs, Math.max(50, maxLagMs / 4))
    this.#timing = { probeTimeoutMs, maxLagMs }
    this.#servers = [shard.primary, ...shard.replicas]
    for (const server of this.#servers) this.#watch(server, true)
    this.#record = new DecisionRecord(
      shard.primary.id,
      shard.replicas.map(({ id }) => id),
    )
    this.#decidedAt = clock.now()
    this.#lastTold = this.#summary()
  }

  /** The servers of the shard, the configured primary first. */
  get servers(): readonly Server[] {
    return this.#servers
  }

  /**
   * From now on these are the replicas of the shard, besides the configured primary: new ones are asked at once, and get
   * nothing before they have answered, and, but for those of the first call, shown what the primary had by then; those that are
   * missing get nothing more. One of a known id keeps what is known of it.
   */
  follow(replicas: readonly Server[]): void {
    if (this.#state === 'stopped') return
    const { primary } = this.#parts.shard
    this.#servers = [primary, ...replicas]
    const wanted = new Set(this.#servers.map(({ id }) => id))
    for (const id of this.#watched.keys()) if (!wanted.has(id)) this.#drop(id)
    for (const server of replicas) {
      const known = this.#watched.get(server.id)
      if (known !== undefined) known.server = server
      else this.#watch(server, false)
      if (known === undefined && this.#hasFollowed) this.#watched.get(server.id)?.joins(this.#order)
    }
    this.#hasFollowed = true
    this.#record.follow(
      primary.id,
      replicas.map(({ id }) => id),
    )
    this.#decide()
    if (this.#state === 'running') this.#askAll()
    this.#tell()
  }

  /** Whether statements may go there: it answers, belongs to the shard, and is not too far behind. Of the configured ones unknown counts as yes. */
  usable(server: Server): boolean {
    this.#start()
    const watched = this.#watched.get(server.id)
    return watched !== undefined && this.#outOf(watched) === undefined
  }

  stateOf(server: Server): Health {
    return this.#watched.get(server.id)?.health ?? unknownHealth
  }

  /**
   * How far the server is known to have come. Undefined once it failed a probe or a statement, and after `forget`, until
   * a probe that began afterwards has succeeded. Goes back only with a server that was restarted.
   */
  positionOf(server: Server): Position | undefined {
    return this.#watched.get(server.id)?.position
  }

  /** Milliseconds that its rows may be old at most, by what is known; see `WatchedServer`. */
  stalenessMsOf(server: Server): number | undefined {
    const watched = this.#watched.get(server.id)
    if (watched === undefined || this.#isPrimary(watched)) return watched && 0
    return watched.stalenessMs(this.#lag, this.#clock.now())
  }

  /** Its position is no longer valid, for instance because a connection to it had to be opened anew. */
  forget(server: Server): void {
    this.#watched.get(server.id)?.forget(++this.#order)
  }

  /**
   * A statement failed with an error of the connection. The server gets no more statements until a probe that begins
   * now has succeeded; all servers of the shard are asked at once.
   */
  reportFailure(server: Server, error: unknown): void {
    this.#start()
    const watched = this.#watched.get(server.id)
    if (this.#state === 'stopped' || watched === undefined) return
    watched.fail(failureText(error), ++this.#order, this.#clock.now())
    if (watched.health.kind === 'suspect') {
      void this.#probers.get(server.id)?.next()
      this.#askAll()
    }
    this.#tell()
  }

  /** A server refused a write as read-only: all are asked at once, at most every 100 ms. */
  reportRoleChange(): void {
    this.#start()
    this.#askAll()
  }

  /**
   * What the server says to a probe that begins after this call; callers who wait at the same time share it. Undefined
   * if it fails, or takes longer than its limit: then the server is out already; and of a server that is none of the
   * shard's.
   */
  async refresh(server: Server): Promise<ServerStatus | undefined> {
    this.#start()
    return await this.#probers.get(server.id)?.next()
  }

  /** Who takes the writes now. */
  primary(): ShardPrimary {
    this.#start()
    return this.#primary()
  }

  /** Resolves at the next decision that differs: another primary, none, several; and at `stop`. */
  changed(): Promise<void> {
    this.#start()
    return this.#change.promise
  }

  /**
   * Resolves when the servers have answered, or failed to, about everything that was reported so far, and a decision was
   * made upon it, also if it is the same as before.
   */
  settled(): Promise<void> {
    if (this.#isSettled()) return Promise.resolve()
    this.#settled ??= Promise.withResolvers()
    return this.#settled.promise
  }

  /** Everything, for people. Asks nobody. */
  view(): ShardView {
    const { database, shard } = this.#parts
    const outOf = (watched: WatchedServer): string | undefined => this.#outOf(watched)
    const twinOf = (id: string): string | undefined => this.#record.twinOf(id)
    const [primary, servers, now] = [this.#primary(), this.#watched.values(), this.#clock.now()]
    return viewOf({ database, shard, primary, servers, outOf, twinOf, now })
  }

  /** Asks nobody any more, and leaves no timer behind. What is known stays as it is. Idempotent. */
  stop(): void {
    this.#state = 'stopped'
    this.#clock.clearTimeout(this.#roundTimer)
    this.#roundTimer = undefined
    for (const watched of this.#watched.values()) this.#clock.clearTimeout(watched.timer)
    for (const prober of this.#probers.values()) prober.stop()
    this.#change.resolve()
    this.#settled?.resolve()
  }

  #start(): void {
    if (this.#state !== 'new') return
    this.#state = 'running'
    this.#parts.onStart?.()
    this.#askAll()
  }

  #onReport(watched: WatchedServer, report: ProbeReport): void {
    if (watched.report(this.#trusting(watched, report), ++this.#order, this.#random())) {
      this.#decide()
      this.#measure(watched, report.begunAt, report.outcome.at)
      const primary = this.#watchedPrimary()
      for (const each of this.#watched.values()) each.admit(primary)
    }
    this.#schedule(watched)
    this.#tell()
    this.#checkSettled()
  }

  /**
   * A standby's presumed position holds while the primary is on that timeline itself: then there was no promotion that the
   * standby could have followed.
   */
  #trusting(watched: WatchedServer, report: ProbeReport): ProbeReport {
    const { outcome } = report
    if (!('status' in outcome) || outcome.status.position !== undefined) return report
    const { presumed } = outcome.status
    const primary = this.#watchedPrimary()
    const at = primary === watched || primary?.failing === true ? undefined : primary?.position
    if (presumed?.kind !== 'lsn' || at?.kind !== 'lsn' || presumed.timeline !== at.timeline) return report
    return { ...report, outcome: { ...outcome, status: { ...outcome.status, position: presumed } } }
  }

  #decide(): void {
    const { differs, ask } = this.#record.update(this.#watched, this.#order)
    for (const id of ask) void this.#probers.get(id)?.next()
    if (!differs) return
    this.#decidedAt = this.#clock.now()
    this.#change.resolve()
    this.#change = Promise.withResolvers()
    for (const watched of this.#watched.values()) this.#schedule(watched)
  }

  #measure(watched: WatchedServer, begunAt: number, at: number): void {
    if (!this.#isPrimary(watched)) watched.measure(this.#lag, at)
    // At the beginning of its probe the primary was there or not yet there, so no lag is understated.
    else if (watched.position !== undefined) this.#lag.sample(begunAt, watched.position)
  }

  #askAll(): void {
    if (this.#state !== 'running' || this.#roundTimer !== undefined) return
    const waitMs = this.#lastRoundAt + roundEveryMs - this.#clock.now()
    if (waitMs <= 0) return void this.#round()
    this.#roundTimer = this.#clock.setTimeout(() => {
      this.#roundTimer = undefined
      void this.#round()
    }, waitMs)
  }

  async #round(): Promise<void> {
    this.#lastRoundAt = this.#clock.now()
    this.#roundsUnderWay++
    await Promise.all([...this.#probers.values()].map((prober) => prober.next()))
    this.#roundsUnderWay--
    this.#checkSettled()
  }

  #isSettled(): boolean {
    if (this.#state !== 'running') return true
    return this.#roundTimer === undefined && this.#roundsUnderWay === 0 && !this.#record.inDoubt
  }

  #checkSettled(): void {
    if (!this.#isSettled()) return
    this.#settled?.resolve()
    this.#settled = undefined
  }

  #schedule(watched: WatchedServer): void {
    this.#clock.clearTimeout(watched.timer)
    if (this.#state !== 'running') return
    const callback = (): void => {
      watched.timer = undefined
      watched.health = nextHealth(watched.health, { kind: 'time', at: this.#clock.now() })
      void this.#probers.get(watched.server.id)?.next()
    }
    watched.timer = this.#clock.setTimeout(callback, Math.max(0, this.#dueAt(watched) - this.#clock.now()))
  }

  #dueAt({ health, probedAt }: WatchedServer): number {
    if (health.kind === 'down') return health.nextProbeAt
    const now = this.#clock.now()
    const urgent = this.#record.decision.kind !== 'primary' && now - this.#decidedAt < urgentForMs
    const intervalMs = urgent ? Math.min(urgentIntervalMs, this.#intervalMs) : this.#intervalMs
    return (probedAt ?? now) + intervalMs * (0.8 + 0.4 * this.#random())
  }

  #outOf(watched: WatchedServer): string | undefined {
    const { health, server, lagMs } = watched
    if (health.kind === 'suspect' || health.kind === 'down' || health.kind === 'probing') return health.why
    // A name service may lead to a server that was not loaded yet, or to somebody else's.
    if (health.kind === 'unknown' && !watched.trusted) return 'it has not answered yet'
    const excluded = this.#record.excluded(server.id)
    if (excluded !== undefined) return excluded
    if (this.#isPrimary(watched)) return undefined
    if (watched.isJoining) return 'it does not show yet what the primary had when it was found'
    // A PostgreSQL standby whose primary died cannot tell its timeline. Where no primary is left there is nothing to be behind of.
    const isPlaceless = watched.incomparable && this.#record.decision.kind !== 'none'
    if (!watched.gate.out && !isPlaceless) return undefined
    return lagMs === undefined ? 'how far it is behind cannot be told' : `${Math.round(lagMs)} ms behind`
  }

  #primary(): ShardPrimary {
    const { decision } = this.#record
    if (decision.kind !== 'primary') return { kind: decision.kind, why: decision.why }
    return { kind: 'primary', server: this.#watchedPrimary()?.server ?? this.#parts.shard.primary }
  }

  #watchedPrimary(): WatchedServer | undefined {
    const { decision } = this.#record
    return decision.kind === 'primary' ? this.#watched.get(decision.id) : undefined
  }

  #isPrimary(watched: WatchedServer): boolean {
    return this.#watchedPrimary() === watched
  }

  #watch(server: Server, trusted: boolean): void {
    const { probe } = this.#parts
    const { probeTimeoutMs, maxLagMs } = this.#timing
    const watched = new WatchedServer(server, maxLagMs, trusted)
    this.#watched.set(server.id, watched)
    const prober = new Prober({
      probe: (timeoutMs) => probe(watched.server, timeoutMs),
      timeoutMs: probeTimeoutMs,
      clock: this.#clock,
      order: () => ++this.#order,
      onReport: (report) => this.#onReport(watched, report),
    })
    this.#probers.set(server.id, prober)
  }

  #drop(id: string): void {
    this.#clock.clearTimeout(this.#watched.get(id)?.timer)
    this.#probers.get(id)?.stop()
    this.#watched.delete(id)
    this.#probers.delete(id)
  }

  #tell(): void {
    const summary = this.#summary()
    if (summary === this.#lastTold) return
    this.#lastTold = summary
    this.#parts.onChange?.(this.view())
  }

  /** What `onChange` is called about. */
  #summary(): string {
    const out = [...this.#watched.values()].filter((watched) => this.#outOf(watched) !== undefined)
    return `${this.#record.key}; out: ${out.map(({ server }) => server.id).join(' ')}`
  }
}
