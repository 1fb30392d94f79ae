import type { Analysis, StatementKind } from '../analysis.ts'
import type { AnalyzerLimits } from '../analyzer.ts'
import { defaultAnalyzerLimits } from '../analyzer.ts'
import { claimInserted } from '../appearances/inserted-columns.ts'
import { listAppearances, withoutClaims } from '../appearances/table-entry.ts'
import { frozenAnalysis } from '../frozen-analysis.ts'
import { notUnderstood } from '../not-understood.ts'
import type { Dialect } from '../statement.ts'
import type { Verdict } from '../verdict.ts'
import type { DialectSyntax } from './syntax-walk.ts'
import { SyntaxWalk } from './syntax-walk.ts'
import type { TokenList } from './token-list.ts'

/** Reads the statement that the tokens `from` to `to` make up, and notes what it names in the walk. */
export type StatementReader = (walk: SyntaxWalk, from: number, to: number) => Verdict

/** How much of a text that is too long is looked at. */
const headLength = 4096

/** True if the text is to be decided on its head. */
export function isTooLong(sql: string, limits: AnalyzerLimits = defaultAnalyzerLimits): boolean {
  return sql.length > limits.maxLength
}

export function headOf(sql: string, limits: AnalyzerLimits): string {
  return sql.slice(0, Math.min(headLength, limits.maxLength))
}

/** Analyses a text whose tokens are known. `isCompound`: from that token on, semicolons end no statement. */
export function analyzeTokens(
  tokens: TokenList,
  syntax: DialectSyntax,
  read: StatementReader,
  isCompound: (tokens: TokenList, from: number) => boolean,
): Analysis {
  if (tokens.trouble !== '') return notUnderstood(syntax.dialect, tokens.trouble)
  const walk = new SyntaxWalk(tokens, syntax)
  const verdicts: Verdict[] = []
  let from = 0
  while (from < tokens.length) {
    let to = from
    if (isCompound(tokens, from)) to = tokens.length
    else while (to < tokens.length && tokens.words[to] !== ';') to++
    if (to > from) verdicts.push(read(walk, from, to))
    if (walk.confusion !== '') return notUnderstood(syntax.dialect, walk.confusion, countStatements(tokens))
    from = to + 1
  }
  return summary(syntax.dialect, walk, verdicts)
}

function countStatements(tokens: TokenList): number {
  let count = 0
  for (let i = 0; i < tokens.length; i++)
    if (tokens.words[i] !== ';' && (i === 0 || tokens.words[i - 1] === ';')) count++
  return count
}

function summary(dialect: Dialect, walk: SyntaxWalk, verdicts: readonly Verdict[]): Analysis {
  const verdict = combine(verdicts)
  return frozenAnalysis({
    dialect,
    kind: verdict.kind,
    ...(verdict.verb === undefined ? {} : { verb: verdict.verb }),
    why: verdict.why,
    tables: walk.findings.tables(),
    functions: walk.findings.functions,
    values: walk.findings.values(),
    appearances: appearancesOf(walk, verdict),
    statements: verdicts.length,
    complete: verdict.complete ?? true,
    leavesState: verdict.leavesState ?? false,
  })
}

/** A definition only keeps its query; and nothing is claimed of rows where something was left unread. */
function appearancesOf({ findings, comparison }: SyntaxWalk, { kind, complete }: Verdict): Analysis['appearances'] {
  const entries = findings.entries()
  if (kind === 'unknown' && complete === false) return listAppearances([])
  if (kind === 'ddl' || complete === false) return listAppearances(entries.map(withoutClaims))
  for (const level of findings.levels) level.fillUp()
  for (const level of findings.levels) level.claim()
  for (const inserted of findings.inserts) claimInserted(inserted, comparison)
  return listAppearances(entries)
}

/** The kinds that several statements may have together, weakest first: the text is of the last one among them. */
const strength: readonly StatementKind[] = ['read', 'locking-read', 'write', 'ddl']

/** The verdict on several statements together, which are sent as one. */
export function combine(verdicts: readonly Verdict[]): Verdict {
  const [first, ...rest] = verdicts
  if (first === undefined) return { kind: 'unknown', why: 'the text holds no statement' }
  if (rest.length === 0) return first
  const complete = verdicts.every((verdict) => verdict.complete !== false)
  const leavesState = verdicts.some((verdict) => verdict.leavesState === true || verdict.kind === 'transaction')
  const unknown = verdicts.find((verdict) => verdict.kind === 'unknown')
  if (unknown !== undefined) return { ...unknown, complete: false, leavesState }
  const kinds = new Set(verdicts.map((verdict) => verdict.kind))
  if (kinds.has('transaction'))
    return { kind: 'unknown', why: 'several statements, among them transaction control', complete, leavesState }
  if (kinds.has('session')) {
    if (!kinds.has('write') && !kinds.has('ddl') && !kinds.has('locking-read'))
      return {
        kind: 'session',
        why: 'one of several statements concerns the connection’s state',
        complete,
        leavesState,
      }
    return { kind: 'unknown', why: 'several statements change data and the connection’s state', complete, leavesState }
  }
  const strongest = strength.findLast((kind) => kinds.has(kind)) ?? 'unknown'
  const decisive = verdicts.find((verdict) => verdict.kind === strongest) ?? first
  return { kind: strongest, why: `one of several statements: ${decisive.why}`, complete, leavesState }
}

/**
 * Analysis of a text that is too long to be read whole, from the verb and the table that its head shows. Behind the
 * head anything may come, so it is never a `read`.
 */
export function analyzeHead(tokens: TokenList, syntax: DialectSyntax): Analysis {
  const tooLong = 'the text is too long to be read whole'
  const verb = tokens.word(0)
  if (verb !== 'INSERT' && verb !== 'REPLACE') return notUnderstood(syntax.dialect, tooLong)
  const walk = new SyntaxWalk(tokens, syntax)
  let i = 1
  while (i < 8 && tokens.word(i) !== 'INTO') i++
  const name = tokens.word(i) === 'INTO' ? walk.qualifiedNameAt(i + 1, tokens.length - 1) : undefined
  if (name !== undefined) walk.findings.addTable(name, 'write')
  return frozenAnalysis({
    ...notUnderstood(syntax.dialect, `${tooLong}; it starts with ${verb}`),
    kind: 'write',
    tables: walk.findings.tables(),
  })
}
