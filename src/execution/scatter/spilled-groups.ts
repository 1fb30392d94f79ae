import type { Params } from '../../statement/statement.ts'
import type { DriverResult } from '../../drivers/driver.ts'
import { messageOf, SignalboxError } from '../../errors.ts'
import { valuesOf, type AggregationPlan } from '../../routing/partial-aggregates.ts'
import type { Decision, SendOptions } from '../decision.ts'
import { concatenated } from '../merge/concatenated.ts'
import type { RowSource } from '../merge/row-source.ts'
import type { PartialAnswer } from '../relation/partial-answer.ts'
import { TemporaryTable } from '../relation/temporary-table.ts'
import type { ReachableShards } from './reachable-shards.ts'
import {
  isUnreachable,
  mapAtMost,
  onShard,
  type ScatterParts,
  type ShardConnection,
  type Spill,
} from './shard-parts.ts'
import { weighed } from './weighed.ts'

/** What is in hand of each shard at a time: twice, because the next one is read ahead, and once more as text. */
const batch = { rows: 2_000, weight: 500_000 }

/** What is to be finished on a server, of more partial rows than are held in memory. */
export interface Spilling {
  readonly decision: Decision
  readonly plan: AggregationPlan
  /** The same for one shard, whose text has its own keys alone. */
  readonly planOf: (shard: string) => AggregationPlan
  readonly names: readonly string[]
  /** The parameters that a shard gets. */
  readonly paramsOf: (shard: string) => Params
  readonly options: SendOptions | undefined
  readonly parts: ScatterParts
  readonly spill: Spill
}

/** Why there is no table: words for a sentence. */
export interface NoTable {
  readonly refused: string
  /** The account may make none there. */
  readonly unable?: true
}

/** The partial rows of all shards in a temporary table of one server, which finishes from there. To be closed. */
export class SpilledGroups {
  readonly #spilling: Spilling
  readonly #finisher: string
  readonly #connection: ShardConnection
  readonly #table: TemporaryTable
  #final = { sql: '', params: [] as readonly unknown[] }

