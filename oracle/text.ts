import type { Engine } from '../src/topology/server-target.ts'

/** A text with the placeholders of its engine, and the values in their order. */
export interface Text {
  readonly sql: string
  readonly params: readonly unknown[]
}

/** Collects values while a text is put together in any order. */
export class Values {
  readonly #values: unknown[] = []

  /** What stands in the text until it is finished. */
  mark(value: unknown): string {
    return `\u0001${this.#values.push(value) - 1}\u0002`
  }

  /** Each mark becomes a placeholder; the values are put in the order of the text. */
  finish(engine: Engine, marked: string): Text {
    const params: unknown[] = []
    // oxlint-disable-next-line no-control-regex
    const sql = marked.replace(/\u0001(\d+)\u0002/g, (_, index: string) => {
      params.push(this.#values[Number(index)])
      return engine === 'postgres' ? `$${params.length}` : '?'
    })
    return { sql, params }
  }
}
