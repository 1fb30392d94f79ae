import type { CallOptions } from '../../config.ts'
import type { Field } from '../../drivers/driver.ts'
import { CannotScatterError, QueryError, SignalboxError } from '../../errors.ts'
import { aggregationPlan, isAggregated } from '../../routing/partial-aggregates.ts'
import { rowPlan, shardText, type NoPlan, type RowPlan } from '../../routing/scatter/row-plan.ts'
import { shardParams, type Window } from '../../routing/scatter/shard-limit.ts'
import { readQueryShape } from '../../statement/shape/read-query-shape.ts'
import type { Params } from '../../statement/statement.ts'
import type { Decision, GroupPlan, ScatterMemo, ScatterPlan, SendOptions } from '../decision.ts'
import { comparatorOf } from '../merge/comparator.ts'
import { concatenated } from '../merge/concatenated.ts'
import { limited } from '../merge/limited.ts'
import { mergeSorted, type RowOrder } from '../merge/merge-sorted.ts'
import { batched, rowsOf, type RowBatches, type RowSource } from '../merge/row-source.ts'
import { Result } from '../result.ts'
import { aggregate } from './aggregate.ts'
import { withShards } from '../shard-decision.ts'
import { learnKeyOrders, type AskShard, type KeyOrder } from './key-orders.ts'
import { serverRanks } from './server-ranks.ts'

/** How a decision for one shard is carried out. */
export interface ScatterParts {
  readonly run: (single: Decision, params: Params, options: SendOptions | undefined) => Promise<Result<unknown>>
  readonly stream: (
    single: Decision,
    params: Params,
    options: CallOptions | undefined,
  ) => AsyncGenerator<unknown, void, undefined>
  /** Most shards at a time. */
  readonly concurrency: number
}

/** What is asked of each shard, and how the answers are put together. */
interface Ready {
  readonly plan: RowPlan
  readonly sql: string
  readonly params: Params
  readonly window: Window
  readonly orders: readonly KeyOrder[]
}

/**
 * A read of several shards: each is asked for its part, and the rows are put together in the order that was asked for. Each shard
 * answers for itself: what is written meanwhile may be in the part of one and not in that of another.
 */
export class Scatter {
  readonly #parts: ScatterParts

  constructor(parts: ScatterParts) {
    this.#parts = parts
  }

