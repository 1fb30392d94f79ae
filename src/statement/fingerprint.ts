import { endOfComment, endOfDigits, integerMark, mark, none, type Mark } from './literals.ts'
import { charClass, classOf, endOfName, endOfQuoted } from './shallow/lexer.ts'
import type { Dialect } from './statement.ts'

/** Of other statements literals say what they do: `SET`, `EXPLAIN`, `COPY`, … */
const plainStart = /^\s*(?:select|insert|update|delete|with)\b/i

/**
 * The text with marks in place of its strings and numbers, and without what its comments say: what others call a normalized query, or its
 * digest. Texts with the same fingerprint are the same statement about other values: the same kind, the same tables and functions in the
 * same places.
 *
 * `undefined` where there is nothing to put a mark for, for statements in which literals decide more, and for texts with anything that
 * reads differently on differently set servers, or takes a lexer to read (backslashes, prefixed strings, dollar quotes, line comments,
 * hints). It is made for ORMs that write values into their texts, in one pass that costs much less than reading the statement.
 */
export function fingerprintOf(sql: string, dialect: Dialect): string | undefined {
  if (dialect === 'sqlite' || !plainStart.test(sql)) return undefined
  return new Scan(sql, dialect).run()
}

/** Fingerprints for those who ask for that of one text one right after the other: what it does, and where it goes. */
export class Fingerprints {
  #sql = ''
  #dialect: Dialect = 'sqlite'
  #last: string | undefined

  /** As {@link fingerprintOf}. */
  of(sql: string, dialect: Dialect): string | undefined {
    if (sql === this.#sql && dialect === this.#dialect) return this.#last
    this.#last = fingerprintOf(sql, dialect)
    this.#sql = sql
    this.#dialect = dialect
    return this.#last
  }
}

class Scan {
  readonly #sql: string
  readonly #isMysql: boolean
  /** What is in the print already ends here. */
  #copied = 0
  #print = ''
  /** The first backslash; beyond the text if there is none. */
  readonly #backslash: number

  constructor(sql: string, dialect: Exclude<Dialect, 'sqlite'>) {
    this.#sql = sql
    this.#isMysql = dialect === 'mysql'
    const backslash = sql.indexOf('\\')
    this.#backslash = backslash < 0 ? sql.length : backslash
  }

  run(): string | undefined {
    const sql = this.#sql
    const end = sql.length
    let i = 0
    while (i < end && i !== none) {
      const code = sql.charCodeAt(i)
      switch (classOf(code)) {
        case charClass.space:
          i += 1
          break
        case charClass.letter:
          i = this.#name(i)
          break
        case charClass.digit:
          i = this.#number(i)
          break
        case charClass.dollar:
          i = this.#dollar(i)
          break
        case charClass.punctuation:
          i = this.#punctuation(i, code)
          break
        default:
          return undefined
      }
    }
    if (i === none || this.#copied === 0) return undefined
    return this.#print + sql.slice(this.#copied)
  }

  #name(start: number): number {
    const next = endOfName(this.#sql, start, this.#sql.length)
    // `X'1f'`, `E'\n'`, `_utf8'é'`: what the string is depends on what is in it.
    return this.#sql.charCodeAt(next) === 0x27 ? none : next
  }

  #number(start: number): number {
    const sql = this.#sql
    let next = endOfDigits(sql, start)
    const isInteger = sql[next] !== '.'
    if (!isInteger) next = endOfDigits(sql, next + 1)
    const whole = endOfName(sql, next, sql.length)
    // Part of a name, `1e5`, `0x1f`, `1.`, `.5`: as it stands.
    if (whole > next || sql[next] === '.' || sql[next - 1] === '.' || sql[start - 1] === '.') return whole
    if (sql.charCodeAt(next) === 0x27) return none
    this.#mark(start, next, isInteger ? integerMark(sql, start, next) : mark.decimal)
    return next
  }

  /** A parameter of PostgreSQL; the beginning of a name on MySQL. */
  #dollar(start: number): number {
    const sql = this.#sql
    if (this.#isMysql) return this.#name(start)
    const next = endOfDigits(sql, start + 1)
    return next === start + 1 || endOfName(sql, next, sql.length) > next ? none : next
  }

  #punctuation(i: number, code: number): number {
    const sql = this.#sql
    switch (code) {
      case 0x27:
        return this.#string(i)
      case 0x22:
        return this.#quoted(i, '"')
      case 0x60:
        return this.#isMysql ? this.#quoted(i, '`') : i + 1
      case 0x2e:
        return this.#dot(i)
      case 0x5c:
        return none
      case 0x2d:
        return sql.charCodeAt(i + 1) === 0x2d ? none : i + 1
      case 0x2f:
        return sql.charCodeAt(i + 1) === 0x2a ? this.#comment(i) : i + 1
      case 0x23:
      case 0x40:
        // A comment, a variable; on PostgreSQL they are operators.
        return this.#isMysql ? none : i + 1
      default:
        return i + 1
    }
  }

  /** Between names, which stand right beside it. A string there may be one, too. */
  #dot(i: number): number {
    const sql = this.#sql
    const isBetween =
      /[\w$"`)\]\u0080-\uffff]/.test(sql.charAt(i - 1)) && /[\w$"`*\u0080-\uffff]/.test(sql.charAt(i + 1))
    return isBetween ? i + 1 : none
  }

  #string(start: number): number {
    const next = endOfQuoted(this.#sql, start, "'", this.#sql.length)
    // `U&'d\0061t'`
    if (next < 0 || this.#backslash < next || this.#sql[start - 1] === '&') return none
    this.#mark(start, next, mark.string)
    return next
  }

  /** A name, which stays; on MySQL it may be a string as well. */
  #quoted(start: number, quote: string): number {
    const next = endOfQuoted(this.#sql, start, quote, this.#sql.length)
    if (next < 0 || this.#sql[start - 1] === '&') return none
    return this.#isMysql && this.#backslash < next ? none : next
  }

  /** What tools leave in comments, a trace's id for instance, is another one each time. */
  #comment(start: number): number {
    const sql = this.#sql
    const close = endOfComment(sql, start + 2)
    if (close === none) return none
    this.#mark(start + 2, close, mark.comment)
    return close + 2
  }

  #mark(start: number, end: number, by: Mark): void {
    this.#print += this.#sql.slice(this.#copied, start) + by
    this.#copied = end
  }
}
