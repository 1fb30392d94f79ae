import { ownValues } from '../routing/shards/own-values.ts'
import { readParameterPlaces } from '../statement/shape/parameter-places.ts'
import type { Params } from '../statement/statement.ts'
import type { Decision } from './decision.ts'

/** The parameters for one of the shards. `given`: those of the statement, or a copy in which LIMIT has other values. */
export type ParamsOfShard = (shard: string, given: Params) => Params

/** The parameters of each shard that a statement is sent to: of lists of keys its own values alone, see `ownValues`. */
export function ownParams({ keyLists, sql, database, scatter }: Decision): ParamsOfShard {
  if (keyLists === undefined) return (_, given) => given
  const places = scatter?.places ?? readParameterPlaces(sql, database.engine)
  if (scatter !== undefined) scatter.places = places
  return (shard, given) => ownValues(keyLists, places, shard, given)
}
