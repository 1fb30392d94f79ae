import { ConfigError, UnsupportedError } from '../errors.ts'
import type { Queryable } from '../execution/queryable.ts'
import { show } from '../option.ts'
import type { Engine } from '../topology/server-target.ts'

/** A row of the table: the last number of a sequence that anybody took. */
export interface TicketRow {
  readonly table: string
  readonly sequence: string
}

interface Texts {
  /** Parameters: a number that the row must not be below, how many to take, the sequence. */
  readonly take: string
  /** Parameter: the sequence. */
  readonly insert: string
}

/** The same on all engines. */
function createText(table: string): string {
  return `create table if not exists ${table} (name varchar(64) primary key, last_number bigint not null)`
}

/**
 * One statement takes the numbers, so that the row is locked for no longer, and by nobody who may wait for something else. The
 * answer is text, which no driver rounds, and no type parser of an application changes.
 */
function textsFor(engine: Engine, table: string): Texts {
  const insert = `insert into ${table} (name, last_number)`
  switch (engine) {
    case 'postgres':
      return {
        take: `update ${table} set last_number = greatest(last_number, $1) + $2 where name = $3 returning last_number::text`,
        insert: `${insert} values ($1, 0) on conflict do nothing`,
      }
    case 'sqlite':
      return {
        take: `update ${table} set last_number = max(last_number, ?) + ? where name = ? returning cast(last_number as text) as last_number`,
        insert: `${insert} values (?, 0) on conflict do nothing`,
      }
    case 'mysql':
      return {
        // It has no RETURNING here, but answers an UPDATE with what last_insert_id() was given. Older versions of mysql2 send bigints as text.
        take:
          `update ${table} set last_number = ` +
          'last_insert_id(greatest(last_number, cast(? as signed)) + cast(? as signed)) where name = ?',
        insert: `${insert} values (?, 0) on duplicate key update name = name`,
      }
  }
}

/**
 * Makes the table and the row, unless they are there. Several processes may do so at a time: PostgreSQL then fails in all but
 * one of them, as it does where the account may not create tables. What counts is that the row can be put in.
 */
export async function setUpTickets(database: Queryable, engine: Engine, { table, sequence }: TicketRow): Promise<void> {
  const failure: unknown = await database.query(createText(table)).then(
    () => undefined,
    (error: unknown) => error,
  )
  try {
    await database.query(textsFor(engine, table).insert, [sequence])
  } catch (error) {
    throw failure ?? error
  }
}

/** Takes `count` numbers above `atLeast`, and gives the last of them. */
export async function takeTickets(
  database: Queryable,
  engine: Engine,
  { table, sequence }: TicketRow,
  count: number,
  atLeast: bigint,
): Promise<bigint> {
  // As bigints: SQLite takes a number for a floating-point one, and rounds the sum beyond 2^53.
  const params = [atLeast, BigInt(count), sequence]
  const { rows, rowCount, insertId } = await database.query<{ last_number: unknown }>(
    textsFor(engine, table).take,
    params,
    { rowMode: 'object' },
  )
  if (rowCount === 0) {
    throw new ConfigError(
      'options.sequence',
      `The table ${table} has no row ${JSON.stringify(sequence)}.`,
      'a sequence that setUp() has made, once',
    )
  }
  return readNumber(engine === 'mysql' ? insertId : rows[0]?.last_number)
}

function readNumber(value: unknown): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value === 'string' && /^\d+$/.test(value)) return BigInt(value)
  throw new UnsupportedError(
    `The last number of a ticket sequence came as ${show(value)}, which is rounded, or no whole number. Is last_number a bigint, and ` +
      '`supportBigNumbers` of mysql2 not switched off?',
  )
}
