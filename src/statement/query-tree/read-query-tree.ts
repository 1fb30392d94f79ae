import type { FunctionUse } from '../analysis.ts'
import type { Clauses } from '../shape/clauses.ts'
import type { Expression } from '../shape/query-shape.ts'
import { splitSetOperation } from '../shape/set-operation.ts'
import { readableTokens, readSelect, statementBounds } from '../shape/read-query-shape.ts'
import { ShapeReader, type Tokens } from '../shape/shape-reader.ts'
import { shapeSyntaxes } from '../shape/shape-syntax.ts'
import { readWithClause } from '../shape/with-clause.ts'
import type { TokenList } from '../shallow/token-list.ts'
import type { Dialect } from '../statement.ts'
import { pathOf, tokensOf } from './column-path.ts'
import { readFrom, type ReadItem } from './from-reader.ts'
import { readPartitions } from './partitions.ts'
import type { ColumnPath, FromItem, Output, QueryTree, SelectTree, WithQuery } from './query-tree.ts'

/**
 * A text that is one query, with the queries that its rows come from; undefined for every other text, and where any part is
 * not understood. Never throws. It checks no grammar: what it says holds for texts that the engine accepts.
 *
 * `isOwnAggregate`: as of {@link readQueryShape}.
 */
export function readQueryTree(
  sql: string,
  dialect: Dialect,
  isOwnAggregate: (call: FunctionUse) => boolean = () => false,
): QueryTree | undefined {
  const tokens = readableTokens(sql, dialect)
  const bounds = tokens === undefined ? undefined : statementBounds(tokens)
  if (tokens === undefined || bounds === undefined) return undefined
  const reader = new TreeReader(tokens, dialect, isOwnAggregate)
  return reader.query(bounds, undefined)
}

/** Queries of a WITH in view, innermost first. */
interface InView {
  readonly query: WithQuery
  readonly outer: InView | undefined
}

class TreeReader {
  readonly #tokens: TokenList
  readonly #dialect: Dialect
  readonly #isOwnAggregate: (call: FunctionUse) => boolean

  constructor(tokens: TokenList, dialect: Dialect, isOwnAggregate: (call: FunctionUse) => boolean) {
    this.#tokens = tokens
    this.#dialect = dialect
    this.#isOwnAggregate = isOwnAggregate
  }

  query(range: Tokens, outer: InView | undefined): QueryTree | undefined {
    const reader = this.#reader()
    let { from } = range
    let inView = outer
    if (this.#tokens.word(from) === 'WITH') {
      const read = this.#with(reader, range, outer)
      if (read === undefined) return undefined
      ;({ inView, from } = read)
    }
    const body = this.#body({ from, to: range.to }, inView)
    return body === undefined ? undefined : { ...body, span: reader.span(range) }
  }

  /** Each has its own: the obstacles of one query are not those of another. */
  #reader(): ShapeReader {
    return new ShapeReader(this.#tokens, shapeSyntaxes[this.#dialect], this.#isOwnAggregate)
  }

