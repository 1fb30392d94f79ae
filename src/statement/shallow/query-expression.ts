import { noConjuncts } from '../appearances/conjuncts.ts'
import type { JoinLevel } from '../appearances/join-level.ts'
import { QueryColumns } from '../appearances/query-columns.ts'
import { readConjuncts } from './condition-values.ts'
import { noteDisguisedCall, scanExpression } from './expression-scan.ts'
import { isLimited, selectedColumns } from './select-columns.ts'
import type { Scope, SyntaxWalk, WithNames } from './syntax-walk.ts'
import { derived, namesIn, readTableList, type TableList } from './table-list.ts'
import { collectConditions } from './table-names.ts'
import { tokenType } from './token-list.ts'

const setOperators: ReadonlySet<string> = new Set(['UNION', 'EXCEPT', 'INTERSECT', 'MINUS'])

/** Reads all queries that were put off, and those put off meanwhile. */
export function readPending(walk: SyntaxWalk): boolean {
  for (let query = walk.takePending(); query !== undefined; query = walk.takePending())
    if (!readQuery(walk, query.from, query.to, query.scope)) return false
  return true
}

/** Reads one query: `WITH …`, then `SELECT`, `VALUES`, `TABLE` and bracketed queries between set operators. */
export function readQuery(walk: SyntaxWalk, from: number, to: number, outer: Scope): boolean {
  const { tokens } = walk
  let scope = outer
  let i = from
  if (tokens.word(i) === 'WITH') {
    const body = readWith(walk, i, to, outer)
    if (body === undefined) return false
    scope = body.scope
    i = body.next
  }
  const query = walk.queryAt(from)
  const parts: QueryColumns[] = []
  const isSingle = endOfTerm(walk, i, to) >= to
  if (!isSingle) scope = derived(scope)
  while (i < to) {
    const end = endOfTerm(walk, i, to)
    const part = isSingle ? query : new QueryColumns()
    parts.push(part)
    if (!readTerm(walk, i, end, scope, part)) return false
    if (end >= to) {
      // What stands behind the last one is about all of them.
      if (!isSingle) query.isMadeOf(parts, isLimited(walk, i, to))
      return true
    }
    i = end + 1
    if (tokens.word(i) === 'ALL' || tokens.word(i) === 'DISTINCT') i++
  }
  return walk.confused('a query is cut short')
}

function endOfTerm(walk: SyntaxWalk, from: number, to: number): number {
  const { tokens } = walk
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (setOperators.has(word) && i > from && startsTerm(walk, i + 1)) return i
  }
  return to
}

/** MINUS is an ordinary name outside Oracle mode, so what follows decides. */
function startsTerm(walk: SyntaxWalk, index: number): boolean {
  const word = walk.tokens.word(index)
  if (word === 'ALL' || word === 'DISTINCT') return true
  return word === 'SELECT' || word === '(' || word === 'VALUES' || word === 'TABLE' || word === 'WITH'
}

function readTerm(walk: SyntaxWalk, from: number, to: number, scope: Scope, query: QueryColumns): boolean {
  const { tokens } = walk
  switch (tokens.word(from)) {
    case 'SELECT':
      return readSelect(walk, from, to, scope, query)
    case 'VALUES':
      return scanExpression(walk, from + 1, to, scope)
    case 'TABLE': {
      const name = walk.syntax.dialect === 'mysql' ? walk.qualifiedNameAt(from + 1, to) : undefined
      if (name === undefined) return walk.confused('TABLE has no table')
      if (!noteDisguisedCall(walk, name, scope)) walk.findings.addTable(name, 'read', scope.place)
      return scanExpression(walk, name.next, to, scope)
    }
    case '(': {
      const close = tokens.partner(from)
      walk.defer(from + 1, close, scope)
      return scanExpression(walk, close + 1, to, scope)
    }
    default:
      return walk.confused('a query starts with something unexpected')
  }
}

/** `WITH [RECURSIVE] name [(columns)] AS [[NOT] MATERIALIZED] (query), …`: the scope and the start of what follows. */
export function readWith(
  walk: SyntaxWalk,
  from: number,
  to: number,
  outer: Scope,
): { readonly scope: Scope; readonly next: number } | undefined {
  const { tokens } = walk
  let i = from + 1
  const recursive = tokens.word(i) === 'RECURSIVE'
  if (recursive) i++
  const parts: (Omit<WithNames, 'parent'> & { readonly open: number })[] = []
  for (;;) {
    const name = walk.nameAt(i)
    if (name === undefined) return cutShort(walk)
    i++
    const columns = tokens.word(i) === '(' ? namesIn(walk, i) : undefined
    if (columns !== undefined) i = tokens.partner(i) + 1
    if (tokens.word(i) !== 'AS') return cutShort(walk)
    i++
    if (tokens.word(i) === 'NOT') i++
    if (tokens.word(i) === 'MATERIALIZED') i++
    if (tokens.word(i) !== '(' || i >= to) return cutShort(walk)
    parts.push({ name: name.toLowerCase(), query: recursive ? undefined : walk.queryAt(i + 1), columns, open: i })
    i = tokens.partner(i) + 1
    if (tokens.word(i) === 'CYCLE') while (i < to && tokens.word(i - 1) !== 'RESTRICT') i++
    if (tokens.word(i) !== ',') break
    i++
  }
  if (i >= to) return cutShort(walk)
  let { withNames } = outer
  const mutual = recursive || walk.syntax.mutualWith
  if (mutual) for (const part of parts) withNames = { ...part, parent: withNames }
  for (const part of parts) {
    walk.defer(part.open + 1, tokens.partner(part.open), { ...derived(outer), withNames })
    if (!mutual) withNames = { ...part, parent: withNames }
  }
  return { scope: { ...outer, withNames }, next: i }
}

