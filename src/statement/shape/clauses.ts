import { tokenType } from '../shallow/token-list.ts'
import type { ShapeReader, Tokens } from './shape-reader.ts'

/** In the order in which they must stand; those of the tail may mix. */
const order = ['items', 'from', 'where', 'group', 'having', 'window', 'order', 'tail'] as const

type Clause = (typeof order)[number]

/** What starts at a token: a clause, something that cannot be done in parts, or a set operation. */
type Start =
  | { readonly clause: Clause; readonly obstacle?: string }
  | { readonly into: true }
  | { readonly setOperation: string }
  | { readonly unreadable: true }

/** Each with the words that it starts with. */
export interface Clauses {
  readonly items: Tokens
  readonly from?: Tokens
  readonly where?: Tokens
  readonly group?: Tokens
  readonly having?: Tokens
  readonly window?: Tokens
  readonly order?: Tokens
  /** LIMIT, OFFSET and FETCH, without what locks. */
  readonly limit?: Tokens
}

/**
 * Finds the clauses of the SELECT whose items start at `from`, by their words outside brackets. With a set operation it
 * gives those of the first SELECT, and the reader has an obstacle.
 */
export function findClauses(reader: ShapeReader, from: number, to: number): Clauses | undefined {
  const finder = new ClauseFinder(reader)
  return finder.run(from, to)
}

class ClauseFinder {
  readonly #reader: ShapeReader
  readonly #found = new Map<Clause, Tokens>()
  #limit: Tokens | undefined
  #clause: Clause = 'items'
  #since = 0
  /** False in what is left out: INTO and its targets, and what locks. */
  #counts = true

  constructor(reader: ShapeReader) {
    this.#reader = reader
  }

