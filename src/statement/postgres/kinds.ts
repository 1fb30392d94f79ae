import type { StatementKind, TransactionVerb } from '../analysis.ts'
import type { Verdict } from '../verdict.ts'
import type { StatementFacts } from './facts.ts'
import { listAt, nodeOf, numberAt, textAt, treeAt, typeOf, isTree, type Tree } from './tree.ts'

type Judge = (fields: Tree, facts: StatementFacts) => Verdict

/** The kind of a statement, by the type of its node. */
export function verdictOf(type: string, fields: Tree, facts: StatementFacts): Verdict {
  const judge = judges.get(type)
  if (judge !== undefined) {
    const verdict = judge(fields, facts)
    return facts.leavesState ? { ...verdict, leavesState: true } : verdict
  }
  const command = definitions.get(type)
  if (command === undefined) return { kind: 'unknown', why: `Nothing is known of the command ${type}`, complete: false }
  if (facts.temporary) return { kind: 'session', why: `${command} of something temporary`, leavesState: true }
  return { kind: 'ddl', why: `${command} changes the schema, rights or statistics` }
}

/** A query: `SELECT`, `VALUES`, `TABLE`, and whatever only runs one. */
function query(_fields: Tree, facts: StatementFacts): Verdict {
  if (facts.selectsInto) {
    return facts.temporary
      ? { kind: 'session', why: 'SELECT … INTO makes a temporary table', leavesState: true }
      : { kind: 'ddl', why: 'SELECT … INTO makes a table' }
  }
  if (facts.nestedWrite !== undefined) {
    const why = `${facts.nestedWrite} inside a query changes rows`
    return { kind: 'write', why, leavesState: facts.temporary }
  }
  if (facts.temporary) {
    return { kind: 'session', why: 'It names something temporary, which only its connection sees', leavesState: true }
  }
  if (facts.session !== undefined) return { kind: 'session', why: facts.session }
  if (facts.locks) return { kind: 'locking-read', why: 'SELECT … FOR UPDATE, FOR SHARE or the like locks rows' }
  return { kind: 'read', why: 'it only reads' }
}

/** A change of rows stays a `write` on a temporary table too: its other tables are the database's. */
function change(command: string): Judge {
  return (_fields, facts) => ({ kind: 'write', why: `${command} changes rows`, leavesState: facts.temporary })
}

function session(why: string, leavesState: boolean, complete = true): Judge {
  return () => ({ kind: 'session', why, leavesState, complete })
}

function always(kind: StatementKind, why: string, complete = true): Judge {
  return () => ({ kind, why, complete })
}

/**
 * `EXPLAIN` alone plans and runs nothing, whatever it explains; with `ANALYZE` it does what the statement does.
 */
function explain(fields: Tree, facts: StatementFacts): Verdict {
  const inner = fields['query']
  const type = isTree(inner) ? (typeOf(inner) ?? '') : ''
  if (type === 'ExecuteStmt') {
    return { kind: 'session', why: 'EXPLAIN EXECUTE uses a prepared statement of its connection', complete: false }
  }
  if (explainRuns(fields)) {
    const verdict = verdictOf(type, nodeOf(inner, type) ?? {}, facts)
    return { ...verdict, why: `EXPLAIN ANALYZE runs its statement: ${verdict.why}` }
  }
  if (facts.temporary) {
    return { kind: 'session', why: 'It names something temporary, which only its connection sees', leavesState: true }
  }
  return { kind: 'read', why: 'EXPLAIN without ANALYZE only plans' }
}

const noes = new Set(['false', 'off', '0'])

/** Whether an `EXPLAIN` has `ANALYZE`, in any spelling that is not plainly switched off. */
export function explainRuns(fields: Tree): boolean {
  for (const option of listAt(fields, 'options')) {
    const definition = nodeOf(option, 'DefElem')
    if (textAt(definition, 'defname') !== 'analyze') continue
    const argument = definition?.['arg']
    const text = textAt(nodeOf(argument, 'String'), 'sval')?.toLowerCase()
    const integer = nodeOf(argument, 'Integer')
    const boolean = nodeOf(argument, 'Boolean')
    const off =
      (text !== undefined && noes.has(text)) ||
      (integer !== undefined && (numberAt(integer, 'ival') ?? 0) === 0) ||
      (boolean !== undefined && boolean['boolval'] !== true)
    if (!off) return true
  }
  return false
}

