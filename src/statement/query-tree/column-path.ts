import type { Span } from '../analysis.ts'
import type { Expression } from '../shape/query-shape.ts'
import type { ShapeReader, Tokens } from '../shape/shape-reader.ts'
import { tokenType } from '../shallow/token-list.ts'
import type { ColumnPath } from './query-tree.ts'

/** The column that an expression is, if it is nothing else. */
export function pathOf(reader: ShapeReader, { span }: Expression): ColumnPath | undefined {
  return pathAt(reader, tokensOf(reader, span))
}

/** `a`, `t.a`, also in brackets; with a schema it is not looked for. */
export function pathAt(reader: ShapeReader, range: Tokens): ColumnPath | undefined {
  const { tokens } = reader
  let { from, to } = range
  while (tokens.word(from) === '(' && tokens.partner(from) === to - 1) {
    from++
    to--
  }
  if (to - from === 1) {
    return isName(reader, from) && !isValue(reader, from)
      ? { qualifier: undefined, column: reader.comparedNameAt(from) }
      : undefined
  }
  if (to - from !== 3 || tokens.word(from + 1) !== '.' || !isName(reader, from) || !isName(reader, from + 2))
    return undefined
  return { qualifier: reader.comparedNameAt(from), column: reader.comparedNameAt(from + 2) }
}

/** NULL, CURRENT_DATE and the like. */
function isValue({ tokens, syntax }: ShapeReader, index: number): boolean {
  const word = tokens.word(index)
  return syntax.values.has(word) || syntax.reserved.has(word)
}

/** MySQL: what is in double quotes may be a string. */
export function isName({ tokens, syntax }: ShapeReader, index: number): boolean {
  const type = tokens.type(index)
  if (type === tokenType.doubleQuoted) return syntax.dialect !== 'mysql'
  return type === tokenType.word || type === tokenType.quotedName
}

/** The tokens of a part of the text that starts and ends with one. */
export function tokensOf({ tokens }: ShapeReader, { start, end }: Span): Tokens {
  const at = (position: number): number => {
    let low = 0
    let high = tokens.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (tokens.start(middle) < position) low = middle + 1
      else high = middle
    }
    return low
  }
  return { from: at(start), to: at(end) }
}
