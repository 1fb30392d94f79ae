import type { CallOptions } from '../../config.ts'
import type { Field } from '../../drivers/driver.ts'
import { ParameterError, UnsupportedError } from '../../errors.ts'
import { pageQuery, pageText, reversed, type PageQuery } from '../../routing/pages/page-query.ts'
import { sameAs, stretchesBehind, type KeyTest, type Stretch } from '../../routing/pages/seek.ts'
import type { Route } from '../../routing/route.ts'
import { mark } from '../../statement/parameter-marks.ts'
import { readQueryShape } from '../../statement/shape/read-query-shape.ts'
import type { Params } from '../../statement/statement.ts'
import type { Engine } from '../../topology/server-target.ts'
import type { Result } from '../result.ts'
import { withTimeLeft } from '../time-limit.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { PageOrderError } from './errors.ts'
import { keyValuesOf, type KeyValue } from './key-value.ts'

/** Which page is read. */
export interface PageOptions extends CallOptions {
  /** The most rows of a page: 1 to 10,000; default 50. */
  readonly size?: number | undefined
  /** The page behind this cursor: `next` of another page. Default: the first page. */
  readonly after?: string | undefined
  /** The page before this cursor: `previous` of another page. Not together with `after`. */
  readonly before?: string | undefined
}

/** A page of the rows of a query. */
export interface Page<Row> {
  readonly rows: Row[]
  readonly fields: readonly Field[]
  /** Cursor for the page behind this one; `undefined` if this is the last. */
  readonly next: string | undefined
  /** Cursor for the page before this one; `undefined` for the first. */
  readonly previous: string | undefined
  /** Where it was read; one route for each statement that was sent. */
  readonly routes: readonly Route[]
  /** Shards that could not be reached, where the call allowed that with `partial`. */
  readonly missingShards: readonly string[]
}

/** What a page is read with. */
export interface PageContext {
  readonly engine: Engine
  readonly query: (sql: string, params: Params, options: CallOptions) => Promise<Result<unknown>>
}

/** Reads one page. Throws `UnsupportedError`, `CursorError`, `PageOrderError`, and what the statements throw. */
export async function readPage<Row>(
  sql: string,
  params: Params,
  { size = 50, after, before, ...options }: PageOptions,
  context: PageContext,
): Promise<Page<Row>> {
  const query = pageQueryOf(sql, context.engine)
  const isReversed = before !== undefined
  const cursor = before ?? after
  const start = cursor === undefined ? undefined : decodeCursor(cursor, query.keys)
  const reader = new PageReader(query, params, options, context)
  const stretches: readonly (Stretch | undefined)[] =
    start === undefined
      ? [undefined]
      : stretchesBehind(isReversed ? reversed(query.keys) : query.keys, start.map(isNull))
  for (const stretch of stretches) {
    if (reader.rows.length > size) break
    await reader.read(stretch, start ?? [], size + 1 - reader.rows.length, isReversed)
  }
  const hasMore = reader.rows.length > size
  if (hasMore) await reader.refuseTie(size)
  return reader.page<Row>(size, { isReversed, hasMore, isFirst: start === undefined })
}

function pageQueryOf(sql: string, engine: Engine): PageQuery {
  const shape = readQueryShape(sql, engine)
  const query = shape === undefined ? { refused: 'it is not one plain SELECT' } : pageQuery(sql, shape)
  if (!('refused' in query)) return query
  throw new UnsupportedError(
    `The statement cannot be read page by page: ${query.refused}. Nothing was sent. A page takes one SELECT of rows with an ORDER BY that ends with a unique column; ` +
      'what is grouped can stand in a subquery of FROM.',
  )
}

/** Reads stretches of the order, one after the other. */
class PageReader {
  readonly rows: unknown[] = []
  readonly #values: (readonly KeyValue[])[] = []
  readonly #routes: Route[] = []
  readonly #missing = new Set<string>()
  readonly #begun = performance.now()
  readonly #query: PageQuery
  readonly #params: Params
  readonly #options: CallOptions
  readonly #context: PageContext
  #fields: readonly Field[] = []

  constructor(query: PageQuery, params: Params, options: CallOptions, context: PageContext) {
    this.#query = query
    this.#params = params
    this.#options = options
    this.#context = context
  }

