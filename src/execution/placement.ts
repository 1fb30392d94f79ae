import type { ServerStatus } from '../drivers/driver.ts'
import { ClientClosedError, NoPrimaryError, NoReplicaError, TwoPrimariesError } from '../errors.ts'
import type { Reason } from '../routing/route.ts'
import type { ShardMemory, Touched } from '../routing/session.ts'
import { comparePosition, type Position } from '../topology/position.ts'
import type { Database, Server, Shard } from '../topology/topology.ts'
import type { ReplicaBalancer } from './balancer.ts'
import type { CallWait } from './call-wait.ts'
import { placedOn, placeOf, shardKey, shardOf, whereOf, type Decision } from './decision.ts'
import { reasons, waits } from './placement-reasons.ts'

/** What is known of the servers of one shard; see `failover/monitor.ts`. */
export interface ShardWatch {
  /** All servers of the shard, whatever their roles. */
  readonly servers: readonly Server[]
  usable(server: Server): boolean
  /** Milliseconds that its rows may be old at most, by what is known. */
  stalenessMsOf(server: Server): number | undefined
  /** Asks the server, in a probe that begins after the call. `undefined` if it failed. */
  refresh(server: Server): Promise<ServerStatus | undefined>
  primary():
    { readonly kind: 'primary'; readonly server: Server } | { readonly kind: 'none' | 'split'; readonly why: string }
  /** Resolves when it is decided anew who is primary. */
  changed(): Promise<void>
}

/** What `explain` looks at: what is known already. */
export interface KnownShard extends Pick<ShardWatch, 'servers' | 'usable' | 'stalenessMsOf' | 'primary'> {
  positionOf(server: Server): Position | undefined
}

/** What a read wants of its server, besides the statement. */
export interface ReadWishes {
  /** What its session remembers of the shard. */
  readonly memory: ShardMemory | undefined
  /** The tables that it reads, where others than those the session wrote need not be waited for. */
  readonly touches?: Touched
  /** The session's reads stay on one replica. */
  readonly sticky: boolean
  /** Many callers share the memory: a write under way is somebody else's. */
  readonly shared: boolean
  /** Whatever the session wrote need not be there. */
  readonly anyState: boolean
  readonly tags: readonly string[]
  readonly maxStalenessMs: number | undefined
}

export interface PlacementParts {
  readonly watchOf: (database: Database, shard: Shard) => ShardWatch
  /** The same without asking any server. */
  readonly knownOf: (database: Database, shard: Shard) => KnownShard
  /** How far a server has come at least; `undefined` where that is not known (any more). */
  readonly positionOf: (database: Database, shard: Shard, server: Server) => Position | undefined
  /** Connections to the server that were lost so far. */
  readonly lossesOf: (server: Server) => number
  readonly balancer: ReplicaBalancer
  readonly now: () => number
  /** Resolves after the time, or when the signal fires. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** The client is closed for good: nothing waits any longer. */
  readonly isClosed: () => boolean
}

/** Between two questions how far the replicas have come, in ms. */
const pauseMs = 1

/** Not left to the balancer, which chooses among those that show enough: a spare is often the first of them. */
function withoutSpares(servers: readonly Server[]): readonly Server[] {
  const isSpare = ({ weight }: Server): boolean => weight === 0
  return servers.some(isSpare) && !servers.every(isSpare) ? servers.filter((server) => !isSpare(server)) : servers
}

/** Finds the server for a routed statement: the primary of its shard, or a replica that is well and shows enough. */
export class Placement {
  readonly #parts: PlacementParts
  readonly #placed = new WeakMap<Decision, Map<string, Decision>>()
  /** Statements that wait for a primary, by database. */
  readonly #held = new Map<string, number>()

  constructor(parts: PlacementParts) {
    this.#parts = parts
  }

  /** The decision on its shard's primary; waits while there is none, bounded in time and number. */
  primary(decision: Decision, wait: CallWait, reason: Reason = reasons.primary): Decision | Promise<Decision> {
    const watch = this.#parts.watchOf(decision.database, shardOf(decision))
    const found = watch.primary()
    if (found.kind === 'primary') return this.#on(decision, found.server, 'primary', reason)
    return this.#hold(decision, watch, wait, reason)
  }

