import { indexOfWord, readDelete, readInsert, readUpdate } from '../shallow/data-change.ts'
import { scanExpression } from '../shallow/expression-scan.ts'
import { noteName, noteNames, objectIndex, readDefinition, readLockTables, readRename } from './definitions.ts'
import { readSet, readSetStatement } from './set.ts'
import { readPending, readQuery, readWith } from '../shallow/query-expression.ts'
import { queryVerdict, readTraits, stateLeft } from './traits.ts'
import { topScope, type Scope, type SyntaxWalk } from '../shallow/syntax-walk.ts'
import type { Verdict } from '../verdict.ts'
import { tokenType } from '../shallow/token-list.ts'
import type { TokenList } from '../shallow/token-list.ts'

const unknown: Verdict = { kind: 'unknown', why: 'the statement is not understood', complete: false }

/** Statements that need no look behind their verb. */
const plainVerdicts: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ['COMMIT', { kind: 'transaction', verb: 'commit', why: 'COMMIT ends a transaction' }],
  ['SAVEPOINT', { kind: 'transaction', verb: 'savepoint', why: 'SAVEPOINT marks a place in a transaction' }],
  ['XA', { kind: 'transaction', verb: 'two-phase', why: 'XA controls a two-phase transaction' }],
  ['GRANT', { kind: 'ddl', why: 'GRANT changes rights' }],
  ['REVOKE', { kind: 'ddl', why: 'REVOKE changes rights' }],
  ['IMPORT', { kind: 'ddl', why: 'IMPORT TABLE changes the schema', complete: false }],
  ['INSTALL', { kind: 'ddl', why: 'INSTALL changes the server' }],
  ['UNINSTALL', { kind: 'ddl', why: 'UNINSTALL changes the server' }],
  ['USE', { kind: 'session', why: 'USE changes the default schema of its connection', leavesState: true }],
  ['UNLOCK', { kind: 'session', why: 'UNLOCK releases locks of its connection', leavesState: true }],
  ['PREPARE', { kind: 'session', why: 'PREPARE leaves a statement on its connection', leavesState: true }],
  ['DEALLOCATE', { kind: 'session', why: 'DEALLOCATE drops a statement of its connection', leavesState: true }],
  [
    'EXECUTE',
    {
      kind: 'unknown',
      why: 'EXECUTE runs a statement that its text does not show',
      complete: false,
      leavesState: true,
    },
  ],
  ['GET', { kind: 'session', why: 'GET DIAGNOSTICS reads the state of its connection', leavesState: true }],
  ['CALL', { kind: 'write', why: 'CALL runs a procedure, which may change anything', complete: false }],
  ['KILL', { kind: 'write', why: 'KILL acts on the server' }],
  ['SHUTDOWN', { kind: 'write', why: 'SHUTDOWN stops the server' }],
  ['RESTART', { kind: 'write', why: 'RESTART stops the server' }],
  ['PURGE', { kind: 'write', why: 'PURGE deletes logs' }],
  ['RESET', { kind: 'write', why: 'RESET changes the server' }],
  ['CHANGE', { kind: 'write', why: 'CHANGE changes replication' }],
  ['STOP', { kind: 'write', why: 'STOP changes replication' }],
  ['BINLOG', { kind: 'write', why: 'BINLOG replays events' }],
  ['CLONE', { kind: 'write', why: 'CLONE copies the server' }],
  ['CACHE', { kind: 'write', why: 'CACHE INDEX changes the server’s caches' }],
  ['SIGNAL', { kind: 'session', why: 'SIGNAL sets the diagnostics of its connection' }],
  ['RESIGNAL', { kind: 'session', why: 'RESIGNAL sets the diagnostics of its connection' }],
  ['BACKUP', { kind: 'session', why: 'BACKUP holds a lock on its connection', leavesState: true }],
  ['HELP', { kind: 'read', why: 'HELP shows documentation' }],
])

