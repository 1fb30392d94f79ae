import type { Server, Shard, Topology } from './topology.ts'

/** Who a shard's servers are now. */
export interface ShardRoles {
  readonly database: string
  readonly shard: string
  /** `undefined`: no server is known to be the primary. */
  readonly primary: Server | undefined
  readonly servers: readonly Server[]
}

/** The present topology. A change is a new one, with a higher version; those that were handed out stay as they were. */
export class TopologyStore {
  #current: Topology
  readonly #listeners = new Set<(topology: Topology) => void>()

  constructor(initial: Topology) {
    this.#current = initial
  }

  get current(): Topology {
    return this.#current
  }

  /** Calls `listener` soon after every change from now on, until the function that is returned is called. */
  subscribe(listener: (topology: Topology) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Publishes the roles and servers of one shard, unless they are those of the present topology. */
  publish(roles: ShardRoles): void {
    const database = this.#current.databases.get(roles.database)
    const before = database?.shards.find(({ name }) => name === roles.shard)
    if (database === undefined || before === undefined) return
    const shard = withRoles(before, roles)
    if (isSame(shard, before)) return
    const shards = Object.freeze(database.shards.map((one) => (one === before ? shard : one)))
    const databases = new Map(this.#current.databases)
    databases.set(roles.database, Object.freeze({ ...database, shards }))
    this.#current = Object.freeze({ ...this.#current, version: this.#current.version + 1, databases })
    const published = this.#current
    // Not within the change: what a listener throws is the application's own, and must not stop the failover.
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener(published)
      })
    }
  }
}

/** While there is no primary, the last one stands in its place. */
function withRoles(before: Shard, { primary, servers }: ShardRoles): Shard {
  const first = servers.find(({ id }) => id === (primary ?? before.primary).id) ?? before.primary
  const others = servers.filter(({ id }) => id !== first.id)
  return Object.freeze({
    name: before.name,
    primary: inRole(first, 'primary'),
    replicas: Object.freeze(others.map((server) => inRole(server, 'replica'))),
  })
}

function inRole(server: Server, role: Server['role']): Server {
  return server.role === role ? server : Object.freeze({ ...server, role })
}

function isSame(a: Shard, b: Shard): boolean {
  const [one, other] = [a, b].map(({ primary, replicas }) => [primary, ...replicas])
  return one!.length === other!.length && one!.every((server, index) => isSameServer(server, other![index]!))
}

function isSameServer(a: Server, b: Server): boolean {
  return a.id === b.id && a.weight === b.weight && a.tags.join('\n') === b.tags.join('\n')
}
