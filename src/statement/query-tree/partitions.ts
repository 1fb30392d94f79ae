import { endOfCallSuffix } from '../shape/expression-end.ts'
import type { ShapeReader, Tokens } from '../shape/shape-reader.ts'
import { pathAt } from './column-path.ts'
import type { ColumnPath } from './query-tree.ts'

/**
 * The plain columns in the PARTITION BY of each window function of a SELECT, queries inside it left out. Undefined if a window
 * is not understood.
 */
export function readPartitions(
  reader: ShapeReader,
  range: Tokens,
  window: Tokens | undefined,
): readonly (readonly ColumnPath[])[] | undefined {
  const { tokens } = reader
  const named = window === undefined ? new Map<string, Tokens>() : namedWindows(reader, window)
  if (named === undefined) return undefined
  const found: (readonly ColumnPath[])[] = []
  for (let i = range.from; i < range.to; i++) {
    if (tokens.word(i) === '(' && reader.opensQuery(i)) {
      i = tokens.partner(i)
      continue
    }
    if (tokens.word(i) !== 'OVER' || endOfCallSuffix(tokens, i) < 0) continue
    const isBracket = tokens.word(i + 1) === '('
    const definition = isBracket ? { from: i + 2, to: tokens.partner(i + 1) } : named.get(reader.comparedNameAt(i + 1))
    const columns = definition === undefined ? undefined : columnsOf(reader, definition, named, 0)
    if (columns === undefined) return undefined
    found.push(columns)
  }
  return found
}

/** `WINDOW w AS (…), x AS (w ORDER BY …)`. */
function namedWindows(reader: ShapeReader, { from, to }: Tokens): ReadonlyMap<string, Tokens> | undefined {
  const { tokens } = reader
  const named = new Map<string, Tokens>()
  for (const part of reader.split({ from: from + 1, to })) {
    const isDefined = tokens.word(part.from + 1) === 'AS' && tokens.word(part.from + 2) === '('
    if (!isDefined || tokens.partner(part.from + 2) !== part.to - 1) return undefined
    named.set(reader.comparedNameAt(part.from), { from: part.from + 3, to: part.to - 1 })
  }
  return named
}

/** Of `[w] [PARTITION BY …] [ORDER BY …] [frame]`. */
function columnsOf(
  reader: ShapeReader,
  { from, to }: Tokens,
  named: ReadonlyMap<string, Tokens>,
  depth: number,
): readonly ColumnPath[] | undefined {
  const { tokens } = reader
  const startsClause = (at: number): boolean =>
    at >= to ||
    (/^(?:PARTITION|ORDER)$/.test(tokens.word(at)) && tokens.word(at + 1) === 'BY') ||
    isFrame(tokens.word(at))
  let at = from
  let base: readonly ColumnPath[] = []
  if (!startsClause(at)) {
    const definition = named.get(reader.comparedNameAt(at))
    const columns = definition === undefined || depth > 9 ? undefined : columnsOf(reader, definition, named, depth + 1)
    if (columns === undefined) return undefined
    base = columns
    at++
  }
  if (tokens.word(at) !== 'PARTITION') return startsClause(at) ? base : undefined
  const start = at + 2
  let end = start
  while (end < to && !(tokens.word(end) === 'ORDER' && tokens.word(end + 1) === 'BY') && !isFrame(tokens.word(end))) {
    if (tokens.word(end) === '(') end = tokens.partner(end)
    end++
  }
  return [...base, ...reader.split({ from: start, to: end }).flatMap((part) => pathAt(reader, part) ?? [])]
}

function isFrame(word: string): boolean {
  return word === 'ROWS' || word === 'RANGE' || word === 'GROUPS'
}
