import type { DriverRequest, DriverResult, Field } from '../../drivers/driver.ts'
import type { AggregationPlan, PartialRelation, Refusal } from '../../routing/partial-aggregates.ts'
import type { Params } from '../../statement/statement.ts'

/** What a shard answered to the partial statement, with the row mode `raw`. */
export interface PartialAnswer {
  readonly fields: readonly Field[]
  readonly rows: readonly unknown[]
}

/** What making a relation needs. */
export interface RelationContext {
  readonly plan: AggregationPlan
  /** The parameters of the original statement. */
  readonly params: Params
  /** Of all shards; the first one's server is the one that finishes: names and numbers of types are its own. */
  readonly answers: readonly [PartialAnswer, ...PartialAnswer[]]
  /** Asks the server that finishes. */
  readonly ask: (request: Pick<DriverRequest, 'sql' | 'params' | 'rowMode'>) => Promise<DriverResult>
}

/** Most partial rows that are put together: they are in memory here, and again on the server that finishes. */
export const mostPartialRows = 100_000

/** Makes the partial rows of all shards something to select from; or says why the engine's values do not allow it. */
export type RelationMaker = (context: RelationContext) => Promise<PartialRelation | Refusal>

/** The rows of all shards as arrays. */
export function allRows(answers: readonly PartialAnswer[]): readonly (readonly unknown[])[] {
  return answers.flatMap(({ rows }) => rows as readonly (readonly unknown[])[])
}

/** A refusal if there are too many rows. */
export function tooMany(answers: readonly PartialAnswer[], limit: number): Refusal | undefined {
  const count = answers.reduce((sum, { rows }) => sum + rows.length, 0)
  if (count <= limit) return undefined
  return { refused: `${count} groups of all shards together, which is more than the ${limit} that are put together` }
}
