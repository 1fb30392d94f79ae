import type { DistributedOptions, LogTarget } from '../options.ts'

/** The columns of a row, as the database names them, and their values. */
export type RowValues = Readonly<Record<string, unknown>>

/** One row that is to have another shard key. */
export interface RowMove {
  /** A sharded table: `table` or `schema.table`, as the database has it. */
  readonly table: string
  /** What names the row: its shard key, and as many other columns as it takes to mean one row alone. `null` stands for NULL. */
  readonly key: RowValues
  /** What it gets: the new shard key, and other columns if they are to change as well. */
  readonly set: RowValues
}

/** As of `client.distributedTransaction()`. */
export interface MoveOptions<A extends string = string> extends Omit<DistributedOptions<A>, 'log'> {
  /** Needed unless all that is moved stays on its shard. */
  readonly log?: LogTarget<A>
}

/** What has become of a {@link RowMove}. */
export interface MovedRow {
  readonly table: string
  readonly database: string
  readonly from: string
  /** The same shard, if the new key lives there too. */
  readonly to: string
}
