import { connect, type Client, type Params, type Related, type Result, type Transaction } from 'signalbox'
import type { Dialect } from './dialect.ts'
import type { DatabaseUrls } from './databases.ts'
import { tables } from './schema.ts'

/** The shop's data layer: one client over three databases, none of which the questions ever name. */
export class Shop implements AsyncDisposable {
  readonly client: Client
  readonly dialect: Dialect
  /** Fires when the demo is to stop. */
  readonly signal: AbortSignal

  constructor(client: Client, dialect: Dialect, signal: AbortSignal) {
    this.client = client
    this.dialect = dialect
    this.signal = signal
  }

  static async open(urls: DatabaseUrls, dialect: Dialect, signal: AbortSignal): Promise<Shop> {
    const { catalogue, sales, reviews } = urls
    const client = await connect({
      databases: { catalogue, sales, reviews: { primary: reviews, exclusive: true } },
      tables,
    })
    return new Shop(client, dialect, signal)
  }

  /** Runs a statement written with `?` for each parameter. */
  async query<Row>(sql: string, params: Params = []): Promise<Result<Row>> {
    return await this.client.query<Row>(this.dialect.text(sql), params, { signal: this.signal })
  }

  /** The rows of another table that belong to these rows, from whichever database it lives in. */
  async related<Row extends object, Other extends object>(
    rows: readonly Row[],
    key: keyof Row & string,
    table: keyof typeof tables,
    columns: readonly (keyof Other & string)[],
  ): Promise<Related<Row, Other>> {
    return await this.client.related<Row, Other>(rows, { key, table, columns })
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    return await this.client.transaction(fn, { signal: this.signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
  }
}
