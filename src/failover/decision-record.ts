import {
  type DecidedShard,
  decide,
  type Decision,
  type ProbeOutcome,
  type ServerId,
  type ShardHistory,
  strangersOf,
  timelineOf,
  twinsOf,
} from './decide.ts'

/** The last probe of one server that counts, and its place in the order of all things that happened in the shard. */
export interface OrderedOutcome {
  readonly outcome: ProbeOutcome | undefined
  readonly outcomeBegun: number
}

/** What came of deciding again. */
export interface Ruling {
  /** It means something else to a statement that waits. */
  readonly differs: boolean
  /** Servers that have to be asked once more before the next decision. */
  readonly ask: readonly ServerId[]
}

/** The decision about a shard that holds, and what has to be remembered to make the next one. Reads no clock. */
export class DecisionRecord {
  #primary: ServerId
  #replicas: readonly ServerId[]
  #decision: Decision
  #known: ShardHistory = {}
  #strangers: ReadonlyMap<ServerId, string> = new Map()
  #twins: ReadonlyMap<ServerId, ServerId> = new Map()
  /** Two servers were seen to accept writes, one of them perhaps before it no longer did: the place in the order. */
  #doubtedAt: number | undefined

  constructor(primary: ServerId, replicas: readonly ServerId[]) {
    this.#primary = primary
    this.#replicas = replicas
    this.#decision = { kind: 'primary', id: primary }
  }

  /** From the next decision on these are the shard's servers. */
  follow(primary: ServerId, replicas: readonly ServerId[]): void {
    this.#primary = primary
    this.#replicas = replicas
  }

  get decision(): Decision {
    return this.#decision
  }

  /** Equal for decisions that mean the same to a statement that waits. */
  get key(): string {
    const decision = this.#decision
    if (decision.kind === 'primary') return `primary ${decision.id}`
    return decision.kind === 'split' ? `split ${decision.ids.join(' ')}` : decision.kind
  }

  /** More than one server accepts writes by what is known, and that is being made sure of. */
  get inDoubt(): boolean {
    return this.#doubtedAt !== undefined
  }

  /**
   * Why a server belongs to another shard, or is one that has another address, too, or, in a split, is the one that others
   * have followed; undefined if none of these.
   */
  excluded(id: ServerId): string | undefined {
    const strange = this.#strangers.get(id)
    if (strange !== undefined) return strange
    const twin = this.twinOf(id)
    if (twin !== undefined) return `the same server as ${twin}`
    if (this.#decision.kind !== 'split') return undefined
    const { ids, newest } = this.#decision
    if (newest === undefined || newest === id || !ids.includes(id)) return undefined
    return `an old primary: ${newest} was promoted after it`
  }

  /** The server that stands for this one, which is the same by another address. */
  twinOf(id: ServerId): ServerId | undefined {
    return this.#twins.get(id)
  }

  /** Decides on what is known now. `order`: the last place in the order that was given away. */
  update(servers: ReadonlyMap<ServerId, OrderedOutcome>, order: number): Ruling {
    const shard: DecidedShard = { primary: this.#primary, replicas: this.#replicas, known: this.#known }
    const probes = new Map<ServerId, ProbeOutcome>()
    for (const [id, { outcome }] of servers) if (outcome !== undefined) probes.set(id, outcome)
    const before = this.key
    const wasInDoubt = this.inDoubt
    this.#strangers = strangersOf(shard, probes)
    this.#twins = twinsOf(shard, probes)
    const decision = decide(shard, probes)
    this.#decision = this.#withoutDoubt(decision, servers, order)
    this.#remember(probes)
    const ask = this.inDoubt && !wasInDoubt && decision.kind === 'split' ? decision.ids : []
    return { differs: this.key !== before, ask }
  }

  /**
   * Answers are of different times: in a planned switch the old primary may have been asked before it was made a replica,
   * and the new one after it was promoted. So both are asked once more before this is called a split. Meanwhile nobody
   * takes the writes.
   */
  #withoutDoubt(decision: Decision, servers: ReadonlyMap<ServerId, OrderedOutcome>, order: number): Decision {
    const doubtedAt = this.#doubtedAt ?? order
    this.#doubtedAt = undefined
    if (decision.kind !== 'split' || this.#decision.kind === 'split') return decision
    if (decision.ids.every((id) => (servers.get(id)?.outcomeBegun ?? doubtedAt) > doubtedAt)) return decision
    this.#doubtedAt = doubtedAt
    return { kind: 'none', why: `${decision.ids.join(' and ')} all said that they accept writes, and are asked again` }
  }

  #remember(probes: ReadonlyMap<ServerId, ProbeOutcome>): void {
    const decision = this.#decision
    const outcome = decision.kind === 'primary' ? probes.get(decision.id) : undefined
    if (decision.kind !== 'primary' || outcome === undefined || 'failed' in outcome) return
    const { cluster = this.#known.cluster } = outcome.status
    const before = cluster === this.#known.cluster ? this.#known.timeline : undefined
    this.#known = { cluster, timeline: timelineOf(outcome.status) ?? before, primary: decision.id }
  }
}
