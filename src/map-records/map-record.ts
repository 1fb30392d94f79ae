import type { DriverResult, Lease } from '../drivers/driver.ts'
import { locate } from '../errors.ts'
import { insertIfAbsent } from '../statement/insert-if-absent.ts'
import { mark, marks } from '../statement/parameter-marks.ts'
import type { Engine } from '../topology/server-target.ts'

/** A shard map as a shard has it. */
export interface RecordedMap {
  readonly fingerprint: string
  /** `ShardMap.data`, as JSON. */
  readonly data: string
}

/** Where a record is. */
export interface RecordPlace {
  readonly engine: Engine
  readonly database: string
  readonly shard: string
  /** Milliseconds for each of its statements. */
  readonly timeoutMs: number
}

const table = 'signalbox_shard_map'

/** One connection to the table of a shard in which stands by which map its rows were spread. */
export class MapRecord {
  readonly #lease: Lease
  readonly #place: RecordPlace

  constructor(lease: Lease, place: RecordPlace) {
    this.#lease = lease
    this.#place = place
  }

  /** Creates the table unless it is there. */
  async setUp(): Promise<void> {
    const text =
      `create table if not exists ${table} (name varchar(255) primary key, fingerprint varchar(32) not null, data text not null)` +
      (this.#place.engine === 'mysql' ? ' engine = InnoDB' : '')
    // Two at the same time can get in each other's way on PostgreSQL; the second attempt finds the table.
    await this.#send(text).catch(async () => await this.#send(text))
  }

  async read(): Promise<RecordedMap | undefined> {
    const { rows } = await this.#send(
      `select fingerprint, data from ${table} where name = ${mark(this.#place.engine, 1)}`,
      [this.#place.database],
    )
    return (rows as readonly RecordedMap[])[0]
  }

  /** Writes the map where there is none; if somebody was faster, theirs stays. */
  async add({ fingerprint, data }: RecordedMap): Promise<void> {
    const { engine, database } = this.#place
    const values = marks(engine, 3).join(', ')
    const text = insertIfAbsent(engine, `${table} (name, fingerprint, data) values (${values})`)
    await this.#send(text, [database, fingerprint, data])
  }

  async replace({ fingerprint, data }: RecordedMap): Promise<void> {
    const [first, second, third] = marks(this.#place.engine, 3)
    await this.#send(`update ${table} set fingerprint = ${first}, data = ${second} where name = ${third}`, [
      fingerprint,
      data,
      this.#place.database,
    ])
  }

  /** Gives the connection back. How that goes says nothing about what was read. */
  async close(): Promise<void> {
    await this.#lease.release('clean').catch(() => undefined)
  }

  async #send(sql: string, params: readonly unknown[] = []): Promise<DriverResult> {
    const { timeoutMs, database, shard } = this.#place
    try {
      return await this.#lease.query({ sql, params, access: 'write', timeoutMs })
    } catch (error) {
      throw locate(error, { database, shard })
    }
  }
}
