import { connect, type Client, type Config, type TableHomeAnswer, type TableName } from '../../index.ts'
import type { CheckReport } from '../check-report.ts'
import { checkText } from '../check-text.ts'
import { closeSoon } from '../close-soon.ts'
import { loadConfig, processSurroundings, type ConfigSource } from '../config-file.ts'
import { databaseReport, inventory } from '../database-report.ts'
import { exitCodes, type ExitCode } from '../exit-code.ts'
import { keyOwners } from '../key-owners.ts'
import { toJson } from '../json.ts'
import { isSpread, probe } from '../probe.ts'
import { lookupFindings } from '../lookup-check.ts'
import { probingConfig } from '../probing-config.ts'
import { checkServers } from '../server-check.ts'
import { rowFacts } from '../row-facts.ts'
import { checkShardTables } from '../shard-table-check.ts'
import { checkTables } from '../table-check.ts'
import type { Terminal } from '../terminal.ts'

export interface CheckOptions extends ConfigSource {
  /** Milliseconds for each database. */
  readonly timeout: number
  /** Processes of the application, for the connections that they may open together. */
  readonly processes: number
  readonly strict?: boolean
  readonly json?: boolean
}

/** `signalbox check`: connects to every declared database and compares what is there with what is declared. */
export async function check(options: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  const { config } = await loadConfig(options, processSurroundings())
  const report = await lookAt(config, options)
  await terminal.write(options.json === true ? toJson(report) : checkText(report, terminal))
  return report.ok ? exitCodes.well : exitCodes.problem
}

async function lookAt(config: string | Config, options: CheckOptions): Promise<CheckReport> {
  // One client knows the configuration as written, and connects to directories of owners alone; the other one is made for looking only.
  const declared: Client = await (typeof config === 'string' ? connect(config) : connect(config))
  const probing: Client = await connect(probingConfig(config, options.timeout))
  const { topology } = declared
  const homeOf = (table: TableName): TableHomeAnswer => declared.homeOf(table)
  const ownersOf = async (database: string, keys: readonly unknown[]): Promise<readonly (string | undefined)[]> =>
    await keyOwners(declared, database, keys)
  const looks = await Promise.all(
    [...topology.databases.values()].map(async (database) => {
      const probes = await Promise.all(
        database.shards.map(async (shard) => await probe(probing, database, shard, options.timeout)),
      )
      const rows = isSpread(database) ? await rowFacts(probing, probes, homeOf, ownersOf, options.timeout) : []
      return { database, probes, rows }
    }),
  )
  const inventories = looks.flatMap(({ database, probes }) => inventory(database, probes) ?? [])
  const { tables, findings: tableFindings } = checkTables(inventories, {
    tables: typeof config === 'string' ? undefined : config.tables,
    homeOf,
    resolve: (alias) => topology.aliases.get(alias) ?? alias,
  })
  const probes = looks.flatMap((look) => look.probes)
  const shardFindings = looks.flatMap((look) =>
    isSpread(look.database) ? checkShardTables(look.probes, look.rows, homeOf) : [],
  )
  const lookups = typeof config === 'string' ? [] : await lookupFindings(config, options.timeout)
  const findings = [
    ...checkServers(probes, topology.sharedServers, options.processes),
    ...tableFindings,
    ...shardFindings,
    ...lookups,
  ]
  await closeSoon([probing, declared])
  const failing = options.strict === true ? findings : findings.filter(({ severity }) => severity === 'error')
  const databases = looks.map((look) => databaseReport(declared, look.database, look.probes))
  return { ok: failing.length === 0, processes: options.processes, databases, tables, findings }
}
