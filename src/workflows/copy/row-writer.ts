import { TextWithValues } from '../../distributed/moves/row-texts.ts'
import { quotedName, quotedTable } from '../../statement/quotes.ts'
import type { TableName } from '../../topology/table-map.ts'
import type { TablePair } from './column-pairs.ts'
import { copyBlocks } from './copy-text.ts'
import { conflictOf, type CopyPolicy } from './conflict.ts'
import { CopyMismatchError } from './errors.ts'
import type { Place, RawRow } from './place.ts'
import { keyCondition, keyText, mostKeys, numberRange } from './row-keys.ts'
import type { Canonical } from './values/kind.ts'

export type CopiedRow = readonly Canonical[]

/** What became of the rows of a batch. */
export interface WrittenRows {
  readonly inserted: readonly CopiedRow[]
  readonly replaced: readonly CopiedRow[]
  readonly skipped: number
}

/** Values of one statement at most, below what any engine allows, and characters of them, below what a server takes at once by default. */
const mostValues = 20_000
const mostCharacters = 1_000_000

/** Writes rows, as the target is to have them. A row is there already if one has its primary key. */
export class RowWriter {
  readonly #place: Place
  readonly #table: string
  readonly #pair: TablePair
  readonly #policy: CopyPolicy
  readonly #columns: string
  readonly #keyIndexes: readonly number[]

  constructor(place: Place, table: TableName, pair: TablePair, policy: CopyPolicy) {
    this.#place = place
    this.#table = quotedTable(place.engine, table)
    this.#pair = pair
    this.#policy = policy
    this.#columns = pair.pairs.map(({ to }) => quotedName(place.engine, to.name)).join(', ')
    this.#keyIndexes = pair.key.map((each) => pair.pairs.indexOf(each))
  }

