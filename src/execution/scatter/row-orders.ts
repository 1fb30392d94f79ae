import type { RowPlan } from '../../routing/scatter/row-plan.ts'
import type { Params } from '../../statement/statement.ts'
import type { Decision, SendOptions } from '../decision.ts'
import { comparatorOf } from '../merge/comparator.ts'
import type { RowOrder } from '../merge/merge-sorted.ts'
import { ownStatements } from '../own-statements.ts'
import { learnKeyOrders, type AskShard, type KeyOrder } from './key-orders.ts'
import { memoOf } from './scatter-plan.ts'
import { serverRanks } from './server-ranks.ts'
import { isUnreachable, onShard, type ScatterParts } from './shard-parts.ts'
import { sqliteKeyText, sqliteKeyValue } from './sqlite-keys.ts'

/** Rows with their sort keys in hidden columns, and how the values of each key are ordered. */
export interface OrderedRows {
  readonly plan: RowPlan
  readonly orders: readonly KeyOrder[]
}

/** Learnt once for each text; a failure is forgotten, so that the next call asks again. */
export async function keyOrdersOf(
  parts: ScatterParts,
  decision: Decision,
  plan: RowPlan,
  params: Params,
  options: SendOptions | undefined,
): Promise<readonly KeyOrder[]> {
  const memo = memoOf(decision)
  if (memo.orders !== undefined) return await memo.orders
  let isWhole = true
  const mayBeMissing = (error: unknown): boolean => {
    const isMissing = options?.partial === true && isUnreachable(error)
    isWhole &&= !isMissing
    return isMissing
  }
  const own = ownStatements(decision)
  const shards = decision.route.shards.map((shard): AskShard => {
    const ask = askerOf(parts, decision, shard, options)
    return async (sql, given) => await ask(sql, own.paramsOf(shard, given))
  })
  const learning = learnKeyOrders(decision.database.engine, plan, params, shards, mayBeMissing)
  memo.orders = learning
  try {
    return await learning
  } catch (error) {
    isWhole = false
    throw error
  } finally {
    if (!isWhole) memo.orders = undefined
  }
}

/** Asks one shard, with rows as arrays. */
function askerOf(parts: ScatterParts, decision: Decision, shard: string, options: SendOptions | undefined): AskShard {
  return async (sql, params) => {
    const { rows, fields } = await parts.run(onShard(decision, shard, sql), params, {
      ...options,
      rowMode: 'array',
    })
    return { rows: rows as readonly (readonly unknown[])[], fields }
  }
}

/** How the rows are compared. The server of the shard `asked` ranks the values that only a server can compare. */
export async function rowOrderOf(
  parts: ScatterParts,
  decision: Decision,
  { plan, orders }: OrderedRows,
  rows: readonly (readonly unknown[])[],
  options: SendOptions | undefined,
  asked = '',
): Promise<RowOrder<unknown> | undefined> {
  if (orders.length === 0) return undefined
  const { engine } = decision.database
  const valueOf = plan.order.map(({ name }, index) => {
    const read = keyReader(name, index - plan.order.length, options)
    return engine === 'sqlite' ? (row: unknown) => sqliteKeyValue(read(row)) : read
  })
  const ask = askerOf(parts, decision, asked, options)
  const keys = await Promise.all(
    plan.order.map(async ({ descending, nulls }, index) => {
      const of = valueOf[index]!
      const order = orders[index] ?? { by: 'type', type: 'sqlite' }
      if (order.by === 'type') return { of, type: order.type, descending, nulls }
      const values = rows.flatMap((some) => some.map(of))
      const ranks = await serverRanks(engine, values, order.ranking, ask)
      const rankOf = (row: unknown): unknown => {
        const value = of(row)
        return value === null ? null : ranks.get(value as string)
      }
      return { of: rankOf, type: 'number' as const, descending, nulls }
    }),
  )
  return comparatorOf(keys)
}

/** As text, where the driver's own form would lose something: microseconds, or digits. */
export function exactText(
  engine: Decision['database']['engine'],
  expression: string,
  order: KeyOrder | undefined,
): string {
  if (engine === 'sqlite') return sqliteKeyText(expression)
  if (order?.by === 'type' && order.instant === true) return `cast(unix_timestamp(${expression}) as char)`
  const type = order?.by === 'type' ? order.type : order?.by
  const isMoment = type === 'timestamp' || type === 'date' || type === 'time' || type === 'server'
  if (engine === 'postgres' && isMoment) return `(${expression})::text`
  // MariaDB marks JSON, which is a text to it, and the driver makes objects of that.
  const isText = type === 'padded-text' || type === 'bytewise-text'
  if (engine === 'mysql' && (isMoment || isText || type === 'number' || type === 'decimal'))
    return `cast((${expression}) as char)`
  // The text protocol has six digits of a FLOAT, and all of a double.
  if (engine === 'mysql' && type === 'float') return `(${expression}) + 0e0`
  return `(${expression})`
}

/** Reads the value of a key from its hidden column; `place`: counted from the end, for rows that are arrays. */
function keyReader(name: string, place: number, options: SendOptions | undefined): (row: unknown) => unknown {
  return options?.rowMode === 'array' || options?.rowMode === 'raw'
    ? (row) => (row as readonly unknown[]).at(place)
    : (row) => (row as Readonly<Record<string, unknown>>)[name]
}