function copy(fields: Tree, facts: StatementFacts): Verdict {
  if (fields['is_from'] === true) return change('COPY … FROM')(fields, facts)
  if (fields['is_program'] === true) return { kind: 'write', why: 'COPY … TO PROGRAM runs a program on the server' }
  if (textAt(fields, 'filename') !== undefined) return { kind: 'write', why: 'COPY … TO a file writes on the server' }
  const verdict = query(fields, facts)
  return verdict.kind === 'read' ? { ...verdict, why: 'COPY … TO STDOUT only reads' } : verdict
}

function tableAs(_fields: Tree, facts: StatementFacts): Verdict {
  if (facts.temporary) return { kind: 'session', why: 'CREATE TABLE AS with something temporary', leavesState: true }
  return { kind: 'ddl', why: 'CREATE TABLE AS makes a table and fills it' }
}

const verbs: ReadonlyMap<string, readonly [TransactionVerb, string]> = new Map([
  ['TRANS_STMT_BEGIN', ['begin', 'BEGIN opens a transaction']],
  ['TRANS_STMT_START', ['begin', 'START TRANSACTION opens a transaction']],
  ['TRANS_STMT_COMMIT', ['commit', 'COMMIT ends a transaction']],
  ['TRANS_STMT_ROLLBACK', ['rollback', 'ROLLBACK ends a transaction']],
  ['TRANS_STMT_SAVEPOINT', ['savepoint', 'SAVEPOINT marks a place in a transaction']],
  ['TRANS_STMT_RELEASE', ['release', 'RELEASE forgets a savepoint']],
  ['TRANS_STMT_ROLLBACK_TO', ['rollback-to', 'ROLLBACK TO goes back to a savepoint']],
  ['TRANS_STMT_PREPARE', ['two-phase', 'PREPARE TRANSACTION is the first phase of two']],
  ['TRANS_STMT_COMMIT_PREPARED', ['two-phase', 'COMMIT PREPARED is the second phase of two']],
  ['TRANS_STMT_ROLLBACK_PREPARED', ['two-phase', 'ROLLBACK PREPARED is the second phase of two']],
])

function transaction(fields: Tree): Verdict {
  const known = verbs.get(textAt(fields, 'kind') ?? '')
  if (known === undefined) return { kind: 'unknown', why: 'Transaction control of an unknown sort', complete: false }
  const [verb, why] = known
  // No verb says "end this one and open the next", and a caller who took it for a plain COMMIT would lose the second.
  if (fields['chain'] === true) {
    return { kind: 'transaction', why: `${why}, and AND CHAIN opens the next one`, leavesState: true }
  }
  return { kind: 'transaction', verb, why }
}

function set(fields: Tree): Verdict {
  const name = textAt(fields, 'name') ?? ''
  if (name === 'TRANSACTION' || name === 'TRANSACTION SNAPSHOT') {
    return { kind: 'transaction', verb: 'set-transaction', why: 'SET TRANSACTION changes the current transaction' }
  }
  if (fields['is_local'] === true) {
    return { kind: 'session', why: 'SET LOCAL changes a setting until the end of the transaction' }
  }
  return { kind: 'session', why: 'SET or RESET changes a setting of the connection', leavesState: true }
}

function declareCursor(fields: Tree): Verdict {
  // CURSOR_OPT_HOLD of PostgreSQL's parsenodes.h: the cursor outlives its transaction.
  const held = ((numberAt(fields, 'options') ?? 0) & 0x20) !== 0
  return { kind: 'session', why: 'DECLARE opens a cursor on the connection', leavesState: held }
}

function doStatement(): Verdict {
  return { kind: 'unknown', why: 'DO runs code whose effects are not in the SQL', complete: false }
}

function drop(_fields: Tree, facts: StatementFacts): Verdict {
  if (facts.temporary) return { kind: 'session', why: 'DROP of something temporary', leavesState: true }
  return { kind: 'ddl', why: 'DROP changes the schema' }
}

function discardsAll(fields: Tree): Verdict {
  const target = textAt(treeAt(fields, 'target') ?? fields, 'target') ?? 'DISCARD_ALL'
  return { kind: 'session', why: `DISCARD (${target}) throws away state of the connection`, leavesState: true }
}