  /**
   * A read on a replica, or on the primary where no replica can be used or shows enough in time. Servers in `tried` have
   * failed for this read.
   */
  read(
    decision: Decision,
    wishes: ReadWishes,
    tried: ReadonlySet<string>,
    wait: CallWait,
  ): Decision | Promise<Decision> {
    if (wishes.maxStalenessMs !== undefined) this.#noteLosses(decision)
    const found = this.#readNow(decision, wishes, tried, wait)
    return found ?? this.#readLater(decision, wishes, tried, wait)
  }

  /**
   * As `read` and `primary`, as far as it can be told from what is known: for `explain`. Waits for nothing, asks no server, and leaves
   * the session and the balancer as they are.
   */
  likely(decision: Decision, wishes: ReadWishes): Decision {
    const shard = shardOf(decision)
    const known = this.#parts.knownOf(decision.database, shard)
    const found = known.primary()
    const onPrimary = (reason: Reason): Decision =>
      found.kind === 'primary' ? this.#on(decision, found.server, 'primary', reason) : decision
    if (decision.route.role === 'primary') return onPrimary(reasons.primary)
    const usable = this.#usable(decision, shard, known, wishes, new Set())
    if (usable.length === 0) {
      this.#mayFallBack(decision, wishes)
      return onPrimary(reasons.noReplica)
    }
    const { memory } = wishes
    if (memory === undefined || wishes.anyState) return this.#on(decision, usable[0]!, 'replica', reasons.balanced)
    const stays = usable.find(({ id }) => wishes.sticky && id === memory.stay?.server)
    const shown = usable.filter((server) => memory.reachedBy(known.positionOf(server), wishes.touches) === 'reached')
    if (stays !== undefined && shown.includes(stays)) return this.#on(decision, stays, 'replica', reasons.stays)
    const chosen = shown[0]
    if (chosen === undefined) return decision
    return this.#on(decision, chosen, 'replica', this.#reasonOf(memory, wishes))
  }

