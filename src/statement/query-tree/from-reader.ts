import type { ShapeReader, Tokens } from '../shape/shape-reader.ts'
import { columnNames } from '../shape/with-clause.ts'
import { tokenType } from '../shallow/token-list.ts'
import { isName } from './column-path.ts'

/** An item of a FROM, as far as its own words tell. */
export interface ReadItem {
  /** Of a table: its name without a schema. */
  readonly table: string | undefined
  readonly hasSchema: boolean
  /** Of a query in brackets: what is between these. */
  readonly query: Tokens | undefined
  readonly isLateral: boolean
  readonly first: number
  readonly alias: string | undefined
  readonly columns: readonly string[] | undefined
  readonly mayBeMissing: boolean
}

export interface ReadFrom {
  readonly items: readonly ReadItem[]
  readonly mergesColumns: boolean
}

/** Reads what stands behind FROM; undefined if anything in it is not understood. */
export function readFrom(reader: ShapeReader, range: Tokens): ReadFrom | undefined {
  return new FromReader(reader, range).run()
}

const joinWords = new Set(['JOIN', 'STRAIGHT_JOIN', 'NATURAL', 'INNER', 'CROSS', 'LEFT', 'RIGHT', 'FULL', 'OUTER'])
/** What may stand behind an item, and is no alias without AS. */
const noAlias = new Set([
  ...joinWords,
  'ON',
  'USING',
  'FOR',
  'PARTITION',
  'USE',
  'FORCE',
  'IGNORE',
  'INDEXED',
  'NOT',
  'WITH',
])

class FromReader {
  readonly #reader: ShapeReader
  readonly #to: number
  readonly #items: ReadItem[] = []
  #at: number
  #mergesColumns = false
  /** A join before this place may leave what stands behind it without a row. */
  #isBehindOuter = false
  #fillsUpBefore = false

  constructor(reader: ShapeReader, { from, to }: Tokens) {
    this.#reader = reader
    this.#at = from
    this.#to = to
  }

  run(): ReadFrom | undefined {
    let expectsItem = true
    while (this.#at < this.#to) {
      const step: Step = expectsItem ? this.#item() : this.#between()
      if (step === 'unreadable') return undefined
      expectsItem = step === 'item follows'
    }
    if (expectsItem) return undefined
    const items = this.#fillsUpBefore ? this.#items.map((item) => ({ ...item, mayBeMissing: true })) : this.#items
    return { items, mergesColumns: this.#mergesColumns }
  }

  #word(offset = 0): string {
    return this.#at + offset < this.#to ? this.#reader.tokens.word(this.#at + offset) : ''
  }