  private constructor(
    spilling: Spilling,
    finisher: string,
    connection: ShardConnection,
    answers: readonly PartialAnswer[],
  ) {
    const { planOf, paramsOf } = spilling
    const [first, ...others] = answers
    this.#spilling = spilling
    this.#finisher = finisher
    this.#connection = connection
    this.#table = new TemporaryTable(
      planOf(finisher),
      paramsOf(finisher),
      [first!, ...others],
      async ({ sql, params: given, rowMode }) => connection.query(sql, given, rowMode),
    )
  }

  /** Asks the shards, and keeps what they answer on the server of the first of them. Throws their errors. */
  static async of(spilling: Spilling, shards: ReachableShards): Promise<SpilledGroups | NoTable> {
    const answers = await fieldsOf(spilling, shards)
    const { decision, plan, options, spill } = spilling
    const [finisher = ''] = shards.present
    let groups: SpilledGroups | undefined
    try {
      const connection = await spill.reserve(onShard(decision, finisher, plan.shard.sql), options)
      groups = new SpilledGroups(spilling, finisher, connection, answers)
      const refusal = (await groups.#create()) ?? (await groups.#fill(shards)) ?? (await groups.#prepare())
      if (refusal === undefined) return groups
      await groups.close()
      return refusal
    } catch (error) {
      if (shards.present.length === answers.length) shards.leaves(finisher, error)
      await groups?.close()
      throw error
    }
  }

  get finisher(): string {
    return this.#finisher
  }

  query(rowMode: SendOptions['rowMode']): Promise<DriverResult> {
    return this.#connection.query(this.#final.sql, this.#final.params, rowMode)
  }

  stream(rowMode: SendOptions['rowMode']): AsyncGenerator<unknown, void, undefined> {
    return this.#connection.stream(this.#final.sql, this.#final.params, rowMode)
  }

  /** Nothing of the table is left then. */
  async close(): Promise<void> {
    const { lease } = this.#connection
    const { dropText } = this.#table
    try {
      if (dropText === undefined) await lease.rollback()
      else await this.#connection.tidy(dropText)
    } catch {
      // It goes with its connection.
      await lease.release('destroy')
      return
    }
    await lease.release(dropText === undefined ? 'clean' : 'reset')
  }

  async #create(): Promise<NoTable | undefined> {
    const { lease } = this.#connection
    try {
      if (this.#table.dropText === undefined) await lease.begin({ readOnly: false })
      return await this.#table.create()
    } catch (error) {
      if (!(error instanceof SignalboxError) || isUnreachable(error) || error.code === 'SIGNALBOX_ABORTED') throw error
      return { refused: `the shard "${this.#finisher}" makes no temporary table (${messageOf(error)})`, unable: true }
    }
  }

  async #fill(shards: ReachableShards): Promise<NoTable | undefined> {
    const { paramsOf, planOf, parts, spill } = this.#spilling
    const own = this.#ownRows()
    const others =
      own === 'with the others' ? shards.present : shards.present.filter((shard) => shard !== this.#finisher)
    let count = 0
    const add = async (rows: readonly unknown[]): Promise<NoTable | undefined> => {
      count += rows.length
      return count > spill.mostRows ? tooMany(spill.mostRows) : await this.#table.add(rows)
    }
    if (own === 'on the connection') {
      const { shard: text } = planOf(this.#finisher)
      const rows = this.#connection.stream(text.sql, valuesOf(text, paramsOf(this.#finisher)), 'raw')
      for await (const some of weighed(rows, batch)) {
        const refusal = await add(some)
        if (refusal !== undefined) return refusal
      }
    }
    const { signal } = this.#spilling.options ?? {}
    const sources = others.map((shard) => this.#sourceOf(shard, shards))
    for await (const [some = []] of concatenated(sources, { concurrency: parts.concurrency, signal })) {
      const refusal = await add(some)
      if (refusal !== undefined) return refusal
    }
    if (own === 'by a statement') count += await this.#table.addOwn()
    return count > spill.mostRows ? tooMany(spill.mostRows) : undefined
  }

  /**
   * How the rows of the server itself come into the table. Not by a connection more where that could wait for this one; and where
   * replicas answer reads, as any other read, so that a session goes on from what it has seen.
   */
  #ownRows(): 'with the others' | 'on the connection' | 'by a statement' {
    const { dialect } = this.#spilling.plan
    if (this.#connection.isReplicated) return 'with the others'
    // MariaDB's INSERT … SELECT would lock what it reads.
    return dialect === 'sqlite' ? 'on the connection' : dialect === 'mysql' ? 'with the others' : 'by a statement'
  }

  #sourceOf(shard: string, shards: ReachableShards): RowSource<readonly unknown[]> {
    const { decision, options, paramsOf, parts, planOf } = this.#spilling
    const { shard: text } = planOf(shard)
    const single = onShard(decision, shard, text.sql)
    const values = valuesOf(text, paramsOf(shard))
    return async function* rows(signal) {
      try {
        const all = parts.stream(single, values, { ...options, rowMode: 'raw', fetchSize: batch.rows / 2, signal })
        for await (const some of weighed(all, batch)) yield [some]
      } catch (error) {
        shards.leaves(shard, error)
        throw error
      }
    }
  }

  async #prepare(): Promise<NoTable | undefined> {
    const { names, paramsOf, plan } = this.#spilling
    const relation = await this.#table.relation()
    const text = 'refused' in relation ? relation : plan.final(relation, names)
    if ('refused' in text) return text
    this.#final = { sql: text.sql, params: valuesOf(text, paramsOf(this.#finisher)) }
    return undefined
  }
}

/** The columns of the partial rows, as each shard has them. */
async function fieldsOf(
  { decision, options, paramsOf, parts, planOf }: Spilling,
  shards: ReachableShards,
): Promise<readonly PartialAnswer[]> {
  const answers = await mapAtMost(
    parts.concurrency,
    shards.present,
    async (shard) =>
      await shards.ask(shard, async (): Promise<PartialAnswer> => {
        const { shard: text } = planOf(shard)
        const single = onShard(decision, shard, `${text.sql} limit 0`)
        const { fields } = await parts.run(single, valuesOf(text, paramsOf(shard)), {
          ...options,
          rowMode: 'raw',
        })
        return { fields, rows: [] }
      }),
  )
  shards.refuseNone()
  return answers.filter((answer) => answer !== undefined)
}

function tooMany(most: number): NoTable {
  return { refused: `more than ${most} groups of all shards together (limits.scatterSpill)` }
}
