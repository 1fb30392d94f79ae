import type { ReadOptions } from '../config.ts'
import type { Lease } from '../drivers/driver.ts'
import { CommitUnknownError } from '../errors.ts'
import type { Reason } from '../routing/route.ts'
import type { SessionMemory, ShardMemory, Touched } from '../routing/session.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import { coversLog, type Position } from '../topology/position.ts'
import type { Database, Server } from '../topology/topology.ts'
import type { ReplicaBalancer } from './balancer.ts'
import { CallWait } from './call-wait.ts'
import { placedOn, shardKey, type Decision } from './decision.ts'
import type { InFlight } from './in-flight.ts'
import type { Placement, ReadWishes, ShardWatch } from './placement.ts'
import { PlacedLease, type LeaseWatch } from './placed-lease.ts'
import { readWishes, wished } from './read-wishes.ts'
import { isServersFault, mayMove, onAnyServer } from './retry.ts'
import type { CallLimits } from './time-limit.ts'

/** What the execution on replicated shards learns about servers. */
export interface FailureWatch extends ShardWatch {
  /** A statement failed because of the server: it is suspect, and all servers of the shard are asked. */
  reportFailure(server: Server, error: unknown): void
  /** A server refused a write because it is read-only: it may not be the primary any more. */
  reportRoleChange(): void
  /** How far the server is known to have come. */
  positionOf(server: Server): Position | undefined
  /** Resolves when the servers have been asked about all that was reported, and it is decided anew who is primary. */
  settled(): Promise<void>
}

export interface ReplicatedParts {
  readonly placement: Placement
  readonly balancer: ReplicaBalancer
  readonly inFlight: InFlight
  readonly watchOf: (decision: Decision) => FailureWatch
  /** Connections to the server that were lost so far. */
  readonly lossesOf: (server: Server) => number
  /** The databases on the same servers, itself included: one write changes what joins read on the others. */
  readonly sharing: (database: Database) => readonly string[] | undefined
  /** Waits until the primary of the placed decision shows all that a replica, named by its id, has shown; see `ShardWatches`. */
  readonly showsAll: (placed: Decision, shownBy: string) => Promise<boolean>
  /** Has `close()` wait for a statement. */
  readonly hold: <T>(statement: Promise<T>) => Promise<T>
  readonly now: () => number
}

/** Tells that something is over, and the position that covers it, if it is known. */
export type Ended = (covered?: Position) => void

/** Sends a statement to the server of a placed decision. */
export interface Sending<T> {
  readonly send: (placed: Decision) => Promise<T>
  /** Closes what an answer holds that nobody waits for any more. Must not throw. */
  readonly drop?: (answer: T) => void
  /** Where the write that was answered stands in the log, if the server said so. */
  readonly positionOf?: (answer: T) => Position | undefined
}

const unproven: Reason = {
  rule: 'unproven',
  text: 'it could not be told in time whether the primary shows all that a replica has shown',
}

