import { tokenType } from '../shallow/token-list.ts'
import type { ShapeReader, Tokens } from './shape-reader.ts'

/**
 * What PostgreSQL calls an item of a select list that has no alias (`FigureColname` in its `parse_target.c`). `of: 'type'`: a cast gives its
 * name, which one around it does not take over. `none`: nothing that could be written in ORDER BY. `unclear`: not told here.
 */
export type ItemLabel = { readonly name: string; readonly of: 'value' | 'type' } | 'none' | 'unclear'

/** Operators between or before operands: what they make has no name. */
const nameless = /^(?:AND|OR|NOT|IN|LIKE|ILIKE|BETWEEN|IS|ISNULL|NOTNULL)$/

/** Words that behave like functions, and whose results are called otherwise. */
const otherNames = /^(?:TRIM|CAST|TREAT|ROW|EXISTS|ARRAY|VALUES)$/

/** Pure. */
export function itemLabel(reader: ShapeReader, range: Tokens): ItemLabel {
  const { tokens } = reader
  const { from, to } = inner(reader, range)
  if (tokens.word(from) === 'CASE') return caseLabel(reader, { from, to })
  if (isComposed(reader, { from, to })) return 'none'
  const collate = outside(reader, { from, to }, (at) => tokens.word(at) === 'COLLATE')
  if (collate < to) return itemLabel(reader, { from, to: collate })
  const cast = lastCast(reader, { from, to })
  if (cast > from) return castLabel(reader, { from, to: cast }, { from: cast + 1, to })
  if (tokens.word(from) === 'CAST' && tokens.word(from + 1) === '(' && tokens.partner(from + 1) === to - 1) {
    const as = outside(reader, { from: from + 2, to: to - 1 }, (at) => tokens.word(at) === 'AS')
    return castLabel(reader, { from: from + 2, to: as }, { from: as + 1, to: to - 1 })
  }
  if (to - from === 1 && !reader.isName(from)) return isLiteral(reader, from) ? 'none' : 'unclear'
  let name = from
  while (tokens.word(name + 1) === '.' && name + 2 < to) name += 2
  if (!reader.isName(name)) return 'unclear'
  const called = { name: reader.nameAt(name), of: 'value' } as const
  if (name + 1 === to) return reader.syntax.values.has(tokens.word(name)) ? 'unclear' : called
  return isCall(reader, name, to) && !otherNames.test(tokens.word(name)) ? called : 'unclear'
}

function inner({ tokens }: ShapeReader, { from, to }: Tokens): Tokens {
  let [first, last] = [from, to]
  while (
    tokens.word(first) === '(' &&
    tokens.partner(first) === last - 1 &&
    !/^(?:SELECT|WITH|VALUES)$/.test(tokens.word(first + 1))
  ) {
    first++
    last--
  }
  return { from: first, to: last }
}

/** Of a CASE that is the whole: what stands behind its ELSE, if that is the name of a value; else `case`. */
function caseLabel(reader: ShapeReader, { from, to }: Tokens): ItemLabel {
  const { tokens } = reader
  let depth = 0
  let otherwise = 0
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(' || word === '[') i = tokens.partner(i)
    else if (word === 'CASE') depth++
    else if (word === 'ELSE' && depth === 1) otherwise = i + 1
    else if (word === 'END' && --depth === 0) {
      if (i !== to - 1) return 'unclear'
      const label = otherwise === 0 ? 'none' : itemLabel(reader, { from: otherwise, to: i })
      if (label === 'unclear') return label
      return typeof label === 'object' && label.of === 'value' ? label : { name: 'case', of: 'type' }
    }
  }
  return 'unclear'
}

/** Whether it is made of operands by operators; a cast, a subscript, and a COLLATE are none. */
function isComposed(reader: ShapeReader, range: Tokens): boolean {
  const { tokens } = reader
  const isOperator = (at: number): boolean => {
    const word = tokens.word(at)
    if (tokens.type(at) !== tokenType.punctuation) return nameless.test(word)
    return !/^(?:\.|::|\(|\)|\[|\]|,)$/.test(word)
  }
  return outside(reader, range, isOperator) < range.to
}

/** The name of what is cast, or else that of the type, as the catalogue has it. */
function castLabel(reader: ShapeReader, value: Tokens, type: Tokens): ItemLabel {
  const label = itemLabel(reader, value)
  if (label === 'unclear' || (label !== 'none' && label.of === 'value')) return label
  const { tokens } = reader
  let at = type.from
  while (tokens.word(at + 1) === '.' && at + 2 < type.to) at += 2
  if (!reader.isName(at)) return 'unclear'
  const zone = outside(reader, { from: at + 1, to: type.to }, (each) => tokens.word(each) === 'WITH')
  const name = typeNames.get(tokens.word(at)) ?? reader.nameAt(at)
  return { name: zone < type.to ? `${name}tz` : name, of: 'type' }
}

/** Types whose names in SQL are not those of the catalogue. */
const typeNames: ReadonlyMap<string, string> = new Map([
  ['INT', 'int4'],
  ['INTEGER', 'int4'],
  ['SMALLINT', 'int2'],
  ['BIGINT', 'int8'],
  ['REAL', 'float4'],
  ['FLOAT', 'float8'],
  ['DOUBLE', 'float8'],
  ['DECIMAL', 'numeric'],
  ['DEC', 'numeric'],
  ['BOOLEAN', 'bool'],
  ['CHARACTER', 'bpchar'],
  ['CHAR', 'bpchar'],
])

function lastCast(reader: ShapeReader, { from, to }: Tokens): number {
  let last = -1
  for (let at = outside(reader, { from, to }, isCast); at < to; at = outside(reader, { from: at + 1, to }, isCast))
    last = at
  return last

  function isCast(at: number): boolean {
    return reader.tokens.word(at) === '::'
  }
}

function isLiteral({ tokens }: ShapeReader, at: number): boolean {
  const literals: readonly number[] = [tokenType.string, tokenType.number, tokenType.binary, tokenType.parameter]
  return literals.includes(tokens.type(at))
}

/** `name(…)`, with FILTER, OVER and WITHIN GROUP behind it. */
function isCall({ tokens }: ShapeReader, name: number, to: number): boolean {
  if (tokens.word(name + 1) !== '(') return false
  let end = tokens.partner(name + 1) + 1
  while (end < to) {
    const word = tokens.word(end)
    if (word === 'WITHIN' && tokens.word(end + 1) === 'GROUP') end++
    else if (word !== 'FILTER' && word !== 'OVER') return false
    end = tokens.word(end + 1) === '(' ? tokens.partner(end + 1) + 1 : end + 2
  }
  return end === to
}

/** The first token outside of brackets for which something is true, or the end. */
function outside({ tokens }: ShapeReader, { from, to }: Tokens, isIt: (at: number) => boolean): number {
  for (let i = from; i < to; i++) {
    if (isIt(i)) return i
    if (tokens.word(i) === '(' || tokens.word(i) === '[') i = tokens.partner(i)
  }
  return to
}