/** Reads one statement of MySQL or MariaDB. */
export function readMysqlStatement(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  if (isMysqlCompound(tokens, from)) return readCompound(walk, from, to)
  const verb = tokens.word(from)
  switch (verb) {
    case '(':
    case 'SELECT':
    case 'VALUES':
    case 'TABLE':
      return readSelect(walk, from, to, topScope)
    case 'WITH':
      return readWithStatement(walk, from, to)
    case 'INSERT':
    case 'REPLACE':
    case 'UPDATE':
    case 'DELETE':
      return readChange(walk, from, to, topScope)
    case 'EXPLAIN':
    case 'DESCRIBE':
    case 'DESC':
      return readExplain(walk, from, to)
    case 'ANALYZE':
      return readAnalyze(walk, from, to)
    case 'SHOW':
      return readShow(walk, from, to)
    case 'SET':
      return tokens.word(from + 1) === 'STATEMENT'
        ? readSetStatement(walk, from, to, readMysqlStatement)
        : readSet(walk, from, to)
    case 'CREATE':
    case 'ALTER':
    case 'DROP':
      if (tokens.word(from + 1) === 'PREPARE')
        return { kind: 'session', why: 'DROP PREPARE drops a statement of its connection', leavesState: true }
      return readDefinition(walk, from, to)
    case 'RENAME':
      return readRename(walk, from, to)
    case 'DO':
      return readDo(walk, from, to)
    default:
      return plainVerdicts.get(verb) ?? readRarer(walk, from, to)
  }
}

function readRarer(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  const next = tokens.word(from + 1)
  switch (tokens.word(from)) {
    case 'BEGIN':
      return { kind: 'transaction', verb: 'begin', why: 'BEGIN starts a transaction' }
    case 'START':
      return next === 'TRANSACTION'
        ? { kind: 'transaction', verb: 'begin', why: 'START TRANSACTION starts a transaction' }
        : { kind: 'write', why: 'START changes replication' }
    case 'ROLLBACK':
      return indexOfWord(walk, 'TO', from, to) >= 0
        ? { kind: 'transaction', verb: 'rollback-to', why: 'ROLLBACK TO goes back to a savepoint' }
        : { kind: 'transaction', verb: 'rollback', why: 'ROLLBACK ends a transaction' }
    case 'RELEASE':
      return next === 'SAVEPOINT'
        ? { kind: 'transaction', verb: 'release', why: 'RELEASE SAVEPOINT forgets a savepoint' }
        : unknown
    case 'TRUNCATE': {
      const complete = noteName(walk, next === 'TABLE' ? from + 2 : from + 1, to, 'write') > 0
      return { kind: 'ddl', why: 'TRUNCATE empties a table', complete }
    }
    case 'LOCK':
      if (next === 'TABLE' || next === 'TABLES') return readLockTables(walk, from, to)
      return { kind: 'session', why: 'LOCK holds a lock on its connection', leavesState: true }
    case 'LOAD':
      return readLoad(walk, from, to)
    case 'HANDLER': {
      const complete = noteName(walk, from + 1, to, 'read') > 0
      return { kind: 'session', why: 'HANDLER keeps a table open on its connection', leavesState: true, complete }
    }
    case 'CHECK':
    case 'OPTIMIZE':
    case 'REPAIR':
      return readMaintenance(walk, from, to)
    case 'CHECKSUM':
      return { kind: 'read', why: 'CHECKSUM TABLE reads', complete: noteNames(walk, from + 2, to, 'read') }
    case 'FLUSH':
      return /^(TABLE|TABLES)$/.test(next) &&
        indexOfWord(walk, 'LOCK', from, to) + indexOfWord(walk, 'EXPORT', from, to) > -2
        ? { kind: 'session', why: 'FLUSH TABLES holds locks on its connection', leavesState: true, complete: false }
        : { kind: 'write', why: 'FLUSH acts on the server', complete: next !== 'TABLE' && next !== 'TABLES' }
    default:
      return unknown
  }
}

