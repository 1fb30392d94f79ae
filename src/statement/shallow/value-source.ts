import type { ValueSource } from '../analysis.ts'
import type { SyntaxWalk } from './syntax-walk.ts'
import { tokenType } from './token-list.ts'

const expression: ValueSource = Object.freeze({ from: 'expression' })

/**
 * Where the value comes from that the tokens `from` to `to` make up: one literal or parameter, perhaps signed or in
 * brackets. Everything else is an expression. So are literals whose value depends on the server's settings: MySQL's
 * `"…"` (a column under `ANSI_QUOTES`) and strings with a backslash.
 */
export function valueSource(walk: SyntaxWalk, from: number, to: number): ValueSource {
  const { tokens } = walk
  let first = from
  let last = to
  while (tokens.word(first) === '(' && tokens.partner(first) === last - 1) {
    first++
    last--
  }
  if (last - first === 2 && tokens.word(first) === '-' && tokens.type(first + 1) === tokenType.number)
    return numberSource(`-${tokens.text(first + 1)}`)
  if (last - first !== 1) return expression
  switch (tokens.type(first)) {
    case tokenType.parameter: {
      const index = tokens.partner(first)
      return index < 0 ? expression : { from: 'parameter', index }
    }
    case tokenType.namedParameter:
      return { from: 'named', name: tokens.text(first).slice(1) }
    case tokenType.number:
      return numberSource(tokens.text(first))
    case tokenType.string: {
      const text = tokens.text(first)
      if (text[0] !== "'") return expression
      if (walk.syntax.dialect === 'mysql' && text.includes('\\')) return expression
      return { from: 'constant', value: tokens.unquoted(first) }
    }
    case tokenType.word:
      return wordSource(tokens.word(first))
    default:
      return expression
  }
}

function wordSource(word: string): ValueSource {
  if (word === 'NULL') return { from: 'constant', value: null }
  if (word === 'TRUE') return { from: 'constant', value: true }
  if (word === 'FALSE') return { from: 'constant', value: false }
  return expression
}

/** Fifteen digits survive in a double; a whole number with more is a bigint (up to 40), any other has no exact value here. */
function numberSource(text: string): ValueSource {
  const digits = text.replaceAll('_', '')
  if (digits.length <= 40 && /^-?\d+$/.test(digits)) {
    const value = Number(digits)
    return { from: 'constant', value: Number.isSafeInteger(value) ? value : BigInt(digits) }
  }
  return digits.length > 15 ? expression : { from: 'constant', value: Number(digits) }
}

/** Splits the tokens of a range at commas outside brackets: pairs of first token and token behind the last. */
export function splitAtCommas(walk: SyntaxWalk, from: number, to: number): { from: number; to: number }[] {
  const { tokens } = walk
  const parts: { from: number; to: number }[] = []
  let start = from
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (word === ',') {
      parts.push({ from: start, to: i })
      start = i + 1
    }
  }
  if (to > start || parts.length > 0) parts.push({ from: start, to })
  return parts
}