  #item(): Step {
    const { tokens, syntax } = this.#reader
    const first = this.#at
    const isLateral = this.#word() === 'LATERAL'
    if (isLateral) this.#at++
    if (this.#word() === 'ONLY' && syntax.dialect === 'postgres') this.#at++
    if (this.#word() === '(') {
      if (!this.#reader.opensQuery(this.#at)) {
        this.#at++
        return isLateral ? 'unreadable' : 'item follows'
      }
      const close = tokens.partner(this.#at)
      const query = { from: this.#at + 1, to: close }
      this.#at = close + 1
      return this.#add({ table: undefined, hasSchema: false, query, isLateral, first })
    }
    const name = this.#at
    if (!this.#isTableName(name)) return 'unreadable'
    let last = name
    while (tokens.word(last + 1) === '.' && last + 2 < this.#to && this.#reader.isName(last + 2)) last += 2
    this.#at = last + 1
    if (this.#word() === '*' && syntax.dialect === 'postgres') this.#at++
    if (this.#word() === '(') {
      this.#at = tokens.partner(this.#at) + 1
      if (this.#word() === 'WITH' && this.#word(1) === 'ORDINALITY') this.#at += 2
      return this.#add({ table: undefined, hasSchema: false, query: undefined, isLateral, first })
    }
    if (isLateral || !this.#options()) return 'unreadable'
    const table = this.#reader.comparedNameAt(last)
    return this.#add({ table, hasSchema: last > name, query: undefined, isLateral, first: name })
  }

  #isTableName(index: number): boolean {
    const { tokens, syntax } = this.#reader
    if (index >= this.#to || !isName(this.#reader, index)) return false
    return (
      tokens.type(index) !== tokenType.word ||
      !(syntax.reserved.has(tokens.word(index)) || joinWords.has(tokens.word(index)))
    )
  }

  /** MySQL: `PARTITION (…)`. What reads rows of another time is not understood. */
  #options(): boolean {
    if (this.#word() === 'PARTITION' && this.#word(1) === '(') this.#at = this.#reader.tokens.partner(this.#at + 1) + 1
    return this.#word() !== 'FOR'
  }

  #add(item: Omit<ReadItem, 'alias' | 'columns' | 'mayBeMissing'>): Step {
    const reader = this.#reader
    const isExplicit = this.#word() === 'AS'
    if (isExplicit) this.#at++
    let alias: string | undefined
    let columns: readonly string[] | undefined
    const isAlias = this.#at < this.#to && isName(reader, this.#at) && (isExplicit || !noAlias.has(this.#word()))
    if (isAlias) {
      alias = reader.comparedNameAt(this.#at)
      this.#at++
      const read = this.#word() === '(' ? columnNames(reader, this.#at) : undefined
      // A function may list types, too.
      if (read === 'unreadable' && (item.table !== undefined || item.query !== undefined)) return 'unreadable'
      if (this.#word() === '(') this.#at = reader.tokens.partner(this.#at) + 1
      columns = read === 'unreadable' ? [] : read
    } else if (isExplicit) return 'unreadable'
    if (!this.#hints()) return 'unreadable'
    this.#items.push({ ...item, alias, columns, mayBeMissing: this.#isBehindOuter })
    return 'item read'
  }

  /** `USE INDEX (a)`, `INDEXED BY a`, `NOT INDEXED`. */
  #hints(): boolean {
    if (this.#word() === 'INDEXED' && this.#word(1) === 'BY') this.#at += 3
    else if (this.#word() === 'NOT' && this.#word(1) === 'INDEXED') this.#at += 2
    while (/^(?:USE|FORCE|IGNORE)$/.test(this.#word()) && /^(?:INDEX|KEY)$/.test(this.#word(1))) {
      while (this.#at < this.#to && this.#word() !== '(') this.#at++
      if (this.#at >= this.#to) return false
      this.#at = this.#reader.tokens.partner(this.#at) + 1
      if (this.#word() === ',' && /^(?:USE|FORCE|IGNORE)$/.test(this.#word(1))) this.#at++
    }
    return true
  }

  /** What stands between two items. */
  #between(): Step {
    const { tokens } = this.#reader
    const word = this.#word()
    this.#at++
    switch (word) {
      case ',':
        return 'item follows'
      case ')':
        // A name for a join hides those of its tables.
        return this.#word() === 'AS' || this.#isTableName(this.#at) ? 'unreadable' : 'item read'
      case 'ON':
        this.#condition()
        return 'item read'
      case 'USING':
        this.#mergesColumns = true
        if (this.#word() !== '(') return 'unreadable'
        this.#at = tokens.partner(this.#at) + 1
        return this.#word() === 'AS' ? 'unreadable' : 'item read'
      case 'JOIN':
      case 'STRAIGHT_JOIN':
        return 'item follows'
      default:
        if (!joinWords.has(word)) return 'unreadable'
        if (word === 'NATURAL') this.#mergesColumns = true
        if (word === 'LEFT') this.#isBehindOuter = true
        if (word === 'RIGHT' || word === 'FULL') this.#fillsUpBefore = true
        return 'item read'
    }
  }

  #condition(): void {
    const { tokens } = this.#reader
    for (; this.#at < this.#to; this.#at++) {
      const word = this.#word()
      if (word === '(' || word === '[') this.#at = Math.max(this.#at, tokens.partner(this.#at))
      else if (word === ')' || word === ',' || word === 'ON' || word === 'USING') return
      // `left(name, 1)` is a function.
      else if (joinWords.has(word) && this.#word(1) !== '(') return
    }
  }
}

type Step = 'item follows' | 'item read' | 'unreadable'
