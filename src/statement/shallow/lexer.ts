import type { TokenList } from './token-list.ts'
import { tokenType } from './token-list.ts'

/** Classes of ASCII characters; all others are part of names on every engine. */
export const charClass = {
  illegal: 0,
  space: 1,
  letter: 2,
  digit: 3,
  /** Part of a name, but only SQLite forbids it at the start. */
  dollar: 4,
  punctuation: 5,
} as const

const classes = buildClasses()

function buildClasses(): Uint8Array {
  const table = new Uint8Array(128)
  for (const char of '\t\n\f\r ') table[char.charCodeAt(0)] = charClass.space
  for (let code = 0x30; code <= 0x39; code++) table[code] = charClass.digit
  for (let code = 0x41; code <= 0x5a; code++) table[code] = table[code + 0x20] = charClass.letter
  table[0x5f] = charClass.letter
  table[0x24] = charClass.dollar
  for (const char of '!"#%&\'()*+,-./:;<=>?@[\\]^`{|}~') table[char.charCodeAt(0)] = charClass.punctuation
  return table
}

/** Class of a UTF-16 unit. The byte order mark is illegal: engines and versions differ on what it is. */
export function classOf(code: number): number {
  if (code < 128) return classes[code] ?? charClass.illegal
  return code === 0xfeff ? charClass.illegal : charClass.letter
}

/** True for what may stand inside an unquoted name. */
export function isNamePart(code: number): boolean {
  const c = classOf(code)
  return c === charClass.letter || c === charClass.digit || c === charClass.dollar
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

export function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66)
}

/** End of the name that goes on at `from`. */
export function endOfName(sql: string, from: number, end: number): number {
  let i = from
  while (i < end && isNamePart(sql.charCodeAt(i))) i++
  return i
}

/**
 * End of the quoted text that opens at `start`, where a doubled quote stands for itself and nothing else does; -1 if
 * it isn't closed.
 */
export function endOfQuoted(sql: string, start: number, quote: string, end: number): number {
  let i = start + 1
  for (;;) {
    i = sql.indexOf(quote, i)
    if (i < 0 || i >= end) return -1
    if (sql[i + 1] !== quote || i + 1 >= end) return i + 1
    i += 2
  }
}

/**
 * End of the number that starts at `from` with a digit, or with a dot before a digit.
 * `separators`: SQLite's `_` between digits.
 */
export function endOfNumber(sql: string, from: number, end: number, separators: boolean): number {
  let i = endOfDigits(sql, from, end, separators)
  if (sql[i] === '.' && i < end) i = endOfDigits(sql, i + 1, end, separators)
  if (i < end && (sql[i] === 'e' || sql[i] === 'E')) {
    const sign = sql[i + 1] === '+' || sql[i + 1] === '-' ? 1 : 0
    if (i + 1 + sign < end && isDigit(sql.charCodeAt(i + 1 + sign))) i = endOfDigits(sql, i + 1 + sign, end, separators)
  }
  return i
}

function endOfDigits(sql: string, from: number, end: number, separators: boolean): number {
  let i = from
  for (; i < end; i++) {
    if (isDigit(sql.charCodeAt(i))) continue
    if (!separators || sql[i] !== '_' || i === from) break
  }
  return i
}

/** Upper-case text of a word, or the word itself if it isn't ASCII: `ſelect` is no keyword, whatever its upper case. */
export function keywordOf(sql: string, start: number, end: number): string {
  for (let i = start; i < end; i++) if (sql.charCodeAt(i) >= 128) return sql.slice(start, end)
  return sql.slice(start, end).toUpperCase()
}

/** Adds the punctuation at `i`, as long as one of `operators` (longest first), else one character; gives its end. */
export function pushOperator(
  tokens: TokenList,
  i: number,
  end: number,
  operators: ReadonlyMap<string, readonly string[]>,
): number {
  const sql = tokens.sql
  const char = sql[i] ?? ''
  const candidates = operators.get(char)
  if (candidates !== undefined) {
    for (const operator of candidates) {
      if (i + operator.length <= end && sql.startsWith(operator, i)) {
        tokens.pushPunctuation(i, i + operator.length, operator)
        return i + operator.length
      }
    }
  }
  tokens.pushPunctuation(i, i + 1, char)
  return i + 1
}

/** Operators of more than one character, by their first one, longest first. */
export function operatorTable(operators: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const table = new Map<string, string[]>()
  for (const operator of [...operators].sort((a, b) => b.length - a.length)) {
    const first = operator[0] ?? ''
    const known = table.get(first)
    if (known === undefined) table.set(first, [operator])
    else known.push(operator)
  }
  return table
}

/** True if a name ends right at `position`, so that a dot there separates names and starts no number. */
export function nameEndsAt(tokens: TokenList, position: number): boolean {
  const last = tokens.length - 1
  const type = tokens.type(last)
  return (
    tokens.end(last) === position &&
    (type === tokenType.word || type === tokenType.quotedName || type === tokenType.doubleQuoted)
  )
}

/** True if the last token is a dot that ends at `position`, so that a name and never a keyword follows. */
export function dotEndsAt(tokens: TokenList, position: number): boolean {
  const last = tokens.length - 1
  return last >= 0 && tokens.word(last) === '.' && tokens.end(last) === position
}
