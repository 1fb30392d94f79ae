import type { Decision } from '../../execution/decision.ts'
import { MoveRowError } from '../errors.ts'
import { DistributedTransaction } from '../distributed-transaction.ts'
import { mysqlRows } from './mysql-rows.ts'
import { postgresRows } from './postgres-rows.ts'
import { isCrossing, shardNameOf, type PlannedMove } from './planned-move.ts'
import type { MovedRow } from './row-move.ts'
import { updateRow, type Column, type RowMover, type Send } from './row-texts.ts'
import { countRows } from './sqlite-rows.ts'

/**
 * Moves rows within a transaction: all are locked first, then inserted in their order, and the old ones deleted in the reverse order, so that
 * parents come before their children in both places. What stays on its shard is changed where it is, unless others are moved with it: then it is
 * copied as well, if its unique indexes allow that, since rows that belong to it may have to be changed in between.
 *
 * Throws `MoveRowError`; the transaction has to be rolled back then.
 */
export async function moveAll(tx: DistributedTransaction, plans: readonly PlannedMove[]): Promise<readonly MovedRow[]> {
  const rows: MovingRow<unknown>[] = []
  for (const plan of plans) rows.push(await MovingRow.locked(tx, plan, plans.length > 1))
  for (const row of rows) await row.put()
  for (const row of rows.toReversed()) await row.remove()
  return plans.map(({ move, from, to }) => ({
    table: move.table,
    database: from.route.database,
    from: shardNameOf(from),
    to: shardNameOf(to),
  }))
}

/** A row that is copied, and how it is found again. */
interface Copied<Row> {
  readonly mover: RowMover<Row>
  readonly row: Row
}

/** A row on its way. */
class MovingRow<Row> {
  readonly #plan: PlannedMove
  readonly #source: Send
  readonly #target: Send
  /** `undefined`: it is changed where it is. */
  readonly #copy: Copied<Row> | undefined

  private constructor(tx: DistributedTransaction, plan: PlannedMove, copy: Copied<Row> | undefined) {
    this.#plan = plan
    this.#source = senderOf(tx, plan.from)
    this.#target = senderOf(tx, plan.to)
    this.#copy = copy
  }

  static async locked(
    tx: DistributedTransaction,
    plan: PlannedMove,
    isOneOfSeveral: boolean,
  ): Promise<MovingRow<unknown>> {
    const { engine } = plan
    if (engine === 'sqlite') {
      assertOne(plan, await countRows(senderOf(tx, plan.from), plan.table, plan.move.key))
      return new MovingRow(tx, plan, undefined)
    }
    return engine === 'postgres'
      ? await MovingRow.#lockedBy(postgresRows, tx, plan, isOneOfSeveral)
      : await MovingRow.#lockedBy(mysqlRows, tx, plan, isOneOfSeveral)
  }