  async query<Row>(decision: Decision, params: Params, options: CallOptions | undefined): Promise<Result<Row>> {
    const plan = planOf(decision)
    if (plan.kind === 'none') throw cannot(decision, plan.obstacle)
    if (plan.kind === 'groups') return await this.#groups<Row>(decision, plan, params, options)
    const ready = await this.#ready(decision, plan, params, options)
    const { shards } = decision.route
    const missing: string[] = []
    let failure: unknown
    const answers = await mapAtMost(this.#parts.concurrency, shards, async (shard) => {
      try {
        return await this.#parts.run(onShard(decision, shard, ready.sql), ready.params, options)
      } catch (error) {
        if (options?.partial !== true || !isUnreachable(error)) throw error
        missing.push(shard)
        failure ??= error
        return undefined
      }
    })
    const there = answers.filter((answer) => answer !== undefined)
    const [first] = there
    if (first === undefined) throw failure
    const parts = there.map(({ rows: some }) => some)
    const asked = shards.find((shard) => !missing.includes(shard)) ?? ''
    const order = await this.#orderOf(decision, ready, parts, options, asked)
    const sources = parts.map(
      (part): RowSource<unknown> =>
        async function* whole() {
          yield part
        },
    )
    const rows = await Array.fromAsync(rowsOf(this.#merged(ready, order, sources)))
    const hidden = ready.plan.order.length
    for (const row of rows) strip(row, ready.plan, options)
    const fields: readonly Field[] = hidden === 0 ? first.fields : first.fields.slice(0, -hidden)
    const native = there.map((answer) => answer.native)
    const inOrder = shards.filter((shard) => missing.includes(shard))
    return new Result<Row>({ rows, rowCount: rows.length, fields, native }, decision.route, inOrder)
  }

  /** Bounded: of each shard one batch is in hand, and one is read ahead. */
  async *stream<Row>(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
  ): AsyncGenerator<Row, void, undefined> {
    const plan = planOf(decision)
    if (plan.kind === 'none') throw cannot(decision, plan.obstacle)
    if (plan.kind === 'groups') {
      yield* (await this.#groups<Row>(decision, plan, params, options)).rows
      return
    }
    const ready = await this.#ready(decision, plan, params, options)
    if (ready.orders.some(({ by }) => by === 'server')) {
      // Ranks are those of all rows, so these have to be there first.
      yield* (await this.query<Row>(decision, params, options)).rows
      return
    }
    const order = await this.#orderOf(decision, ready, [], options)
    const size = options?.fetchSize ?? decision.database.pool.fetchSize
    const sources = decision.route.shards.map((shard): RowSource<unknown> => {
      return (signal) => {
        const both = options?.signal === undefined ? signal : AbortSignal.any([signal, options.signal])
        const single = onShard(decision, shard, ready.sql)
        return batched(this.#parts.stream(single, ready.params, { ...options, signal: both }), size)
      }
    })
    for await (const row of rowsOf(this.#merged(ready, order, sources, options?.signal))) {
      strip(row, ready.plan, options)
      yield row as Row
    }
  }

  #merged(
    { window }: Ready,
    order: RowOrder<unknown> | undefined,
    sources: readonly RowSource<unknown>[],
    signal?: AbortSignal,
  ): RowBatches<unknown> {
    const { concurrency } = this.#parts
    const rows =
      order === undefined
        ? concatenated(sources, { concurrency, inOrder: true, signal })
        : mergeSorted(sources, { ...order, signal })
    return window.offset === 0 && window.count === undefined ? rows : limited(rows, window)
  }

  async #groups<Row>(
    decision: Decision,
    { plan, names }: GroupPlan,
    params: Params,
    options: CallOptions | undefined,
  ): Promise<Result<Row>> {
    if (!Array.isArray(params)) throw cannot(decision, 'a query with named parameters and aggregates')
    const answer = await aggregate(
      {
        plan,
        params,
        shards: decision.route.shards,
        run: async (shard, sql, given, rowMode) =>
          await this.#parts.run(onShard(decision, shard, sql), given, { ...options, rowMode }),
        mapShards: async (shards, work) => await mapAtMost(this.#parts.concurrency, shards, work),
        memo: names,
      },
      options?.rowMode ?? 'object',
    )
    if ('refused' in answer) throw cannot(decision, answer.refused)
    const { rows, rowCount, fields, native } = answer
    return new Result<Row>({ rows, rowCount, fields, native }, decision.route)
  }

  async #ready(decision: Decision, plan: RowPlan, params: Params, options: CallOptions | undefined): Promise<Ready> {
    const orders = plan.order.length === 0 ? [] : await this.#keyOrders(decision, plan, params, options)
    const { engine } = decision.database
    const sql = shardText(plan, (expression, key) => exactText(engine, expression, orders[key]))
    return { plan, sql, orders, ...shardParams(params, plan.limit) }
  }

  /** Learnt once for each text; a failure is forgotten, so that the next call asks again. */
  async #keyOrders(
    decision: Decision,
    plan: RowPlan,
    params: Params,
    options: CallOptions | undefined,
  ): Promise<readonly KeyOrder[]> {
    const memo = memoOf(decision)
    if (memo.orders !== undefined) return await memo.orders
    let isWhole = true
    const mayBeMissing = (error: unknown): boolean => {
      const isMissing = options?.partial === true && isUnreachable(error)
      isWhole &&= !isMissing
      return isMissing
    }
    const shards = decision.route.shards.map((shard) => this.#asker(decision, shard, options))
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

  #asker(decision: Decision, shard: string, options: CallOptions | undefined): AskShard {
    return async (sql, params) => {
      const { rows, fields } = await this.#parts.run(onShard(decision, shard, sql), params, {
        ...options,
        rowMode: 'array',
      })
      return { rows: rows as readonly (readonly unknown[])[], fields }
    }
  }

  /** How the rows are compared. The server of the shard `asked` ranks the values that only a server can compare. */
  async #orderOf(
    decision: Decision,
    { plan, orders }: Ready,
    parts: readonly (readonly unknown[])[],
    options: CallOptions | undefined,
    asked = '',
  ): Promise<RowOrder<unknown> | undefined> {
    if (orders.length === 0) return undefined
    const valueOf = plan.order.map(({ name }, index) => keyReader(name, index - plan.order.length, options))
    const ask = this.#asker(decision, asked, options)
    const keys = await Promise.all(
      plan.order.map(async ({ descending, nulls }, index) => {
        const of = valueOf[index]!
        const order = orders[index] ?? { by: 'type', type: 'sqlite' }
        if (order.by === 'type') return { of, type: order.type, descending, nulls }
        const values = parts.flatMap((rows) => rows.map(of))
        const ranks = await serverRanks(decision.database.engine, values, order.ranking, ask)
        const rankOf = (row: unknown): unknown => {
          const value = of(row)
          return value === null ? null : ranks.get(value as string)
        }
        return { of: rankOf, type: 'number' as const, descending, nulls }
      }),
    )
    return comparatorOf(keys)
  }
}

