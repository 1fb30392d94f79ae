import { connect, type Client, type Config, type Database, type Shard, type ShardMapData } from '../../index.ts'
import { closeSoon } from '../close-soon.ts'
import { loadConfig, processSurroundings, type ConfigSource } from '../config-file.ts'
import { exitCodes, type ExitCode } from '../exit-code.ts'
import { questions } from '../inventory.ts'
import { toJson } from '../json.ts'
import { describe, inTime, probedAs } from '../probe.ts'
import { probingAlias, probingConfig } from '../probing-config.ts'
import { reachFailure } from '../reach-failure.ts'
import { countRows } from '../row-facts.ts'
import { spreadReport, type ShardLook, type ShardsReport, type SpreadReport, type TableLook } from '../shards-report.ts'
import { shardsText } from '../shards-text.ts'
import { nameOf } from '../table-check.ts'
import { tableSize } from '../table-size.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

export interface ShardsOptions extends ConfigSource {
  /** Milliseconds for each question. */
  readonly timeout: number
  /** Rows from the statistics in place of counting. */
  readonly estimate?: boolean
  readonly json?: boolean
}

/** `signalbox shards`: how the rows of the sharded tables are spread over the shards. */
export async function shards(named: string | undefined, options: ShardsOptions, terminal: Terminal): Promise<ExitCode> {
  const { config } = await loadConfig(options, processSurroundings())
  const declared: Client = await (typeof config === 'string' ? connect(config) : connect(config))
  const databases = chosen(named, declared, config)
  const probing: Client = await connect(probingConfig(config, options.timeout))
  const reports = await Promise.all(
    databases.map(async (database): Promise<SpreadReport> => {
      const looks = await Promise.all(
        database.shards.map(async (shard) => await look(declared, probing, database, shard, options)),
      )
      const map = mapOf(database, config)
      // Only a directory counts its keys. If it does not answer, they are unknown.
      const keys = await inTime(options.timeout, async () => await declared.keyCounts({ database: database.alias }))
      return spreadReport(
        database,
        map,
        looks,
        map?.kind === 'directory' && keys !== undefined && !('error' in keys) ? keys : undefined,
      )
    }),
  )
  await closeSoon([probing, declared])
  const parts = reports.flatMap((report) => [...report.shards, ...report.tables.flatMap((table) => table.shards)])
  const report: ShardsReport = {
    ok: parts.every(({ failure }) => failure === null),
    estimated: options.estimate === true,
    databases: reports,
  }
  await terminal.write(options.json === true ? toJson(report) : shardsText(report, terminal))
  return report.ok ? exitCodes.well : exitCodes.problem
}

/** The databases with shards, or the one that is named. */
function chosen(named: string | undefined, declared: Client, config: string | Config): readonly Database[] {
  const { topology } = declared
  const spread = [...topology.databases.values()].filter(({ alias }) => entryOf(alias, config) !== undefined)
  if (named === undefined) {
    if (spread.length > 0) return spread
    throw new UsageError('No database of the configuration has shards.')
  }
  const alias = topology.aliases.get(named)
  const found = spread.filter((database) => database.alias === alias)
  if (found.length > 0) return found
  const which = spread.length === 0 ? 'none' : spread.map((database) => database.alias).join(', ')
  throw new UsageError(
    alias === undefined
      ? `There is no database "${named}". With shards: ${which}.`
      : `"${named}" has no shards. With shards: ${which}.`,
  )
}

function entryOf(
  alias: string,
  config: string | Config,
): Extract<Config['databases'][string], { shards: unknown }> | undefined {
  const entry = typeof config === 'string' ? undefined : config.databases[alias]
  return typeof entry === 'object' && 'shards' in entry ? entry : undefined
}

function mapOf({ alias, shards: parts }: Database, config: string | Config): ShardMapData | undefined {
  return entryOf(alias, config)?.shardMap?.bind(parts.map(({ name }) => name)).data
}

/** Never throws. */
async function look(
  declared: Client,
  probing: Client,
  database: Database,
  shard: Shard,
  { timeout, estimate = false }: ShardsOptions,
): Promise<ShardLook> {
  const { name, primary } = shard
  const alias = probingAlias(database, primary)
  const [scope, probed] = [probing.using(alias), probedAs(probing, database, alias)]
  const base = { shard: name, address: primary.address }
  const found = await inTime(timeout, async () => await questions[database.engine].tables(scope, probed))
  if ('error' in found) return { ...base, failure: describe(found.error, database, primary), tables: [] }
  const tables: TableLook[] = []
  for (const table of found) {
    const home = declared.homeOf(table)
    if (table.isView || home.kind !== 'sharded' || home.database !== database.alias) continue
    // One after the other: a shard that counts many tables at once counts each of them more slowly.
    const size = await inTime(timeout, async () => await tableSize[database.engine](scope, table, probed))
    const count = estimate
      ? undefined
      : await inTime(timeout, async () => await countRows(scope, database.engine, table))
    tables.push({ table: nameOf(table), ...lookOf(size, count) })
  }
  return { ...base, failure: null, tables }
}

type Answer<T> = T | { readonly error: unknown }

/** `count`: `undefined` if nobody counted. */
function lookOf(
  size: Answer<{ readonly bytes: number | null; readonly estimatedRows: number | null }>,
  count: Answer<number> | undefined,
): Omit<TableLook, 'table'> {
  const isSized = !('error' in size)
  const bytes = isSized ? size.bytes : null
  if (typeof count === 'number') return { rows: count, bytes, failure: isSized ? null : reachFailure(size.error) }
  if (count !== undefined) return { rows: null, bytes, failure: reachFailure(count.error) }
  return { rows: isSized ? size.estimatedRows : null, bytes, failure: isSized ? null : reachFailure(size.error) }
}
