import type { CallOptions } from '../config.ts'
import type { Access, Lease } from '../drivers/driver.ts'
import { locate } from '../errors.ts'
import type { ShardMemory } from '../routing/session.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import type { Server } from '../topology/topology.ts'
import type { ReplicaBalancer } from './balancer.ts'
import { shardKey, shardOf, whereOf, type Decision } from './decision.ts'
import type { InFlight } from './in-flight.ts'
import type { Placement, ReadWishes, ShardWatch } from './placement.ts'
import { PlacedLease } from './placed-lease.ts'
import { isServersFault, mayMove, onAnyServer } from './retry.ts'

/** What the execution on replicated shards learns about servers. */
export interface FailureWatch extends ShardWatch {
  /** A statement failed because of the server: it is suspect, and all servers of the shard are asked. */
  reportFailure(server: Server, error: unknown): void
  /** A server refused a write because it is read-only: it may not be the primary any more. */
  reportRoleChange(server: Server): void
  /** Resolves when the servers have been asked about all that was reported, and it is decided anew who is primary. */
  settled(): Promise<void>
}

export interface ReplicatedParts {
  readonly placement: Placement
  readonly balancer: ReplicaBalancer
  readonly inFlight: InFlight
  readonly watchOf: (decision: Decision) => FailureWatch
  readonly now: () => number
}

/**
 * Carries statements out on shards with replicas: writes on the primary, reads on a replica that is well and shows what
 * their session wrote or saw, on another server where one fails, and never a write twice.
 */
export class Replicated {
  readonly #parts: ReplicatedParts

  constructor(parts: ReplicatedParts) {
    this.#parts = parts
  }

  /** The decision as it would be placed now. Waits for nothing. */
  likely(decision: Decision, surroundings: Surroundings, options: CallOptions | undefined): Decision {
    if (decision.route.role === 'primary') return decision
    return this.#parts.placement.likely(decision, this.#wishes(decision, surroundings, options))
  }

  /** One autocommit statement; `send` sends it to the server of a placed decision. */
  async run<T>(
    decision: Decision,
    surroundings: Surroundings,
    options: CallOptions | undefined,
    send: (placed: Decision) => Promise<T>,
  ): Promise<T> {
    return decision.route.role === 'replica'
      ? await this.#read(decision, surroundings, options, send)
      : await this.#onPrimary(decision, surroundings, send)
  }

  /** A connection for a transaction, a reserved connection or a stream. */
  async lease(
    decision: Decision,
    surroundings: Surroundings,
    access: Access,
    open: (placed: Decision) => Promise<Lease>,
  ): Promise<Lease> {
    const { memory, shared } = surroundings
    const shard = memory.of(shardKey(decision))
    const isReplica = decision.route.role === 'replica'
    const placed = isReplica
      ? await this.#parts.placement.read(decision, this.#wishes(decision, surroundings, undefined), new Set())
      : await this.#parts.placement.primary(decision)
    const onPrimary = placed.route.role === 'primary'
    let lease: Lease
    try {
      lease = await open(placed)
    } catch (error) {
      await this.#failed(placed, error)
      throw error
    }
    const remembers = onPrimary && (access !== 'read' || !shared)
    if (remembers) shard.begin()
    let isOver = false
    return new PlacedLease(placed, lease, {
      writing: () => (memory.wrote = true),
      failed: (error) => void this.#failed(placed, error),
      ended: () => {
        if (isOver) return
        isOver = true
        if (remembers) shard.end()
      },
    })
  }

  async #onPrimary<T>(
    decision: Decision,
    { memory, shared }: Surroundings,
    send: (placed: Decision) => Promise<T>,
  ): Promise<T> {
    const isWrite = decision.route.effect !== 'read'
    const shard = isWrite || !shared ? memory.of(shardKey(decision)) : undefined
    if (isWrite) memory.wrote = true
    shard?.begin()
    try {
      return await this.#moving(decision, async () => await this.#parts.placement.primary(decision), send)
    } finally {
      shard?.end()
    }
  }

  async #read<T>(
    decision: Decision,
    surroundings: Surroundings,
    options: CallOptions | undefined,
    send: (placed: Decision) => Promise<T>,
  ): Promise<T> {
    const { balancer, inFlight, placement, now } = this.#parts
    const wishes = this.#wishes(decision, surroundings, options)
    const tried = new Set<string>()
    const place = async (): Promise<Decision> => await placement.read(decision, wishes, tried)
    return await this.#moving(decision, place, async (placed) => {
      const { server } = placed
      const begun = now()
      balancer.started(server)
      try {
        const answer = await inFlight.onServer(server, send(placed))
        // The primary may have shown more than the replicas have.
        if (placed.route.role === 'primary' && !wishes.shared) wishes.memory?.forget()
        return answer
      } catch (error) {
        tried.add(server.id)
        throw error
      } finally {
        balancer.ended(server, now() - begun)
      }
    })
  }

  /** Sends to one server after the other while nothing has happened and another may do better. */
  async #moving<T>(
    decision: Decision,
    place: () => Promise<Decision>,
    send: (placed: Decision) => Promise<T>,
  ): Promise<T> {
    const servers = 1 + shardOf(decision).replicas.length
    let placed = decision
    const attempt = async (): Promise<T> => {
      placed = await place()
      return await send(placed)
    }
    return await onAnyServer(servers + 1, attempt, async (error) => {
      await this.#failed(placed, error)
      return mayMove(error, placed.route.role)
    })
  }

  /** Tells what is known of the shard, and waits until a server that cannot be the primary any more is known as such. */
  async #failed(placed: Decision, error: unknown): Promise<void> {
    if (!isServersFault(error)) return
    const watch = this.#parts.watchOf(placed)
    if (error.errorClass === 'read-only') watch.reportRoleChange(placed.server)
    else watch.reportFailure(placed.server, error)
    if (placed.route.role === 'primary') await watch.settled()
  }

  #wishes(decision: Decision, { memory, shared, role }: Surroundings, options: CallOptions | undefined): ReadWishes {
    const shard: ShardMemory = memory.of(shardKey(decision))
    return {
      memory: shard,
      shared,
      sticky: !shared && decision.database.replication.stickiness === 'session',
      anyState: role === 'replica' || options?.role === 'replica',
      tags: options?.tags ?? [],
      maxStalenessMs: options?.maxStalenessMs,
    }
  }
}

/** Whether the database has more than its primary. */
export function isReplicated({ database }: Pick<Decision, 'database'>): boolean {
  return database.shards.some(({ replicas }) => replicas.length > 0)
}

/** An error of a placed statement, with the place. */
export function locatedAt(placed: Decision, error: unknown): unknown {
  return locate(error, whereOf(placed))
}
