/**
 * Which database a row came from, without touching the row: by its identity, for as long as it lives.
 *
 * Noting a row costs about half a microsecond, so results of more than `limit` rows are not noted.
 */
export class RowOrigins {
  readonly #databases = new WeakMap<object, string>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  note(rows: readonly unknown[], database: string): void {
    if (rows.length > this.#limit) return
    for (const row of rows) this.#set(row, database)
  }

  noteOne(row: unknown, database: string): void {
    if (this.#limit > 0) this.#set(row, database)
  }

  databaseOf(row: object): string | undefined {
    return this.#databases.get(row)
  }

  #set(row: unknown, database: string): void {
    if (typeof row === 'object' && row !== null) this.#databases.set(row, database)
  }
}
