import { tokenType, type TokenList } from '../shallow/token-list.ts'
import { lexMysql } from './lexer.ts'

/** What changes rows and answers with no more than their number. */
const writes = words('INSERT REPLACE UPDATE DELETE')
/** With one of these it may answer with rows, or the way in which a value is written may matter. */
const refusals = words('SELECT RETURNING COLLATE ESCAPE')
/** What may stand before a mark, but for brackets and commas. */
const before = words('= <=> <> != < > <= >= + - AND OR BETWEEN LIKE')
/** What may stand behind a mark. */
const behind = words(', ) ; SET WHERE AND OR ORDER LIMIT ON')
/** What may stand before the bracket around marks: it holds rows, items of a list, or conditions, and not the arguments of a function. */
const opens = words('VALUES IN WHERE AND OR NOT ON ( ,')

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

/**
 * Whether a text changes rows, answers with no more than their number, and says with each of its marks one value that is compared with a
 * column or put into one, as it is: then a whole number, a string or NULL means the same there whether it is bound to the mark or written
 * in its place. When in doubt no: of functions, whose results may be of other types, of backslashes, which `sql_mode` may change.
 */
export function isBindableWrite(sql: string): boolean {
  if (sql.includes('\\')) return false
  const tokens = lexMysql(sql)
  if (tokens.trouble !== '' || tokens.executableEnds.length > 0 || !writes.has(tokens.word(0))) return false
  let hasMarks = false
  for (let index = 0; index < tokens.length; index += 1) {
    if (refusals.has(tokens.word(index)) || !isPlain(tokens, index)) return false
    if (tokens.type(index) !== tokenType.parameter) continue
    hasMarks = true
    if (!isOneValue(tokens, index)) return false
  }
  return hasMarks
}

/** A variable is of the session; a semicolon may be followed by anything. */
function isPlain(tokens: TokenList, index: number): boolean {
  const type = tokens.type(index)
  if (type === tokenType.userVariable || type === tokenType.systemVariable || type === tokenType.namedParameter)
    return false
  return tokens.word(index) !== ';' || index === tokens.length - 1
}

function isOneValue(tokens: TokenList, index: number): boolean {
  const previous = wordAt(tokens, index - 1)
  const bracket = bracketAround(tokens, index)
  // A comma outside of brackets may be that of LIMIT, which takes no strings.
  const begins = before.has(previous) || previous === '(' || (previous === ',' && bracket !== -1)
  return begins && isEnd(tokens, index + 1) && holdsValues(tokens, bracket)
}

function holdsValues(tokens: TokenList, bracket: number): boolean {
  if (bracket === -1) return true
  return opens.has(wordAt(tokens, bracket - 1)) && holdsValues(tokens, bracketAround(tokens, bracket))
}

/** Whether what stands there ends a value. */
function isEnd(tokens: TokenList, index: number): boolean {
  return index >= tokens.length || behind.has(wordAt(tokens, index))
}

/** Empty for what is neither a keyword nor punctuation: a name, a string, a number. */
function wordAt(tokens: TokenList, index: number): string {
  return index < 0 || index >= tokens.length ? '' : tokens.word(index) || name
}

/** No word is like this. */
const name = '.'

/** The opening bracket around a token, -1 for none. */
function bracketAround(tokens: TokenList, index: number): number {
  for (let at = index - 1; at >= 0; at -= 1) {
    const word = tokens.word(at)
    if (word === '(') return at
    if (word === ')') at = tokens.partner(at)
  }
  return -1
}
