import { tokenType, type TokenList } from '../shallow/token-list.ts'
import { lexMysql } from './lexer.ts'

/** What changes rows and answers with no more than their number. */
const writes = words('INSERT REPLACE UPDATE DELETE')
/** With one of these it may answer with rows, or look for them in more than one table. */
const refusals = words('SELECT RETURNING COLLATE JOIN STRAIGHT_JOIN USING')
/** What may stand between a column and a mark. Not LIKE, IN, BETWEEN: what kind of value they compare hangs on all of their values together. */
const operators = words('= <=> <> != < > <= >= + -')
/** What may stand behind a mark. */
const behind = words(', ) ; WHERE AND OR ORDER LIMIT')
/** What may stand before a bracket around conditions. */
const beforeConditions = words('WHERE AND OR NOT (')
/** Words that are values. */
const constants = words(
  'NULL TRUE FALSE DEFAULT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP UTC_DATE UTC_TIME UTC_TIMESTAMP',
)

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

/**
 * Whether a text changes rows of one table, answers with no more than their number, and says with each of its marks one value: of a row
 * that is put in, or beside a column that is set, compared, or added to. Then a whole number, a string or NULL means the same there
 * whether it is bound to the mark or written in its place. When in doubt no: not the arguments of functions, whose results may be of other
 * types; no backslashes and double quotes, which `sql_mode` may change.
 */
export function isBindableWrite(sql: string): boolean {
  if (/["\\]/.test(sql)) return false
  const tokens = lexMysql(sql)
  if (tokens.trouble !== '' || tokens.executableEnds.length > 0 || !writes.has(tokens.word(0))) return false
  let hasMarks = false
  for (let index = 0; index < tokens.length; index += 1) {
    if (refusals.has(tokens.word(index)) || !isPlain(tokens, index)) return false
    if (tokens.type(index) !== tokenType.parameter) continue
    hasMarks = true
    const bracket = bracketAround(tokens, index)
    if (!isEnd(tokens, index + 1) || !(isInRow(tokens, index, bracket) || isBesideColumn(tokens, index, bracket)))
      return false
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

/** `values (?, ?), (?, ?)` */
function isInRow(tokens: TokenList, index: number, bracket: number): boolean {
  if (bracket === -1 || bracketAround(tokens, bracket) !== -1) return false
  const before = tokens.word(bracket - 1)
  const isAlone = index - 1 === bracket || tokens.word(index - 1) === ','
  return isAlone && (before === 'VALUES' || before === ',')
}

/** `stock = ?`, `stock - ?` */
function isBesideColumn(tokens: TokenList, index: number, bracket: number): boolean {
  return operators.has(tokens.word(index - 1)) && isColumn(tokens, index - 2) && holdsConditions(tokens, bracket)
}

/** A name, by its place and form; as a word it may be behind a dot. */
function isColumn(tokens: TokenList, index: number): boolean {
  const type = tokens.type(index)
  return type === tokenType.quotedName || (type === tokenType.word && !constants.has(tokens.word(index)))
}

function holdsConditions(tokens: TokenList, bracket: number): boolean {
  if (bracket === -1) return true
  return beforeConditions.has(tokens.word(bracket - 1)) && holdsConditions(tokens, bracketAround(tokens, bracket))
}

/** Whether what stands there ends a value. */
function isEnd(tokens: TokenList, index: number): boolean {
  return index >= tokens.length || behind.has(tokens.word(index))
}

/** The opening bracket around a token, -1 for none. */
function bracketAround(tokens: TokenList, index: number): number {
  for (let at = index - 1; at >= 0; at -= 1) {
    const word = tokens.word(at)
    if (word === '(') return at
    if (word === ')') at = tokens.partner(at)
  }
  return -1
}
