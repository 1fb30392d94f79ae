import { setTimeout as delay } from 'node:timers/promises'
import { ReplicaBalancer } from './execution/balancer.ts'
import { shardOf } from './execution/decision.ts'
import { Placement, settle } from './execution/placement.ts'
import { Replicated } from './execution/replicated.ts'
import type { ShardWatches } from './execution/shard-watches.ts'
import type { ParsedConfig } from './parse-config.ts'
import type { SessionParts } from './sessions.ts'
import type { ShardMemory } from './routing/session.ts'
import { comparePosition, type Position } from './topology/position.ts'
import { hasReplicas, type Database, type Shard, type Topology } from './topology/topology.ts'

/** An aborted wait is over, too. */
async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(Math.max(0, ms), undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
}

/** The parts by which statements find their servers on replicated shards, put together. */
export function replicatedExecution(watches: ShardWatches, { sharedServers }: Topology): Replicated {
  const balancer = new ReplicaBalancer()
  const now = (): number => performance.now()
  const placement = new Placement({
    watchOf: (database, shard) => watches.of(database, shard),
    knownOf: (database, shard) => watches.known(database, shard),
    positionOf: (database, shard, server) => watches.positionOf(database, shard, server),
    lossesOf: (server) => watches.lossesOf(server),
    balancer,
    now,
    sleep,
    isClosed: () => watches.isClosed,
  })
  return new Replicated({
    placement,
    balancer,
    inFlight: watches.inFlight,
    watchOf: (decision) => watches.of(decision.database, shardOf(decision)),
    lossesOf: (server) => watches.lossesOf(server),
    sharing: ({ alias }) => sharedServers.find((group) => group.includes(alias)),
    showsAll: (placed, shownBy) => watches.showsAll(placed, shownBy),
    hold: (statement) => watches.hold(statement),
    now,
  })
}

/** What sessions ask about shards. */
export function sessionParts({ topology, tokens }: ParsedConfig, watches: ShardWatches): SessionParts {
  const find = (alias: string, name: string): { database: Database; shard: Shard } | undefined => {
    const database = topology.databases.get(alias)
    const shard = database?.shards.find((each) => each.name === name)
    return database === undefined || shard === undefined ? undefined : { database, shard }
  }
  const settled = async (alias: string, name: string, memory: ShardMemory): Promise<Position | undefined> => {
    const found = find(alias, name)
    return found === undefined ? undefined : await settle(memory, watches.of(found.database, found.shard))
  }
  return {
    tokens,
    replicated: [...topology.databases.values()].some(hasReplicas),
    scoped: [...topology.databases.values()].some((each) => hasReplicas(each) || each.shards.length > 1),
    positionOf: async (alias, name, memory) => {
      if (memory.underWay > 0) return undefined
      const { need } = memory
      if (need !== 'unknown' && need !== 'nothing') return need
      return await settled(alias, name, memory)
    },
    seenBy: async (alias, name, memory) => {
      const { stay } = memory
      const found = find(alias, name)
      if (found === undefined) return undefined
      const { database, shard } = found
      const watch = watches.of(database, shard)
      const server = watch.servers.find(({ id }) => id === stay?.server)
      if (server === undefined) return await settled(alias, name, memory)
      const status = await watch.refresh(server)
      // It may have restarted, and be behind what it had shown.
      const isSame = watches.lossesOf(server) === stay?.losses
      const at = status === undefined || !isSame ? undefined : watches.positionOf(database, shard, server)
      return at ?? (await settled(alias, name, memory))
    },
    isEverywhere: (alias, name, position) => {
      const found = find(alias, name)
      if (found === undefined) return false
      const { database, shard } = found
      const { servers } = watches.of(database, shard)
      // Another process may read a replica that was not found here.
      if (!watches.knowsAll(shard)) return false
      return servers.every((server) => {
        const at = watches.positionOf(database, shard, server)
        return at !== undefined && comparePosition(at, position) === 'reached'
      })
    },
    knows: (alias, name) => find(alias, name) !== undefined,
    wallClock: () => Date.now(),
  }
}