const judges: ReadonlyMap<string, Judge> = new Map<string, Judge>([
  ['SelectStmt', query],
  ['InsertStmt', change('INSERT')],
  ['UpdateStmt', change('UPDATE')],
  ['DeleteStmt', change('DELETE')],
  ['MergeStmt', change('MERGE')],
  ['TruncateStmt', change('TRUNCATE')],
  ['RefreshMatViewStmt', change('REFRESH MATERIALIZED VIEW')],
  ['ExplainStmt', explain],
  ['CopyStmt', copy],
  ['CreateTableAsStmt', tableAs],
  ['TransactionStmt', transaction],
  ['VariableSetStmt', set],
  ['VariableShowStmt', always('read', 'SHOW reads a setting')],
  ['ConstraintsSetStmt', session('SET CONSTRAINTS changes the current transaction', false)],
  ['DiscardStmt', discardsAll],
  ['DeclareCursorStmt', declareCursor],
  ['FetchStmt', session('FETCH or MOVE uses a cursor of its connection', false, false)],
  ['ClosePortalStmt', session('CLOSE closes a cursor of its connection', false)],
  ['PrepareStmt', session('PREPARE keeps a statement on the connection', true)],
  ['ExecuteStmt', session('EXECUTE runs a prepared statement of its connection', false, false)],
  ['DeallocateStmt', session('DEALLOCATE forgets a prepared statement of its connection', true)],
  ['ListenStmt', session('LISTEN registers the connection', true)],
  ['UnlistenStmt', session('UNLISTEN changes what the connection is registered for', true)],
  ['NotifyStmt', always('write', 'NOTIFY sends a message, which only a primary can')],
  ['LoadStmt', session('LOAD loads a library into the connection', true)],
  // Locks end with the transaction; outside one they are refused.
  ['LockStmt', always('locking-read', 'LOCK TABLE locks tables until the end of the transaction')],
  ['DoStmt', doStatement],
  ['CallStmt', always('unknown', 'CALL runs a procedure whose effects are not in the SQL', false)],
  ['DropStmt', drop],
])

/** Commands whose kind is `ddl`, unless they make something temporary, by the type of their node. */
const definitions: ReadonlyMap<string, string> = new Map(
  [
    'CreateSchema',
    'Create',
    'CreateTableSpace',
    'CreateExtension',
    'CreateFdw',
    'CreateForeignServer',
    'CreateForeignTable',
    'CreateUserMapping',
    'CreatePolicy',
    'CreateAm',
    'CreateTrig',
    'CreateEventTrig',
    'CreatePLang',
    'CreateRole',
    'CreateSeq',
    'CreateDomain',
    'CreateOpClass',
    'CreateOpFamily',
    'CreateStats',
    'CreateFunction',
    'CreateEnum',
    'CreateRange',
    'Createdb',
    'CreateConversion',
    'CreateCast',
    'CreateTransform',
    'CreatePublication',
    'CreateSubscription',
    'CompositeType',
    'Define',
    'Index',
    'Rule',
    'View',
    'AlterTable',
    'AlterCollation',
    'AlterDomain',
    'AlterDefaultPrivileges',
    'AlterTableSpaceOptions',
    'AlterTableMoveAll',
    'AlterExtension',
    'AlterExtensionContents',
    'AlterFdw',
    'AlterForeignServer',
    'AlterUserMapping',
    'AlterPolicy',
    'AlterEventTrig',
    'AlterRole',
    'AlterRoleSet',
    'AlterSeq',
    'AlterOpFamily',
    'AlterStats',
    'AlterFunction',
    'AlterObjectDepends',
    'AlterObjectSchema',
    'AlterOwner',
    'AlterOperator',
    'AlterType',
    'AlterEnum',
    'AlterDatabase',
    'AlterDatabaseRefreshColl',
    'AlterDatabaseSet',
    'AlterSystem',
    'AlterTSDictionary',
    'AlterTSConfiguration',
    'AlterPublication',
    'AlterSubscription',
    'Rename',
    'DropTableSpace',
    'DropUserMapping',
    'DropRole',
    'DropOwned',
    'Dropdb',
    'DropSubscription',
    'ReassignOwned',
    'Grant',
    'GrantRole',
    'ImportForeignSchema',
    'Comment',
    'SecLabel',
    'Cluster',
    'Vacuum',
    'Reindex',
    'CheckPoint',
    'ReplicaIdentity',
  ].map((name) => [`${name}Stmt`, name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase()] as const),
)