/** A replica lost connections while it was asked: it may have restarted, and shown an older state than it had shown. */
class UnprovenRead extends Error {}

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
  likely(decision: Decision, surroundings: Surroundings, options: ReadOptions | undefined): Decision {
    const wishes = readWishes(decision, surroundings, options, 'looks')
    return this.#parts.placement.likely(wished(decision, wishes, surroundings), wishes)
  }

  /** One autocommit statement, or a stream up to its first row. */
  async run<T>(
    decision: Decision,
    surroundings: Surroundings,
    options: ReadOptions | undefined,
    limits: CallLimits,
    sending: Sending<T>,
  ): Promise<T> {
    const wait = new CallWait(limits, this.#parts.now)
    return await this.#parts.hold(
      decision.route.role === 'replica'
        ? this.#read(decision, surroundings, options, wait, sending)
        : this.#onPrimary(decision, surroundings, wait, sending),
    )
  }

  /**
   * A statement on the primary begins: until its end, which the caller tells, nobody knows what the session's reads must
   * show. Does nothing for a read that may go to a replica.
   */
  begun(decision: Decision, { memory, shared }: Surroundings): Ended {
    const isWrite = decision.route.effect !== 'read'
    if (decision.route.role === 'replica' || (!isWrite && shared)) return nothing
    if (isWrite) memory.wrote = true
    // A read on the primary may show of every table what the replicas do not have yet.
    return this.#begunIn(memory, decision, isWrite ? decision.touches : undefined)
  }

  /** The rows of a stream that runs there, to the end, or until the server is given up. */
  rowsOn<Row>(placed: Decision, rows: AsyncGenerator<Row, void, undefined>): AsyncGenerator<Row, void, undefined> {
    return placed.route.effect === 'read' ? this.#parts.inFlight.rowsOf(placed.server, rows) : rows
  }

  /** A connection for a transaction or a reserved connection; `open` takes one to the server of a placed decision. */
  async lease(
    decision: Decision,
    surroundings: Surroundings,
    limits: CallLimits,
    open: (placed: Decision) => Promise<Lease>,
  ): Promise<Lease> {
    const wait = new CallWait(limits, this.#parts.now)
    return await this.#parts.hold(this.#lease(decision, surroundings, wait, open))
  }

  async #lease(
    decision: Decision,
    surroundings: Surroundings,
    wait: CallWait,
    open: (placed: Decision) => Promise<Lease>,
  ): Promise<Lease> {
    const { inFlight, placement, lossesOf } = this.#parts
    const drop = (late: Lease): void => void late.release('clean').catch(nothing)
    const wishes = readWishes(decision, surroundings, undefined, 'reads')
    const asked = wished(decision, wishes, surroundings)
    const tried = new Set<string>()
    const place = async (): Promise<Decision> =>
      decision.route.role === 'replica'
        ? await placement.read(asked, wishes, tried, wait)
        : await placement.primary(decision, wait)
    const send = async (placed: Decision): Promise<Lease> => {
      const { server, route } = placed
      const losses = lossesOf(server)
      tried.add(server.id)
      // Cheap enough for every transaction there; elsewhere it may take longer than the transaction.
      const isProvable = route.role === 'primary' && route.engine === 'postgres'
      const proved = isProvable ? await this.#prove(placed, wishes, wait) : placed
      const lease = await inFlight.onServer(server, open(placed), drop)
      if (route.role === 'primary' || !needsProof(wishes) || lossesOf(server) === losses) {
        const because = proved.route.reasons.slice(decision.route.reasons.length)
        return this.#watched(placed, lease, surroundings, wishes, because)
      }
      await lease.release('clean')
      throw new UnprovenRead()
    }
    return await this.#moving(decision, wait, place, send)
  }

  #watched(
    placed: Decision,
    lease: Lease,
    surroundings: Surroundings,
    wishes: ReadWishes,
    because: readonly Reason[],
  ): Lease {
    const { balancer, inFlight, now } = this.#parts
    const { server, route } = placed
    const onPrimary = route.role === 'primary'
    const since = now()
    if (!onPrimary) balancer.started(server)
    // Of a connection that is kept over several sessions each statement, or transaction, has its own.
    let { memory } = surroundings
    const watch: LeaseWatch = {
      begun: (access) => {
        memory = surroundings.memory
        const counts = onPrimary && (access !== 'read' || !surroundings.shared)
        return counts ? this.#begunIn(memory, placed, undefined) : undefined
      },
      get session() {
        return memory
      },
      writing: () => (memory.wrote = true),
      covering: (position) => this.#covering(placed, position),
      failed: (error) => this.#report(placed, error),
      answer: async (work) => {
        if (onPrimary) return await work
        const answer = await inFlight.onServer(server, work)
        noteSeen(wishes, server)
        return answer
      },
      rows: (rows) => {
        if (onPrimary) return rows
        noteSeen(wishes, server)
        return inFlight.rowsOf(server, rows)
      },
      released: () => {
        if (!onPrimary) balancer.ended(server, now() - since)
      },
    }
    return new PlacedLease(placed, lease, watch, because)
  }

  async #onPrimary<T>(
    decision: Decision,
    surroundings: Surroundings,
    wait: CallWait,
    { send, drop, positionOf }: Sending<T>,
  ): Promise<T> {
    const { inFlight, placement } = this.#parts
    const ended = this.begun(decision, surroundings)
    let covered: Position | undefined
    // What may have taken effect is waited for; a read may go to the next primary instead.
    const isWrite = decision.route.effect !== 'read'
    const wishes = showsRows(decision) ? readWishes(decision, surroundings, undefined, 'reads') : undefined
    const place = async (): Promise<Decision> => await placement.primary(decision, wait)
    try {
      return await this.#moving(decision, wait, place, async (placed) => {
        const proved = wishes === undefined ? placed : await this.#prove(placed, wishes, wait)
        if (!isWrite) return await inFlight.onServer(placed.server, send(proved), drop)
        const answer = await send(proved)
        covered = this.#covering(placed, positionOf?.(answer))
        return answer
      })
    } finally {
      ended(covered)
    }
  }

  async #read<T>(
    decision: Decision,
    surroundings: Surroundings,
    options: ReadOptions | undefined,
    wait: CallWait,
    { send, drop }: Sending<T>,
  ): Promise<T> {
    const { balancer, inFlight, lossesOf, placement, now } = this.#parts
    const wishes = readWishes(decision, surroundings, options, 'reads')
    const asked = wished(decision, wishes, surroundings)
    const tried = new Set<string>()
    let needed = false
    const place = async (): Promise<Decision> => {
      needed = needsProof(wishes)
      return await placement.read(asked, wishes, tried, wait)
    }
    return await this.#moving(decision, wait, place, async (placed) => {
      const { server, route } = placed
      const [begun, losses] = [now(), lossesOf(server)]
      balancer.started(server)
      try {
        const proved = route.role === 'primary' ? await this.#prove(placed, wishes, wait) : placed
        const answer = await inFlight.onServer(server, send(proved), drop)
        if (route.role === 'replica' && needed && lossesOf(server) !== losses) {
          drop?.(answer)
          throw new UnprovenRead()
        }
        if (route.role === 'replica') noteSeen(wishes, server)
        // The primary may have shown more than the replicas have.
        else if (!wishes.shared) wishes.memory?.forget()
        return answer
      } catch (error) {
        tried.add(server.id)
        throw error
      } finally {
        balancer.ended(server, now() - begun)
      }
    })
  }

  /**
   * Before the session reads the primary: it shows all that a replica has shown the session, or that cannot be told within
   * `waitMs`. Then the primary is read all the same, since no server is known that would do better, and the route says so.
   */
  async #prove(placed: Decision, { memory, sticky }: ReadWishes, wait: CallWait): Promise<Decision> {
    const shownBy = memory?.shownBy
    if (!sticky || memory === undefined || shownBy === undefined) return placed
    const turn = memory.shownTurn
    if (shownBy === placed.server.id) {
      memory.noteProved(turn)
      return placed
    }
    const { inFlight, placement, showsAll } = this.#parts
    // A primary that hangs fails the read, and not this.
    const proof = inFlight.onServer(placed.server, showsAll(placed, shownBy)).catch(() => false)
    await placement.until(proof, wait, 'the primary was asked whether it shows what a replica has shown')
    if (!(await proof)) return placedOn(placed, placed.server, 'primary', unproven)
    memory.noteProved(turn)
    return placed
  }

  /** Sends to one server after the other while nothing has happened and another may do better. */
  async #moving<T>(
    decision: Decision,
    wait: CallWait,
    place: () => Promise<Decision>,
    send: (placed: Decision) => Promise<T>,
  ): Promise<T> {
    const { placement, watchOf } = this.#parts
    const servers = watchOf(decision).servers.length
    let placed: Decision | undefined
    const attempt = async (): Promise<T> => {
      placed = undefined
      placed = await place()
      return await send(placed)
    }
    return await onAnyServer(servers + 1, attempt, async (error) => {
      // That there is no server, or no time, has been found out without one.
      if (placed === undefined) return false
      if (error instanceof UnprovenRead) return true
      this.#report(placed, error)
      if (!mayMove(error, placed.route.role)) return false
      // Until a server that cannot be the primary any more is known as such.
      if (placed.route.role === 'primary') await placement.until(watchOf(placed).settled(), wait)
      return true
    })
  }

  /** Tells what is known of the shard. */
  #report(placed: Decision, error: unknown): void {
    if (error instanceof CommitUnknownError) return this.#parts.watchOf(placed).reportFailure(placed.server, error)
    if (!isServersFault(error)) return
    const watch = this.#parts.watchOf(placed)
    if (error.errorClass === 'read-only') watch.reportRoleChange()
    else watch.reportFailure(placed.server, error)
  }

  /** The position of a write if it covers all that the write can have read as well. */
  #covering(placed: Decision, position: Position | undefined): Position | undefined {
    if (position === undefined) return undefined
    const log = this.#parts.watchOf(placed).positionOf(placed.server)
    return log !== undefined && coversLog(position, log) ? position : undefined
  }

  #begunIn(memory: SessionMemory, decision: Decision, tables: Touched): Ended {
    const group = this.#parts.sharing(decision.database) ?? [decision.database.alias]
    return begun(
      group.map((alias) => memory.of(shardKey(decision, alias))),
      tables,
    )
  }
}

function nothing(): void {}

/** A read, also one that locks, or calls what may write: the session compares its rows with those of earlier reads. */
function showsRows({ analysis }: Decision): boolean {
  return analysis.kind === 'read' || analysis.kind === 'locking-read'
}

function begun(shards: readonly ShardMemory[], tables: Touched): Ended {
  for (const shard of shards) shard.begin(tables)
  let isOver = false
  return (covered) => {
    if (isOver) return
    isOver = true
    for (const shard of shards) shard.end(tables, covered)
  }
}

/** Whether it matters that the server shows as much as was known of it. */
function needsProof({ memory, anyState }: ReadWishes): boolean {
  return !anyState && memory !== undefined && (memory.need !== 'nothing' || memory.stay !== undefined)
}

/** Another read of the session may have moved on to another replica meanwhile, which need not show what this one did. */
function noteSeen({ memory, sticky }: ReadWishes, server: Server): void {
  if (!sticky || memory === undefined) return
  memory.noteShown(server.id)
  if (memory.stay?.server !== server.id) memory.forget()
}
