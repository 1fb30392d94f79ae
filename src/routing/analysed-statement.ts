import type { Analysis, ColumnValues, ValueSource } from '../statement/analysis.ts'
import type { Params, Statement } from '../statement/statement.ts'
import type { AnalysedStatement } from './router.ts'

/** The statement as routers see it. Built only when there is a router to ask. */
export function analysedStatement(statement: Statement, analysis: Analysis): AnalysedStatement {
  return {
    sql: statement.sql,
    params: statement.params,
    kind: analysis.kind,
    tables: analysis.tables,
    functions: analysis.functions,
    columnValues: analysis.values,
    valuesOf: (column, table) => {
      const entry = analysis.values.find((candidate) => matches(candidate, column, table))
      return entry === undefined ? undefined : fillIn(entry.values, statement.params)
    },
  }
}

function matches(entry: ColumnValues, column: string, table: string | undefined): boolean {
  return (
    entry.column.toLowerCase() === column.toLowerCase() &&
    // A column that could belong to several tables says nothing about one of them.
    (table === undefined || entry.table?.toLowerCase() === table.toLowerCase())
  )
}

function fillIn(sources: readonly ValueSource[], params: Params): readonly unknown[] | undefined {
  const values: unknown[] = []
  for (const source of sources) {
    if (source.from === 'constant') values.push(source.value)
    else if (source.from === 'expression') return undefined
    else if (source.from === 'named') {
      if (!isRecord(params) || !Object.hasOwn(params, source.name)) return undefined
      values.push(params[source.name])
    } else {
      if (isRecord(params) || source.index >= params.length) return undefined
      const value: unknown = params[source.index]
      if (source.from === 'parameter') values.push(value)
      else if (Array.isArray(value)) values.push(...(value as unknown[]))
      else return undefined
    }
  }
  return values
}

function isRecord(params: Params): params is Readonly<Record<string, unknown>> {
  return !Array.isArray(params)
}
