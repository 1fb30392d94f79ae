import { readFile } from 'node:fs/promises'
import {
  connect,
  messageOf,
  splitStatements,
  type CallOptions,
  type Client,
  type Scope,
  type SplitStatement,
} from '../../index.ts'
import { loadConfig, processSurroundings } from '../config-file.ts'
import { exitCodes, type ExitCode } from '../exit-code.ts'
import { isUsageFault, reportFailure } from '../failure.ts'
import { fileReport, type StatementReport } from '../file-report.ts'
import { fileText } from '../file-text.ts'
import { toJson } from '../json.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import type { ExplainOptions } from './explain.ts'

/** `signalbox explain --file`: where each statement of a file would run, whatever its parameters. Connects to nothing. */
export async function explainFile(file: string, options: ExplainOptions, terminal: Terminal): Promise<ExitCode> {
  // Before the configuration is searched, which may change the working directory.
  const text = file === '-' ? await terminal.read() : await readText(file)
  const { config } = await loadConfig(options, processSurroundings())
  const client: Client = await (typeof config === 'string' ? connect(config) : connect(config))
  try {
    const scope = options.using === undefined ? client : client.using(options.using)
    const [first] = client.topology.databases.values()
    const dialect = options.dialect ?? scope.engine ?? first?.engine ?? 'postgres'
    const callOptions: CallOptions = options.dialect === undefined ? {} : { dialect }
    const statements: StatementReport[] = []
    for (const statement of await splitStatements(text, dialect))
      statements.push(await previewed(scope, statement, callOptions))
    const report = fileReport(file, statements)
    await terminal.write(options.json === true ? toJson(report) : fileText(report, terminal))
    return report.ok ? exitCodes.well : exitCodes.problem
  } finally {
    await client.close()
  }
}

async function previewed(scope: Scope, statement: SplitStatement, options: CallOptions): Promise<StatementReport> {
  const { sql } = statement
  const { kind } = await scope.analyze(sql, [], options)
  try {
    const route = scope.preview(sql, undefined, options)
    return { ...statement, kind: route.kind, route }
  } catch (error) {
    if (isUsageFault(error)) throw error
    return { ...statement, kind, error: reportFailure(error) }
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UsageError(`${file} could not be read: ${messageOf(error)}`, error)
  }
}
