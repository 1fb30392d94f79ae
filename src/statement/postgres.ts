import { messageOf } from '../errors.ts'
import type { Analysis, FunctionUse, StatementKind } from './analysis.ts'
import { claimInserted } from './appearances/inserted-columns.ts'
import { listAppearances } from './appearances/table-entry.ts'
import { defaultAnalyzerLimits, type Analyzer, type AnalyzerLimits } from './analyzer.ts'
import { frozenAnalysis } from './frozen-analysis.ts'
import { notUnderstood } from './not-understood.ts'
import { StatementFacts } from './postgres/facts.ts'
import { analyzeHead } from './postgres/head.ts'
import { explainRuns, verdictOf } from './postgres/kinds.ts'
import { PostgresParser, type RawStatement } from './postgres/parser.ts'
import { soundValues } from './postgres/sound-values.ts'
import { TableCollector } from './postgres/tables.ts'
import { treeAt, typeOf } from './postgres/tree.ts'
import { StatementWalk } from './postgres/walk.ts'
import type { Verdict } from './verdict.ts'

/**
 * The analyzer of PostgreSQL's dialect. It loads PostgreSQL's own parser (some 50 ms, once in a process) and answers
 * synchronously from then on.
 *
 * What the text alone cannot show, and a server in a read-only transaction or on a replica would still refuse: that a
 * function changes something (functions are listed, for the catalogue to judge), that a view calls one, or that a
 * column reference, a cast or an operator of PostgreSQL's own name is one (`t.f` may mean `f(t)`). A server with
 * `standard_conforming_strings` off reads string literals otherwise.
 */
export async function createPostgresAnalyzer(limits: AnalyzerLimits = defaultAnalyzerLimits): Promise<Analyzer> {
  const parser = await PostgresParser.load()
  return {
    dialect: 'postgres',
    analyze: (sql) => {
      try {
        return frozenAnalysis(analyze(sql, parser, limits))
      } catch (error) {
        // Not even a caller who has used up the stack meets an exception here.
        return notUnderstood('postgres', `The analysis failed (${messageOf(error)})`)
      }
    },
  }
}

function analyze(sql: string, parser: PostgresParser, limits: AnalyzerLimits): Analysis {
  if (sql.length > limits.maxLength) return analyzeHead(sql)
  const outcome = parser.parse(sql)
  if ('refused' in outcome) return notUnderstood('postgres', outcome.refused)
  const tables = new TableCollector(outcome.text)
  const functions = new Map<string, FunctionUse>()
  const conditions: StatementFacts['conditions'] = []
  const verdicts: Verdict[] = []
  for (const [index, statement] of outcome.statements.entries()) {
    const facts = new StatementFacts()
    const verdict = judge(statement, index, facts, tables)
    verdicts.push(verdict)
    if (verdict.kind !== 'ddl' && claiming.has(typeOf(statement.tree) ?? '')) claim(facts)
    // A definition is no less wanted on other shards because of a condition in the query that it keeps.
    if (verdict.kind !== 'ddl') for (const condition of facts.conditions) conditions.push(condition)
    for (const [key, use] of facts.functions) functions.set(key, use)
  }
  const verdict = strongest(verdicts)
  const understood = verdict.kind !== 'unknown' || verdict.complete !== false
  const entries = understood ? tables.appearances.map(({ entry }) => entry) : []
  return {
    dialect: 'postgres',
    kind: verdict.kind,
    ...(verdict.verb === undefined ? {} : { verb: verdict.verb }),
    why: verdict.why,
    tables: tables.tables(),
    functions: [...functions.values()],
    values: soundValues(conditions, tables.appearances),
    appearances: listAppearances(entries),
    statements: verdicts.length,
    complete: verdicts.every(({ complete }) => complete !== false),
    leavesState: verdicts.some(({ leavesState }) => leavesState === true),
  }
}

/** Statements that do at once what they say: others only keep it, perhaps with parameters of their own. */
const claiming: ReadonlySet<string> = new Set(
  `SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt ExplainStmt CopyStmt DeclareCursorStmt`.split(' '),
)

/** Notes at each appearance what its rows fulfil. */
function claim(facts: StatementFacts): void {
  for (const { table, column, operator, values } of facts.conditions)
    if (operator === 'insert') table?.entry.conditions.push({ column, operator, values, certain: true })
  for (const level of facts.levels) level.fillUp()
  for (const level of facts.levels) level.claim()
  for (const inserted of facts.inserts) claimInserted(inserted, 'exact')
}

function judge(statement: RawStatement, index: number, facts: StatementFacts, tables: TableCollector): Verdict {
  const type = typeOf(statement.tree) ?? ''
  const fields = treeAt(statement.tree, type) ?? {}
  const walk = new StatementWalk(facts, tables, index, tables.position(statement.offset))
  if (type === 'ExplainStmt') {
    const runs = explainRuns(fields)
    walk.run(fields['query'], runs)
    // What is only planned calls nothing.
    if (!runs) facts.forgetFunctions()
  } else {
    walk.run(statement.tree, type !== 'PrepareStmt')
  }
  return verdictOf(type, fields, facts)
}

/** From the weakest to the strongest of those kinds that one kind can stand for. */
const strength: readonly StatementKind[] = ['read', 'locking-read', 'write', 'ddl']

/**
 * One verdict for a text of several statements. Reads, locks, writes and definitions are covered by the strongest of
 * them, and session state by `session` as long as nothing is written beside it. Any other mixture, and transaction
 * control among other statements, is `unknown`: no kind says all that it does.
 */
function strongest(verdicts: readonly Verdict[]): Verdict {
  const [first] = verdicts
  if (first === undefined) return { kind: 'read', why: 'The text holds no statement' }
  if (verdicts.length === 1) return first
  const unclear = verdicts.find(({ kind }) => kind === 'unknown')
  if (unclear !== undefined) return unclear
  if (verdicts.some(({ kind }) => kind === 'transaction')) {
    return { kind: 'unknown', why: 'Transaction control in a text of several statements' }
  }
  const state = verdicts.find(({ kind }) => kind === 'session')
  const rest = verdicts.filter(({ kind }) => kind !== 'session')
  const top = rest.reduce<Verdict | undefined>(
    (best, each) => (best === undefined || strength.indexOf(each.kind) > strength.indexOf(best.kind) ? each : best),
    undefined,
  )
  if (state === undefined) return top ?? first
  if (top === undefined || top.kind === 'read') return state
  return { kind: 'unknown', why: `Changes beside session state in one text (${state.why}; ${top.why})` }
}
