import { endOfQuoted, isDigit } from './shallow/lexer.ts'

/** What stands in a fingerprint in place of a literal, or of what a comment says. Outside of quotes no text that has a fingerprint has one of these characters. */
export const mark = {
  string: '\u0001',
  integer: '\u0002',
  bigInteger: '\u0003',
  decimal: '\u0004',
  comment: '\u0005',
} as const

export type Mark = (typeof mark)[keyof typeof mark]

/** In place of a position: there is none. */
export const none = -1

/** Where the digits end that begin at `from`. */
export function endOfDigits(sql: string, from: number): number {
  let i = from
  while (isDigit(sql.charCodeAt(i))) i += 1
  return i
}

/** To PostgreSQL's grammar an integer beyond 32 bits is a number of another kind, which may not stand everywhere. */
export function integerMark(sql: string, start: number, end: number): Mark {
  return end - start < 10 || Number(sql.slice(start, end)) < 2 ** 31 ? mark.integer : mark.bigInteger
}

/** Hints, and what is code to some, count; and some servers nest comments. */
const speaking = /^(?:M?!|\+)|\/\*|signalbox:/

/** Where the comment ends, its own marks apart, that has begun before `from`. */
export function endOfComment(sql: string, from: number): number {
  const close = sql.indexOf('*/', from)
  return close < 0 || speaking.test(sql.slice(from, close)) ? none : close
}

/** Where what a mark stands for ends, if that begins at `from`; {@link none} for anything else. What comes next is not looked at. */
export function endOfMarked(sql: string, from: number, what: Mark): number {
  if (what === mark.comment) return endOfComment(sql, from)
  if (what === mark.string) return endOfString(sql, from)
  const whole = endOfDigits(sql, from)
  if (whole === from) return none
  if (what !== mark.decimal) return integerMark(sql, from, whole) === what ? whole : none
  if (sql.charCodeAt(whole) !== 0x2e) return none
  const end = endOfDigits(sql, whole + 1)
  return end === whole + 1 ? none : end
}

/** With a backslash in it, it ends elsewhere on servers that are set so. */
function endOfString(sql: string, from: number): number {
  if (sql.charCodeAt(from) !== 0x27) return none
  const end = endOfQuoted(sql, from, "'", sql.length)
  if (end < 0) return none
  for (let i = from; i < end; i += 1) if (sql.charCodeAt(i) === 0x5c) return none
  return end
}