  /**
   * `need`: what the primary said after the read had come; it covers all that was written or seen before. `asked`: how
   * fresh the replicas are has been asked for this read.
   */
  #readNow(
    decision: Decision,
    wishes: ReadWishes,
    tried: ReadonlySet<string>,
    wait: CallWait,
    need?: Position,
    asked = false,
  ): Decision | Promise<Decision> | undefined {
    const shard = shardOf(decision)
    const watch = this.#parts.watchOf(decision.database, shard)
    const usable = this.#usable(decision, shard, watch, wishes, tried)
    if (usable.length === 0) {
      if (!asked && this.#stale(decision, wishes, tried).length > 0) return undefined
      this.#mayFallBack(decision, wishes)
      return this.primary(decision, wait, reasons.noReplica)
    }
    const { balancer } = this.#parts
    const kind = decision.database.replication.balancer
    const { memory } = wishes
    const stays = wishes.sticky && memory !== undefined ? this.#staying(memory, usable) : undefined
    if (memory === undefined || wishes.anyState) {
      const any = stays ?? balancer.choose(usable, kind)
      // What it shows may be newer than what the others have, and the reads that follow must not be older.
      if (wishes.sticky && memory !== undefined) memory.stay = { server: any.id, losses: this.#parts.lossesOf(any) }
      return this.#on(decision, any, 'replica', reasons.balanced)
    }
    const shown = usable.filter((server) => this.#shows(decision, shard, server, wishes, need) === 'reached')
    if (stays !== undefined && shown.includes(stays)) return this.#on(decision, stays, 'replica', reasons.stays)
    // It may have shown more than is known to be needed: another one must have come as far as the primary is now.
    if (stays !== undefined && need === undefined) memory.forget()
    if (shown.length === 0 || (stays !== undefined && need === undefined)) return undefined
    const chosen = balancer.choose(shown, kind)
    if (wishes.sticky) memory.stay = { server: chosen.id, losses: this.#parts.lossesOf(chosen) }
    const reason = need === undefined ? this.#reasonOf(memory, wishes) : reasons.caughtUp
    return this.#on(decision, chosen, 'replica', reason)
  }

  #reasonOf(memory: ShardMemory, { touches }: ReadWishes): Reason {
    if (memory.needOf(touches) !== 'nothing') return reasons.caughtUp
    return memory.need === 'nothing' ? reasons.balanced : reasons.untouched
  }

  async #readLater(
    decision: Decision,
    wishes: ReadWishes,
    tried: ReadonlySet<string>,
    wait: CallWait,
  ): Promise<Decision> {
    const shard = shardOf(decision)
    const watch = this.#parts.watchOf(decision.database, shard)
    const deadline = this.#parts.now() + decision.database.replication.waitMs
    const memory = wishes.memory!
    let need: Position | undefined
    if (this.#usable(decision, shard, watch, wishes, tried).length === 0) {
      const asked = askHowFresh(watch, this.#stale(decision, wishes, tried))
      await this.#waitFor([asked], decision.database.replication.waitMs, wait, waits.freshness)
    }
    for (;;) {
      const usable = this.#usable(decision, shard, watch, wishes, tried)
      if (usable.some((server) => this.#shows(decision, shard, server, wishes, need) === 'incomparable')) {
        need = await this.#settle(memory, watch, wait)
        if (need === undefined) return await this.primary(decision, wait, reasons.noPosition)
      }
      const before = this.#readNow(decision, wishes, tried, wait, need, true)
      if (before !== undefined) return await before
      if (this.#parts.now() >= deadline) return await this.primary(decision, wait, reasons.behind)
      // Whoever answers first may be enough; the others' answers are noted when they come.
      const asked = usable.map(async (server) => await watch.refresh(server))
      await this.#waitFor(asked, deadline - this.#parts.now(), wait, waits.replica)
      const after = this.#readNow(decision, wishes, tried, wait, need, true)
      if (after !== undefined) return await after
      await this.#parts.sleep(pauseMs)
    }
  }

  #shows(
    { database }: Decision,
    shard: Shard,
    server: Server,
    { memory, touches }: ReadWishes,
    need: Position | undefined,
  ): ReturnType<ShardMemory['reachedBy']> {
    const at = this.#parts.positionOf(database, shard, server)
    if (need === undefined) return memory!.reachedBy(at, touches)
    return at === undefined ? 'behind' : comparePosition(at, need)
  }

  async #settle(memory: ShardMemory, watch: ShardWatch, wait: CallWait): Promise<Position | undefined> {
    const asked = settle(memory, watch)
    await this.until(asked, wait, waits.position)
    return await asked
  }

  /** The replica that the session reads; if it cannot any more, what it saw there is beyond what is known. */
  #staying(memory: ShardMemory, usable: readonly Server[]): Server | undefined {
    const { stay } = memory
    if (stay === undefined) return undefined
    const server = usable.find(({ id }) => id === stay.server)
    if (server !== undefined && this.#parts.lossesOf(server) === stay.losses) return server
    memory.stay = undefined
    memory.forget()
    return undefined
  }

  #usable(
    { tags }: Decision,
    shard: Shard,
    watch: Pick<KnownShard, 'servers' | 'usable' | 'stalenessMsOf' | 'primary'>,
    wishes: ReadWishes,
    tried: ReadonlySet<string>,
  ): readonly Server[] {
    const primary = watch.primary()
    const primaryId = primary.kind === 'primary' ? primary.server.id : shard.primary.id
    const fit = watch.servers.filter((server) => {
      if (tried.has(server.id) || server.id === primaryId || !watch.usable(server)) return false
      if (![...tags, ...wishes.tags].every((tag) => server.tags.includes(tag))) return false
      const { maxStalenessMs } = wishes
      if (maxStalenessMs === undefined) return true
      const stalenessMs = watch.stalenessMsOf(server)
      return stalenessMs !== undefined && stalenessMs <= maxStalenessMs
    })
    return withoutSpares(fit)
  }

  /** A replica that may have restarted shows, maybe, less than it did. */
  #noteLosses(decision: Decision): void {
    const { database } = decision
    const shard = shardOf(decision)
    for (const server of this.#parts.watchOf(database, shard).servers) this.#parts.positionOf(database, shard, server)
  }

  /** Replicas that could be read but for how old their rows may be. */
  #stale(decision: Decision, wishes: ReadWishes, tried: ReadonlySet<string>): readonly Server[] {
    if (wishes.maxStalenessMs === undefined) return []
    const shard = shardOf(decision)
    const watch = this.#parts.watchOf(decision.database, shard)
    return this.#usable(decision, shard, watch, { ...wishes, maxStalenessMs: undefined }, tried)
  }

  #mayFallBack(decision: Decision, wishes: ReadWishes): void {
    const tags = [...decision.tags, ...wishes.tags]
    if (tags.length === 0 || decision.database.replication.tagFallback === 'primary') return
    throw new NoReplicaError(
      `No replica of "${decision.route.database}" with the tag ${tags.join(', ')} can be used now, and replication.tagFallback is "error". Nothing was sent.`,
      whereOf(decision),
    )
  }

  async #hold(decision: Decision, watch: ShardWatch, wait: CallWait, reason: Reason): Promise<Decision> {
    const { replication } = decision.database
    const [shard, where, held] = [shardKey(decision), placeOf(decision), this.#held.get(shardKey(decision)) ?? 0]
    const begun = this.#parts.now()
    this.#held.set(shard, held + 1)
    try {
      for (;;) {
        const found = watch.primary()
        if (found.kind === 'primary') return this.#on(decision, found.server, 'primary', reason)
        const waited = Math.round(this.#parts.now() - begun)
        if (found.kind === 'split') {
          throw new TwoPrimariesError(
            `${where.name} has two servers that take writes: ${found.why}. Nothing was sent. Stop one of them, or make it a replica.`,
            where.place,
          )
        }
        if (waited >= replication.holdMs || held >= replication.holdStatements) {
          const why =
            waited >= replication.holdMs
              ? `none appeared within ${waited} ms (replication.holdMs)`
              : `${held} statements wait already (replication.holdStatements)`
          throw new NoPrimaryError(
            `${where.name} has no primary (${found.why}), and ${why}. Nothing was sent. Promote a replica, or let statements wait longer.`,
            where.place,
          )
        }
        await this.#waitFor([watch.changed()], replication.holdMs - waited, wait, waits.primary)
      }
    } finally {
      const left = (this.#held.get(shard) ?? 1) - 1
      if (left === 0) this.#held.delete(shard)
      else this.#held.set(shard, left)
    }
  }

  /** `work`, as long as the call may wait for it and the client is open; `what` is done meanwhile, for the message. */
  async until(work: Promise<unknown>, wait: CallWait, what: string = waits.role): Promise<void> {
    const state = { isOver: false }
    const end = (): void => void (state.isOver = true)
    const done = work.then(end, end)
    // A timer may fire a fraction of a millisecond before the call's time is over.
    while (!state.isOver) await this.#waitFor([done], wait.leftMs, wait, what)
  }

  /** Waits for the first of `work`, no longer than `ms`, than the call may, and than the client is open. */
  async #waitFor(work: readonly Promise<unknown>[], ms: number, wait: CallWait, what: string): Promise<void> {
    wait.check(what)
    const over = new AbortController()
    const signal = wait.signal === undefined ? over.signal : AbortSignal.any([over.signal, wait.signal])
    try {
      await Promise.race([...work, this.#parts.sleep(Math.min(ms, wait.leftMs), signal)])
    } finally {
      over.abort()
    }
    wait.check(what)
    if (this.#parts.isClosed()) throw new ClientClosedError()
  }

  /** Decisions are remembered by those who ask for them, so the placed ones are made once, too. */
  #on(decision: Decision, server: Server, role: Server['role'], reason: Reason): Decision {
    let byServer = this.#placed.get(decision)
    if (byServer === undefined) {
      byServer = new Map()
      this.#placed.set(decision, byServer)
    }
    const key = `${server.id} ${reason.rule}`
    let placed = byServer.get(key)
    if (placed === undefined) {
      placed = placedOn(decision, server, role, reason)
      byServer.set(key, placed)
    }
    return placed
  }
}

/** The primary first: what a replica has then reached is as fresh as the question. */
async function askHowFresh(watch: Pick<ShardWatch, 'primary' | 'refresh'>, replicas: readonly Server[]): Promise<void> {
  const primary = watch.primary()
  if (primary.kind === 'primary') await watch.refresh(primary.server)
  await Promise.all(replicas.map(async (server) => await watch.refresh(server)))
}

/**
 * Asks the primary how far it is: a server that has come as far shows everything that the session wrote or saw before.
 * `undefined` if nobody can say.
 */
export async function settle(
  memory: ShardMemory,
  watch: Pick<ShardWatch, 'primary' | 'refresh'>,
): Promise<Position | undefined> {
  const found = watch.primary()
  if (found.kind !== 'primary') return undefined
  const { turn } = memory
  const status = await watch.refresh(found.server)
  if (status?.position === undefined || !status.writable) return undefined
  memory.settle(status.position, turn)
  return status.position
}
