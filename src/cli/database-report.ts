import type { Client, Database } from '../index.ts'
import type { DatabaseReport } from './check-report.ts'
import type { Probe } from './probe.ts'
import { nameOf, type Inventory } from './table-check.ts'

/** What the probes of a database's shards say of it, in their order. Pure. */
export function databaseReport(declared: Client, database: Database, probes: readonly Probe[]): DatabaseReport {
  const { alias, engine, exclusive, shadow } = database
  const reports = probes.map(({ report }) => report)
  const [first] = reports
  if (first === undefined) throw new Error(`The database "${alias}" has no shard.`)
  const aliases = [...declared.topology.aliases].filter(([name, meant]) => meant === alias && name !== alias)
  const { shard: _, address, ...own } = first
  const base: DatabaseReport = {
    alias,
    aliases: aliases.map(([name]) => name),
    engine,
    address,
    exclusive,
    ...(shadow === undefined ? {} : { shadowOf: shadow.base }),
    ...own,
  }
  if (reports.length === 1) return base
  const tables = inventory(database, probes)?.tables
  return {
    ...base,
    reachable: reports.every(({ reachable }) => reachable),
    failure: reports.find(({ failure }) => failure !== null)?.failure ?? null,
    tableCount: tables?.filter(({ isView }) => !isView).length ?? null,
    replicas: reports.flatMap(({ replicas }) => replicas),
    shards: reports,
  }
}

/** The tables of a database, of all its shards that answered; `undefined` if none did. Pure. */
export function inventory({ alias, exclusive }: Database, probes: readonly Probe[]): Inventory | undefined {
  const answers = probes.flatMap(({ facts, tables }) =>
    facts === undefined || tables === undefined ? [] : [{ dataId: facts.dataId, tables }],
  )
  const [first, ...others] = answers
  if (first === undefined) return undefined
  if (probes.length === 1) return { alias, exclusive, ...first }
  const byName = new Map(answers.flatMap(({ tables }) => tables.map((table) => [nameOf(table).toLowerCase(), table])))
  return {
    alias,
    exclusive,
    dataId: first.dataId,
    furtherDataIds: others.map(({ dataId }) => dataId),
    tables: [...byName.values()],
    partial: answers.length < probes.length,
  }
}
