import type { ValueSource } from '../analysis.ts'
import { tokenType } from '../shallow/token-list.ts'
import type { QueryShape } from './query-shape.ts'
import type { ShapeReader, Tokens } from './shape-reader.ts'

type Limit = NonNullable<QueryShape['limit']>

/** What was read of the clause so far. */
interface Amounts {
  count?: ValueSource
  offset?: ValueSource
}

/** Reads LIMIT, OFFSET and FETCH, in whatever order they stand; undefined if they aren't understood. */
export function readLimit(reader: ShapeReader, range: Tokens): Limit | undefined {
  const { tokens } = reader
  const amounts: Amounts = {}
  const seen = new Set<string>()
  let i = range.from
  while (i < range.to) {
    const word = tokens.word(i)
    const part = word === 'FETCH' ? 'LIMIT' : word
    if (seen.has(part)) return undefined
    seen.add(part)
    let end = i + 1
    while (end < range.to && !startsPart(reader, end, word)) end++
    const understood =
      word === 'LIMIT'
        ? readCounts(reader, { from: i + 1, to: end }, amounts, seen)
        : word === 'OFFSET'
          ? readOffset(reader, { from: i + 1, to: end }, amounts)
          : word === 'FETCH' && readFetch(reader, { from: i + 2, to: end }, amounts)
    if (!understood) return undefined
    i = end
  }
  return { span: reader.span(range), ...amounts }
}

/** Behind a bracket's partner: the words that start a part are looked for outside brackets. */
function startsPart(reader: ShapeReader, i: number, current: string): boolean {
  const { tokens } = reader
  const word = tokens.word(i)
  if (word === current) return true
  return word === 'LIMIT' || word === 'OFFSET' || word === 'FETCH'
}

/** `LIMIT 10`, `LIMIT 5, 10` with the offset first; MariaDB's `LIMIT 10 ROWS EXAMINED 100`. */
function readCounts(reader: ShapeReader, range: Tokens, amounts: Amounts, seen: Set<string>): boolean {
  const { tokens } = reader
  for (let i = range.from; i < range.to; i++) {
    if (tokens.word(i) === 'ROWS') {
      reader.obstacles.add('ROWS EXAMINED')
      return true
    }
  }
  const parts = reader.split(range)
  const [first, second] = parts
  if (first === undefined || parts.length > 2) return false
  if (second === undefined) return readAmount(reader, first, 'count', amounts)
  if (reader.syntax.dialect === 'postgres') return false
  seen.add('OFFSET')
  return readAmount(reader, first, 'offset', amounts) && readAmount(reader, second, 'count', amounts)
}

/** `5`, `5 ROWS`. */
function readOffset(reader: ShapeReader, { from, to }: Tokens, amounts: Amounts): boolean {
  const rows = /^ROWS?$/.test(reader.tokens.word(to - 1))
  return readAmount(reader, { from, to: rows ? to - 1 : to }, 'offset', amounts)
}

/** `ROW ONLY`, `10 ROWS ONLY`, `10 ROWS WITH TIES`, behind FETCH FIRST. */
function readFetch(reader: ShapeReader, { from, to }: Tokens, amounts: Amounts): boolean {
  const { tokens } = reader
  let end = to
  if (tokens.word(end - 1) === 'ONLY') {
    end -= 1
  } else if (tokens.word(end - 1) === 'TIES' && tokens.word(end - 2) === 'WITH') {
    reader.obstacles.add('WITH TIES')
    end -= 2
  } else {
    return false
  }
  if (!/^ROWS?$/.test(tokens.word(end - 1))) return false
  end -= 1
  if (tokens.word(end - 1) === 'PERCENT') {
    reader.obstacles.add('FETCH … PERCENT')
    return true
  }
  if (end > from) return readAmount(reader, { from, to: end }, 'count', amounts)
  amounts.count = { from: 'constant', value: 1 }
  return true
}

function readAmount(reader: ShapeReader, range: Tokens, role: keyof Amounts, amounts: Amounts): boolean {
  if (range.to <= range.from) return false
  const amount = amountOf(reader, range)
  if (amount === undefined) reader.obstacles.add(`${role === 'count' ? 'LIMIT' : 'OFFSET'} with an expression`)
  else if (amount !== 'none') amounts[role] = amount
  return true
}

/** PostgreSQL: casts that change nothing about a whole number. */
const wholeTypes: ReadonlySet<string> = new Set(['INT', 'INTEGER', 'BIGINT', 'INT4', 'INT8'])

/** `none`: no limit (`ALL`, `NULL`, on SQLite a negative number). Undefined for an expression. */
function amountOf(reader: ShapeReader, range: Tokens): ValueSource | 'none' | undefined {
  const { tokens, syntax } = reader
  let { from, to } = range
  for (;;) {
    if (tokens.word(from) === '(' && tokens.partner(from) === to - 1 && to - from > 2) {
      from++
      to--
    } else if (tokens.word(to - 2) === '::' && to - from > 2 && wholeTypes.has(tokens.word(to - 1))) {
      to -= 2
    } else {
      break
    }
  }
  const negative = tokens.word(from) === '-' && to - from === 2
  if (negative) from++
  if (to - from !== 1) return undefined
  switch (tokens.type(from)) {
    case tokenType.number: {
      const text = tokens.text(from).replaceAll('_', '')
      if (!/^\d{1,40}$/.test(text)) return undefined
      if (negative) return syntax.dialect === 'sqlite' ? 'none' : undefined
      const value = Number(text)
      return { from: 'constant', value: Number.isSafeInteger(value) ? value : BigInt(text) }
    }
    case tokenType.parameter: {
      const index = tokens.partner(from)
      return negative || index < 0 ? undefined : { from: 'parameter', index }
    }
    case tokenType.namedParameter:
      return negative ? undefined : { from: 'named', name: tokens.text(from).slice(1) }
    case tokenType.word:
      return syntax.dialect === 'postgres' && /^(ALL|NULL)$/.test(tokens.word(from)) && !negative ? 'none' : undefined
    default:
      return undefined
  }
}