function cutShort(walk: SyntaxWalk): undefined {
  walk.confused('a WITH clause is not understood')
  return undefined
}

/** Where the list of a `SELECT` without a `FROM` ends. */
function endOfList(walk: SyntaxWalk, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (walk.tokens.word(i) === '(') i = walk.tokens.partner(i)
    else if (endsFrom(walk, i)) return i
  }
  return to
}

/** Where the parts of one `SELECT` stand; -1 for a part that is missing. */
interface Clauses {
  from: number
  fromEnd: number
  where: number
  whereEnd: number
}

function readSelect(walk: SyntaxWalk, start: number, to: number, scope: Scope, query: QueryColumns): boolean {
  const clauses = findClauses(walk, start + 1, to)
  const level = walk.openLevel(scope)
  const inner = inside(level, scope)
  const listEnd = clauses.from < 0 ? endOfList(walk, start + 1, to) : clauses.from
  query.isSelect(level, () =>
    selectedColumns(walk, level, { from: start + 1, to: listEnd }, { from: clauses.fromEnd, to }),
  )
  if (clauses.from < 0) return scanExpression(walk, start + 1, to, inner)
  if (!scanExpression(walk, start + 1, clauses.from, inner)) return false
  const list = readTableList(walk, clauses.from + 1, clauses.fromEnd, scope, level)
  if (list === undefined) return false
  restrict(walk, list, clauses)
  return scanExpression(walk, clauses.fromEnd, to, inner)
}

/** The scope of a level's expressions: a query there sees the level's tables. */
export function inside(level: JoinLevel, scope: Scope): Scope {
  return { ...scope, outer: { level, whole: true } }
}

/** Notes what holds for the rows of the listed tables, by the `ON`s and the `WHERE`. */
export function restrict(walk: SyntaxWalk, list: TableList, { where, whereEnd }: Clauses): void {
  const whole = where < 0 ? noConjuncts : readConjuncts(walk, { from: where + 1, to: whereEnd })
  list.level.restrict(whole)
  collectConditions(list.items, [...list.conditions, whole])
}

/** Finds `FROM` and `WHERE` outside brackets, and where each ends. */
export function findClauses(walk: SyntaxWalk, from: number, to: number): Clauses {
  const { tokens } = walk
  const clauses: Clauses = { from: -1, fromEnd: to, where: -1, whereEnd: to }
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') {
      i = tokens.partner(i)
    } else if (word === 'FROM') {
      const before = tokens.word(i - 1)
      if (clauses.from < 0 && clauses.where < 0 && before !== 'DISTINCT') clauses.from = i
      else if (clauses.from < 0 && before === 'DISTINCT' && !isDistinctFrom(walk, i)) clauses.from = i
    } else if (endsFrom(walk, i)) {
      if (clauses.from >= 0 && clauses.fromEnd === to) clauses.fromEnd = i
      if (clauses.where >= 0 && clauses.whereEnd === to) clauses.whereEnd = i
      if (word === 'WHERE' && clauses.where < 0) clauses.where = i
    }
  }
  return clauses
}

/** `IS [NOT] DISTINCT FROM`. */
function isDistinctFrom(walk: SyntaxWalk, index: number): boolean {
  const { tokens } = walk
  const before = tokens.word(index - 2)
  return before === 'IS' || (before === 'NOT' && tokens.word(index - 3) === 'IS')
}

/** True for the first word of a clause that stands behind `FROM` or `WHERE`. */
function endsFrom(walk: SyntaxWalk, index: number): boolean {
  const { tokens } = walk
  const next = tokens.word(index + 1)
  switch (tokens.word(index)) {
    case 'WHERE':
    case 'HAVING':
    case 'LIMIT':
    case 'INTO':
      return true
    case 'RETURNING':
      // MySQL does not reserve the word: behind an operator it is a column.
      return tokens.type(index - 1) !== tokenType.punctuation
        ? !/^(WHERE|AND|OR|XOR|NOT)$/.test(tokens.word(index - 1))
        : tokens.word(index - 1) === ')'
    case 'PROCEDURE':
      return walk.syntax.dialect === 'mysql'
    case 'GROUP':
    case 'ORDER':
      // An index hint may be `FOR ORDER BY (…)`.
      return next === 'BY' && tokens.word(index - 1) !== 'FOR'
    case 'FOR':
      return (next === 'UPDATE' || next === 'SHARE') && walk.syntax.dialect === 'mysql'
    case 'LOCK':
      return next === 'IN' && walk.syntax.dialect === 'mysql'
    case 'WINDOW':
      return tokens.word(index + 2) === 'AS'
    case 'FETCH':
      return next === 'FIRST' || next === 'NEXT'
    case 'OFFSET': {
      const type = tokens.type(index + 1)
      return type === tokenType.number || type === tokenType.parameter || type === tokenType.namedParameter
    }
    default:
      return false
  }
}
