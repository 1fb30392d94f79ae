import type { KnownColumns } from './known-columns.ts'
import type { WireConnection } from './native.ts'
import type { StatementRecord } from './statement-book.ts'

/** One statement that a connection has prepared, or is about to. */
export interface PreparedStatement {
  readonly name: string
  /** The server plans it, and so answers for its columns staying as they are. */
  readonly planned: boolean
  /** What the server said of its result, once it did; without columns = it returns no rows. */
  columns: KnownColumns | undefined
  /** Value of the counter at the last use. */
  used: number
}

/**
 * The prepared statements of one connection, at most `limit`, the one unused for longest closed first.
 *
 * `pg` decides by its `parsedStatements` whether it must send Parse, so what is closed or forgotten here is taken out
 * there too.
 */
export class PreparedStatements {
  readonly #wire: WireConnection | undefined
  readonly #limit: number
  readonly #prepared = new Map<StatementRecord, PreparedStatement>()
  #counter = 0

  constructor(wire: WireConnection | undefined, limit: number) {
    this.#wire = wire
    this.#limit = wire?.parsedStatements === undefined ? 0 : limit
  }

  get size(): number {
    return this.#prepared.size
  }

  /**
   * The prepared statement to run now, or `undefined` to run it unnamed. To be called immediately before the
   * statement is sent: the Close of an evicted statement is written at once and belongs to the same Sync.
   */
  use(record: StatementRecord): PreparedStatement | undefined {
    const { name, planned } = record
    if (name === undefined || this.#limit === 0) return undefined
    const known = this.#prepared.get(record)
    if (known !== undefined) {
      if (known.name === name) {
        known.used = ++this.#counter
        return known
      }
      this.#close(record, known)
    }
    if (this.#prepared.size >= this.#limit) this.#evict()
    // In pipeline mode the ParseComplete of a statement closed meanwhile may have come in and be taken for this one's.
    this.forget(record, name)
    const prepared = { name, planned, columns: undefined, used: ++this.#counter }
    this.#prepared.set(record, prepared)
    return prepared
  }

  /** Whether the server has prepared the text of this record, and said what its result looks like. */
  knows(record: StatementRecord): boolean {
    const known = this.#prepared.get(record)
    return known !== undefined && known.name === record.name && known.columns !== undefined
  }

  /** Whether the server has said that it knows this name. */
  isParsed(name: string): boolean {
    return this.#wire?.parsedStatements?.[name] !== undefined
  }

  /** To be called when a named statement failed: if the server has not parsed it, its place is free again. */
  failed(record: StatementRecord, name: string): void {
    const known = this.#prepared.get(record)
    if (known?.name === name && !this.isParsed(name)) this.#prepared.delete(record)
  }

  /** The server has dropped the statement, or never kept it. */
  forget(record: StatementRecord, name: string): void {
    if (this.#prepared.get(record)?.name === name) this.#prepared.delete(record)
    delete this.#wire?.parsedStatements?.[name]
    delete this.#wire?.submittedNamedStatements?.[name]
  }

  /** The server has dropped all statements (DISCARD ALL). */
  forgetAll(): void {
    for (const [record, { name }] of this.#prepared) this.forget(record, name)
  }

  /** A walk over all of them, but only when a text is new and the cache is full. */
  #evict(): void {
    let oldest: [StatementRecord, PreparedStatement] | undefined
    for (const entry of this.#prepared) {
      if (oldest === undefined || entry[1].used < oldest[1].used) oldest = entry
    }
    if (oldest !== undefined) this.#close(...oldest)
  }

  #close(record: StatementRecord, { name }: PreparedStatement): void {
    this.#wire?.close({ type: 'S', name })
    this.forget(record, name)
  }
}