/** True if the statement at `from` may hold statements, so that a semicolon doesn't end it. */
export function isMysqlCompound(tokens: TokenList, from: number): boolean {
  switch (tokens.word(from)) {
    case 'CREATE':
    case 'ALTER': {
      const at = objectIndex({ tokens }, from, tokens.length)
      return at >= 0 && /^(PROCEDURE|FUNCTION|TRIGGER|EVENT|PACKAGE|LIBRARY)$/.test(tokens.word(at))
    }
    case 'BEGIN':
      return tokens.word(from + 1) === 'NOT'
    case 'IF':
    case 'CASE':
    case 'LOOP':
    case 'WHILE':
    case 'REPEAT':
    case 'FOR':
    case 'DECLARE':
      return true
    case 'SELECT':
      // A reserved word is no label: what follows is a named parameter.
      return false
    default:
      return tokens.word(from + 1) === ':' || tokens.type(from + 1) === tokenType.namedParameter
  }
}

function readCompound(walk: SyntaxWalk, from: number, to: number): Verdict {
  const verb = walk.tokens.word(from)
  if (verb === 'CREATE' || verb === 'ALTER') return readDefinition(walk, from, to)
  return { kind: 'write', why: 'a compound statement may change anything', complete: false, leavesState: true }
}

function readSelect(walk: SyntaxWalk, from: number, to: number, scope: Scope): Verdict {
  const traits = readTraits(walk, from, to)
  if (!readQuery(walk, from, to, scope) || !readPending(walk)) return unknown
  return queryVerdict(walk, traits)
}

function readWithStatement(walk: SyntaxWalk, from: number, to: number): Verdict {
  const body = readWith(walk, from, to, topScope)
  if (body === undefined) return unknown
  const verb = walk.tokens.word(body.next)
  if (verb === 'UPDATE' || verb === 'DELETE' || verb === 'INSERT' || verb === 'REPLACE')
    return readChange(walk, body.next, to, body.scope)
  if (verb !== 'SELECT' && verb !== '(' && verb !== 'VALUES' && verb !== 'TABLE') return unknown
  const traits = readTraits(walk, from, to)
  if (!readQuery(walk, body.next, to, body.scope) || !readPending(walk)) return unknown
  return queryVerdict(walk, traits)
}

function readChange(walk: SyntaxWalk, from: number, to: number, scope: Scope): Verdict {
  const verb = walk.tokens.word(from)
  const read = verb === 'UPDATE' ? readUpdate : verb === 'DELETE' ? readDelete : readInsert
  const traits = readTraits(walk, 0, to)
  if (!read(walk, from, to, scope) || !readPending(walk)) return unknown
  return { kind: 'write', why: `${verb} changes rows`, leavesState: stateLeft(walk, traits) }
}

const explainWords: ReadonlySet<string> = new Set(['ANALYZE', 'EXTENDED', 'PARTITIONS'])

/**
 * `EXPLAIN` of a statement counts as the statement. MariaDB refuses it where it would refuse the statement (error 1792 in
 * a read-only transaction); `EXPLAIN ANALYZE` runs it; and a query is optimized for real, which may lock rows of it.
 * `DESCRIBE t` shows columns.
 */
function readExplain(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  let i = from + 1
  for (;;) {
    const word = tokens.word(i)
    if (word === 'FORMAT' && tokens.word(i + 1) === '=') i += 2
    else if (word === 'INTO' && tokens.type(i + 1) === tokenType.userVariable) return unknown
    else if (word === 'FOR' && /^(SCHEMA|DATABASE)$/.test(tokens.word(i + 1))) i += 2
    else if (!explainWords.has(word) || i + 1 >= to) break
    i++
  }
  if (tokens.word(i) === 'FOR') return { kind: 'read', why: 'EXPLAIN shows the plan of another connection' }
  if (startsExplainable(tokens.word(i))) {
    const verdict = readMysqlStatement(walk, i, to)
    return verdict.kind === 'read' || verdict.kind === 'unknown'
      ? verdict
      : { ...verdict, why: `EXPLAIN: ${verdict.why}` }
  }
  if (noteName(walk, i, to, 'read') < 0) return unknown
  return { kind: 'read', why: 'DESCRIBE shows the columns of a table' }
}

