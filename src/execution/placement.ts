import type { ServerStatus } from '../drivers/driver.ts'
import { NoPrimaryError, NoReplicaError, TwoPrimariesError } from '../errors.ts'
import type { Reason } from '../routing/route.ts'
import type { ShardMemory } from '../routing/session.ts'
import { comparePosition, type Position } from '../topology/position.ts'
import type { Database, Server, Shard } from '../topology/topology.ts'
import type { ReplicaBalancer } from './balancer.ts'
import { placedOn, shardOf, whereOf, type Decision } from './decision.ts'

/** What is known of the servers of one shard; see `failover/monitor.ts`. */
export interface ShardWatch {
  usable(server: Server): boolean
  /** How far it has come at least; `undefined` where that is not known (any more). */
  positionOf(server: Server): Position | undefined
  lagMsOf(server: Server): number | undefined
  /** Asks the server, in a probe that begins after the call. `undefined` if it failed. */
  refresh(server: Server): Promise<ServerStatus | undefined>
  /** Its connections were lost, so it may have restarted with an older state. */
  forget(server: Server): void
  primary():
    { readonly kind: 'primary'; readonly server: Server } | { readonly kind: 'none' | 'split'; readonly why: string }
  /** Resolves when it is decided anew who is primary. */
  changed(): Promise<void>
}

/** What a read wants of its server, besides the statement. */
export interface ReadWishes {
  /** What its session remembers of the shard. */
  readonly memory: ShardMemory | undefined
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
  /** Connections to the server that were lost so far. */
  readonly lossesOf: (server: Server) => number
  readonly balancer: ReplicaBalancer
  readonly now: () => number
  /** Resolves after the time, or when the signal fires. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** Between two questions how far the replicas have come, in ms. */
const pauseMs = 1

const reasons = {
  balanced: { rule: 'balanced', text: 'chosen among the replicas that may be read' },
  stays: { rule: 'stays', text: 'the session stays on the replica that it reads' },
  caughtUp: { rule: 'caught-up', text: 'the replica shows everything that the session wrote or saw' },
  underWay: { rule: 'write-under-way', text: 'a write of the session is under way, so the primary is read' },
  behind: { rule: 'behind', text: 'no replica showed in time what the session wrote or saw, so the primary is read' },
  noPosition: { rule: 'no-position', text: 'the primary could not say how far it is, so it is read itself' },
  noReplica: { rule: 'no-usable-replica', text: 'no replica can be used, so the primary is read' },
  primary: { rule: 'server', text: 'the primary' },
} as const satisfies Readonly<Record<string, Reason>>

/** Finds the server for a routed statement: the primary of its shard, or a replica that is well and shows enough. */
export class Placement {
  readonly #parts: PlacementParts
  readonly #placed = new WeakMap<Decision, Map<string, Decision>>()
  readonly #losses = new Map<string, number>()
  /** Statements that wait for a primary, by database. */
  readonly #held = new Map<string, number>()

  constructor(parts: PlacementParts) {
    this.#parts = parts
  }

  /** The decision on its shard's primary; waits while there is none, bounded in time and number. */
  primary(decision: Decision, reason: Reason = reasons.primary): Decision | Promise<Decision> {
    const watch = this.#parts.watchOf(decision.database, shardOf(decision))
    const found = watch.primary()
    if (found.kind === 'primary') return this.#on(decision, found.server, 'primary', reason)
    return this.#hold(decision, watch, reason)
  }

  /**
   * A read on a replica, or on the primary where no replica can be used or shows enough in time. Servers in `tried` have
   * failed for this read.
   */
  read(decision: Decision, wishes: ReadWishes, tried: ReadonlySet<string>): Decision | Promise<Decision> {
    const found = this.#readNow(decision, wishes, tried)
    return found ?? this.#readLater(decision, wishes, tried)
  }

  /** As `read`, without waiting for anything: for `explain`. */
  likely(decision: Decision, wishes: ReadWishes): Decision {
    const found = this.#readNow(decision, wishes, new Set())
    if (found !== undefined && !(found instanceof Promise)) return found
    return decision
  }

