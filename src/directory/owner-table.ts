import { QueryError } from '../errors.ts'
import type { CallOptions } from '../config.ts'
import type { Queryable } from '../execution/queryable.ts'
import type { CallLimits } from '../execution/time-limit.ts'
import type { Transaction } from '../execution/transaction.ts'
import { insertIfAbsent } from '../statement/insert-if-absent.ts'
import { mark, marks } from '../statement/parameter-marks.ts'
import { quotedPath } from '../statement/quotes.ts'
import type { Engine } from '../topology/server-target.ts'
import { asText, bytewise, chunksOf, mostKeys, numberText, rowMarks } from './key-lists.ts'

/** Who owns a key. The epoch rises with every owner. */
export interface Owner {
  readonly shard: string
  readonly epoch: number
  /** A move to this shard has begun, and is not done: the key still belongs to `shard`, which takes no changes of it any more. */
  readonly movingTo?: string | undefined
  /** The shard that had it before, while its rows there are not removed. */
  readonly movedFrom?: string | undefined
}

interface OwnerRow {
  readonly owner_key: string
  readonly shard: string
  readonly epoch: string
  readonly moving_to: string | null
  readonly moved_from: string | null
}

/** Runs statements on the control database. */
export type ControlSource = () => Pick<Queryable, 'query'> & { begin(): Transaction }

/** The table of owners, in the control database. Every statement is a transaction of its own. */
export class OwnerTable {
  readonly #control: ControlSource
  readonly #engine: Engine
  readonly #table: string
  readonly #database: string

  /** `database`: the alias of the sharded one; several may share a table. */
  constructor(control: ControlSource, engine: Engine, table: string, database: string) {
    this.#control = control
    this.#engine = engine
    this.#table = quotedPath(engine, table)
    this.#database = database
  }

