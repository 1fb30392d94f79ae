import type { Dialect, Params } from '../../statement/statement.ts'
import type { TextToken } from './text-tokens.ts'

/** A parameter of the original text, by its index from 0 or its name with the sigil; or a value that came in between. */
export type PartParameter = number | string | { readonly value: unknown }

/** A text in the making: pieces of SQL, and parameters between them. */
export type Parts = readonly (string | { readonly parameter: PartParameter })[]

/** A text to be sent. Its parameters are by position. */
export interface PartText {
  readonly sql: string
  readonly params: readonly PartParameter[]
}

/**
 * Puts a text together. PostgreSQL's parameters are numbered anew, since a text must use all numbers up to the largest; all
 * other ones, named ones too, become `?`.
 */
export function render(parts: Parts, dialect: Dialect): PartText {
  let sql = ''
  const params: PartParameter[] = []
  for (const part of parts) {
    if (typeof part === 'string') sql += part
    else if (dialect === 'postgres') {
      const known = params.indexOf(part.parameter)
      sql += `$${known < 0 ? params.push(part.parameter) : known + 1}`
    } else {
      params.push(part.parameter)
      sql += '?'
    }
  }
  return { sql, params }
}

/** A run of tokens of the original text, parameters apart, and comments left out: tokens are what was understood. */
export function copied(sql: string, tokens: readonly TextToken[], from: number, to: number): Parts {
  const parts: (string | { readonly parameter: PartParameter })[] = []
  for (let i = from; i < to; i++) {
    const token = tokens[i]!
    const gap = i > from ? gapBefore(sql, tokens, i) : ''
    if (token.parameter === undefined) parts.push(gap + sql.slice(token.start, token.end))
    else parts.push(gap, { parameter: token.parameter })
  }
  return parts
}

/** What keeps a token from the one before it. A line break stays one: PostgreSQL joins two strings over it. */
export function gapBefore(sql: string, tokens: readonly TextToken[], index: number): string {
  const gap = sql.slice(tokens[index - 1]!.end, tokens[index]!.start)
  return gap === '' ? '' : gap.includes('\n') ? '\n' : ' '
}

/** The values of a text's parameters, from those that were given for the original text. */
export function valuesOf(text: PartText, given: Params): readonly unknown[] {
  const list = given as readonly unknown[]
  const named = given as Readonly<Record<string, unknown>>
  return text.params.map((param) => {
    if (typeof param === 'number') return list[param]
    if (typeof param === 'object') return param.value
    return param in named ? named[param] : named[param.slice(1)]
  })
}