  async read(
    stretch: Stretch | undefined,
    start: readonly KeyValue[],
    count: number,
    isReversed: boolean,
  ): Promise<void> {
    const { keys } = this.#query
    const { rows, fields } = await this.#ask(stretch, start, count, isReversed)
    const hidden = keyValuesOf[this.#context.engine].hidden(keys)
    this.#fields = fields.slice(0, -hidden.length)
    const hiddenFields = fields.slice(-hidden.length)
    for (const row of rows) {
      const values = takeHidden(row, hidden)
      this.#values.push(keyValuesOf[this.#context.engine].read(keys, values, hiddenFields))
      this.rows.push(row)
    }
  }

  /** Throws if the order does not tell the last row of the page from the one behind it: the next page would leave that one out. */
  async refuseTie(size: number): Promise<void> {
    const [last, next] = [this.#values[size - 1]!, this.#values[size]!]
    if (last.some((value, key) => areSurelyOthers(value, next[key] ?? null))) return
    // 1.0 and 1.00, or a and A, may be the same to the engine: it is asked for what equals the last row.
    const isSame = last.every((value, key) => value?.[1] === next[key]?.[1])
    const { length } = isSame ? { length: 2 } : (await this.#ask(sameAs(last.map(isNull)), last, 2, false)).rows
    if (length < 2) return
    throw new PageOrderError(
      `Several rows have the same values of ${this.#query.keys.map(({ expression }) => expression).join(', ')}, and the page would end between them: ` +
        'the one behind it would leave rows out. End ORDER BY with a column that tells all rows apart, such as the primary key.',
    )
  }

  page<Row>(
    size: number,
    {
      isReversed,
      hasMore,
      isFirst,
    }: { readonly isReversed: boolean; readonly hasMore: boolean; readonly isFirst: boolean },
  ): Page<Row> {
    const rows = this.rows.slice(0, size) as Row[]
    const values = this.#values.slice(0, size)
    if (isReversed) {
      rows.reverse()
      values.reverse()
    }
    const cursorOf = (row: readonly KeyValue[] | undefined): string | undefined =>
      row === undefined ? undefined : encodeCursor(this.#query.keys, row)
    const [first, last] = [values[0], values.at(-1)]
    return {
      rows,
      fields: this.#fields,
      next: isReversed || hasMore ? cursorOf(last) : undefined,
      previous: isReversed ? (hasMore ? cursorOf(first) : undefined) : isFirst ? undefined : cursorOf(first),
      routes: this.#routes,
      missingShards: [...this.#missing],
    }
  }

  async #ask(
    stretch: Stretch | undefined,
    start: readonly KeyValue[],
    count: number,
    isReversed: boolean,
  ): Promise<Result<unknown>> {
    const { engine, query } = this.#context
    const params = new Parameters(engine, this.#params)
    const hidden = keyValuesOf[engine].hidden(this.#query.keys)
    const condition = stretch
      ?.map((test, key) =>
        conditionOf(`(${this.#query.keys[key]!.expression})`, test, start[key] ?? null, engine, params),
      )
      .join(' AND ')
    const limit = params.add(count)
    const text = pageText(this.#query, { hidden, condition, isReversed, limit })
    const result = await query(text, params.all(), withTimeLeft(this.#options, this.#begun))
    this.#routes.push(result.route)
    for (const shard of result.missingShards) this.#missing.add(shard)
    return result
  }
}

/** The parameters of the statement, and those behind them. */
class Parameters {
  readonly #engine: Engine
  readonly #listed: unknown[] = []
  readonly #named: Record<string, unknown> | undefined
  #added = 0

  constructor(engine: Engine, given: Params) {
    this.#engine = engine
    const isList = (params: Params): params is readonly unknown[] => Array.isArray(params)
    if (isList(given)) this.#listed.push(...given)
    else if (engine === 'postgres')
      throw new ParameterError('PostgreSQL has no named parameters. Nothing was sent. Pass a list for $1, $2, ….')
    else this.#named = { ...given }
  }

  /** Gives how it is written. */
  add(value: unknown): string {
    this.#added += 1
    if (this.#named !== undefined) {
      const name = `signalbox_page_${this.#added}`
      this.#named[name] = value
      return `:${name}`
    }
    this.#listed.push(value)
    return mark(this.#engine, this.#listed.length)
  }

  all(): Params {
    return this.#named ?? this.#listed
  }
}

const operators = { same: '=', above: '>', below: '<' } as const

function conditionOf(expression: string, test: KeyTest, value: KeyValue, engine: Engine, params: Parameters): string {
  if (test === 'null') return `${expression} IS NULL`
  if (test === 'not-null' || value === null) return `${expression} IS NOT NULL`
  const { param } = keyValuesOf[engine].written(value, '')
  return `${expression} ${operators[test]} ${keyValuesOf[engine].written(value, params.add(param)).sql}`
}

function isNull(value: KeyValue): boolean {
  return value === null
}

const integer = /^(?:0|-?[1-9]\d*)$/
const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

/** Whether two values differ whatever their type and collation are. */
function areSurelyOthers(one: KeyValue, other: KeyValue): boolean {
  if (one === null || other === null) return one !== other
  const [[, a], [, b]] = [one, other]
  return a !== b && [integer, uuid].some((form) => form.test(a) && form.test(b))
}

/** Takes the hidden columns out of a row, which nobody else has yet. */
function takeHidden(row: unknown, hidden: readonly { readonly name: string }[]): readonly unknown[] {
  if (Array.isArray(row)) return row.splice(-hidden.length) as readonly unknown[]
  const record = row as Record<string, unknown>
  const values = hidden.map(({ name }) => record[name])
  // The last first: that keeps the rest of the object as quick as it was.
  for (const { name } of hidden.toReversed()) Reflect.deleteProperty(record, name)
  return values
}
