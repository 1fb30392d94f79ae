import type { DriverResult, Field } from '../drivers/driver.ts'
import type { Route } from '../routing/route.ts'
import type { Position } from '../topology/position.ts'

/** The answer to a statement: the driver's own rows, untouched, and the route that led to them. */
export class Result<Row = Record<string, unknown>> {
  readonly rows: Row[]
  /** Rows returned by a read; rows changed by a write. */
  readonly rowCount: number
  /** Where the statement ran, and why. */
  readonly route: Route
  /** The id that the engine generated for an inserted row, where it says so (MySQL, MariaDB, SQLite). */
  readonly insertId: number | bigint | undefined
  /** Shards that could not be reached, where the call allowed that with `partial`. */
  readonly missingShards: readonly string[]
  readonly #driverResult: DriverResult

  /** @internal */
  constructor(driverResult: DriverResult, route: Route, missingShards: readonly string[] = []) {
    this.rows = driverResult.rows as Row[]
    this.rowCount = driverResult.rowCount
    this.insertId = driverResult.insertId
    this.route = route
    this.missingShards = missingShards
    this.#driverResult = driverResult
  }

  /** Where a write stands in the log, if its server said so. */
  static positionOf(result: Result<unknown>): Position | undefined {
    return result.#driverResult.position
  }

  /** The columns, in order. */
  get fields(): readonly Field[] {
    return this.#driverResult.fields
  }

  /** The driver's own result object: a `pg` Result, mysql2's result header or rows, node:sqlite's answer. */
  get native(): unknown {
    return this.#driverResult.native
  }
}
