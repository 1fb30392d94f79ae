import { indexOfWord, readDelete, readInsert, readUpdate } from '../shallow/data-change.ts'
import { readPending, readQuery, readWith } from '../shallow/query-expression.ts'
import { answeringPragmas, readPragma } from './pragmas.ts'
import { topScope, type Scope, type SyntaxWalk } from '../shallow/syntax-walk.ts'
import type { Verdict } from '../verdict.ts'
import type { TokenList } from '../shallow/token-list.ts'

const unknown: Verdict = { kind: 'unknown', why: 'the statement is not understood', complete: false }

/** Functions that tell about the connection that they run on. */
const stateFunctions: ReadonlySet<string> = new Set(['last_insert_rowid', 'changes', 'total_changes'])

/** Reads one statement of SQLite. */
export function readSqliteStatement(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  const verb = tokens.word(from)
  switch (verb) {
    case 'SELECT':
    case 'VALUES':
      return readQuery(walk, from, to, topScope) && readPending(walk) ? queryVerdict(walk) : unknown
    case 'WITH':
      return readWithStatement(walk, from, to)
    case 'INSERT':
    case 'REPLACE':
    case 'UPDATE':
    case 'DELETE':
      return readChange(walk, from, to, topScope)
    case 'EXPLAIN':
      return readExplain(walk, from, to)
    case 'PRAGMA':
      return readPragma(walk, from, to)
    case 'CREATE':
      return readCreate(walk, from, to)
    case 'ALTER':
      return readAlter(walk, from, to)
    case 'DROP':
      return readDrop(walk, from, to)
    case 'REINDEX':
      return { kind: 'ddl', why: 'REINDEX builds indexes again', complete: from + 1 >= to }
    case 'ANALYZE':
      return { kind: 'ddl', why: 'ANALYZE gathers statistics', complete: from + 1 >= to }
    case 'VACUUM':
      return { kind: 'write', why: 'VACUUM writes the database file again' }
    case 'ATTACH':
    case 'DETACH':
      return { kind: 'session', why: `${verb} changes the schemas of its connection`, leavesState: true }
    default:
      return readTransactionControl(walk, from, to)
  }
}

function readTransactionControl(walk: SyntaxWalk, from: number, to: number): Verdict {
  switch (walk.tokens.word(from)) {
    case 'BEGIN':
      return { kind: 'transaction', verb: 'begin', why: 'BEGIN starts a transaction' }
    case 'COMMIT':
    case 'END':
      return { kind: 'transaction', verb: 'commit', why: 'COMMIT ends a transaction' }
    case 'ROLLBACK':
      return indexOfWord(walk, 'TO', from, to) >= 0
        ? { kind: 'transaction', verb: 'rollback-to', why: 'ROLLBACK TO goes back to a savepoint' }
        : { kind: 'transaction', verb: 'rollback', why: 'ROLLBACK ends a transaction' }
    case 'SAVEPOINT':
      return { kind: 'transaction', verb: 'savepoint', why: 'SAVEPOINT marks a place in a transaction' }
    case 'RELEASE':
      return { kind: 'transaction', verb: 'release', why: 'RELEASE forgets a savepoint' }
    default:
      return unknown
  }
}

/** A `CREATE TRIGGER` holds statements, so a semicolon doesn't end it. */
export function isSqliteCompound(tokens: TokenList, from: number): boolean {
  let i = from
  if (tokens.word(i) === 'EXPLAIN') i = tokens.word(i + 1) === 'QUERY' ? i + 3 : i + 1
  if (tokens.word(i) !== 'CREATE') return false
  i++
  if (tokens.word(i) === 'TEMP' || tokens.word(i) === 'TEMPORARY') i++
  return tokens.word(i) === 'TRIGGER'
}

function queryVerdict(walk: SyntaxWalk): Verdict {
  const { functions, appearances } = walk.findings
  const state = functions.find((call) => stateFunctions.has(call.name))
  if (state !== undefined) return { kind: 'session', why: `${state.name}() tells about its own connection` }
  for (const call of functions) {
    if (call.name.startsWith('pragma_') && !answeringPragmas.has(call.name.slice('pragma_'.length)))
      return { kind: 'unknown', why: `${call.name} may do more than answer`, complete: false }
  }
  if (appearances.some((appearance) => isTemporary(appearance.schema, appearance.name)))
    return { kind: 'session', why: 'it reads a temporary table of its connection' }
  return { kind: 'read', why: 'it only reads' }
}

function isTemporary(schema: string | undefined, name: string): boolean {
  return schema?.toLowerCase() === 'temp' || /^sqlite_temp_(master|schema)$/i.test(name)
}

function readWithStatement(walk: SyntaxWalk, from: number, to: number): Verdict {
  const body = readWith(walk, from, to, topScope)
  if (body === undefined) return unknown
  switch (walk.tokens.word(body.next)) {
    case 'SELECT':
    case 'VALUES':
      return readQuery(walk, body.next, to, body.scope) && readPending(walk) ? queryVerdict(walk) : unknown
    case 'INSERT':
    case 'REPLACE':
    case 'UPDATE':
    case 'DELETE':
      return readChange(walk, body.next, to, body.scope)
    default:
      return unknown
  }
}

