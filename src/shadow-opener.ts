import type { ShadowOpener } from './execution/pool-registry.ts'
import { openShadow } from './shadows/open-shadow.ts'
import type { AnalysisCache } from './statement/analysis-cache.ts'
import type { Server, Topology } from './topology/topology.ts'

/** Opens the shadows of a configuration. */
export function shadowOpener(topology: Topology, analyses: AnalysisCache): ShadowOpener {
  const baseOf = (alias: string): Server => {
    const shard = topology.databases.get(topology.aliases.get(alias) ?? alias)?.shards[0]
    const server = shard?.replicas[0] ?? shard?.primary
    if (server === undefined) throw new Error(`the base "${alias}" was not checked`)
    return server
  }
  return async (driver, { alias, engine, shards, shadow }, options) => {
    const local = shards[0]?.primary.target()
    if (shadow === undefined || local === undefined) throw new Error(`"${alias}" is no shadow`)
    const place = { alias, shadow, local, base: baseOf(shadow.base).target() }
    return await openShadow(driver, place, options, (sql) => analyses.analyze(sql, engine))
  }
}
