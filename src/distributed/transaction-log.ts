import type { DriverResult, Lease } from '../drivers/driver.ts'
import { ConfigError, QueryError, locate } from '../errors.ts'
import { mark } from '../statement/parameter-marks.ts'
import { quotedPath } from '../statement/quotes.ts'
import { isLogName, newLogName } from './branch-name.ts'
import type { LogTable } from './log-place.ts'
import type { LoggedCommit, Recording, Verdict } from './protocol.ts'

/** Where the log is. */
export interface LogPlace extends LogTable {
  /** Milliseconds for each of its statements. */
  readonly timeoutMs: number
}

/** The entry that gives the log its name. */
const nameEntry = 'log'
/** PostgreSQL: unique_violation; MySQL, MariaDB. */
const takenCodes: ReadonlySet<string | undefined> = new Set(['23505', 'ER_DUP_ENTRY'])

/** What has become of writing a verdict, and the error unless it stands there. */
export interface Recorded {
  readonly outcome: Recording
  readonly error: unknown
}

/** One connection to the table in which the decisions stand. Every statement is a transaction of its own, durable when answered. */
export class TransactionLog {
  readonly #lease: Lease
  readonly #place: LogPlace
  readonly #table: string

  constructor(lease: Lease, place: LogPlace) {
    this.#lease = lease
    this.#place = place
    this.#table = quotedPath(place.engine, place.table)
  }

  /** Creates the table unless it is there, and gives it a name, which all processes find there. */
  async setUp(): Promise<void> {
    // Two at the same time can get in each other's way on PostgreSQL; the second attempt finds the table.
    await this.#send(tableText(this.#place)).catch(async () => await this.#send(tableText(this.#place)))
    if ((await this.#name()) !== undefined) return
    await this.record(
      nameEntry,
      newLogName((bytes) => crypto.getRandomValues(bytes)),
      [],
    )
  }

  /** The log's name. Throws `ConfigError` where there is no such table. */
  async name(): Promise<string> {
    const name = await this.#name().catch((error: unknown) => {
      if (!(error instanceof QueryError) || error.errorClass !== 'syntax') throw error
      return undefined
    })
    if (name !== undefined && isLogName(name)) return name
    const { database, table } = this.#place
    throw new ConfigError(
      'options.log',
      `The table "${table}" of the database "${database}" is no log of distributed transactions. Nothing was committed.`,
      'a table that client.setUpTransactionLog({ log }) has made',
    )
  }

  /** Writes a verdict, unless one stands there. Never throws. */
  async record(id: string, verdict: string, places: readonly string[]): Promise<Recorded> {
    const [values, where] = this.#place.engine === 'postgres' ? ['$1, $2, $3', durably] : ['?, ?, ?', '']
    try {
      await this.#send(`insert into ${this.#table} (id, decision, branches) select ${values}${where}`, [
        id,
        verdict,
        JSON.stringify(places),
      ])
      return { outcome: 'recorded', error: undefined }
    } catch (error) {
      return { outcome: outcomeOf(error), error }
    }
  }

  async read(id: string): Promise<Verdict | undefined> {
    const { rows } = await this.#send(`select decision from ${this.#table} where id = ${this.#mark}`, [id])
    const [row] = rows as readonly { readonly decision: string }[]
    return row?.decision === 'commit' || row?.decision === 'abort' ? row.decision : undefined
  }

  /** Takes an entry out. */
  async forget(id: string): Promise<void> {
    await this.#send(`delete from ${this.#table} where id = ${this.#mark} and decision = 'commit'`, [id])
  }

  /** Every entry that says `commit`, in the order of their ids. `keepMs`: when it counts as old, by the clock of the log's server. */
  async commits(keepMs: number): Promise<readonly LoggedCommit[]> {
    const before =
      this.#place.engine === 'postgres'
        ? "now() - $1::float8 * interval '1 millisecond'"
        : 'current_timestamp(6) - interval ? microsecond'
    const kept = this.#place.engine === 'postgres' ? keepMs : keepMs * 1_000
    const { rows } = await this.#send(
      `select id, branches, case when decided_at <= ${before} then 1 else 0 end as is_old from ${this.#table} where decision = 'commit' order by id`,
      [kept],
    )
    return (rows as readonly { id: string; branches: string; is_old: unknown }[]).map((row) => ({
      id: row.id,
      places: JSON.parse(row.branches) as readonly string[],
      isOld: Number(row.is_old) === 1,
    }))
  }

  /** Gives the connection back; `destroy`: one that does not answer. How that goes says nothing about what was written. */
  async close(mode: 'clean' | 'destroy' = 'clean'): Promise<void> {
    await this.#lease.release(mode).catch(() => undefined)
  }

  get #mark(): string {
    return mark(this.#place.engine, 1)
  }

  async #name(): Promise<string | undefined> {
    const { rows } = await this.#send(`select decision from ${this.#table} where id = ${this.#mark}`, [nameEntry])
    return (rows as readonly { readonly decision: string }[])[0]?.decision
  }

  async #send(sql: string, params: readonly unknown[] = []): Promise<DriverResult> {
    const { timeoutMs, engine: _engine, table: _table, ...where } = this.#place
    try {
      return await this.#lease.query({ sql, params, access: 'write', timeoutMs })
    } catch (error) {
      throw locate(error, where)
    }
  }
}

function outcomeOf(error: unknown): Recording {
  if (!(error instanceof QueryError)) return 'unknown'
  if (takenCodes.has(error.engineCode)) return 'taken'
  return error.errorClass === 'connection-lost' || error.errorClass === 'shutting-down' ? 'unknown' : 'refused'
}

/** A decision must not get lost with the server, also where its default leaves commits to chance; stronger settings stay. */
const durably =
  " where case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', true) else '' end is not null"

/** The definition of the table, for those who make their tables themselves; it also needs the entry that names it. */
export function tableText(place: Pick<LogPlace, 'engine' | 'table'>): string {
  const time =
    place.engine === 'postgres'
      ? 'timestamptz not null default now()'
      : 'timestamp(6) not null default current_timestamp(6)'
  return (
    `create table if not exists ${quotedPath(place.engine, place.table)} (id varchar(64) primary key, decision varchar(8) not null, ` +
    `branches text not null, decided_at ${time})${place.engine === 'mysql' ? ' engine = InnoDB' : ''}`
  )
}
