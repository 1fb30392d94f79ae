import { TextWithValues } from '../../distributed/moves/row-texts.ts'
import { quotedTable } from '../../statement/quotes.ts'
import type { TableName } from '../../topology/table-map.ts'
import type { ColumnPair, TablePair } from './column-pairs.ts'
import type { Place, RawRow } from './place.ts'
import { behindCondition, keyColumns, keyCondition, mostKeys } from './row-keys.ts'
import type { Canonical } from './values/kind.ts'

/** Which rows of a table are copied. */
export interface RowChoice {
  readonly where?: string | undefined
  readonly params: readonly unknown[]
  /** As canonical values of the source, in the order of the key; `undefined`: all rows, or those of `where`. */
  readonly keys?: readonly (readonly Canonical[])[] | undefined
}

/** How far a copy has come: the key of the last row, or the number of keys. As JSON, which a table keeps. */
export type CopyPosition = string

/** Rows that were read. */
export interface ReadBatch {
  readonly rows: readonly RawRow[]
  readonly position: CopyPosition | undefined
  readonly isLast: boolean
}

/** Reads the rows of a table in the order of their primary key, some at a time. */
export class RowReader {
  readonly #place: Place
  readonly #table: string
  readonly #pair: TablePair
  readonly #choice: RowChoice
  readonly #items: string
  readonly #key: readonly { readonly pair: ColumnPair; readonly index: number }[]

  constructor(place: Place, table: TableName, pair: TablePair, choice: RowChoice) {
    this.#place = place
    this.#table = quotedTable(place.engine, table)
    this.#pair = pair
    this.#choice = choice
    this.#items = pair.pairs.map(({ source }) => source.read).join(', ')
    this.#key = pair.key.map((each) => ({ pair: each, index: pair.pairs.indexOf(each) }))
  }

  /** The rows behind a position, or the first ones. */
  async read(after: CopyPosition | undefined, limit: number): Promise<ReadBatch> {
    return this.#choice.keys === undefined
      ? await this.#readBehind(after, limit)
      : await this.#readKeys(this.#choice.keys, after === undefined ? 0 : Number(after), limit)
  }

  async #readBehind(after: CopyPosition | undefined, limit: number): Promise<ReadBatch> {
    const { engine } = this.#place
    const { key } = this.#pair
    const text = new TextWithValues(engine)
    const conditions: string[] = []
    if (this.#choice.where !== undefined) {
      text.params.push(...this.#choice.params)
      conditions.push(`(${this.#choice.where})`)
    }
    if (after !== undefined) conditions.push(behindCondition(engine, text, key, parsePosition(after)))
    const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
    const order = keyColumns(engine, 'source', key).join(', ')
    const sql = `select ${this.#items} from ${this.#table}${where} order by ${order} limit ${limit}`
    const { rows } = await this.#place.query(sql, text.params)
    const last = rows.at(-1)
    return {
      rows,
      position: last === undefined ? after : formatPosition(this.#keyOf(last)),
      isLast: rows.length < limit,
    }
  }

  async #readKeys(keys: readonly (readonly Canonical[])[], from: number, limit: number): Promise<ReadBatch> {
    const { engine } = this.#place
    const until = Math.min(from + limit, keys.length)
    const rows: RawRow[] = []
    for (let at = from; at < until; at += mostKeys) {
      const text = new TextWithValues(engine)
      const some = keys.slice(at, Math.min(at + mostKeys, until))
      const condition = keyCondition(engine, text, 'source', this.#pair.key, some)
      const answer = await this.#place.query(
        `select ${this.#items} from ${this.#table} where ${condition}`,
        text.params,
      )
      rows.push(...answer.rows)
    }
    return { rows, position: String(until), isLast: until === keys.length }
  }

  #keyOf(row: RawRow): readonly Canonical[] {
    return this.#key.map(({ pair, index }) => pair.source.decode(row[index]!))
  }
}

export function formatPosition(key: readonly Canonical[]): CopyPosition {
  return JSON.stringify(
    key.map((value) => (value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value)),
  )
}

export function parsePosition(position: CopyPosition): readonly Canonical[] {
  return (JSON.parse(position) as readonly (string | { readonly hex: string })[]).map((value) =>
    typeof value === 'string' ? value : Buffer.from(value.hex, 'hex'),
  )
}
