import { AsyncLocalStorage } from 'node:async_hooks'
import { ConfigError } from '../errors.ts'
import type { Queryable } from '../execution/queryable.ts'
import { asRecord, refuseUnknownKeys, show } from '../option.ts'
import type { Engine } from '../topology/server-target.ts'
import { setUpTickets, takeTickets, type TicketRow } from './ticket-table.ts'
import { TicketStock } from './ticket-stock.ts'
import { readWhole } from './whole-number.ts'

/** What `client.using()` gives. */
export interface TicketDatabase extends Queryable {
  readonly engine: Engine | undefined
}

/** A client. No transaction: numbers taken in one come back when it is rolled back. */
export interface TicketClient {
  using(database: never): TicketDatabase
}

/** What `ids.ticket()` takes. */
export interface TicketOptions<A = string> {
  /** The alias of the database that has the table. */
  readonly database: A
  /** The table, perhaps with its schema: letters, digits and `_`. Default `signalbox_ticket`. */
  readonly table?: string | undefined
  /** The sequence: one row of the table. 1 to 64 characters, default `default`. */
  readonly sequence?: string | undefined
  /** How many numbers a request takes, and the most that are lost when the process ends; 1 to 1,000,000, default 100. */
  readonly batch?: number | undefined
  /** How many callers may wait for numbers at a time; 1 to 1,000,000, default 10,000. More are refused. */
  readonly maxWaiting?: number | undefined
}

/** Numbers of one sequence: see {@link ticket}. */
export interface TicketIds {
  /**
   * Makes the table and the row of the sequence, unless they are there; numbers then begin at 1. Any number of processes may
   * call it, at every start. Does without the right to create tables where the table is there.
   */
  setUp(): Promise<void>
  /**
   * The next number, from 1; higher than all that this object gave before. Numbers are given in the order of the calls.
   *
   * @throws {SignalboxError} What the database says. Everybody who waits for the same request gets it, and the next call
   * makes a new one.
   * @throws {PoolExhaustedError} `maxWaiting` callers wait already.
   * @throws {ConfigError} The sequence has no row: `setUp()` was never called.
   */
  next(): Promise<bigint>
}

const optionNames = ['database', 'table', 'sequence', 'batch', 'maxWaiting']

/**
 * A ticket server: numbers from a row of a table in one database, unique over all shards and processes. A request takes
 * `batch` of them, and they are given from memory; all callers of a process share a request, and the next one is made when a fifth
 * is left.
 *
 * No number is given twice, and the numbers of one object rise. There are gaps: a process that ends loses what it had not
 * given, at most a batch, and numbers of several processes are not in the order of time. A failover that loses committed
 * transactions may bring numbers back: docs/ids.md.
 *
 * Make one object for a sequence, when the process starts. It runs outside of sessions, scopes and transactions.
 *
 * @throws {ConfigError} An option is missing, unknown or out of range.
 * @throws {UnknownDatabaseError} There is no such database.
 * @example
 * ```ts
 * import { ids } from 'signalbox'
 *
 * const reviewIds = ids.ticket(client, { database: 'shop', sequence: 'review' })
 * await reviewIds.setUp()
 * await client.query('insert into review (id, product_id) values ($1, $2)', [await reviewIds.next(), 7])
 * ```
 */
export function ticket<C extends TicketClient>(
  client: C,
  options: TicketOptions<Extract<Parameters<C['using']>[0], string>>,
): TicketIds {
  const { database, engine } = readDatabase(client, options)
  const row = readRow(options)
  const batch = readWhole(options.batch, 'options.batch', { min: 1, max: 1_000_000, default: 100 })
  const maxWaiting = readWhole(options.maxWaiting, 'options.maxWaiting', { min: 1, max: 1_000_000, default: 10_000 })
  // A request is for many callers: it must not become part of the session, or obey the scope, of the one that happens to be first.
  const outside = AsyncLocalStorage.snapshot()
  let highest = 0n
  const stock = new TicketStock({
    batch,
    maxWaiting,
    take: async (count) => {
      // A row that was set back, by a restored backup or a failover, must not give this process its numbers again.
      const last = await outside(takeTickets, database, engine, row, count, highest)
      highest = last
      return last - BigInt(count) + 1n
    },
  })
  return { setUp: async () => await outside(setUpTickets, database, engine, row), next: () => stock.next() }
}

function readDatabase(client: TicketClient, options: TicketOptions): { database: TicketDatabase; engine: Engine } {
  refuseUnknownKeys(asRecord(options, 'options'), optionNames, 'options')
  if (typeof client?.using !== 'function') {
    throw new ConfigError('client', `${show(client)} has no using().`, 'a client, as connect() gives it')
  }
  const alias: unknown = options.database
  if (typeof alias !== 'string') {
    throw new ConfigError('options.database', `${show(alias)} is not accepted.`, 'the alias of a database')
  }
  const database = client.using(alias as never)
  const { engine } = database
  if (engine === undefined) throw new ConfigError('client', 'Its databases have no engine.', 'a client')
  return { database, engine }
}

function readRow({ table = 'signalbox_ticket', sequence = 'default' }: TicketOptions): TicketRow {
  if (typeof table !== 'string' || !/^[a-z_]\w{0,62}(?:\.[a-z_]\w{0,62})?$/i.test(table)) {
    throw new ConfigError(
      'options.table',
      `${show(table)} is not accepted.`,
      'a name of letters, digits and _, perhaps behind that of its schema',
    )
  }
  if (typeof sequence !== 'string' || sequence === '' || sequence.length > 64) {
    throw new ConfigError('options.sequence', `${show(sequence)} is not accepted.`, 'a text of 1 to 64 characters')
  }
  return { table, sequence }
}
