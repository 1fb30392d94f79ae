import { tokenType } from '../shallow/token-list.ts'
import { collateAt, readExpression } from './expression.ts'
import type { Expression, SortKey } from './query-shape.ts'
import type { ShapeReader, Tokens } from './shape-reader.ts'

/** Reads the keys behind GROUP BY; undefined if one isn't understood. */
export function readGroupKeys(reader: ShapeReader, range: Tokens): readonly Expression[] | undefined {
  const { tokens, syntax } = reader
  let { from, to } = range
  if (tokens.word(to - 1) === 'ROLLUP' && tokens.word(to - 2) === 'WITH' && syntax.dialect === 'mysql') {
    reader.obstacles.add('WITH ROLLUP')
    to -= 2
  }
  if (syntax.dialect === 'postgres' && /^(ALL|DISTINCT)$/.test(tokens.word(from))) {
    if (tokens.word(from) === 'DISTINCT') reader.obstacles.add('GROUP BY DISTINCT')
    from++
  }
  const keys: Expression[] = []
  for (const part of reader.split({ from, to })) {
    if (isGroupingSet(reader, part)) continue
    const key = readExpression(reader, withoutDirection(reader, part))
    if (key === undefined || isUnclear(reader, part)) return undefined
    keys.push(key)
  }
  return keys
}

/** `GROUPING SETS (…)`, `ROLLUP (…)`, `CUBE (…)`, `()`; notes the obstacle. */
function isGroupingSet(reader: ShapeReader, { from, to }: Tokens): boolean {
  const { tokens, syntax } = reader
  if (syntax.dialect === 'sqlite') return false
  const word = tokens.word(from)
  const next = tokens.word(from + 1)
  const name =
    word === 'GROUPING' && next === 'SETS'
      ? 'GROUPING SETS'
      : (word === 'ROLLUP' || word === 'CUBE') && next === '('
        ? word
        : word === '(' && next === ')' && to - from === 2
          ? 'an empty grouping set'
          : undefined
  if (name !== undefined) reader.obstacles.add(name)
  return name !== undefined
}

/** MariaDB and old MySQL: `GROUP BY a DESC`. */
function withoutDirection(reader: ShapeReader, { from, to }: Tokens): Tokens {
  const word = reader.tokens.word(to - 1)
  if (reader.syntax.dialect !== 'mysql' || (word !== 'ASC' && word !== 'DESC')) return { from, to }
  reader.obstacles.add(`GROUP BY … ${word}`)
  return { from, to: to - 1 }
}

/** Reads the keys behind ORDER BY; undefined if one isn't understood. */
export function readSortKeys(reader: ShapeReader, range: Tokens): readonly SortKey[] | undefined {
  const keys: SortKey[] = []
  for (const part of reader.split(range)) {
    const key = readSortKey(reader, part)
    if (key === undefined) return undefined
    keys.push(key)
  }
  return keys
}

function readSortKey(reader: ShapeReader, { from, to }: Tokens): SortKey | undefined {
  const { tokens, syntax } = reader
  let end = to
  let nulls: 'first' | 'last' | undefined
  const last = tokens.word(end - 1)
  if (tokens.word(end - 2) === 'NULLS' && (last === 'FIRST' || last === 'LAST') && end - from > 2) {
    if (syntax.dialect === 'mysql') return undefined
    nulls = last === 'FIRST' ? 'first' : 'last'
    end -= 2
  }
  let descending = false
  const using = usingAt(reader, { from, to: end })
  if (using > 0) {
    reader.obstacles.add('ORDER BY … USING')
    end = using
  } else if (end - from > 1 && /^(ASC|DESC)$/.test(tokens.word(end - 1))) {
    descending = tokens.word(end - 1) === 'DESC'
    end -= 1
  }
  const whole = { from, to: end }
  const key = readExpression(reader, whole)
  if (key === undefined || isUnclear(reader, whole)) return undefined
  const largest = syntax.dialect === 'postgres'
  return {
    ...key,
    ...namedBehindCollate(reader, whole),
    descending,
    nulls: nulls ?? (largest === descending ? 'first' : 'last'),
  }
}

/** PostgreSQL: `a USING <`, `a USING operator(pg_catalog.<)`: where USING stands, or -1. */
function usingAt({ tokens, syntax }: ShapeReader, { from, to }: Tokens): number {
  if (syntax.dialect !== 'postgres') return -1
  for (let i = from + 1; i < to; i++) {
    if (tokens.word(i) === '(' || tokens.word(i) === '[') i = tokens.partner(i)
    else if (tokens.word(i) === 'USING') return i
  }
  return -1
}

/** SQLite looks through COLLATE for names of items and their places; the others take what has one for an expression. */
function namedBehindCollate(reader: ShapeReader, range: Tokens): Partial<Expression> {
  const collate = reader.syntax.dialect === 'sqlite' ? collateAt(reader, range) : undefined
  if (collate === undefined) return {}
  const { name, ordinal } = readExpression(reader, { from: range.from, to: collate.at }) ?? {}
  return { ...(name === undefined ? {} : { name }), ...(ordinal === undefined ? {} : { ordinal }) }
}

/**
 * A key of one token that may be a place or a name under one setting or version and a constant under another: MySQL's
 * `"a"` and TRUE.
 */
function isUnclear({ tokens }: ShapeReader, { from, to }: Tokens): boolean {
  let [first, last] = [from, to]
  while (tokens.word(first) === '(' && tokens.partner(first) === last - 1) {
    first++
    last--
  }
  if (last - first !== 1) return false
  return tokens.type(first) === tokenType.doubleQuoted || /^(TRUE|FALSE)$/.test(tokens.word(first))
}
