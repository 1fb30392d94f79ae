import type { FieldDef } from 'pg'
import { KnownColumns, type BuiltResult } from './known-columns.ts'
import type { AnswerCallback, NativeAnswer, NativeQueryClass, WireConnection } from './native.ts'
import type { StatementRecord } from './statement-book.ts'

interface RowDescription {
  readonly fields: readonly FieldDef[]
}

/** What a query of `pg` does with an answer that comes in. Its class may be that of another copy of `pg`. */
interface TakingQuery {
  readonly _result?: Partial<BuiltResult> & { readonly command?: unknown }
  readonly _results: NativeAnswer
  _accumulateRows?: unknown
  handleRowDescription(message: RowDescription, connection: unknown): void
  handleDataRow(message: unknown, connection: unknown): void
  handleCommandComplete(message: unknown, connection: unknown): void
  handleEmptyQuery(connection: unknown): void
}

/**
 * A query that somebody has made for a client of `pg`, and that takes its answer on another one: there is then one object that reads
 * the rows, and not a second one whose result is handed on. It is not told that it has ended: that is for who has it.
 *
 * It takes one answer, once. A statement that is sent again is answered by a query of the driver's.
 */
export class CarriedQuery {
  readonly #query: TakingQuery
  /** What is known of its text. */
  #record: StatementRecord | undefined
  #isTaken = false
  #isLeft = false

  constructor(query: object) {
    this.#query = query as TakingQuery
  }

  /** `record`: of the text that it sends. */
  expect(record: StatementRecord | undefined): void {
    this.#record = record
  }

  /** The query, unless nobody wants more in it. */
  get present(): TakingQuery | undefined {
    return this.#isLeft ? undefined : this.#query
  }

  get results(): NativeAnswer {
    return this.#query._results
  }

  /** The next answer is for it; false if it has one. `columns`: those of the answer, where the server is not asked for them. */
  take(columns: KnownColumns | undefined): boolean {
    const query = this.#query
    if (this.#isTaken || this.#isLeft || query._result?.addFields === undefined) return false
    this.#isTaken = true
    if (columns !== undefined) {
      columns.describe(query._result as BuiltResult)
      query._accumulateRows = true
    }
    return true
  }

  /** The server describes the rows that come. */
  described(message: RowDescription): void {
    if (this.#isLeft) return
    const query = this.#query
    const record = this.#record
    const { fields } = message
    const known = record?.described
    // With a command it has had a result already, of a text that holds several statements.
    if (known?.areLike(fields) === true && query._result?.command === null) {
      known.describe(query._result as BuiltResult, fields)
      query._accumulateRows = true
      return
    }
    query.handleRowDescription(message, undefined)
    if (record !== undefined) record.described = new KnownColumns(fields)
  }

  /** It was answered otherwise, or given up: what still comes in is not for it. */
  leave(): void {
    this.#isLeft = true
  }
}

/** Stands for the query on the client that runs it. */
export type CarrierClass = new (
  text: string,
  message: Buffer | undefined,
  carried: CarriedQuery,
  answer: AnswerCallback,
) => object

/** A class of queries for the clients of one copy of `pg`, which in pipeline mode take none but their own. */
export function carrierClass(base: NativeQueryClass): CarrierClass {
  // Of the class by its prototype alone: what its constructor makes is what is to be saved.
  const Base = function (): void {} as unknown as new () => object
  Base.prototype = base.prototype
  return class CarrierQuery extends Base {
    readonly text: string
    readonly #message: Buffer | undefined
    readonly #carried: CarriedQuery
    readonly #answer: AnswerCallback

    /** `message`: runs what is prepared already; without it the text is sent. */
    constructor(text: string, message: Buffer | undefined, carried: CarriedQuery, answer: AnswerCallback) {
      super()
      this.text = text
      this.#message = message
      this.#carried = carried
      this.#answer = answer
    }

    submit(connection: WireConnection & { query(text: string): void }): null {
      if (this.#message === undefined) connection.query(this.text)
      else if (connection.stream.writable) connection.stream.write(this.#message)
      return null
    }

    handleRowDescription(message: RowDescription): void {
      this.#carried.described(message)
    }

    handleDataRow(message: unknown): void {
      this.#carried.present?.handleDataRow(message, undefined)
    }

    handleCommandComplete(message: unknown, connection: unknown): void {
      this.#carried.present?.handleCommandComplete(message, connection)
    }

    handleEmptyQuery(connection: unknown): void {
      this.#carried.present?.handleEmptyQuery(connection)
    }

    handleError(error: unknown): void {
      this.#answer(error, undefined)
    }

    handleReadyForQuery(): void {
      this.#answer(undefined, this.#carried.results)
    }
  }
}