  #with(
    reader: ShapeReader,
    { from, to }: Tokens,
    outer: InView | undefined,
  ): { inView: InView | undefined; from: number } | undefined {
    const clause = readWithClause(reader, from, to)
    if (clause === undefined) return undefined
    const queries = clause.parts.map(({ name, columns }) => ({
      name,
      columns,
      query: undefined as QueryTree | undefined,
    }))
    const all = queries.reduce<InView | undefined>((before, query) => ({ query, outer: before }), outer)
    // On SQLite a query of a WITH sees itself and those behind it, with RECURSIVE or without.
    const isMutual = clause.isRecursive || this.#dialect === 'sqlite'
    let before = outer
    for (const [index, part] of clause.parts.entries()) {
      const query = queries[index]!
      query.query = this.query(part.query, isMutual ? all : before)
      if (query.query === undefined) return undefined
      before = { query, outer: before }
    }
    return { inView: all, from: clause.next }
  }

  #body(range: Tokens, inView: InView | undefined): QueryTree | undefined {
    const reader = this.#reader()
    const { parts, operators } = splitSetOperation(reader, range)
    const [only] = parts
    const word = this.#tokens.word(range.from)
    if (only === undefined) return undefined
    if (parts.length === 1 && word === 'SELECT') return this.#select(only, inView)
    if (parts.length === 1 && word === 'VALUES') return { kind: 'values', span: reader.span(range) }
    if (parts.length === 1 && word !== '(') return undefined
    const members: QueryTree[] = []
    let tail: Tail = { isSorted: false, isLimited: false, from: range.to }
    for (const [index, part] of parts.entries()) {
      const member = this.#member(part, inView, index === parts.length - 1)
      if (member === undefined) return undefined
      members.push(member.query)
      tail = member.tail
    }
    const { isSorted, isLimited } = tail
    const start = this.#tokens.end(tail.from - 1)
    const end = this.#tokens.end(range.to - 1)
    return { kind: 'set', span: reader.span(range), members, operators, isSorted, isLimited, tail: { start, end } }
  }

  /** A member, and what behind the last one belongs to all of them. */
  #member(
    { from, to }: Tokens,
    inView: InView | undefined,
    isLast: boolean,
  ): { readonly query: QueryTree; readonly tail: Tail } | undefined {
    const none: Tail = { isSorted: false, isLimited: false, from: to }
    if (this.#tokens.word(from) === '(') {
      const close = this.#tokens.partner(from)
      const query = this.query({ from: from + 1, to: close }, inView)
      if (query === undefined || (close < to - 1 && !isLast)) return undefined
      return { query, tail: close < to - 1 ? tailOf(this.#tokens, close + 1, to) : none }
    }
    const query = this.#body({ from, to }, inView)
    if (query === undefined || query.kind === 'set') return undefined
    if (query.kind === 'values' || !isLast) return { query, tail: none }
    const { isSorted, isLimited, shape } = query
    const starts = [shape.orderBy, shape.limit].flatMap((part) => (part === undefined ? [] : [part.span.start]))
    const first = starts.length === 0 ? to : tokensOf(this.#reader(), { start: Math.min(...starts), end: 0 }).from
    return { query: { ...query, isSorted: false, isLimited: false }, tail: { isSorted, isLimited, from: first } }
  }

  #select(range: Tokens, inView: InView | undefined): SelectTree | undefined {
    const reader = this.#reader()
    const read = readSelect(reader, range)
    if (read === undefined) return undefined
    const { shape, clauses } = read
    const list =
      clauses.from === undefined ? undefined : readFrom(reader, { from: clauses.from.from + 1, to: clauses.from.to })
    if (clauses.from !== undefined && list === undefined) return undefined
    const items: FromItem[] = []
    const own = new Set<number>()
    for (const item of list?.items ?? []) {
      const source = this.#source(item, inView)
      if (source === undefined) return undefined
      if (source.kind === 'query') own.add(item.query!.from - 1)
      const name = item.alias ?? item.table
      const { columns, mayBeMissing } = item
      items.push({ source, position: this.#tokens.start(item.first), name, columns, mayBeMissing })
    }
    const partitions = readPartitions(reader, expressionsOf(clauses, range), clauses.window)
    if (partitions === undefined) return undefined
    return {
      kind: 'select',
      span: reader.span(range),
      shape,
      isSorted: shape.orderBy !== undefined,
      isLimited: shape.limit !== undefined,
      from: items,
      mergesColumns: list?.mergesColumns ?? false,
      outputs: shape.items.map((item) => outputOf(reader, item)),
      groups: (shape.groupBy?.keys ?? []).map((key) => groupOf(reader, shape, key)),
      partitions,
      readInside: this.#readInside(reader, range, own, inView),
    }
  }

  #source(item: ReadItem, inView: InView | undefined): FromItem['source'] | undefined {
    if (item.query !== undefined) {
      if (item.isLateral) return { kind: 'other' }
      const query = this.query(item.query, inView)
      return query === undefined ? undefined : { kind: 'query', query }
    }
    if (item.table === undefined) return { kind: 'other' }
    for (let view = item.hasSchema ? undefined : inView; view !== undefined; view = view.outer)
      if (view.query.name === item.table) return { kind: 'with', query: view.query }
    return { kind: 'table' }
  }

  /** What is named within queries in brackets that are no items of the FROM: `own` are the brackets of those. */
  #readInside(
    reader: ShapeReader,
    { from, to }: Tokens,
    own: ReadonlySet<number>,
    inView: InView | undefined,
  ): readonly WithQuery[] {
    const tokens = this.#tokens
    const found = new Set<WithQuery>()
    if (inView === undefined) return []
    for (let i = from; i < to; i++) {
      if (tokens.word(i) !== '(' || !reader.opensQuery(i)) continue
      const close = tokens.partner(i)
      for (let k = i + 1; k < close && !own.has(i); k++) {
        // With a dot it is a column, or a table of a schema.
        if (!reader.isName(k) || tokens.word(k + 1) === '.' || tokens.word(k - 1) === '.') continue
        const name = reader.comparedNameAt(k)
        for (let view: InView | undefined = inView; view !== undefined; view = view.outer)
          if (view.query.name === name) found.add(view.query)
      }
      i = close
    }
    return [...found]
  }
}

/** Where window functions stand: in the items, and in what sorts. */
function expressionsOf({ items }: Clauses, range: Tokens): Tokens {
  return { from: items.from, to: range.to }
}

interface Tail {
  readonly isSorted: boolean
  readonly isLimited: boolean
  /** Its first token. */
  readonly from: number
}

/** Behind the brackets of a last member. */
function tailOf(tokens: TokenList, from: number, to: number): Tail {
  const isSorted = tokens.word(from) === 'ORDER'
  let isLimited = !isSorted
  for (let i = from; i < to; i++) {
    if (tokens.word(i) === '(') i = tokens.partner(i)
    else if (/^(?:LIMIT|OFFSET|FETCH|FOR|INTO)$/.test(tokens.word(i))) isLimited = true
  }
  return { isSorted, isLimited, from }
}

type Item = SelectTree['shape']['items'][number]

function outputOf(reader: ShapeReader, item: Item): Output {
  if (item.star === true) {
    const { from, to } = tokensOf(reader, item.span)
    return { kind: 'star', qualifier: to - from > 1 ? reader.comparedNameAt(to - 3) : undefined }
  }
  return { kind: 'column', name: nameOf(reader, item), path: pathOf(reader, item) }
}

function nameOf(reader: ShapeReader, item: Item): string | undefined {
  if (item.alias === undefined) return pathOf(reader, item)?.column
  return reader.comparedNameAt(tokensOf(reader, item.alias.span).from)
}

/** An item that is meant by its place, or else the column of the tables. */
function groupOf(reader: ShapeReader, { items }: SelectTree['shape'], key: Expression): ColumnPath | undefined {
  if (key.ordinal !== undefined) {
    const before = items.slice(0, key.ordinal)
    const item = before.at(-1)
    return item === undefined || before.some(({ star }) => star === true) ? undefined : pathOf(reader, item)
  }
  const path = pathOf(reader, key)
  if (path?.qualifier !== undefined) return path
  // Engines look for columns before names of items; where several tables have such a column, MySQL takes the item.
  const named = items.flatMap((item) => (nameOf(reader, item) === path?.column ? [pathOf(reader, item)] : []))
  const [meant = path] = named
  const isClear = named.every((each) => each?.column === path?.column && each?.qualifier === meant?.qualifier)
  return isClear ? meant : undefined
}