  /** `need`: what the primary said after the read had come; it covers all that was written or seen before. */
  #readNow(
    decision: Decision,
    wishes: ReadWishes,
    tried: ReadonlySet<string>,
    need?: Position,
  ): Decision | Promise<Decision> | undefined {
    const shard = shardOf(decision)
    const watch = this.#parts.watchOf(decision.database, shard)
    const usable = this.#usable(decision, shard, watch, wishes, tried)
    if (usable.length === 0) {
      this.#mayFallBack(decision, wishes)
      return this.primary(decision, reasons.noReplica)
    }
    const { balancer } = this.#parts
    const kind = decision.database.replication.balancer
    const { memory } = wishes
    if (memory === undefined || wishes.anyState) {
      return this.#on(decision, balancer.choose(usable, kind), 'replica', reasons.balanced)
    }
    if (memory.underWay > 0 && !wishes.shared) return this.primary(decision, reasons.underWay)
    const stays = wishes.sticky ? this.#staying(memory, usable) : undefined
    const shown = usable.filter((server) => this.#shows(watch, server, memory, need) === 'reached')
    if (stays !== undefined && shown.includes(stays)) return this.#on(decision, stays, 'replica', reasons.stays)
    if (shown.length === 0) return undefined
    const chosen = balancer.choose(shown, kind)
    if (wishes.sticky) memory.stay = { server: chosen.id, losses: this.#parts.lossesOf(chosen) }
    const isFree = need === undefined && memory.need === 'nothing'
    return this.#on(decision, chosen, 'replica', isFree ? reasons.balanced : reasons.caughtUp)
  }

  async #readLater(decision: Decision, wishes: ReadWishes, tried: ReadonlySet<string>): Promise<Decision> {
    const shard = shardOf(decision)
    const watch = this.#parts.watchOf(decision.database, shard)
    const deadline = this.#parts.now() + decision.database.replication.waitMs
    const memory = wishes.memory!
    let need: Position | undefined
    for (;;) {
      const usable = this.#usable(decision, shard, watch, wishes, tried)
      if (usable.some((server) => this.#shows(watch, server, memory, need) === 'incomparable')) {
        need = await this.#settle(memory, watch)
        if (need === undefined) return await this.primary(decision, reasons.noPosition)
      }
      const before = this.#readNow(decision, wishes, tried, need)
      if (before !== undefined) return await before
      if (this.#parts.now() >= deadline) return await this.primary(decision, reasons.behind)
      // Whoever answers first may be enough; the others' answers are noted when they come.
      const over = new AbortController()
      const left = this.#parts.sleep(deadline - this.#parts.now(), over.signal)
      await Promise.race([left, ...usable.map(async (server) => await watch.refresh(server))])
      over.abort()
      const after = this.#readNow(decision, wishes, tried, need)
      if (after !== undefined) return await after
      await this.#parts.sleep(pauseMs)
    }
  }

  #shows(
    watch: ShardWatch,
    server: Server,
    memory: ShardMemory,
    need: Position | undefined,
  ): ReturnType<ShardMemory['reachedBy']> {
    const at = this.#positionOf(watch, server)
    if (need === undefined) return memory.reachedBy(at)
    return at === undefined ? 'behind' : comparePosition(at, need)
  }

  /** Asks the primary how far it is: a server that has come as far shows everything that was written or seen before. */
  async #settle(memory: ShardMemory, watch: ShardWatch): Promise<Position | undefined> {
    const found = watch.primary()
    if (found.kind !== 'primary') return undefined
    const { turn } = memory
    const status = await watch.refresh(found.server)
    if (status?.position === undefined || !status.writable) return undefined
    memory.settle(status.position, turn)
    return status.position
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
    watch: ShardWatch,
    wishes: ReadWishes,
    tried: ReadonlySet<string>,
  ): readonly Server[] {
    const primary = watch.primary()
    const servers = [shard.primary, ...shard.replicas]
    return servers.filter((server) => {
      if (tried.has(server.id) || !watch.usable(server)) return false
      if (primary.kind === 'primary' ? server === primary.server : server === shard.primary) return false
      if (![...tags, ...wishes.tags].every((tag) => server.tags.includes(tag))) return false
      const { maxStalenessMs } = wishes
      if (maxStalenessMs === undefined) return true
      const lagMs = watch.lagMsOf(server)
      return lagMs !== undefined && lagMs <= maxStalenessMs
    })
  }

  #positionOf(watch: ShardWatch, server: Server): Position | undefined {
    const losses = this.#parts.lossesOf(server)
    if (losses !== (this.#losses.get(server.id) ?? 0)) {
      this.#losses.set(server.id, losses)
      watch.forget(server)
    }
    return watch.positionOf(server)
  }

  #mayFallBack(decision: Decision, wishes: ReadWishes): void {
    const tags = [...decision.tags, ...wishes.tags]
    if (tags.length === 0 || decision.database.replication.tagFallback === 'primary') return
    throw new NoReplicaError(
      `No replica of "${decision.route.database}" with the tag ${tags.join(', ')} can be used now, and replication.tagFallback is "error". Nothing was sent.`,
      whereOf(decision),
    )
  }

  async #hold(decision: Decision, watch: ShardWatch, reason: Reason): Promise<Decision> {
    const { alias, replication } = decision.database
    const held = this.#held.get(alias) ?? 0
    const begun = this.#parts.now()
    this.#held.set(alias, held + 1)
    const over = new AbortController()
    try {
      for (;;) {
        const found = watch.primary()
        if (found.kind === 'primary') return this.#on(decision, found.server, 'primary', reason)
        const waited = Math.round(this.#parts.now() - begun)
        if (found.kind === 'split') {
          throw new TwoPrimariesError(
            `"${alias}" has two servers that take writes: ${found.why}. Nothing was sent. Stop one of them, or make it a replica.`,
            { database: alias },
          )
        }
        if (waited >= replication.holdMs || held >= replication.holdStatements) {
          const why =
            waited >= replication.holdMs ? `none appeared within ${waited} ms` : `${held} statements wait already`
          throw new NoPrimaryError(`"${alias}" has no primary (${found.why}), and ${why}. Nothing was sent.`, {
            database: alias,
          })
        }
        await Promise.race([watch.changed(), this.#parts.sleep(replication.holdMs - waited, over.signal)])
      }
    } finally {
      over.abort()
      this.#held.set(alias, (this.#held.get(alias) ?? 1) - 1)
    }
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
