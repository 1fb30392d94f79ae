import type { Analysis, ColumnValues } from '../statement/analysis.ts'
import type { Statement } from '../statement/statement.ts'
import { givenValues } from './given-values.ts'
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
      return entry === undefined ? undefined : givenValues(entry.values, statement.params)
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
