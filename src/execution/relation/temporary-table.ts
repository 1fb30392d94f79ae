import type { Params } from '../../statement/statement.ts'
import type { DriverRequest, DriverResult } from '../../drivers/driver.ts'
import type { AggregationPlan, PartialRelation, PartText, Refusal } from '../../routing/partial-aggregates.ts'
import { render, valuesOf } from '../../routing/partial-aggregates.ts'
import type { PartialAnswer, RelationContext } from './partial-answer.ts'
import { relationOf } from './relation-of.ts'

/** Asks the server that finishes, on the one connection that has the table. */
export type AskServer = (request: Pick<DriverRequest, 'sql' | 'params' | 'rowMode'>) => Promise<DriverResult>

const name = 'signalbox_partial_rows'

/** Characters of a question, with its texts, above which its answer is not kept: it is about the rows of one batch. */
const longestKept = 10_000

/** Statements of each engine that differ. The table is qualified, so that no other one can be meant. */
const texts = {
  postgres: { table: `pg_temp.${name}`, drop: undefined },
  mysql: { table: name, drop: `drop temporary table if exists ${name}` },
  sqlite: { table: `temp.${name}`, drop: `drop table if exists temp.${name}` },
} as const

/**
 * Partial rows in a temporary table of the server that finishes, for more of them than fit in memory. They come in batches; each is a
 * relation as in a statement without the table, and so are the columns that the table gets of the first.
 */
export class TemporaryTable {
  readonly #plan: AggregationPlan
  readonly #params: Params
  readonly #answers: RelationContext['answers']
  readonly #ask: AskServer
  readonly #asked = new Map<string, Promise<DriverResult>>()
  #types: readonly string[] | undefined

  /** `answers`: of all shards, without their rows; the first is that of the server that finishes. */
  constructor(
    plan: AggregationPlan,
    params: Params,
    answers: readonly [PartialAnswer, ...PartialAnswer[]],
    ask: AskServer,
  ) {
    this.#plan = plan
    this.#params = params
    this.#answers = answers
    this.#ask = ask
  }

  /** Makes the table, empty. Errors as of the driver: an account may not be allowed to. */
  async create(): Promise<Refusal | undefined> {
    const { dialect, columns } = this.#plan
    const { table } = texts[dialect]
    const relation = await this.#relation([])
    if ('refused' in relation) return relation
    // PostgreSQL takes no schema there: what is temporary is in its own.
    const created = dialect === 'postgres' ? name : table
    const head = `create ${dialect === 'sqlite' ? 'temp' : 'temporary'} table ${created}`
    const { sql, params } = this.#plan.relation(relation)
    const listed = `(${columns.join(', ')})`
    if (dialect === 'sqlite') await this.#run({ sql: `${head} ${listed}`, params: [] })
    else if (dialect === 'mysql')
      await this.#run({ sql: `${head} as with r${listed} as (${sql}) select * from r`, params })
    else await this.#run({ sql: `${head} ${listed} on commit drop as ${sql}`, params })
    return undefined
  }

  async add(rows: readonly unknown[]): Promise<Refusal | undefined> {
    const relation = await this.#relation(rows)
    if ('refused' in relation) return relation
    const known = this.#types ?? relation.types
    // On SQLite a type is what all values have.
    this.#types = known.map((type, i) => (type === relation.types[i] ? type : ''))
    const { dialect } = this.#plan
    await this.#run(render([`insert into ${texts[dialect].table} `, ...relation.rows], dialect))
    return undefined
  }

  /** The partial rows of the server itself, which need not leave it. Returns how many they are. */
  async addOwn(): Promise<number> {
    const { dialect, shard } = this.#plan
    const { rowCount } = await this.#run({ ...shard, sql: `insert into ${texts[dialect].table} ${shard.sql}` })
    return rowCount
  }

  /** The rows, as something to select from. */
  async relation(): Promise<PartialRelation | Refusal> {
    const { dialect, columns } = this.#plan
    const empty = await this.#relation([])
    if ('refused' in empty) return empty
    return {
      rows: [`select ${columns.join(', ')} from ${texts[dialect].table}`],
      types: this.#types ?? empty.types,
      // The others keep collations in the table.
      modelled: dialect === 'sqlite',
    }
  }

  /** What takes the table away; `undefined` where the end of the transaction does. */
  get dropText(): string | undefined {
    return texts[this.#plan.dialect].drop
  }

  #relation(rows: readonly unknown[]): Promise<PartialRelation | Refusal> {
    const [first, ...others] = this.#answers
    // What the server says of types and collations is the same for all batches; what it says of their values is not.
    const ask: RelationContext['ask'] = (request) => {
      const values = request.params as readonly unknown[]
      const key = [request.sql, ...values.filter((value) => typeof value === 'string')].join('\0')
      if (key.length > longestKept) return this.#ask(request)
      const known = this.#asked.get(key) ?? this.#ask(request)
      this.#asked.set(key, known)
      return known
    }
    return relationOf({
      plan: this.#plan,
      params: this.#params,
      answers: [{ ...first, rows }, ...others],
      ask,
    })
  }

  async #run(text: PartText): Promise<DriverResult> {
    return await this.#ask({ sql: text.sql, params: valuesOf(text, this.#params), rowMode: 'raw' })
  }
}
