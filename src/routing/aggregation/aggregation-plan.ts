import type { Dialect } from '../../statement/statement.ts'
import type { Parts, PartText } from './part-text.ts'

/** The partial rows of all shards, as something to select from. */
export interface PartialRelation {
  /** A SELECT with the plan's columns in their order; `value` are its own parameters. */
  readonly rows: Parts
  /** PostgreSQL: the name of each column's type. MySQL: `decimal`, `double` or another. SQLite: the type to compare as, or empty. */
  readonly types: readonly string[]
  /**
   * Whether the partial query itself is put in front, with no rows: its columns then give theirs the collation and the
   * affinity that they have in the tables.
   */
  readonly modelled: boolean
}

/** How a statement with groups, aggregates or DISTINCT is answered by several shards and finished by one server. */
export interface AggregationPlan {
  readonly dialect: Dialect
  /** For each shard: one row for each of its groups; or, where it `gathers`, for each of its rows. */
  readonly shard: PartText
  /** Whether the aggregates are computed of the rows of all shards, because they cannot be made of partial ones. */
  readonly gathers: boolean
  /** What is carried out instead where `final` refuses the types of the columns, which the text does not tell: it gathers. */
  readonly otherwise?: AggregationPlan | undefined
  /** The names of its columns. */
  readonly columns: readonly string[]
  /** MySQL: the places of those columns that come once more as doubles, behind the others and in this order. */
  readonly doubles?: readonly number[] | undefined
  /** The names of the original items; `undefined` where only the engine knows them: `describe` tells. */
  readonly names: readonly (string | undefined)[]
  /** The original statement without its rows: the names of its fields are those of the answer. */
  readonly describe: PartText
  /**
   * Names that are taken for those of items, outside of ORDER BY `name`. They must not be names of columns, which would come first; `columnsOf` is a
   * statement without rows whose fields are all columns of the tables.
   */
  readonly presumed: { readonly absent: readonly string[]; readonly columnsOf: PartText } | undefined
  /** Whether a shard may answer with more than one row. */
  readonly many: boolean
  /** The partial rows alone, as columns of the types and collations that they have in the final statement. */
  relation(relation: PartialRelation): PartText
  /**
   * The statement that makes the answer of the partial rows.
   *
   * @returns a refusal if the types of the columns, which the text does not tell, cannot be put together
   */
  final(relation: PartialRelation, names: readonly string[]): PartText | Refusal
}

/** Why a statement cannot be finished from partial aggregates; `refused` names the construct. */
export interface Refusal {
  readonly refused: string
}
