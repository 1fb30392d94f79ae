import { ownText, ownValues } from '../routing/shards/own-values.ts'
import { readParameterPlaces } from '../statement/shape/parameter-places.ts'
import type { Params } from '../statement/statement.ts'
import type { Decision } from './decision.ts'

/** What each of the shards of a statement gets: of lists of keys its own values alone, see `ownText` and `ownValues`. */
export interface OwnStatements {
  readonly sqlOf: (shard: string) => string
  /** `given`: the parameters of the statement, or a copy in which LIMIT has other values. */
  readonly paramsOf: (shard: string, given: Params) => Params
}

export function ownStatements({ keyLists, sql, route, database, scatter }: Decision): OwnStatements {
  if (keyLists === undefined) return { sqlOf: () => sql, paramsOf: (_, given) => given }
  const places = scatter?.places ?? readParameterPlaces(sql, database.engine)
  if (scatter !== undefined) scatter.places = places
  return {
    // What the lists say of places is said of the text that was given.
    sqlOf: (shard) => (route.sql === undefined ? ownText(sql, keyLists, places, shard) : sql),
    paramsOf: (shard, given) => ownValues(keyLists, places, shard, given),
  }
}
