import type { Choices } from '../../choices.ts'
import type { TextMaker } from '../grammar.ts'
import type { PlayedStatement } from '../model.ts'
import { literal, quoted, type SqlValue } from '../value.ts'
import { postgresGrammar } from './grammar.ts'

/** Each name and value is written in one of the ways that mean the same to PostgreSQL. */
export class PostgresTextMaker implements TextMaker {
  readonly grammar = postgresGrammar
  readonly choices: Choices
  readonly #hasParameters: boolean
  readonly #values: SqlValue[] = []

  constructor(choices: Choices) {
    this.choices = choices
    this.#hasParameters = choices.chance(40)
  }

  value(value: SqlValue): string {
    if (!this.#hasParameters || this.choices.chance(30)) return literal(value)
    return `\u0001${this.#values.push(value) - 1}\u0002`
  }

  name(name: string): string {
    if (!/^[a-z_][a-z\d_]*$/.test(name) || /^(?:from|set|order)$/.test(name)) return quoted(name)
    return this.choices.pick([name, name, name, quoted(name), name.toUpperCase()])
  }

  finish(marked: string): Pick<PlayedStatement, 'sql' | 'params'> {
    const order: number[] = []
    // oxlint-disable-next-line no-control-regex
    const sql = marked.replace(/\u0001(\d+)\u0002/g, (_, given: string) => {
      const index = Number(given)
      return `$${order.includes(index) ? order.indexOf(index) + 1 : order.push(index)}`
    })
    return { sql, params: order.map((index) => this.#values[index] ?? null) }
  }
}