function planOf(decision: Decision): ScatterPlan {
  const memo = memoOf(decision)
  memo.plan ??= makePlan(decision, memo.isBuiltIn)
  return memo.plan
}

function memoOf({ scatter }: Decision): ScatterMemo {
  return scatter ?? { isBuiltIn: () => false }
}

/** How the decision's text is asked of several shards. Throws `CannotScatterError` if it cannot be. */
export function scatterPlanOf(decision: Decision): Exclude<ScatterPlan, NoPlan> {
  const plan = planOf(decision)
  if (plan.kind === 'none') throw cannot(decision, plan.obstacle)
  return plan
}

function makePlan({ sql, analysis, database }: Decision, isBuiltIn: ScatterMemo['isBuiltIn']): ScatterPlan {
  if (analysis.statements > 1) return { kind: 'none', obstacle: 'several statements in one text' }
  const own = new Set(analysis.functions.filter((fn) => !isBuiltIn(fn)).map(({ name }) => name.toLowerCase()))
  const shape = readQueryShape(sql, database.engine, ({ name }) => own.has(name.toLowerCase()))
  if (shape === undefined) return { kind: 'none', obstacle: 'a query that is not one plain SELECT' }
  const [obstacle] = shape.obstacles
  if (obstacle !== undefined) return { kind: 'none', obstacle }
  if (!isAggregated(shape)) return rowPlan(sql, shape)
  const plan = aggregationPlan(sql, shape)
  return 'refused' in plan ? { kind: 'none', obstacle: plan.refused } : { kind: 'groups', plan, names: {} }
}

function cannot({ database, route }: Decision, obstacle: string): CannotScatterError {
  return new CannotScatterError(
    obstacle,
    `The statement would have to be asked of the shards ${route.shards.join(', ')} of "${database.alias}", and ${obstacle} cannot be put together from their answers. ` +
      'Nothing was sent. Give the shard key, or ask each shard: client.shard(key, fn).',
    { database: database.alias },
  )
}

function onShard(decision: Decision, shard: string, sql: string): Decision {
  return { ...withShards(decision, [shard]), sql }
}

/** As text, where the driver's own form would lose something: microseconds, or digits. */
function exactText(engine: Decision['database']['engine'], expression: string, order: KeyOrder | undefined): string {
  const type = order?.by === 'type' ? order.type : order?.by
  const isMoment = type === 'timestamp' || type === 'date' || type === 'time' || type === 'server'
  if (engine === 'postgres' && isMoment) return `(${expression})::text`
  if (engine === 'mysql' && (isMoment || type === 'number' || type === 'decimal'))
    return `cast((${expression}) as char)`
  return `(${expression})`
}

/** Reads the value of a key from its hidden column; `place`: counted from the end, for rows that are arrays. */
function keyReader(name: string, place: number, options: CallOptions | undefined): (row: unknown) => unknown {
  return options?.rowMode === 'array'
    ? (row) => (row as readonly unknown[]).at(place)
    : (row) => (row as Readonly<Record<string, unknown>>)[name]
}

/** Takes the hidden columns out of a row, which nobody else has yet. */
function strip(row: unknown, { order }: RowPlan, options: CallOptions | undefined): void {
  if (order.length === 0) return
  if (options?.rowMode === 'array') {
    ;(row as unknown[]).length -= order.length
    return
  }
  // The last first: that keeps the rest of the object as quick as it was.
  for (const { name } of order.toReversed()) Reflect.deleteProperty(row as object, name)
}

const unreachable: ReadonlySet<string> = new Set([
  'SIGNALBOX_NO_PRIMARY',
  'SIGNALBOX_TWO_PRIMARIES',
  'SIGNALBOX_NO_REPLICA',
  'SIGNALBOX_POOL_EXHAUSTED',
  'SIGNALBOX_TIMEOUT',
])

function isUnreachable(error: unknown): boolean {
  if (error instanceof QueryError) return ['connection-lost', 'shutting-down', 'starting-up'].includes(error.errorClass)
  return error instanceof SignalboxError && unreachable.has(error.code)
}

/** In the order of the items; the first error ends the rest of what was not begun. */
async function mapAtMost<T, R>(
  most: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      try {
        results[index] = await work(items[index]!)
      } catch (error) {
        next = items.length
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
  return results
}
