import type { AggregationPlan } from '../partial-aggregates.ts'
import type { NoPlan, RowPlan } from './row-plan.ts'

/** How the answers of several shards become one: row by row, or as groups that a server finishes; or what stands in the way. */
export type ScatterPlan = RowPlan | GroupPlan | NoPlan

export interface GroupPlan {
  readonly kind: 'groups'
  readonly plan: AggregationPlan
  /** The names of the columns, once a server was asked. */
  readonly names: { names?: readonly string[] | undefined }
}
