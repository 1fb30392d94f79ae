import type { Choices } from '../../choices.ts'
import type { TextMaker } from '../grammar.ts'
import type { PlayedStatement } from '../model.ts'
import { literal, quoted, type SqlValue } from '../value.ts'
import { sqliteGrammar } from './grammar.ts'

type Style = 'literals' | '?' | '?1' | ':' | '@' | '$' | ':full'

/** Each name and value is written in one of the ways that mean the same to SQLite. */
export class SqliteTextMaker implements TextMaker {
  readonly grammar = sqliteGrammar
  readonly choices: Choices
  readonly #style: Style
  readonly #values: SqlValue[] = []

  constructor(choices: Choices) {
    this.choices = choices
    this.#style = choices.pick(['literals', 'literals', 'literals', '?', '?1', ':', '@', '$', ':full'] as const)
  }

  value(value: SqlValue): string {
    if (this.#style === 'literals' || this.choices.chance(30)) return literal(value)
    return `\u0001${this.#values.push(value) - 1}\u0002`
  }

  name(name: string): string {
    if (!/^[\p{L}_][\p{L}\d_]*$/u.test(name) || /^(?:from|set|order)$/.test(name)) {
      const inBrackets = name.includes(']') ? '"' : '['
      return this.choices.pick([
        quoted(name),
        quoted(name),
        inBrackets === '[' && !name.includes('"') ? `[${name}]` : quoted(name),
      ])
    }
    return this.choices.pick([
      name,
      name,
      name,
      quoted(name),
      `[${name}]`,
      `\`${name}\``,
      /^[a-z]+$/.test(name) ? name.toUpperCase() : name,
    ])
  }

  finish(marked: string): Pick<PlayedStatement, 'sql' | 'params'> {
    const order: number[] = []
    // oxlint-disable-next-line no-control-regex
    const sql = marked.replace(/\u0001(\d+)\u0002/g, (_, given: string) => {
      const index = Number(given)
      const place = order.includes(index) ? order.indexOf(index) + 1 : order.push(index)
      if (this.#style === '?') return '?'
      if (this.#style === '?1') return `?${place}`
      return `${this.#style[0]}p${place}`
    })
    const listed = order.map((index) => this.#values[index] ?? null)
    if (this.#style === 'literals' || this.#style === '?' || this.#style === '?1') return { sql, params: listed }
    const sigil = this.#style === ':full' ? ':' : ''
    return {
      sql,
      params: listed.length === 0 ? [] : Object.fromEntries(listed.map((value, i) => [`${sigil}p${i + 1}`, value])),
    }
  }
}