  async write(rows: readonly CopiedRow[]): Promise<WrittenRows> {
    if (rows.length === 0) return { inserted: [], replaced: [], skipped: 0 }
    try {
      if (this.#policy === 'error') {
        await this.#insert(rows)
        return { inserted: rows, replaced: [], skipped: 0 }
      }
      const known = await this.#existing(rows)
      const inserted = rows.filter((row) => !known.has(this.keyOf(row)))
      const others = rows.filter((row) => known.has(this.keyOf(row)))
      await this.#insert(inserted)
      if (this.#policy === 'skip') return { inserted, replaced: [], skipped: others.length }
      await this.#replace(others)
      return { inserted, replaced: others, skipped: 0 }
    } catch (error) {
      throw conflictOf(error, this.#place, this.#pair.name, this.#policy)
    }
  }

  /** The key of a row, as a text. */
  keyOf(row: CopiedRow): string {
    return keyText(this.#keyValues(row))
  }

  /** The rows with the keys of these, as the target has them; there may be others among them. */
  async readBack(rows: readonly CopiedRow[], items: string): Promise<readonly RawRow[]> {
    return (await this.#readRange(rows, items)) ?? (await this.#readKeys(rows, items, ''))
  }

  /** What is between the first and the last of them, if that is not much more than they are: it is read much faster. */
  async #readRange(rows: readonly CopiedRow[], items: string): Promise<readonly RawRow[] | undefined> {
    const [key, ...others] = this.#pair.key
    const isNumber = others.length === 0 && [key!.from, key!.to].every(({ kinds }) => kinds.includes('integer'))
    const range = isNumber ? numberRange(rows.map((row) => this.#keyValues(row))) : undefined
    if (range === undefined) return undefined
    const { engine } = this.#place
    const text = new TextWithValues(engine)
    const [low, high] = [range.lowest, range.highest].map((value) =>
      key!.target.mark(text.value(key!.target.encode(value[0]!))),
    )
    const column = quotedName(engine, key!.to.name)
    const most = 2 * rows.length + 10
    const sql = `select ${items} from ${this.#table} where ${column} >= ${low} and ${column} <= ${high} order by ${column} limit ${most}`
    const found = await this.#place.query(sql, text.params, 'write')
    return found.rows.length < most ? found.rows : undefined
  }

  async #readKeys(rows: readonly CopiedRow[], items: string, lock: string): Promise<readonly RawRow[]> {
    const { engine } = this.#place
    const found: RawRow[] = []
    for (let at = 0; at < rows.length; at += mostKeys) {
      const text = new TextWithValues(engine)
      const keys = rows.slice(at, at + mostKeys).map((row) => this.#keyValues(row))
      const condition = keyCondition(engine, text, 'target', this.#pair.key, keys)
      const sql = `select ${items} from ${this.#table} where ${condition}${lock}`
      found.push(...(await this.#place.query(sql, text.params, 'write')).rows)
    }
    return found
  }

  #keyValues(row: CopiedRow): readonly Canonical[] {
    return this.#keyIndexes.map((index) => row[index]!)
  }

  async #existing(rows: readonly CopiedRow[]): Promise<ReadonlySet<string>> {
    const { key } = this.#pair
    const lock = this.#place.engine === 'sqlite' ? '' : ' for update'
    // Locked, so that they stay.
    const found = await this.#readKeys(rows, key.map(({ target }) => target.read).join(', '), lock)
    return new Set(found.map((row) => keyText(key.map(({ target }, index) => target.decode(row[index]!)))))
  }

  async #insert(rows: readonly CopiedRow[]): Promise<void> {
    if (rows.length === 0) return
    const { lease, engine, limits } = this.#place
    let count = 0
    if (engine === 'postgres' && lease.copyIn !== undefined) {
      const sql = `copy ${this.#table} (${this.#columns}) from stdin`
      const blocks = copyBlocks(rows, (row) => this.#encoded(row))
      const request = { sql, params: [], access: 'write', signal: limits.signal } as const
      count = await this.#place.located(() => lease.copyIn!(request, blocks))
    } else {
      for (const some of this.#chunks(rows)) count += await this.#send(this.#intoText, some, '')
    }
    if (count !== rows.length) throw this.#taken(rows.length, count)
  }

  /** Rows whose keys are there, and locked: the conflict is one of the primary key. */
  async #replace(rows: readonly CopiedRow[]): Promise<void> {
    const { engine } = this.#place
    const names = this.#pair.pairs
      .filter((pair) => !this.#pair.key.includes(pair))
      .map(({ to }) => quotedName(engine, to.name))
    if (names.length === 0 || rows.length === 0) return
    const key = this.#pair.key.map(({ to }) => quotedName(engine, to.name)).join(', ')
    const tail =
      engine === 'mysql'
        ? ` on duplicate key update ${names.map((name) => `${name} = values(${name})`).join(', ')}`
        : ` on conflict (${key}) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`
    for (const some of this.#chunks(rows)) await this.#send(this.#intoText, some, tail)
  }

  get #intoText(): string {
    const overriding = this.#place.engine === 'postgres' ? ' overriding system value' : ''
    return `insert into ${this.#table} (${this.#columns})${overriding} values `
  }

  async #send(into: string, rows: readonly CopiedRow[], tail: string): Promise<number> {
    const text = new TextWithValues(this.#place.engine)
    const marked = rows.map(
      (row) =>
        `(${this.#pair.pairs.map(({ target }, index) => target.mark(text.value(target.encode(row[index]!)))).join(', ')})`,
    )
    return (await this.#place.query(`${into}${marked.join(', ')}${tail}`, text.params, 'write')).rowCount
  }

  /** Rows for one statement each. */
  *#chunks(rows: readonly CopiedRow[]): Generator<readonly CopiedRow[], void, undefined> {
    // The text of a chunk is prepared once on SQLite, and a long one takes longer to read than it saves.
    const most = Math.max(
      1,
      Math.floor(Math.min(mostValues, this.#place.engine === 'sqlite' ? 1_000 : mostValues) / this.#pair.pairs.length),
    )
    let chunk: CopiedRow[] = []
    let length = 0
    for (const row of rows) {
      const more = row.reduce((sum, value) => sum + (value?.length ?? 4), 0)
      if (chunk.length === most || (chunk.length > 0 && length + more > mostCharacters)) {
        yield chunk
        chunk = []
        length = 0
      }
      chunk.push(row)
      length += more
    }
    if (chunk.length > 0) yield chunk
  }

  #encoded(row: CopiedRow): RawRow {
    return this.#pair.pairs.map(({ target }, index) => target.encode(row[index]!))
  }

  #taken(expected: number, found: number): CopyMismatchError {
    const { database } = this.#place
    return new CopyMismatchError(
      `"${database}" has taken ${found} rows of ${this.#pair.name} for ${expected}: a trigger or a rule may stand in the way. They were rolled back.`,
      { table: this.#pair.name, expected: String(expected), found: String(found) },
      { database },
    )
  }
}