function startsExplainable(word: string): boolean {
  return /^(SELECT|INSERT|REPLACE|UPDATE|DELETE|WITH|TABLE|VALUES|\()$/.test(word)
}

/** MariaDB's `ANALYZE [FORMAT=JSON] statement` runs the statement; `ANALYZE TABLE` gathers statistics. */
function readAnalyze(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  let i = from + 1
  if (tokens.word(i) === 'FORMAT' && tokens.word(i + 1) === '=') i += 3
  if (startsExplainable(tokens.word(i)) && tokens.word(i) !== 'TABLE') return readMysqlStatement(walk, i, to)
  return readMaintenance(walk, from, to)
}

/** `ANALYZE`, `CHECK`, `OPTIMIZE` and `REPAIR`, of tables. */
function readMaintenance(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  let i = from + 1
  if (tokens.word(i) === 'LOCAL' || tokens.word(i) === 'NO_WRITE_TO_BINLOG') i++
  const why = `${tokens.word(from)} TABLE changes statistics or repairs`
  if (tokens.word(i) !== 'TABLE' && tokens.word(i) !== 'TABLES')
    return { kind: 'ddl', why, complete: tokens.word(i) !== 'VIEW' }
  return { kind: 'ddl', why, complete: noteNames(walk, i + 1, to) }
}

const sessionShows = /^(WARNINGS|ERRORS|PROFILE|PROFILES|COUNT)$/
const tableShows = /^(COLUMNS|FIELDS|INDEX|INDEXES|KEYS)$/

function readShow(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  let i = from + 1
  while (/^(FULL|EXTENDED|GLOBAL|ALL)$/.test(tokens.word(i))) i++
  const what = tokens.word(i)
  if (sessionShows.test(what) || what === 'SESSION' || what === 'LOCAL')
    return { kind: 'session', why: `SHOW ${what} reads the state of its connection` }
  let complete = true
  if (tableShows.test(what) && /^(FROM|IN)$/.test(tokens.word(i + 1))) complete = noteName(walk, i + 2, to, 'read') > 0
  if (what === 'CREATE' && /^(TABLE|VIEW|SEQUENCE)$/.test(tokens.word(i + 1)))
    complete = noteName(walk, tokens.word(i + 2) === 'IF' ? i + 5 : i + 2, to, 'read') > 0
  const traits = readTraits(walk, from, to)
  const where = indexOfWord(walk, 'WHERE', i, to)
  if (where >= 0 && (!scanExpression(walk, where + 1, to, topScope) || !readPending(walk))) return unknown
  const verdict = queryVerdict(walk, traits)
  return verdict.kind === 'read' ? { kind: 'read', why: 'SHOW only shows', complete } : verdict
}

function readDo(walk: SyntaxWalk, from: number, to: number): Verdict {
  const traits = readTraits(walk, from, to)
  if (!scanExpression(walk, from + 1, to, topScope) || !readPending(walk)) return unknown
  const verdict = queryVerdict(walk, traits)
  if (verdict.kind !== 'read') return verdict
  return { kind: 'write', why: 'DO evaluates expressions for their effects' }
}

function readLoad(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  if (tokens.word(from + 1) === 'INDEX')
    return { kind: 'write', why: 'LOAD INDEX changes the server’s caches', complete: false }
  const into = indexOfWord(walk, 'INTO', from, to)
  if (into < 0 || tokens.word(into + 1) !== 'TABLE' || noteName(walk, into + 2, to, 'write') < 0) return unknown
  const traits = readTraits(walk, into + 3, to)
  const understood = scanExpression(walk, into + 3, to, topScope) && readPending(walk)
  return understood ? { kind: 'write', why: 'LOAD changes rows', leavesState: stateLeft(walk, traits) } : unknown
}
