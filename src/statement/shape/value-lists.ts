import type { Span } from '../analysis.ts'
import { tokenType, type TokenList } from '../shallow/token-list.ts'
import { parameterAt, type ParameterKey } from './parameter-key.ts'

/** A list that stands in a text, `IN (…)` or `= ANY (ARRAY[…])`: the items between its brackets. */
export interface ValueList {
  readonly items: readonly ListItem[]
  /** One behind each item but the last. */
  readonly commas: readonly Span[]
}

/** An item of a list: a value, or a row of values in brackets. */
export interface ListItem {
  /** Its tokens. Comments are none. */
  readonly tokens: readonly Span[]
  /** Its parameters, in their order. */
  readonly parameters: readonly ParameterKey[]
  /**
   * Present where it is made of literals, parameters and casts alone: nothing in it changes between two looks. Items with the same mark do the
   * same for the type of the list, and of those with parameters the values of one may take the places of the other's.
   */
  readonly mark?: string
}

/** The lists of a text, by where their operators begin: `IN`, or the `=` of `= ANY`. The tokens are without trouble. */
export function readValueLists(tokens: TokenList): ReadonlyMap<number, ValueList> {
  const lists = new Map<number, ValueList>()
  for (let i = 0; i < tokens.length; i++) {
    const open = listBracket(tokens, i)
    if (open >= 0) lists.set(tokens.start(i), listIn(tokens, open))
  }
  return lists
}

/** The bracket of the list whose operator is at `index`, or -1. */
function listBracket(tokens: TokenList, index: number): number {
  const word = tokens.word(index)
  if (word === 'IN') return tokens.word(index + 1) === '(' ? index + 1 : -1
  if (word !== '=' || !/^(?:ANY|SOME)$/.test(tokens.word(index + 1))) return -1
  const isArray = tokens.word(index + 2) === '(' && tokens.word(index + 3) === 'ARRAY' && tokens.word(index + 4) === '['
  return isArray ? index + 4 : -1
}

function listIn(tokens: TokenList, open: number): ValueList {
  const close = tokens.partner(open)
  const items: ListItem[] = []
  const commas: Span[] = []
  let start = open + 1
  for (let i = start; i <= close; i++) {
    const word = tokens.word(i)
    if (i < close && (word === '(' || word === '[')) i = tokens.partner(i)
    else if (i === close || word === ',') {
      items.push(itemOf(tokens, start, i))
      if (i < close) commas.push(spanOf(tokens, i))
      start = i + 1
    }
  }
  return { items, commas }
}

function itemOf(tokens: TokenList, from: number, to: number): ListItem {
  const spans: Span[] = []
  const parameters: ParameterKey[] = []
  const [kinds, texts]: [string[], string[]] = [[], []]
  let isType = false
  for (let i = from; i < to; i++) {
    isType &&= isOfType(tokens, i)
    const kind: string | undefined = isType ? tokens.text(i) : kindOf(tokens, i, from)
    if (kind === undefined) return { tokens: [], parameters: [] }
    isType ||= kind === '::' || kind === 'AS'
    const parameter = parameterAt(tokens, i)
    if (parameter !== undefined) parameters.push(parameter)
    spans.push(spanOf(tokens, i))
    kinds.push(kind)
    texts.push(parameter === undefined ? tokens.text(i) : kind)
  }
  // Of a row with parameters only the values of these can be exchanged, so that its constants have to be the same.
  const mark = (parameters.length > 0 ? texts : kinds).join(' ')
  return spans.length === 0 ? { tokens: spans, parameters } : { tokens: spans, parameters, mark }
}

/** What a token says of the type of its item; undefined for what may be anything: a column, a call. */
function kindOf(tokens: TokenList, index: number, first: number): string | undefined {
  const word = tokens.word(index)
  switch (tokens.type(index)) {
    case tokenType.parameter:
    case tokenType.namedParameter:
      return '?'
    case tokenType.number:
      return numberKind(tokens.text(index))
    case tokenType.string:
      return stringKind(tokens.text(index))
    case tokenType.word:
      if (word === 'ROW' || word === 'CAST') return tokens.word(index + 1) === '(' ? word : undefined
      return word === 'NULL' || word === 'TRUE' || word === 'FALSE' || word === 'AS' ? word : undefined
    case tokenType.punctuation:
      if (word === '-') return isSign(tokens, index, first) ? '' : undefined
      return word === '(' || word === ')' || word === ',' || word === '::' ? word : undefined
    default:
      return undefined
  }
}

function isSign(tokens: TokenList, index: number, first: number): boolean {
  const before = tokens.word(index - 1)
  return tokens.type(index + 1) === tokenType.number && (index === first || before === '(' || before === ',')
}

/** Whole numbers by the type that PostgreSQL gives them. Any other number is a kind of its own. */
function numberKind(text: string): string {
  if (!/^\d{1,18}$/.test(text)) return text
  return Number(text) < 2 ** 31 ? 'integer' : 'bigint'
}

/** Strings without a type. With a backslash in it, its meaning hangs on the server's settings. */
function stringKind(text: string): string | undefined {
  if (text.includes('\\')) return undefined
  return text.startsWith("'") ? "'" : text
}

function isOfType(tokens: TokenList, index: number): boolean {
  const type = tokens.type(index)
  return type === tokenType.word || type === tokenType.quotedName || tokens.word(index) === '.'
}

function spanOf(tokens: TokenList, index: number): Span {
  return { start: tokens.start(index), end: tokens.end(index) }
}
