import { insertIfAbsent } from '../../statement/insert-if-absent.ts'
import { mark, marks } from '../../statement/parameter-marks.ts'
import { CopyError } from './errors.ts'
import type { Place } from './place.ts'
import type { CopyPosition } from './row-reader.ts'

/** What a copy under a name has done with one table so far. */
export interface CopyRecord {
  readonly position: CopyPosition | undefined
  readonly isDone: boolean
  readonly read: number
  readonly inserted: number
  readonly skipped: number
  readonly replaced: number
  readonly checksum: bigint
}

export const nothingYet: CopyRecord = {
  position: undefined,
  isDone: false,
  read: 0,
  inserted: 0,
  skipped: 0,
  replaced: 0,
  checksum: 0n,
}

const table = 'signalbox_copy'
const numbers = ['read_rows', 'inserted', 'skipped', 'replaced'] as const

/** The table of the target in which stands how far a copy has come; it is changed in the transaction of each batch. */
export class CopyRecords {
  readonly #place: Place
  readonly #name: string
  /** What is copied, and how: a copy that goes on must be the same one. */
  readonly #fingerprint: string

  constructor(place: Place, name: string, fingerprint: string) {
    this.#place = place
    this.#name = name
    this.#fingerprint = fingerprint
  }

  /** Creates the table unless it is there, and the rows of these tables. */
  async setUp(tables: readonly string[]): Promise<void> {
    const { engine } = this.#place
    const text =
      `create table if not exists ${table} (name varchar(255) not null, table_name varchar(255) not null, fingerprint varchar(64) not null, ` +
      `position text, is_done integer not null default 0, ${numbers.map((column) => `${column} bigint not null default 0`).join(', ')}, ` +
      `checksum varchar(32) not null default '0', primary key (name, table_name))${engine === 'mysql' ? ' engine = InnoDB' : ''}`
    // Two at the same time can get in each other's way on PostgreSQL; the second attempt finds the table.
    const create = async (): Promise<unknown> => await this.#place.query(text, [], 'write')
    await create().catch(create)
    const values = marks(engine, 3).join(', ')
    const start = insertIfAbsent(engine, `${table} (name, table_name, fingerprint) values (${values})`)
    for (const name of tables) await this.#place.query(start, [this.#name, name, this.#fingerprint], 'write')
  }

  /** What was done; nobody else goes on with it until the transaction ends. */
  async lock(name: string): Promise<CopyRecord> {
    const { engine, database } = this.#place
    const { rows } = await this.#place.query(
      `select fingerprint, position, is_done, ${numbers.join(', ')}, checksum from ${table} ` +
        `where name = ${mark(engine, 1)} and table_name = ${mark(engine, 2)}${engine === 'sqlite' ? '' : ' for update'}`,
      [this.#name, name],
      'write',
    )
    const [row] = rows
    if (row === undefined) return nothingYet
    const [fingerprint, position, isDone, read, inserted, skipped, replaced, checksum] = row
    if (fingerprint !== this.#fingerprint) {
      throw new CopyError(
        `A copy with the name "${this.#name}" has begun in "${database}" with other options, so that it cannot go on with these. ` +
          `Use another name, or delete its rows from ${table}.`,
        name,
        { database },
      )
    }
    return {
      position: position == null ? undefined : String(position),
      isDone: Number(isDone) === 1,
      read: Number(read),
      inserted: Number(inserted),
      skipped: Number(skipped),
      replaced: Number(replaced),
      checksum: BigInt(`0x${String(checksum)}`),
    }
  }

  async write(name: string, record: CopyRecord): Promise<void> {
    const { engine } = this.#place
    const set = ['position', 'is_done', ...numbers, 'checksum'].map(
      (column, index) => `${column} = ${mark(engine, index + 1)}`,
    )
    const { position, isDone, read, inserted, skipped, replaced, checksum } = record
    const counts = [read, inserted, skipped, replaced].map((count) => (engine === 'sqlite' ? BigInt(count) : count))
    await this.#place.query(
      `update ${table} set ${set.join(', ')} where name = ${mark(engine, 8)} and table_name = ${mark(engine, 9)}`,
      [position ?? null, isDone ? 1 : 0, ...counts, checksum.toString(16), this.#name, name],
      'write',
    )
  }
}

/** The record, with what a batch has added. */
export function addTo(record: CopyRecord, batch: CopyRecord): CopyRecord {
  return {
    position: batch.position,
    isDone: batch.isDone,
    read: record.read + batch.read,
    inserted: record.inserted + batch.inserted,
    skipped: record.skipped + batch.skipped,
    replaced: record.replaced + batch.replaced,
    checksum: BigInt.asUintN(64, record.checksum + batch.checksum),
  }
}
