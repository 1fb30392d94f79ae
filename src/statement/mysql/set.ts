import { indexOfWord } from '../shallow/data-change.ts'
import { scanExpression } from '../shallow/expression-scan.ts'
import { readPending } from '../shallow/query-expression.ts'
import { topScope, type SyntaxWalk } from '../shallow/syntax-walk.ts'
import type { StatementReader } from '../shallow/text-analysis.ts'
import type { Verdict } from '../verdict.ts'
import { tokenType } from '../shallow/token-list.ts'

/** Words that make a `SET` change the server, not the connection. */
const serverScopes: ReadonlySet<string> = new Set(['GLOBAL', 'PERSIST', 'PERSIST_ONLY'])

export function readSet(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  const first = tokens.word(from + 1)
  const second = tokens.word(from + 2)
  if (first === 'TRANSACTION' || ((first === 'SESSION' || first === 'LOCAL') && second === 'TRANSACTION'))
    return {
      kind: 'transaction',
      verb: 'set-transaction',
      why: 'SET TRANSACTION sets how transactions run',
      leavesState: first !== 'TRANSACTION',
    }
  if (first === 'PASSWORD' || (first === 'DEFAULT' && second === 'ROLE'))
    return { kind: 'ddl', why: 'it changes rights' }
  if (!scanExpression(walk, from + 1, to, topScope) || !readPending(walk))
    return { kind: 'unknown', why: 'the SET is not understood', complete: false, leavesState: true }
  if (setsServer(walk, from, to)) return { kind: 'write', why: 'SET GLOBAL changes the server', leavesState: true }
  if (walk.findings.functions.some((call) => call.name === 'nextval' || call.name === 'setval'))
    return { kind: 'write', why: 'it takes a number from a sequence', leavesState: true }
  return { kind: 'session', why: 'SET changes the state of its connection', leavesState: true }
}

function setsServer(walk: SyntaxWalk, from: number, to: number): boolean {
  const { tokens } = walk
  for (let i = from + 1; i < to; i++) {
    const starts = i === from + 1 || tokens.word(i - 1) === ','
    if (!starts) continue
    if (serverScopes.has(tokens.word(i))) return true
    if (tokens.type(i) === tokenType.systemVariable && serverScopes.has(tokens.word(i).split('.')[0] ?? '')) return true
  }
  return false
}

/** MariaDB: `SET STATEMENT variable = value FOR statement` sets the variables for that statement only. */
export function readSetStatement(walk: SyntaxWalk, from: number, to: number, read: StatementReader): Verdict {
  const at = indexOfWord(walk, 'FOR', from, to)
  if (at < 0 || !scanExpression(walk, from + 2, at, topScope)) {
    walk.confused('SET STATEMENT has no statement')
    return { kind: 'unknown', why: 'the SET is not understood', complete: false, leavesState: true }
  }
  return read(walk, at + 1, to)
}