  /** Makes the table, unless it is there. */
  async setUp(): Promise<void> {
    // Two at the same time can get in each other's way on PostgreSQL; the second attempt finds the table.
    await this.#send(tableText(this.#engine, this.#table)).catch(
      async () => await this.#send(tableText(this.#engine, this.#table)),
    )
    const absent = `${this.#table} (database_alias, owner_key, shard, epoch) values ${rowMarks(this.#engine, 1, 4)}`
    await this.#send(insertIfAbsent(this.#engine, absent), [this.#moves, '', '', 0])
  }

  /** The owners of those keys that have one, in one query for each 1,000 keys. */
  async read(keys: readonly string[], limits: CallLimits): Promise<Map<string, Owner>> {
    const engine = this.#engine
    const owners = new Map<string, Owner>()
    for (const some of chunksOf(keys, mostKeys)) {
      const rows = await this.#send<OwnerRow>(
        `select ${asText(engine, 'owner_key')} as owner_key, ${asText(engine, 'shard')} as shard, ${numberText(engine, 'epoch')} as epoch, ` +
          `${asText(engine, 'moving_to')} as moving_to, ${asText(engine, 'moved_from')} as moved_from from ${this.#table} ` +
          `where database_alias = ${mark(engine, 1)} and owner_key in (${marks(engine, some.length, 2).join(', ')})`,
        [this.#database, ...some],
        limits,
      )
      for (const row of rows) owners.set(row.owner_key, ownerOf(row))
    }
    return owners
  }

  /** Gives each key to its shard, unless somebody owns it by now: `read` tells who does. */
  async place(shards: ReadonlyMap<string, string>, limits: CallLimits): Promise<void> {
    const engine = this.#engine
    // In one order everywhere, so that two that place the same keys do not wait for each other.
    const rows = [...shards].sort(([one], [other]) => (one < other ? -1 : 1))
    for (const some of chunksOf(rows, mostKeys)) {
      const values = some.flatMap(([key, shard]) => [this.#database, key, shard, 1])
      const absent = `${this.#table} (database_alias, owner_key, shard, epoch) values ${rowMarks(engine, some.length, 4)}`
      await againAfterDeadlocks(async () => await this.#send(insertIfAbsent(this.#engine, absent), values, limits))
    }
  }

  /**
   * Nobody begins to move a key until the transaction that it gives is rolled back. Gives the keys of which some move is not
   * done as well, a few of them. On SQLite nobody places a key meanwhile, either.
   */
  async keepAll({
    signal,
    timeoutMs,
  }: CallLimits): Promise<{ readonly tx: Transaction; readonly moving: readonly string[] }> {
    const engine = this.#engine
    const options: CallOptions = {
      rowMode: 'object',
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }
    const tx = this.#control().begin()
    try {
      const lock = engine === 'postgres' ? ' for share' : engine === 'mysql' ? ' lock in share mode' : ''
      await tx.query(
        `select epoch from ${this.#table} where database_alias = ${mark(engine, 1)} and owner_key = ''${lock}`,
        [this.#moves],
        options,
      )
      const { rows } = await tx.query<{ owner_key: string }>(
        `select ${asText(engine, 'owner_key')} as owner_key from ${this.#table} where database_alias = ${mark(engine, 1)} ` +
          'and (moving_to is not null or moved_from is not null) limit 4',
        [this.#database],
        options,
      )
      return { tx, moving: rows.map((row) => row.owner_key) }
    } catch (error) {
      await tx.rollback()
      throw error
    }
  }

  /** Notes that the key is about to move, if it still is as was read: see `read`. A move that was begun may be begun again. */
  async beginMove(key: string, { epoch }: Owner, to: string): Promise<void> {
    const free = 'moved_from is null and (moving_to is null or moving_to = ?)'
    const tx = this.#control().begin()
    try {
      const count = `update ${this.#table} set epoch = epoch + 1 where database_alias = ${mark(this.#engine, 1)} and owner_key = ''`
      await tx.query(count, [this.#moves])
      await this.#change(key, epoch, 'moving_to = ?', [to], ` and ${free}`, [to], tx)
      await tx.commit()
    } catch (error) {
      await tx.rollback()
      throw error
    }
  }

  /** The key belongs to another shard from now on. */
  async switchOwner(key: string, { shard, epoch }: Owner, to: string): Promise<void> {
    const set = 'shard = ?, epoch = ?, moving_to = null, moved_from = ?'
    await this.#change(key, epoch, set, [to, epoch + 1, shard], ' and moving_to = ?', [to])
  }

  /** The key stays where it is. The epochs of the move that was begun are used up. */
  async callOff(key: string, { epoch }: Owner, to: string): Promise<void> {
    await this.#change(key, epoch, 'epoch = ?, moving_to = null', [epoch + 2], ' and moving_to = ?', [to])
  }

  /** The rows that the key had before are gone. */
  async endMove(key: string, { epoch }: Owner): Promise<void> {
    await this.#change(key, epoch, 'moved_from = null', [])
  }

  /** How many keys each shard owns. */
  async counts(limits: CallLimits): Promise<ReadonlyMap<string, number>> {
    const engine = this.#engine
    const rows = await this.#send<{ shard: string; n: string }>(
      `select ${asText(engine, 'shard')} as shard, ${numberText(engine, 'count(*)')} as n from ${this.#table} ` +
        `where database_alias = ${mark(engine, 1)} group by shard`,
      [this.#database],
      limits,
    )
    return new Map(rows.map(({ shard, n }) => [shard, Number(n)]))
  }

  /** The name of the row that stands for all moves; no alias has a colon in it. */
  get #moves(): string {
    return `${this.#database}:moves`
  }

  async #change(
    key: string,
    epoch: number,
    set: string,
    values: readonly unknown[],
    and = '',
    more: readonly unknown[] = [],
    on: Pick<Queryable, 'query'> = this.#control(),
  ): Promise<void> {
    const text = `update ${this.#table} set ${set} where database_alias = ? and owner_key = ? and epoch = ?${and}`
    let number = 0
    const marked = this.#engine === 'postgres' ? text.replaceAll('?', () => `$${(number += 1)}`) : text
    await on.query(marked, [...values, this.#database, key, epoch, ...more], primary)
  }

  async #send<Row>(
    sql: string,
    params: readonly unknown[] = [],
    { signal, timeoutMs }: CallLimits = {},
  ): Promise<readonly Row[]> {
    const options: CallOptions = {
      ...primary,
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }
    return (await this.#control().query<Row>(sql, params, options)).rows
  }
}

/** What replicas show may be old. */
const primary = { role: 'primary', rowMode: 'object' } as const satisfies CallOptions

const mostAttempts = 5

/** InnoDB may take two that insert the same keys for a deadlock, and then has done nothing for one of them. */
async function againAfterDeadlocks<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      const isDeadlock = error instanceof QueryError && error.errorClass === 'serialization'
      if (!isDeadlock || attempt === mostAttempts) throw error
    }
  }
}

function ownerOf({ shard, epoch, moving_to: movingTo, moved_from: movedFrom }: OwnerRow): Owner {
  return { shard, epoch: Number(epoch), movingTo: movingTo ?? undefined, movedFrom: movedFrom ?? undefined }
}

function tableText(engine: Engine, table: string): string {
  const name = bytewise(engine, 64)
  const time =
    engine === 'mysql'
      ? 'timestamp(6) not null default current_timestamp(6)'
      : 'timestamp not null default current_timestamp'
  return (
    `create table if not exists ${table} (database_alias ${name} not null, owner_key ${bytewise(engine, 512)} not null, shard ${name} not null, ` +
    `epoch bigint not null, moving_to ${name}, moved_from ${name}, placed_at ${time}, primary key (database_alias, owner_key))` +
    (engine === 'mysql' ? ' engine = InnoDB' : '')
  )
}
