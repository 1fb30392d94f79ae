import { tokenType } from '../shallow/token-list.ts'
import { findingsIn } from './aggregate-calls.ts'
import { endOfExpression } from './expression-end.ts'
import { itemLabel } from './item-label.ts'
import type { Expression, SelectItem } from './query-shape.ts'
import type { ShapeReader, Tokens } from './shape-reader.ts'

/** Reads a range that must be one whole expression; undefined if it is not, or can't be told. */
export function readExpression(reader: ShapeReader, range: Tokens): Expression | undefined {
  const { tokens, syntax } = reader
  if (range.to <= range.from || endOfExpression(tokens, syntax, range.from, range.to) !== range.to) return undefined
  return describe(reader, range)
}

function describe(reader: ShapeReader, range: Tokens): Expression {
  const { aggregates, hasSubquery, collates } = findingsIn(reader, range)
  const collate = collateAt(reader, range)
  const bare = withoutBrackets(reader, range)
  const ordinal = ordinalAt(reader, range)
  return {
    span: reader.span(range),
    aggregates,
    hasSubquery,
    ...(bare.to - bare.from === 1 && isColumnName(reader, bare.from) ? { name: reader.comparedNameAt(bare.from) } : {}),
    ...(ordinal === undefined ? {} : { ordinal }),
    ...(bare.to - bare.from === 1 && isParameter(reader, bare.from) ? { parameter: true as const } : {}),
    ...(collate === undefined ? {} : { collation: collate.name }),
    ...(collates && collate === undefined ? { collatesInside: true as const } : {}),
  }
}

/**
 * The COLLATE at the end of a range, if it is one of the whole: where it stands, and its name without a schema. In
 * `a || b collate c` it is `b`'s.
 */
export function collateAt(reader: ShapeReader, { from, to }: Tokens): { name: string; at: number } | undefined {
  const { tokens } = reader
  const named = reader.isName(to - 1) || tokens.type(to - 1) === tokenType.string
  if (!named) return undefined
  let at = to - 2
  while (at - 1 > from && tokens.word(at) === '.') at -= 2
  if (at <= from || tokens.word(at) !== 'COLLATE' || !isOneOperand(reader, { from, to: at })) return undefined
  return { name: reader.nameAt(to - 1), at }
}

