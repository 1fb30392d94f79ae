import { connect, type CallOptions, type Client, type Dialect, type Params, type Scope } from '../../index.ts'
import { loadConfig, processSurroundings, type ConfigSource } from '../config-file.ts'
import { exitCodes, type ExitCode } from '../exit-code.ts'
import { explanationText, type Explanation } from '../explanation-text.ts'
import { isUsageFault, reportFailure } from '../failure.ts'
import { toJson } from '../json.ts'
import { readParameters } from '../statement-parameters.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

export interface ExplainOptions extends ConfigSource {
  readonly using?: string
  readonly dialect?: Dialect
  readonly param?: readonly string[]
  /** A file of statements, in place of one. */
  readonly file?: string
  /** The same, by another name. */
  readonly dryRun?: string
  readonly json?: boolean
}

/** `signalbox explain`: where a statement would run and why, or why it is refused. Connects to nothing. */
export async function explain(
  given: string,
  texts: readonly string[],
  options: ExplainOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const params = readParameters(texts, options.param ?? [])
  const { config } = await loadConfig(options, processSurroundings())
  const sql = (given === '-' ? await terminal.read() : given).trim()
  if (sql === '') throw new UsageError('The statement is empty.')
  const client: Client = await (typeof config === 'string' ? connect(config) : connect(config))
  try {
    const scope = options.using === undefined ? client : client.using(options.using)
    const callOptions: CallOptions = options.dialect === undefined ? {} : { dialect: options.dialect }
    // Also of a refused statement: what was found in the text is the best hint at what to change.
    const analysis = await scope.analyze(sql, params, callOptions)
    const explanation: Explanation = { sql, ...answer(client, scope, sql, params, callOptions), analysis }
    await terminal.write(options.json === true ? toJson(explanation) : explanationText(explanation, params, terminal))
    return explanation.error === undefined ? exitCodes.well : exitCodes.problem
  } finally {
    await client.close()
  }
}

type Answer = Omit<Explanation, 'sql' | 'analysis'>

function answer(client: Client, scope: Scope, sql: string, params: Params, options: CallOptions): Answer {
  try {
    // Without parameters the shard may be one by key, which nobody can name.
    const isGiven = !Array.isArray(params) || params.length > 0
    const preview = scope.preview(sql, isGiven ? params : undefined, options)
    const { destination, scatter, shardParams, shardSql } = preview
    const isSpread = (client.topology.databases.get(preview.database)?.shards.length ?? 1) > 1
    if (!isSpread) return { route: scope.explain(sql, params, options) }
    const route = destination === 'by-key' ? preview : scope.explain(sql, params, options)
    const { database, engine, shards, role, effect, reasons } = route
    return {
      route: {
        database,
        engine,
        shards,
        role,
        effect,
        reasons,
        ...(route.sql === undefined ? {} : { sql: route.sql }),
      },
      destination,
      ...(scatter === undefined ? {} : { scatter }),
      ...(shardParams === undefined ? {} : { shardParams }),
      ...(shardSql === undefined ? {} : { shardSql }),
    }
  } catch (error) {
    if (isUsageFault(error)) throw error
    return { error: reportFailure(error) }
  }
}
