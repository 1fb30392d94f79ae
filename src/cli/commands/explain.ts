import { connect, type CallOptions, type Client, type Dialect, type Route } from '../../index.ts'
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
    const explanation: Explanation = { sql, ...answer(() => scope.explain(sql, params, callOptions)), analysis }
    await terminal.write(options.json === true ? toJson(explanation) : explanationText(explanation, params, terminal))
    return explanation.error === undefined ? exitCodes.well : exitCodes.problem
  } finally {
    await client.close()
  }
}

function answer(explainNow: () => Route): Pick<Explanation, 'route' | 'error'> {
  try {
    return { route: explainNow() }
  } catch (error) {
    if (isUsageFault(error)) throw error
    return { error: reportFailure(error) }
  }
}
