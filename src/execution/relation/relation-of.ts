import type { PartialRelation, Refusal } from '../../routing/partial-aggregates.ts'
import type { Dialect } from '../../statement/statement.ts'
import { mysqlRelation } from './mysql-relation.ts'
import { mostPartialRows, type RelationContext, type RelationMaker, tooMany } from './partial-answer.ts'
import { postgresRelation } from './postgres-relation.ts'
import { sqliteRelation } from './sqlite-relation.ts'

const makers: Readonly<Record<Dialect, RelationMaker>> = {
  postgres: postgresRelation,
  mysql: mysqlRelation,
  sqlite: sqliteRelation,
}

/**
 * The partial rows of all shards as something to select from, on the server that finishes. Asks it at most one question, and only
 * about types and collations that the answers do not tell. Errors as of the driver.
 */
export function relationOf(
  context: RelationContext,
  limit: number = mostPartialRows,
): Promise<PartialRelation | Refusal> {
  const refusal = tooMany(context.answers, limit)
  return refusal === undefined ? makers[context.plan.dialect](context) : Promise.resolve(refusal)
}
