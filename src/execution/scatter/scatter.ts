import type { Field } from '../../drivers/driver.ts'
import { shardText, type NoPlan, type RowPlan } from '../../routing/scatter/row-plan.ts'
import { shardParams, type Window } from '../../routing/scatter/shard-limit.ts'
import type { Params } from '../../statement/statement.ts'
import type { Decision, ScatterPlan, SendOptions } from '../decision.ts'
import { concatenated } from '../merge/concatenated.ts'
import { limited } from '../merge/limited.ts'
import { mergeSorted, type RowOrder } from '../merge/merge-sorted.ts'
import { batched, rowsOf, type RowBatches, type RowSource } from '../merge/row-source.ts'
import { ownStatements } from '../own-statements.ts'
import { Result } from '../result.ts'
import { groupsOf, streamOfGroups } from './groups.ts'
import { exactText, keyOrdersOf, rowOrderOf, type OrderedRows } from './row-orders.ts'
import { ReachableShards } from './reachable-shards.ts'
import { withOwnTypes } from './parsed-rows.ts'
import { planOfShard, scatterPlanOf } from './scatter-plan.ts'
import { WatchedScatter } from './scatter-watch.ts'
import { mapAtMost, onShard, type ScatterParts } from './shard-parts.ts'

/** What is asked of each shard, and how the answers are put together. */
interface Ready extends OrderedRows {
  readonly sqlOf: (shard: string) => string
  readonly paramsOf: (shard: string) => Params
  readonly window: Window
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

