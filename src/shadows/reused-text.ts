import type { Span } from '../statement/analysis.ts'
import { mark } from '../statement/parameter-marks.ts'
import { shapeSyntaxes } from '../statement/shape/shape-syntax.ts'
import { tokenType } from '../statement/shallow/token-list.ts'
import type { Dialect, Params } from '../statement/statement.ts'

/** A text made of parts of another one, and which of its parameters it takes. */
export interface ReusedText {
  readonly sql: string
  /** Indexes of the other text's parameters, in the order of this one's. */
  readonly positions: readonly number[]
  readonly names: readonly string[]
}

/** The parameters of a text that was made of parts of another one; `undefined` if one of them is not given. */
export function reusedParams({ positions, names }: ReusedText, params: Params): Params | undefined {
  if (Array.isArray(params)) {
    const given = params as readonly unknown[]
    return positions.every((position) => position >= 0 && position < given.length)
      ? positions.map((position) => given[position])
      : undefined
  }
  const given = params as Readonly<Record<string, unknown>>
  // A key may have the sigil of its parameter, or not.
  const keys = Object.keys(given).filter((key) => names.includes(key.replace(/^[:@$]/, '')))
  const bare = new Set(keys.map((key) => key.replace(/^[:@$]/, '')))
  return names.every((name) => bare.has(name)) ? Object.fromEntries(keys.map((key) => [key, given[key]])) : undefined
}

/**
 * Takes parts of a text over. Each place of a parameter gets a number of its own; on PostgreSQL, where the first place decides its type,
 * each parameter. To be asked for its result at the end.
 */
export function textWithParameters(sql: string, dialect: Dialect) {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  const positions: number[] = []
  const names: string[] = []
  const calls = new Set<string>()
  return {
    text: ({ start, end }: Span): string => {
      let text = ''
      let from = start
      for (let i = 0; i < tokens.length; i++) {
        const type = tokens.type(i)
        if (tokens.start(i) < start || tokens.end(i) > end) continue
        if (tokens.word(i + 1) === '(') calls.add(tokens.unquoted(i).toLowerCase())
        if (type === tokenType.namedParameter) names.push(tokens.text(i).slice(1))
        if (type !== tokenType.parameter) continue
        const position = tokens.links[i] ?? -1
        const known = dialect === 'postgres' ? positions.indexOf(position) : -1
        const number = known === -1 ? positions.push(position) : known + 1
        text += sql.slice(from, tokens.start(i)) + mark(dialect, number)
        from = tokens.end(i)
      }
      return text + sql.slice(from, end)
    },
    result: (): Omit<ReusedText, 'sql'> => ({ positions, names }),
    /** Names of the functions that the parts call, in lower case; and words in front of brackets that are none. */
    calls,
  }
}
