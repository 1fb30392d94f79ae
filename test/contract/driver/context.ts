import type { Driver, DriverPool, DriverRequest, DriverResult, PoolOptions } from '../../../src/drivers/driver.ts'

/** An empty database of one test. */
export interface ContractDatabase {
  readonly dsn: string
  drop(): Promise<void>
}

/** A handle of the driver's own, as an application would make it. */
export interface OwnHandle {
  readonly handle: unknown
  /** Rejects if the handle has been closed. */
  use(): Promise<unknown>
  close(): Promise<void>
}

/** A value, sent as the only parameter of `sql`, and what must come back in the column `value`. */
export interface RoundTrip {
  readonly kind: string
  readonly sql: string
  readonly given: unknown
  readonly expected: unknown
}

/** The texts in which engines differ. */
export interface ContractSql {
  /** The placeholder of the nth parameter, counted from 1. */
  readonly placeholder: (n: number) => string
  /** A table `item` of `id` (generated), `name` (unique, not null) and `n` (an integer). */
  readonly createTable: string
  /** `count` rows of `n`, 1 to `count`, and `pad`, a text of `bytes` bytes. */
  readonly series: (count: number, bytes: number) => string
  /** 1000 rows of `n`, of which row 501 cannot be computed. */
  readonly failsHalfWay: string
  /** A statement that changes the session, and one whose `value` shows whether it is changed. */
  readonly changeSession: string
  readonly showSession: string
  /** Makes the session refuse writes as a read-only server does. */
  readonly makeReadOnly: string
  readonly roundTrips: readonly RoundTrip[]
  /** One row of values that the driver's usual forms lose something of, and how it comes with the row mode `raw`. */
  readonly raw: { readonly sql: string; readonly row: readonly unknown[] }
  /** The following are absent where there is no server. */
  readonly server?: {
    /** Runs for `seconds`; `mark` is a comment that makes it findable. */
    readonly sleep: (seconds: number, mark: string) => string
    /** `value`: how many statements run whose text holds `mark`, not counting this one. */
    readonly countRunning: (mark: string) => string
    /** `value`: the id of the connection. */
    readonly connectionId: string
    readonly kill: (id: string) => string
    /** `value`: how many statements are kept prepared for this connection. */
    readonly countPrepared: string
  }
}

export interface DriverContract {
  readonly createDriver: () => Driver
  readonly freshDatabase: () => Promise<ContractDatabase>
  readonly sql: ContractSql
  readonly openHandle: (dsn: string) => Promise<OwnHandle>
  /** A data source name behind which nothing answers. */
  readonly unreachable: () => Promise<string>
  /** How many leases for writing a pool of that many connections gives out at a time. */
  readonly leasesOf: (maxConnections: number) => number
  /** True if `insertId` is reported. */
  readonly reportsInsertId: boolean
  /** True if the servers of this suite have positions. */
  readonly reportsPosition: boolean
  /** What the driver cannot do, by the name of the test. */
  readonly skips: readonly { readonly name: string; readonly reason: string }[]
}

/** What the parts of the suite work with. */
export interface ContractContext extends DriverContract {
  /** The database of this test; its table `item` is empty. */
  readonly dsn: () => string
  /** Opens a pool that is closed after the test. */
  readonly open: (options?: Partial<PoolOptions>, dsn?: string) => Promise<DriverPool>
  readonly openOnHandle: (handle: unknown, options?: Partial<PoolOptions>) => Promise<DriverPool>
  /** As vitest's `test`, but skipped, with the reason in its name, if the driver's contract says so. */
  readonly check: (name: string, body: () => Promise<void>) => void
}

/** A request with the defaults of the suite. */
export function statement(
  sql: string,
  params: DriverRequest['params'] = [],
  more: Partial<DriverRequest> = {},
): DriverRequest {
  return { sql, params, access: 'write', ...more }
}

/** A request that reads. */
export function read(
  sql: string,
  params: DriverRequest['params'] = [],
  more: Partial<DriverRequest> = {},
): DriverRequest {
  return statement(sql, params, { access: 'read', ...more })
}

/** The column `value` of the first row, as text. */
export function valueOf(result: DriverResult): string {
  const [row] = result.rows
  return String(typeof row === 'object' && row !== null ? Reflect.get(row, 'value') : row)
}

/** A column of a row that is an object. */
export function column(row: unknown, name: string): unknown {
  return typeof row === 'object' && row !== null ? Reflect.get(row, name) : undefined
}

/** Inserts one row into `item`. */
export function insertItem(context: ContractContext, name: string, n: number): DriverRequest {
  const { placeholder } = context.sql
  return statement(`insert into item (name, n) values (${placeholder(1)}, ${placeholder(2)})`, [name, n])
}

/** How many rows `item` has, as this pool sees it. */
export async function countItems(pool: DriverPool): Promise<number> {
  return Number(valueOf(await pool.query(read('select count(*) as value from item'))))
}

/** Calls, and returns what was thrown or rejected; fails if nothing was. */
export async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new Error('The call should have failed.')
}
