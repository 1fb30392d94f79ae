import type { Driver, Engine } from './drivers/driver.ts'
import type { ShadowOpener } from './execution/pool-registry.ts'
import type { ShadowStore } from './shadows/changes/shadow-store.ts'
import { openShadow, type ShadowPlace } from './shadows/open-shadow.ts'
import { shadowStore } from './shadows/open-store.ts'
import type { Analysis } from './statement/analysis.ts'
import type { AnalysisCache } from './statement/analysis-cache.ts'
import type { Database, Topology } from './topology/topology.ts'

/** Opens the shadows of a configuration. */
export function shadowOpener(topology: Topology, analyses: AnalysisCache): ShadowOpener {
  return async (driver, database, options) =>
    await openShadow(driver, placeOf(database, topology), options, (sql) => analyses.analyze(sql, database.engine))
}

/** What the shadows of a configuration keep. */
export function shadowStores(
  topology: Topology,
  drivers: Readonly<Record<Engine, () => Promise<Driver>>>,
  analyses: AnalysisCache,
): (database: Database) => Promise<ShadowStore> {
  return async (database) => {
    const { engine, pool } = database
    const analyze = (sql: string): Analysis => analyses.analyze(sql, engine)
    return shadowStore(await drivers[engine](), placeOf(database, topology), pool, analyze)
  }
}

function placeOf({ alias, shards, shadow }: Database, topology: Topology): ShadowPlace {
  const local = shards[0]?.primary.target()
  if (shadow === undefined || local === undefined) throw new Error(`"${alias}" is no shadow`)
  const [shard] = topology.databases.get(topology.aliases.get(shadow.base) ?? shadow.base)?.shards ?? []
  const server = shard?.replicas[0] ?? shard?.primary
  if (server === undefined) throw new Error(`the base "${shadow.base}" was not checked`)
  return { alias, shadow, local, base: server.target() }
}
