import { setOperationAt } from './clauses.ts'
import type { ShapeReader, Tokens } from './shape-reader.ts'

/** What stands between set operators outside brackets; the last part has the ORDER BY and LIMIT of them all. */
export interface SetOperation {
  readonly parts: readonly Tokens[]
  /** One less than parts: `UNION`, `UNION ALL`, `EXCEPT ALL`. */
  readonly operators: readonly string[]
}

export function splitSetOperation(reader: ShapeReader, { from, to }: Tokens): SetOperation {
  const { tokens, syntax } = reader
  const parts: Tokens[] = []
  const operators: string[] = []
  let start = from
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(' || (word === '[' && syntax.dialect === 'postgres')) i = tokens.partner(i)
    else if (/^(?:UNION|INTERSECT|EXCEPT|MINUS)$/.test(word)) {
      const isName = tokens.word(i - 1) === 'AS' && syntax.dialect === 'postgres'
      const operation = isName ? undefined : setOperationAt(reader, i)
      if (operation === undefined || !('setOperation' in operation)) continue
      parts.push({ from: start, to: i })
      const next = tokens.word(i + 1)
      operators.push(next === 'ALL' ? `${word} ALL` : word)
      if (next === 'ALL' || next === 'DISTINCT') i++
      start = i + 1
    }
  }
  parts.push({ from: start, to })
  return { parts, operators }
}