function readChange(walk: SyntaxWalk, from: number, to: number, scope: Scope): Verdict {
  const verb = walk.tokens.word(from)
  const read = verb === 'UPDATE' ? readUpdate : verb === 'DELETE' ? readDelete : readInsert
  if (!read(walk, from, to, scope) || !readPending(walk)) return unknown
  const written = walk.findings.appearances.filter((appearance) => appearance.access === 'write')
  if (written.length > 0 && written.every((appearance) => isTemporary(appearance.schema, appearance.name)))
    return { kind: 'session', why: `${verb} changes a temporary table of its connection`, leavesState: true }
  return { kind: 'write', why: `${verb} changes rows` }
}

/** `EXPLAIN` never runs a statement; but some pragmas already work while they are prepared. */
function readExplain(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  let i = from + 1
  if (tokens.word(i) === 'QUERY' && tokens.word(i + 1) === 'PLAN') i += 2
  if (i >= to || tokens.word(i) === 'EXPLAIN') return unknown
  const before = walk.findings.appearances.length
  const verdict = readSqliteStatement(walk, i, to)
  if (verdict.kind === 'unknown' || tokens.word(i) === 'PRAGMA') return verdict
  walk.findings.onlyRead(before)
  return { kind: 'read', why: 'EXPLAIN shows a plan and runs nothing', complete: verdict.complete ?? true }
}

function skipExistence(walk: SyntaxWalk, index: number): number {
  const { tokens } = walk
  if (tokens.word(index) !== 'IF') return index
  return tokens.word(index + 1) === 'NOT' ? index + 3 : index + 2
}

interface NamedTable {
  readonly next: number
  readonly temporary: boolean
}

function noteTable(walk: SyntaxWalk, index: number, to: number, access: 'read' | 'write'): NamedTable | undefined {
  const name = walk.qualifiedNameAt(index, to)
  if (name === undefined) return undefined
  walk.findings.addTable(name, access)
  return { next: name.next, temporary: isTemporary(name.schema, name.name) }
}

function definition(what: string, temporary: boolean, complete: boolean): Verdict {
  return temporary
    ? { kind: 'session', why: `${what} concerns only its connection`, leavesState: true, complete }
    : { kind: 'ddl', why: `${what} changes the schema`, complete }
}

function readCreate(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  let i = from + 1
  const temporary = tokens.word(i) === 'TEMP' || tokens.word(i) === 'TEMPORARY'
  if (temporary || tokens.word(i) === 'UNIQUE' || tokens.word(i) === 'VIRTUAL') i++
  const object = tokens.word(i)
  const start = skipExistence(walk, i + 1)
  const what = `CREATE ${object}`
  switch (object) {
    case 'TABLE':
    case 'VIEW': {
      const table = noteTable(walk, start, to, 'write')
      if (table === undefined) return unknown
      return definition(what, temporary || table.temporary, readTableBody(walk, table.next, to))
    }
    case 'INDEX': {
      const on = indexOfWord(walk, 'ON', start, to)
      const index = walk.qualifiedNameAt(start, to)
      const table = on < 0 ? undefined : walk.qualifiedNameAt(on + 1, to)
      if (index === undefined || table === undefined) return unknown
      walk.findings.addTable({ ...table, schema: index.schema }, 'write')
      return definition(what, isTemporary(index.schema, ''), true)
    }
    case 'TRIGGER': {
      const name = walk.qualifiedNameAt(start, to)
      const on = indexOfWord(walk, 'ON', start, to)
      const table = on < 0 ? undefined : noteTable(walk, on + 1, to, 'write')
      if (name === undefined || table === undefined) return unknown
      return definition(what, temporary || isTemporary(name.schema, ''), false)
    }
    default:
      return unknown
  }
}

/** Tables that foreign keys refer to, and the query of `CREATE TABLE … AS` and of a view. */
function readTableBody(walk: SyntaxWalk, from: number, to: number): boolean {
  const { tokens } = walk
  for (let i = from; i < to; i++) if (tokens.word(i) === 'REFERENCES') noteTable(walk, i + 1, to, 'read')
  const as = indexOfWord(walk, 'AS', from, to)
  if (as < 0) return true
  const understood = readQuery(walk, as + 1, to, { ...topScope, place: 'derived' }) && readPending(walk)
  walk.confusion = ''
  return understood
}

function readAlter(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  if (tokens.word(from + 1) !== 'TABLE') return unknown
  const table = noteTable(walk, from + 2, to, 'write')
  if (table === undefined) return unknown
  if (tokens.word(table.next) === 'RENAME' && tokens.word(table.next + 1) === 'TO')
    noteTable(walk, table.next + 2, to, 'write')
  for (let i = table.next; i < to; i++) if (tokens.word(i) === 'REFERENCES') noteTable(walk, i + 1, to, 'read')
  return definition('ALTER TABLE', table.temporary, true)
}

function readDrop(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  const object = tokens.word(from + 1)
  const start = skipExistence(walk, from + 2)
  if (object === 'TABLE' || object === 'VIEW') {
    const table = noteTable(walk, start, to, 'write')
    return table === undefined ? unknown : definition(`DROP ${object}`, table.temporary, true)
  }
  const name = walk.qualifiedNameAt(start, to)
  if (name === undefined || (object !== 'INDEX' && object !== 'TRIGGER')) return unknown
  return definition(`DROP ${object}`, isTemporary(name.schema, ''), false)
}
