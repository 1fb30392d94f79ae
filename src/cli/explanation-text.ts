import {
  formatRoute,
  type Analysis,
  type ColumnValues,
  type Destination,
  type Dialect,
  type Params,
  type Route,
  type ScatterOutline,
  type ValueSource,
} from '../index.ts'
import type { FailureReport } from './failure.ts'
import type { Terminal } from './terminal.ts'
import { wrap } from './wrap.ts'

/** What `explain --json` prints. Fields are only ever added. */
export interface Explanation {
  readonly sql: string
  /** Absent if the statement is refused. */
  readonly route?: Route
  /**
   * Only of a database with several shards: how many of `route.shards` it runs on. `by-key`: on one of them, which a parameter
   * that was not given leads to.
   */
  readonly destination?: Destination
  /** Of a statement of which each shard is asked for its part: what it gets, and how the answers are put together. */
  readonly scatter?: ScatterOutline
  /** Of several shards, the parameters that each gets, where they are not the given ones. */
  readonly shardParams?: Readonly<Record<string, Params>>
  /** Of several shards, the text that each gets, where they are not the same. */
  readonly shardSql?: Readonly<Record<string, string>>
  /** Present if the statement is refused. */
  readonly error?: FailureReport
  readonly analysis?: Analysis
}

/** The answer of `explain` for people. */
export function explanationText(explanation: Explanation, params: Params, terminal: Terminal): string {
  const { route, destination, scatter, shardParams, shardSql, error, analysis } = explanation
  const parts: string[] = []
  if (route !== undefined) {
    const [title = '', ...reasons] = formatRoute(route).split('\n')
    const target = destination === 'by-key' ? title.replace(/, shards? /, ', one shard by key of ') : title
    parts.push([terminal.style('bold', target), ...reasons].join('\n'))
  }
  if (scatter !== undefined) parts.push(scatterText(scatter, terminal))
  if (shardSql !== undefined) parts.push(shardSqlText(shardSql, terminal))
  if (shardParams !== undefined) parts.push(shardParamsText(shardParams, terminal))
  if (error !== undefined) {
    const title = `✗ refused: ${error.code}`
    parts.push(`${terminal.style('red', title)}\n${wrap(error.message, terminal.columns, '  ')}`)
  }
  if (analysis !== undefined) parts.push(analysisText(analysis, params, terminal))
  return `${parts.join('\n\n')}\n`
}

function scatterText({ sql, steps }: ScatterOutline, terminal: Terminal): string {
  const text = sql
    .trim()
    .split('\n')
    .map((line) => `    ${line}`)
  const lines = steps.map((step) => `  · ${wrap(step, terminal.columns, '    ').trimStart()}`)
  return [
    terminal.style('bold', 'Each shard is asked'),
    ...text,
    terminal.style('bold', 'Put together'),
    ...lines,
  ].join('\n')
}

function shardSqlText(shardSql: Readonly<Record<string, string>>, terminal: Terminal): string {
  const lines = Object.entries(shardSql).map(([shard, sql]) => `  ${shard}: ${sql.trim().replaceAll('\n', '\n    ')}`)
  return [terminal.style('bold', 'With its own keys alone'), ...lines].join('\n')
}

function shardParamsText(shardParams: Readonly<Record<string, Params>>, terminal: Terminal): string {
  const lines = Object.entries(shardParams).map(([shard, params]) => `  ${shard}: ${JSON.stringify(params)}`)
  return [terminal.style('bold', 'With the parameters'), ...lines].join('\n')
}

function analysisText(analysis: Analysis, params: Params, terminal: Terminal): string {
  const tables = (access: 'read' | 'write'): string =>
    analysis.tables
      .filter((table) => table.access === access)
      .map(qualified)
      .join(', ')
  const rows: (readonly [string, string])[] = [
    ['kind', `${analysis.kind}: ${analysis.why}`],
    ['reads', tables('read')],
    ['writes', tables('write')],
    ['calls', analysis.functions.map((fn) => `${qualified(fn)}()`).join(', ')],
    ['values', analysis.values.map((value) => valuesText(value, params, analysis.dialect)).join('; ')],
  ]
  if (analysis.statements !== 1) rows.push(['statements', String(analysis.statements)])
  if (!analysis.complete) rows.push(['note', 'not understood whole, so there may be more tables than these'])
  if (analysis.leavesState) rows.push(['note', 'it leaves something behind on its connection'])
  const lines = rows.map(
    ([name, value]) => `  ${terminal.style('dim', name.padEnd(11))}${wrapped(value, terminal.columns)}`,
  )
  return [`${terminal.style('bold', 'Found in the text')} (read as ${analysis.dialect})`, ...lines].join('\n')
}

function wrapped(value: string, columns: number): string {
  return value === '' ? '–' : wrap(value, columns, ' '.repeat(13)).trimStart()
}

function qualified(named: { readonly schema?: string; readonly name: string }): string {
  return named.schema === undefined ? named.name : `${named.schema}.${named.name}`
}

function valuesText(found: ColumnValues, params: Params, dialect: Dialect): string {
  const column = found.table === undefined ? found.column : `${found.table}.${found.column}`
  const values = found.values.map((source) => sourceText(source, params, dialect))
  if (found.operator === 'equals') return `${column} = ${values.join(', ')}`
  return found.operator === 'in' ? `${column} in (${values.join(', ')})` : `${column} inserted: ${values.join(', ')}`
}

function sourceText(source: ValueSource, params: Params, dialect: Dialect): string {
  switch (source.from) {
    case 'constant':
      return typeof source.value === 'string' ? `'${source.value}'` : String(source.value)
    case 'expression':
      return 'an expression'
    case 'named':
      return withValue(`:${source.name}`, Array.isArray(params) ? undefined : Reflect.get(params, source.name))
    case 'parameter':
      return withValue(placeholder(source.index, dialect), Array.isArray(params) ? params[source.index] : undefined)
    case 'array-parameter':
      return withValue(
        `each of ${placeholder(source.index, dialect)}`,
        Array.isArray(params) ? params[source.index] : undefined,
      )
    default:
      return source satisfies never
  }
}

function placeholder(index: number, dialect: Dialect): string {
  return dialect === 'postgres' ? `$${index + 1}` : `?${index + 1}`
}

function withValue(name: string, value: unknown): string {
  return value === undefined ? name : `${name} (${JSON.stringify(value)})`
}
