import type { Balancer, Server } from '../topology/topology.ts'

/** How much a new measurement counts in the mean latency of a server. */
const share = 0.2

interface Load {
  outstanding: number
  /** Mean of what reads took, in ms; `undefined` before the first. */
  latencyMs: number | undefined
}

/** Chooses one of several replicas that could all be read. One for each client: what it counts are its own reads. */
export class ReplicaBalancer {
  readonly #random: () => number
  readonly #loads = new Map<string, Load>()
  #turn: number | undefined

  /** `random`: from 0 to 1, exclusive; passed in for tests. */
  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** `candidates` is not empty. Weights of zero take part only where all are zero. */
  choose(candidates: readonly Server[], balancer: Balancer): Server {
    if (candidates.length === 1) return candidates[0]!
    const weighted = candidates.filter(({ weight }) => weight > 0)
    const eligible = weighted.length === 0 ? candidates : weighted
    switch (balancer) {
      case 'random':
        return eligible[Math.floor(this.#random() * eligible.length)]!
      case 'weighted':
        return this.#byWeight(eligible)
      case 'round-robin':
        return this.#next(eligible)
      case 'nearest':
        return this.#least(eligible, ({ id }) => this.#loadOf(id).latencyMs ?? 0)
      case 'least-outstanding':
        return this.#least(eligible, ({ id, weight }) => this.#loadOf(id).outstanding / (weight || 1))
    }
  }

  started(server: Server): void {
    this.#loadOf(server.id).outstanding += 1
  }

  ended(server: Server, tookMs: number): void {
    const load = this.#loadOf(server.id)
    load.outstanding -= 1
    load.latencyMs = load.latencyMs === undefined ? tookMs : load.latencyMs + (tookMs - load.latencyMs) * share
  }

  /** Reads under way on a server. */
  outstanding(server: Server): number {
    return this.#loads.get(server.id)?.outstanding ?? 0
  }

  #loadOf(id: string): Load {
    let load = this.#loads.get(id)
    if (load === undefined) {
      load = { outstanding: 0, latencyMs: undefined }
      this.#loads.set(id, load)
    }
    return load
  }

  /** The least loaded; among equals in turn, from a random start, so that many processes do not all begin with the same. */
  #least(candidates: readonly Server[], loadOf: (server: Server) => number): Server {
    let least: Server[] = []
    let lowest = Infinity
    for (const candidate of candidates) {
      const load = loadOf(candidate)
      if (load < lowest) {
        lowest = load
        least = []
      }
      if (load === lowest) least.push(candidate)
    }
    return this.#next(least)
  }

  #next(candidates: readonly Server[]): Server {
    this.#turn = (this.#turn ?? Math.floor(this.#random() * candidates.length)) + 1
    return candidates[this.#turn % candidates.length]!
  }

  #byWeight(candidates: readonly Server[]): Server {
    let left = this.#random() * candidates.reduce((sum, { weight }) => sum + (weight || 1), 0)
    for (const candidate of candidates) {
      left -= candidate.weight || 1
      if (left < 0) return candidate
    }
    return candidates.at(-1)!
  }
}