  run(from: number, to: number): Clauses | undefined {
    const { tokens, syntax } = this.#reader
    this.#since = from
    let end = to
    for (let i = from; i < to; i++) {
      const word = tokens.word(i)
      if (word === '(' || (word === '[' && syntax.dialect === 'postgres')) {
        i = tokens.partner(i)
        continue
      }
      const start = word === '' ? undefined : startAt(this.#reader, i, this.#clause)
      if (start === undefined) continue
      if ('unreadable' in start) return undefined
      if ('setOperation' in start) {
        this.#reader.obstacles.add(start.setOperation)
        end = i
        break
      }
      this.#close(i)
      if ('into' in start) {
        this.#reader.obstacles.add('INTO')
        this.#counts = false
        continue
      }
      if (!this.#open(start, i)) return undefined
    }
    this.#close(end)
    return this.#clauses()
  }

  #close(at: number): void {
    if (!this.#counts) return
    const range = { from: this.#since, to: at }
    if (this.#clause === 'tail') this.#limit = { from: this.#limit?.from ?? range.from, to: at }
    else this.#found.set(this.#clause, range)
    this.#counts = false
  }

  #open({ clause, obstacle }: { clause: Clause; obstacle?: string }, at: number): boolean {
    const rank = order.indexOf(clause)
    if (rank < order.indexOf(this.#clause) || (rank === order.indexOf(this.#clause) && clause !== 'tail')) return false
    this.#clause = clause
    this.#since = at
    this.#counts = obstacle === undefined
    if (obstacle !== undefined) this.#reader.obstacles.add(obstacle)
    return true
  }

  #clauses(): Clauses | undefined {
    const items = this.#found.get('items')
    if (items === undefined) return undefined
    const part = <Name extends Clause>(name: Name): Partial<Record<Name, Tokens>> => {
      const found = this.#found.get(name)
      return (found === undefined ? {} : { [name]: found }) as Partial<Record<Name, Tokens>>
    }
    return {
      items,
      ...part('from'),
      ...part('where'),
      ...part('group'),
      ...part('having'),
      ...part('window'),
      ...part('order'),
      ...(this.#limit === undefined ? {} : { limit: this.#limit }),
    }
  }
}

const unreadable: Start = { unreadable: true }

function startAt(reader: ShapeReader, i: number, current: Clause): Start | undefined {
  const { tokens, syntax } = reader
  const { dialect } = syntax
  const next = tokens.word(i + 1)
  // PostgreSQL: `AS limit` is a name, whatever the word.
  if (current === 'items' && tokens.word(i - 1) === 'AS' && dialect === 'postgres') return undefined
  switch (tokens.word(i)) {
    case 'FROM':
      // PostgreSQL: `FROM ROWS FROM (f(), g())`.
      if (isDistinctFrom(reader, i) || (tokens.word(i - 1) === 'ROWS' && next === '(')) return undefined
      return current === 'items' ? { clause: 'from' } : unreadable
    case 'WHERE':
      return { clause: 'where' }
    case 'HAVING':
      return { clause: 'having' }
    case 'GROUP':
    case 'ORDER': {
      // MySQL: an index hint may be `FOR ORDER BY (…)`.
      if (next !== 'BY' || tokens.word(i - 1) === 'FOR') return undefined
      return { clause: tokens.word(i) === 'GROUP' ? 'group' : 'order' }
    }
    case 'WINDOW':
      if (tokens.word(i + 2) === 'AS' && tokens.word(i + 3) === '(') return { clause: 'window' }
      return dialect === 'postgres' ? unreadable : undefined
    case 'INTO':
      return { into: true }
    case 'SELECT':
      return unreadable
    case 'UNION':
    case 'INTERSECT':
    case 'EXCEPT':
    case 'MINUS':
      return setOperationAt(reader, i)
    default:
      return tailAt(reader, i, current)
  }
}

function tailAt(reader: ShapeReader, i: number, current: Clause): Start | undefined {
  const { tokens, syntax } = reader
  const { dialect } = syntax
  const next = tokens.word(i + 1)
  switch (tokens.word(i)) {
    case 'LIMIT':
      return { clause: 'tail' }
    case 'OFFSET':
      if (dialect === 'postgres') return { clause: 'tail' }
      // MariaDB: `OFFSET 5 ROWS FETCH …`; without the word ROWS it belongs to a LIMIT, or is a name.
      if (dialect === 'sqlite' || current === 'tail' || !isAmount(reader, i + 1)) return undefined
      return /^ROWS?$/.test(tokens.word(i + 2)) ? { clause: 'tail' } : undefined
    case 'FETCH':
      if (dialect === 'sqlite') return undefined
      return next === 'FIRST' || next === 'NEXT' ? { clause: 'tail' } : unreadable
    case 'FOR':
      return lockAt(reader, i)
    case 'LOCK':
      if (dialect !== 'mysql' || next !== 'IN') return undefined
      return { clause: 'tail', obstacle: 'LOCK IN SHARE MODE' }
    case 'PROCEDURE':
      return dialect === 'mysql' ? { clause: 'tail', obstacle: 'PROCEDURE' } : undefined
    default:
      return undefined
  }
}

/** `FOR UPDATE`, `FOR NO KEY UPDATE`, `FOR SHARE`, `FOR KEY SHARE`; `FOR READ ONLY` locks nothing, but says nothing either. */
function lockAt(reader: ShapeReader, i: number): Start | undefined {
  const { tokens, syntax } = reader
  if (syntax.dialect === 'sqlite') return undefined
  const next = tokens.word(i + 1)
  if (next === 'UPDATE' || next === 'SHARE') return { clause: 'tail', obstacle: `FOR ${next}` }
  if (syntax.dialect === 'mysql') return undefined
  if (next === 'NO') return { clause: 'tail', obstacle: 'FOR NO KEY UPDATE' }
  if (next === 'KEY') return { clause: 'tail', obstacle: 'FOR KEY SHARE' }
  return next === 'READ' ? { clause: 'tail', obstacle: 'FOR READ ONLY' } : unreadable
}

export function setOperationAt(reader: ShapeReader, i: number): Start | undefined {
  const { tokens } = reader
  const word = tokens.word(i)
  const next = tokens.word(i + 1)
  if (word === 'MINUS')
    return next === 'SELECT' || next === 'ALL' || next === 'DISTINCT' ? { setOperation: word } : undefined
  return /^(SELECT|ALL|DISTINCT|VALUES|TABLE|WITH|\()$/.test(next) ? { setOperation: word } : unreadable
}

/** `IS [NOT] DISTINCT FROM`. */
function isDistinctFrom({ tokens }: ShapeReader, index: number): boolean {
  if (tokens.word(index - 1) !== 'DISTINCT') return false
  const before = tokens.word(index - 2)
  return before === 'IS' || (before === 'NOT' && tokens.word(index - 3) === 'IS')
}

function isAmount({ tokens }: ShapeReader, index: number): boolean {
  const type = tokens.type(index)
  return type === tokenType.number || type === tokenType.parameter || type === tokenType.namedParameter
}