  static async #lockedBy<Row>(
    mover: RowMover<Row>,
    tx: DistributedTransaction,
    plan: PlannedMove,
    isOneOfSeveral: boolean,
  ): Promise<MovingRow<unknown>> {
    const send = senderOf(tx, plan.from)
    const { table, move } = plan
    const [row, ...others] = await mover.lock(send, table, move.key)
    if (row === undefined || others.length > 0) throw wrongCount(plan, row === undefined ? 0 : others.length + 1)
    const mayCopy = isOneOfSeveral && plan.changesKey
    const isCopied = isCrossing(plan) || (mayCopy && !(await mover.collides(send, table, Object.keys(move.set))))
    return new MovingRow<Row>(tx, plan, isCopied ? { mover, row } : undefined)
  }

  async put(): Promise<void> {
    const { move, table, engine } = this.#plan
    if (this.#copy === undefined) {
      assertOne(this.#plan, await updateRow(engine, this.#source, table, move))
      return
    }
    const { mover, row } = this.#copy
    const columns = await this.#columns(mover)
    const set = settings(this.#plan, columns)
    const copied = columns.filter((column) => !column.generated && !set.has(column))
    const values = await mover.read(this.#source, table, copied, row)
    if (values.length !== copied.length) throw wrongCount(this.#plan, 0)
    const count = await mover.insert(this.#target, table, copied, values, set)
    if (count === 1) return
    throw this.#failed(`its new shard has taken ${count} rows for it: a trigger or a rule may stand in the way`)
  }

  async remove(): Promise<void> {
    if (this.#copy === undefined) return
    const { mover, row } = this.#copy
    const { table } = this.#plan
    const dependants = await mover.dependants(this.#source, table, row)
    if (dependants.length > 0) {
      throw this.#failed(
        `rows of ${dependants.join(', ')} belong to it, and their foreign key would delete or change them with it. Move them in the same call, behind it: client.moveRows()`,
      )
    }
    const count = await mover.remove(this.#source, table, row)
    if (count !== 1)
      throw this.#failed(`its old shard has deleted ${count} rows: a trigger or a rule may stand in the way`)
  }

  /** Throws if the tables of both shards are not the same. */
  async #columns(mover: RowMover<Row>): Promise<readonly Column[]> {
    const { table, move } = this.#plan
    const [here, there] = [await mover.columns(this.#source, table), await mover.columns(this.#target, table)]
    if (here.length === 0) throw this.#failed(`${move.table} is no table there`)
    const other = [...differences(here, there), ...differences(there, here)]
    if (other.length === 0) return here
    throw this.#failed(`the table has other columns on its new shard (${[...new Set(other)].join(', ')})`)
  }

  #failed(why: string): MoveRowError {
    const { move, from, to } = this.#plan
    return new MoveRowError(
      `The row of ${move.table} cannot be moved from the shard "${shardNameOf(from)}" to "${shardNameOf(to)}": ${why}. Nothing was changed.`,
      { table: move.table, matched: 1 },
      { database: from.route.database, shard: shardNameOf(from) },
    )
  }
}

function differences(some: readonly Column[], others: readonly Column[]): readonly string[] {
  const known = new Map(others.map(({ name, type, generated }) => [name, `${type} ${generated}`]))
  return some.filter(({ name, type, generated }) => known.get(name) !== `${type} ${generated}`).map(({ name }) => name)
}

/** The columns that the caller sets, with their values. */
function settings({ move, engine }: PlannedMove, columns: readonly Column[]): ReadonlyMap<Column, unknown> {
  return new Map(
    Object.entries(move.set).map(([name, value]) => {
      const isMeant = (column: Column): boolean =>
        engine === 'postgres' ? column.name === name : column.name.toLowerCase() === name.toLowerCase()
      // What there is not, the server refuses.
      return [columns.find(isMeant) ?? { name, type: '', generated: false }, value]
    }),
  )
}

function senderOf(tx: DistributedTransaction, place: Decision): Send {
  return async (sql, params = [], effect = 'read') => {
    const on: Decision = { ...place, sql, touches: undefined, route: Object.freeze({ ...place.route, effect }) }
    const { rows, rowCount } = await DistributedTransaction.send(tx, on, params)
    return { rows: rows as readonly (readonly unknown[])[], rowCount }
  }
}

function assertOne(plan: PlannedMove, count: number): void {
  if (count !== 1) throw wrongCount(plan, count)
}

function wrongCount({ move, from }: PlannedMove, count: number): MoveRowError {
  const shard = shardNameOf(from)
  const named = Object.keys(move.key).join(', ')
  const what =
    count === 0
      ? `There is no row of ${move.table} with this key (${named}) on the shard "${shard}".`
      : `The key (${named}) names ${count} rows of ${move.table} on the shard "${shard}", and a move is of one.`
  return new MoveRowError(
    `${what} Nothing was changed.`,
    { table: move.table, matched: count },
    { database: from.route.database, shard },
  )
}
