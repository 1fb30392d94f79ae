import { QueryError, ShadowError } from '../../errors.ts'
import type { ShadowDialect } from '../shadow-dialect.ts'
import { addingStep } from './add-columns.ts'
import { groupedText } from './grouped-text.ts'
import { partedText } from './parted-text.ts'
import type { PostgresFacts, PostgresTable } from './postgres-table.ts'
import { touchSql } from './copies.ts'
import type { TableName } from '../../topology/pattern-map.ts'
import { ownSchemas, quote, rowByRow, schemas, states, within } from './names.ts'
import { ownStep } from './own-steps.ts'

/** What has to be known of a shadow to write its SQL. */
export interface DialectPlaces {
  /** Those of the base that are shown. */
  readonly schemas: ReadonlySet<string>
  readonly tableOf: (use: TableName) => PostgresFacts | PostgresTable | undefined
  /** Aggregates are made in parts, where the base's server is quick at that. */
  readonly isParted: boolean
  readonly learn: NonNullable<ShadowDialect['learn']>
}

export function postgresShadowDialect({ schemas: shown, tableOf, isParted, learn }: DialectPlaces): ShadowDialect {
  const placeOf: ShadowDialect['placeOf'] = (schema) =>
    shown.has(schema) ? 'shown' : schema.startsWith(ownSchemas) ? 'own' : 'elsewhere'
  return {
    dialect: 'postgres',
    placeOf,
    failsTransactions: true,
    returnsByName: false,
    quote,
    local: (table) => within('local', table),
    // What is in the catalogue of this engine is of this kind.
    shown: (table) => (table as PostgresTable).shown,
    touch: touchSql,
    ownStep: (sql, analysis, catalogue) => ownStep(sql, analysis, catalogue, placeOf),
    addColumns: addingStep,
    learn,
    readText: (sql, analyze) => {
      const grouped = groupedText(sql, analyze, tableOf)
      return isParted ? partedText(grouped, analyze, tableOf) : grouped
    },
    remedyOf,
    toldError,
  }
}

/**
 * Classes of errors that a row may meet: cardinality violations, data exceptions, constraints; and, where nothing conflicts before, a key
 * that waits for the end of the transaction, or a copy that a row in front has left no room for. Collisions are found behind all rows:
 * whether a row before had one, only a look at row by row can tell.
 */
const rowErrors = new RegExp(`^(?:2[123]|55000|${states.taken})`)

/** What the shadow's own triggers ask for, before the statement can run. */
const remedyOf: NonNullable<ShadowDialect['remedyOf']> = (error) => {
  if (!(error instanceof QueryError)) return undefined
  const detail = detailOf(error)
  if (error.engineCode === states.asleep)
    return { sql: `SELECT ${schemas.merged}.wake($1)`, params: [detail], apart: true, isTold: false }
  if (rowErrors.test(error.engineCode ?? ''))
    return { sql: `SELECT set_config('${rowByRow}', 'on', true)`, params: [], apart: false, isTold: true }
  if (error.engineCode !== states.collision) return undefined
  const { remedy, keys } = JSON.parse(detail) as { readonly remedy: string; readonly keys: unknown }
  return {
    sql: `SELECT ${remedy}($1)`,
    params: [JSON.stringify(keys)],
    apart: false,
    isTold: false,
  }
}

function toldError(error: QueryError): unknown {
  if (error.engineCode === states.collision)
    return new ShadowError(
      'The statement meets more rows of the base, one after the other, than can be copied for it. Nothing was changed. Change fewer rows at a time.',
      { cause: error },
    )
  return error.engineCode === states.refusal || error.engineCode === states.taken
    ? new ShadowError(`${error.message}.`, { cause: error })
    : error
}

function detailOf({ cause }: QueryError): string {
  const { detail } = (cause ?? {}) as { readonly detail?: unknown }
  return typeof detail === 'string' ? detail : ''
}