  async query<Row>(decision: Decision, params: Params, given: SendOptions | undefined): Promise<Result<Row>> {
    const options = assembled(given)
    const plan = scatterPlanOf(decision)
    const watched = new WatchedScatter(decision, params, this.#parts.counters)
    try {
      const own = withOwnTypes(decision, options)
      const result =
        own === undefined
          ? await this.#whole<Row>(decision, plan, params, options)
          : own.parsed<Row>(await this.#whole(decision, plan, params, own.asked))
      watched.ended(result)
      return result
    } catch (error) {
      watched.ended({ error })
      throw error
    }
  }

  async #whole<Row>(
    decision: Decision,
    plan: Exclude<ScatterPlan, NoPlan>,
    params: Params,
    options: SendOptions | undefined,
  ): Promise<Result<Row>> {
    if (plan.kind === 'groups') return await groupsOf<Row>(this.#parts, decision, plan, params, options)
    const ready = await this.#ready(decision, plan, params, options)
    const shards = new ReachableShards(decision.route.shards, options?.partial)
    const answers = await mapAtMost(
      this.#parts.concurrency,
      shards.present,
      async (shard) =>
        await shards.ask(
          shard,
          async () =>
            await this.#parts.run(onShard(decision, shard, ready.sqlOf(shard)), ready.paramsOf(shard), options),
        ),
    )
    shards.refuseNone()
    const there = answers.filter((answer) => answer !== undefined)
    const parts = there.map(({ rows: some }) => some)
    const order = await rowOrderOf(this.#parts, decision, ready, parts, options, shards.present[0])
    const sources = parts.map(
      (part): RowSource<unknown> =>
        async function* whole() {
          yield part
        },
    )
    const rows = await Array.fromAsync(rowsOf(this.#merged(ready, order, sources)))
    const hidden = ready.plan.order.length
    for (const row of rows) strip(row, ready.plan, options)
    const [first] = there
    const all: readonly Field[] = first?.fields ?? []
    const fields = hidden === 0 ? all : all.slice(0, -hidden)
    const native = there.map((answer) => answer.native)
    return new Result<Row>({ rows, rowCount: rows.length, fields, native }, decision.route, shards.missing)
  }

  /** Bounded: of each shard one batch is in hand, and one is read ahead. No shard is left out: there would be no place to name it. */
  async *stream<Row>(
    decision: Decision,
    params: Params,
    given: SendOptions | undefined,
  ): AsyncGenerator<Row, void, undefined> {
    const options = assembled(given?.partial === true ? { ...given, partial: false } : given)
    const plan = scatterPlanOf(decision)
    const watched = new WatchedScatter(decision, params, this.#parts.counters)
    let failure: { readonly error: unknown } | undefined
    try {
      for await (const rows of this.#batches(decision, plan, params, options)) {
        for (const row of rows) {
          watched.row()
          yield row as Row
        }
      }
    } catch (error) {
      failure = { error }
      throw error
    } finally {
      watched.ended(failure)
    }
  }

  async *#batches(
    decision: Decision,
    plan: Exclude<ScatterPlan, NoPlan>,
    params: Params,
    options: SendOptions | undefined,
  ): RowBatches<unknown> {
    // Columns are told of those that are given, not of the parts.
    const { described, ...rest } = options ?? {}
    if (plan.kind === 'groups' && described !== undefined) {
      yield await this.#described(decision, plan, params, rest, described)
      return
    }
    if (plan.kind === 'groups') {
      const size = options?.fetchSize ?? decision.database.pool.fetchSize
      yield* batched(streamOfGroups(this.#parts, decision, plan, params, options), size)
      return
    }
    const ready = await this.#ready(decision, plan, params, options)
    if (ready.orders.some(({ by }) => by === 'server')) {
      // Ranks are those of all rows, so these have to be there first.
      yield await this.#described(decision, plan, params, rest, described)
      return
    }
    const order = await rowOrderOf(this.#parts, decision, ready, [], options)
    const hidden = ready.plan.order.length
    const shown: SendOptions =
      described === undefined
        ? rest
        : { ...rest, described: (fields) => described(fields.slice(0, fields.length - hidden)) }
    const size = options?.fetchSize ?? decision.database.pool.fetchSize
    const sources = decision.route.shards.map((shard): RowSource<unknown> => {
      return (signal) => {
        const both = options?.signal === undefined ? signal : AbortSignal.any([signal, options.signal])
        const single = onShard(decision, shard, ready.sqlOf(shard))
        return batched(this.#parts.stream(single, ready.paramsOf(shard), { ...shown, signal: both }), size)
      }
    })
    for await (const rows of this.#merged(ready, order, sources, options?.signal)) {
      for (const row of rows) strip(row, ready.plan, options)
      yield rows
    }
  }

  /** All rows at once. */
  async #described(
    decision: Decision,
    plan: Exclude<ScatterPlan, NoPlan>,
    params: Params,
    options: SendOptions,
    described: SendOptions['described'],
  ): Promise<readonly unknown[]> {
    const { rows, fields } = await this.#whole(decision, plan, params, options)
    described?.(fields)
    return rows
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

  async #ready(decision: Decision, plan: RowPlan, params: Params, options: SendOptions | undefined): Promise<Ready> {
    const orders = plan.order.length === 0 ? [] : await keyOrdersOf(this.#parts, decision, plan, params, options)
    const { engine } = decision.database
    const textOf = (own: RowPlan): string =>
      shardText(own, (expression, key) => exactText(engine, expression, orders[key]))
    const sql = textOf(plan)
    const own = ownStatements(decision)
    const sqlOf = (shard: string): string => {
      const ownPlan = planOfShard(decision, plan, own.sqlOf(shard))
      return ownPlan === plan ? sql : textOf(ownPlan)
    }
    const { params: given, window } = shardParams(params, plan.limit, engine)
    return { plan, sqlOf, orders, paramsOf: (shard) => own.paramsOf(shard, given), window }
  }
}

/** Takes the hidden columns out of a row, which nobody else has yet. */
function strip(row: unknown, { order }: RowPlan, options: SendOptions | undefined): void {
  if (order.length === 0) return
  if (options?.rowMode === 'array' || options?.rowMode === 'raw') {
    ;(row as unknown[]).length -= order.length
    return
  }
  // The last first: that keeps the rest of the object as quick as it was.
  for (const { name } of order.toReversed()) Reflect.deleteProperty(row as object, name)
}

/** Rows that are put together have to come as the driver gives them, whatever a façade would make of them. */
function assembled(options: SendOptions | undefined): SendOptions | undefined {
  if (options?.sender === undefined) return options
  const { sender: _, ...others } = options
  return others
}
