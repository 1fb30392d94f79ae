import { nextToken, skipBlank, type Token } from './tokens.ts'

/**
 * Texts this short cannot nest deeply enough to matter.
 */
const alwaysShallow = 1_000

/**
 * Highest weight of a text. Half to a quarter of what the parser was measured to bear with the default stack of
 * Node.js (984 kB): 8,000 chained operators, 4,000 joins, set operations, casts or `NOT`s, 2,000 nested calls,
 * 1,000 nested subqueries or common table expressions.
 */
const highestWeight = 1_500

const bracketWeight = 4

/** Words that add a level to the tree until the next separator, and words that do so until the bracket closes. */
const chaining = new Set(['not', 'is', 'collate', 'at', 'like', 'ilike', 'similar', 'isnull', 'notnull', 'operator'])
const joining = new Set(['union', 'intersect', 'except', 'join'])
const separating = new Set(['and', 'or', 'when', 'then', 'else', 'select', 'from', 'where', 'on', 'as'])

interface Level {
  readonly isCase: boolean
  chain: number
  joins: number
}

/**
 * Whether the parser can take a text without running out of stack.
 *
 * The parser recurses once for each level of its tree, inside WebAssembly. An overflow there is not just an error: it
 * leaks part of the module's own stack, and after some dozens of them (35 measured) every later parse in the process
 * fails. So a text that could come near is not given to it at all.
 */
export function isShallow(sql: string): boolean {
  if (sql.length <= alwaysShallow) return true
  const gauge = new DepthGauge(sql)
  let position = 0
  for (;;) {
    const token = nextToken(sql, position)
    if (token === undefined) return skipBlank(sql, position) >= 0
    if (gauge.take(token) > highestWeight) return false
    position = token.end
  }
}

class DepthGauge {
  readonly #sql: string
  readonly #open: Level[] = []
  #level: Level = { isCase: false, chain: 0, joins: 0 }
  #outside = 0

  constructor(sql: string) {
    this.#sql = sql
  }

  /** Takes the next token, and returns the weight of the place where it stands. */
  take(token: Token): number {
    if (token.kind === 'operator') this.#level.chain += token.end - token.start
    else if (token.kind === 'mark') this.#mark(this.#sql.charAt(token.start))
    else if (token.kind === 'word' && token.end - token.start <= 9) {
      this.#word(this.#sql.slice(token.start, token.end).toLowerCase())
    }
    return this.#outside + this.#level.chain + this.#level.joins
  }

  #mark(mark: string): void {
    if (mark === '(' || mark === '[') this.#enter(false)
    else if (mark === ')' || mark === ']') this.#leave(false)
    else if (mark === ',') this.#level.chain = 0
    else if (mark === ';') {
      this.#open.length = 0
      this.#outside = 0
      this.#level = { isCase: false, chain: 0, joins: 0 }
    }
  }

  #word(word: string): void {
    if (word === 'case') this.#enter(true)
    else if (word === 'end') this.#leave(true)
    else if (separating.has(word)) this.#level.chain = 0
    else if (chaining.has(word)) this.#level.chain += 1
    else if (joining.has(word)) this.#level.joins += 1
  }

  #enter(isCase: boolean): void {
    this.#outside += bracketWeight + this.#level.chain + this.#level.joins
    this.#open.push(this.#level)
    this.#level = { isCase, chain: 0, joins: 0 }
  }

  #leave(isCase: boolean): void {
    if (this.#level.isCase !== isCase) return
    const outer = this.#open.pop()
    if (outer === undefined) return
    this.#level = outer
    this.#outside -= bracketWeight + outer.chain + outer.joins
  }
}
