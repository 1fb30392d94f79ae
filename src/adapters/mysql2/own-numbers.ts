import type { OwnNumber } from './statement-text.ts'

/** What a session is asked for about its last statements, wherever they ran. */
export class OwnNumbers {
  #lastInsertId: number | bigint | string = 0
  #foundRows = 0
  #rowCount = 0

  /** `rows`: what a statement has given, rows or a header. */
  note(rows: unknown): void {
    if (Array.isArray(rows)) {
      this.#foundRows = rows.length
      this.#rowCount = -1
      return
    }
    const { insertId, affectedRows } = (rows ?? {}) as { readonly insertId?: number; readonly affectedRows?: number }
    if (insertId) this.#lastInsertId = insertId
    this.#rowCount = affectedRows ?? 0
  }

  of(number: Exclude<OwnNumber, 'connection_id'>): number | bigint | string {
    if (number === 'last_insert_id') return this.#lastInsertId
    return number === 'found_rows' ? this.#foundRows : this.#rowCount
  }
}
