import type { DriverResult } from '../drivers/driver.ts'
import type { Hold } from '../execution/owner-check.ts'
import { insertIfAbsent } from '../statement/insert-if-absent.ts'
import { mark, marks } from '../statement/parameter-marks.ts'
import { quotedPath } from '../statement/quotes.ts'
import type { Engine } from '../topology/server-target.ts'
import { asText, bytewise, numberText, rowMarks } from './key-lists.ts'

/** The table on each shard, in which it knows its own keys, and those that it has given away. */
export const localTable = 'signalbox_owned_key'

/** What a shard knows of a key. `moved`: it was given away, or is being; the epoch is that of the next owner. */
export interface LocalOwner {
  readonly state: 'owned' | 'moved'
  readonly epoch: number
}

/** Runs a statement on the shard, in the transaction that is open there. */
export type SendLocal = (sql: string, params: readonly unknown[]) => Promise<Pick<DriverResult, 'rows' | 'rowCount'>>

/**
 * What the shards know themselves of who owns what, in the database with this alias. A row is never deleted: that a key was given
 * away must not be forgotten.
 */
export class LocalOwners {
  readonly #engine: Engine
  readonly #database: string
  readonly #table: string

  constructor(engine: Engine, database: string) {
    this.#engine = engine
    this.#database = database
    this.#table = quotedPath(engine, localTable)
  }

  /** The definition of the table. */
  get tableText(): string {
    const engine = this.#engine
    return (
      `create table if not exists ${this.#table} (database_alias ${bytewise(engine, 64)} not null, owner_key ${bytewise(engine, 512)} not null, ` +
      `state varchar(8) not null, epoch bigint not null, primary key (database_alias, owner_key))` +
      (engine === 'mysql' ? ' engine = InnoDB' : '')
    )
  }

  /**
   * What the shard knows of the keys, as it is now, and stays until the transaction ends: whoever gives one of them away has to
   * wait. SQLite has one writer at a time, and that is this one.
   */
  async lock(send: SendLocal, keys: readonly string[], hold: Hold): Promise<ReadonlyMap<string, LocalOwner>> {
    const engine = this.#engine
    const { rows } = await send(
      `select ${asText(engine, 'owner_key')} as owner_key, state, ${numberText(engine, 'epoch')} as epoch from ${this.#table} ` +
        `where database_alias = ${mark(engine, 1)} and owner_key in (${marks(engine, keys.length, 2).join(', ')})` +
        // In one order everywhere, so that two that lock the same keys do not wait for each other.
        (engine === 'sqlite' ? '' : ` order by owner_key ${lockText(engine, hold)}`),
      [this.#database, ...keys],
    )
    return new Map(
      (rows as readonly { owner_key: string; state: string; epoch: string }[]).map((row) => [
        row.owner_key,
        { state: row.state === 'owned' ? 'owned' : 'moved', epoch: Number(row.epoch) },
      ]),
    )
  }

  /** Notes that the keys are the shard's, as the directory says; what the shard knows of them already stays. */
  async adopt(send: SendLocal, epochs: ReadonlyMap<string, number>): Promise<void> {
    const engine = this.#engine
    const values = [...epochs].flatMap(([key, epoch]) => [this.#database, key, 'owned', epoch])
    const rows = `${this.#table} (database_alias, owner_key, state, epoch) values ${rowMarks(engine, epochs.size, 4)}`
    // A locking SELECT of rows that are not there would lock the gap on MySQL and MariaDB, and two such writers each other out.
    await send(insertIfAbsent(engine, rows), values)
  }

  /** Writes what the shard is to know of a key, unless it knows something newer. Waits for changes that hold the key. */
  async note(send: SendLocal, key: string, { state, epoch }: LocalOwner): Promise<void> {
    const engine = this.#engine
    const into = `insert into ${this.#table} (database_alias, owner_key, state, epoch) values ${rowMarks(engine, 1, 4)}`
    const text =
      engine === 'mysql'
        ? // Each assignment sees those before it, so the epoch comes last.
          `${into} on duplicate key update state = if(epoch < values(epoch), values(state), state), epoch = greatest(epoch, values(epoch))`
        : `${into} on conflict (database_alias, owner_key) do update set state = excluded.state, epoch = excluded.epoch ` +
          `where ${this.#table}.epoch < excluded.epoch`
    await send(text, [this.#database, key, state, epoch])
  }
}

function lockText(engine: Engine, hold: Hold): string {
  if (hold === 'alone') return 'for update'
  // FOR KEY SHARE would let a mover change the state.
  return engine === 'postgres' ? 'for share' : 'lock in share mode'
}