/** True for a name, a call, a literal or brackets, with casts and subscripts: what a COLLATE behind it means whole. */
function isOneOperand({ tokens, syntax }: ShapeReader, { from, to }: Tokens): boolean {
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(' || word === '[') i = Math.max(i, tokens.partner(i))
    else if (tokens.type(i) === tokenType.punctuation && word !== '.' && word !== '::') return false
    else if (syntax.infix.has(word) || syntax.prefix.has(word) || noOperandWords.test(word)) return false
  }
  return true
}

const noOperandWords = /^(?:IS|ISNULL|NOTNULL|AT|SIMILAR|OPERATOR|SOUNDS|MEMBER|CASE|INTERVAL)$/

/** Brackets around an expression are nothing, nor is a plus before it on MySQL and SQLite. */
function withoutBrackets(reader: ShapeReader, { from, to }: Tokens): Tokens {
  const { tokens } = reader
  let [first, last] = [from, to]
  for (;;) {
    if (tokens.word(first) === '(' && tokens.partner(first) === last - 1 && last - first > 2) {
      first++
      last--
    } else if (tokens.word(first) === '+' && reader.syntax.plusIsNothing && last - first > 1) {
      first++
    } else {
      return { from: first, to: last }
    }
  }
}

/** The number that a range is. All engines take `- -1` for 1 before they look for places of items. */
function ordinalAt(reader: ShapeReader, range: Tokens): number | undefined {
  const { tokens } = reader
  let { from, to } = withoutBrackets(reader, range)
  let negative = false
  while (tokens.word(from) === '-' && to - from > 1) {
    negative = !negative
    ;({ from, to } = withoutBrackets(reader, { from: from + 1, to }))
  }
  return negative || to - from !== 1 ? undefined : wholeNumberAt(reader, from)
}

function wholeNumberAt({ tokens, syntax }: ShapeReader, index: number): number | undefined {
  const type = tokens.type(index)
  const text = tokens.text(index).replaceAll('_', '')
  const decimal = type === tokenType.number && /^\d+$/.test(text)
  const other =
    (type === tokenType.number && syntax.dialect === 'postgres' && /^0[xob]/i.test(text)) ||
    (type === tokenType.binary && syntax.dialect === 'sqlite' && /^0x/i.test(text))
  return decimal || other ? Number(text) : undefined
}

function isParameter(reader: ShapeReader, index: number): boolean {
  const type = reader.tokens.type(index)
  return type === tokenType.parameter || type === tokenType.namedParameter
}

/** False for what may be a string under another `sql_mode` and for words that are values. */
function isColumnName(reader: ShapeReader, index: number): boolean {
  const { tokens, syntax } = reader
  const type = tokens.type(index)
  if (type === tokenType.quotedName) return true
  if (type !== tokenType.word) return false
  const word = tokens.word(index)
  return !syntax.values.has(word) && !syntax.reserved.has(word)
}

/** Reads one item of the select list, with its alias. */
export function readItem(reader: ShapeReader, range: Tokens): SelectItem | undefined {
  const { tokens, syntax } = reader
  const { from, to } = range
  if (to <= from) return undefined
  if (to - from === 1 && tokens.word(from) === '*')
    return { span: reader.span(range), aggregates: [], hasSubquery: false, star: true }
  const end = endOfExpression(tokens, syntax, from, to)
  if (end <= from) return undefined
  const expression = { from, to: end }
  const star = end - from > 2 && tokens.word(end - 1) === '*' && tokens.word(end - 2) === '.'
  if (star) return end === to ? { ...describe(reader, expression), star: true } : undefined
  const column = columnAt(reader, expression)
  const described = { ...describe(reader, expression), ...(column === undefined ? {} : { column }) }
  if (end === to) return { ...described, ...(column === undefined ? labelled(reader, expression) : {}) }
  const explicit = tokens.word(end) === 'AS'
  const at = explicit ? end + 1 : end
  if (at !== to - 1 || !mayBeAlias(reader, at, explicit)) return undefined
  return { ...described, alias: { span: reader.span({ from: at, to }), name: reader.nameAt(at) } }
}

/** SQLite calls an item by its text, and so does MySQL, but for columns in brackets. */
function labelled(reader: ShapeReader, range: Tokens): Pick<SelectItem, 'label' | 'hasUnclearLabel'> {
  const { dialect } = reader.syntax
  if (dialect === 'mysql') {
    const column = columnAt(reader, withoutBrackets(reader, range))
    return column === undefined ? {} : { label: column }
  }
  const label = dialect === 'postgres' ? itemLabel(reader, range) : 'none'
  if (label === 'none') return {}
  return label === 'unclear' ? { hasUnclearLabel: true } : { label: label.name }
}

function mayBeAlias(reader: ShapeReader, at: number, explicit: boolean): boolean {
  const { tokens, syntax } = reader
  switch (tokens.type(at)) {
    case tokenType.word:
      if (syntax.dialect === 'postgres') return explicit || !syntax.noBareAlias.has(tokens.word(at))
      return !(explicit ? syntax.reserved : syntax.noBareAlias).has(tokens.word(at))
    case tokenType.quotedName:
      return true
    case tokenType.doubleQuoted:
    case tokenType.string:
      if (syntax.dialect === 'postgres') return false
      // What a backslash means depends on the server's sql_mode; `N'…'` is no name.
      return /^['"]/.test(tokens.text(at)) && !(syntax.dialect === 'mysql' && tokens.text(at).includes('\\'))
    default:
      return false
  }
}

/** The name of a plain column: `name` of `p.name`. */
function columnAt(reader: ShapeReader, { from, to }: Tokens): string | undefined {
  const { tokens } = reader
  if ((to - from) % 2 === 0) return undefined
  for (let i = from; i < to; i += 2) {
    if (i > from && tokens.word(i - 1) !== '.') return undefined
    if (tokens.type(i) !== tokenType.word && tokens.type(i) !== tokenType.quotedName) return undefined
  }
  if (to - from === 1 && !isColumnName(reader, from)) return undefined
  return reader.nameAt(to - 1)
}
