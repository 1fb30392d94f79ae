import type { ShapeReader, Tokens } from './shape-reader.ts'

export interface WithClause {
  readonly isRecursive: boolean
  readonly parts: readonly WithPart[]
  /** The token behind it. */
  readonly next: number
}

export interface WithPart {
  /** As the engine compares it. */
  readonly name: string
  /** The names that it gives to its columns. */
  readonly columns: readonly string[] | undefined
  /** What is between the brackets. */
  readonly query: Tokens
}

/** Reads `WITH [RECURSIVE] name [(columns)] AS [[NOT] MATERIALIZED] (query), …` at `from`; undefined if it is not understood. */
export function readWithClause(reader: ShapeReader, from: number, to: number): WithClause | undefined {
  const { tokens } = reader
  const isRecursive = tokens.word(from + 1) === 'RECURSIVE'
  const parts: WithPart[] = []
  let i = isRecursive ? from + 2 : from + 1
  for (;;) {
    if (!reader.isName(i)) return undefined
    const name = reader.comparedNameAt(i)
    i++
    const columns = columnNames(reader, i)
    if (columns === 'unreadable') return undefined
    if (columns !== undefined) i = tokens.partner(i) + 1
    if (tokens.word(i) !== 'AS') return undefined
    i++
    if (tokens.word(i) === 'NOT') i++
    if (tokens.word(i) === 'MATERIALIZED') i++
    if (tokens.word(i) !== '(' || i >= to || !/^(?:SELECT|WITH|VALUES|TABLE|\()$/.test(tokens.word(i + 1)))
      return undefined
    const close = tokens.partner(i)
    parts.push({ name, columns, query: { from: i + 1, to: close } })
    i = close + 1
    if (tokens.word(i) !== ',') return i < to ? { isRecursive, parts, next: i } : undefined
    i++
  }
}

/** `(a, b)`, if there are brackets at `open`. */
export function columnNames(reader: ShapeReader, open: number): readonly string[] | 'unreadable' | undefined {
  const { tokens } = reader
  if (tokens.word(open) !== '(') return undefined
  const parts = reader.split({ from: open + 1, to: tokens.partner(open) })
  if (parts.some(({ from, to }) => to - from !== 1 || !reader.isName(from))) return 'unreadable'
  return parts.map(({ from }) => reader.comparedNameAt(from))
}
