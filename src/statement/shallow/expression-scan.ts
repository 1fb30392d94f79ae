import type { QualifiedName, Scope, SyntaxWalk } from './syntax-walk.ts'
import { withName } from './syntax-walk.ts'
import { tokenType } from './token-list.ts'

/** Reserved words of both dialects that no expression and no clause of a query holds; `INTO` only on MySQL. */
const neverInside: ReadonlySet<string> = new Set(['SELECT', 'DELETE', 'CREATE', 'DROP', 'ALTER', 'INTO'])

/**
 * Notes the functions that the tokens of a range call, and puts off the queries inside. Knows nothing of operators:
 * it need not, because no operator changes data or names a table.
 */
export function scanExpression(walk: SyntaxWalk, from: number, to: number, scope: Scope): boolean {
  const { tokens } = walk
  const { words } = tokens
  for (let i = from; i < to; i++) {
    const word = words[i]
    if (word === '(') {
      const next = words[i + 1]
      if (
        (next === 'SELECT' || next === 'WITH' || next === 'VALUES' || next === 'TABLE' || next === '(') &&
        walk.opensQuery(i)
      ) {
        const close = tokens.partner(i)
        walk.defer(i + 1, close, { ...scope, place: 'expression' })
        i = close
      } else if (i > from) {
        noteCall(walk, i - 1, from)
      }
    } else if (word !== undefined && neverInside.has(word)) {
      if (word !== 'INTO' || walk.syntax.dialect === 'sqlite')
        return walk.confused(`${word} stands where none is expected`)
    } else if (word === 'IN' && walk.syntax.dialect === 'sqlite') {
      i = tableBehindIn(walk, i, to, scope)
    }
  }
  return true
}

/** SQLite: `x IN table` and `x IN function(…)`. Gives the last token that it has read. */
function tableBehindIn(walk: SyntaxWalk, index: number, to: number, scope: Scope): number {
  const name = walk.qualifiedNameAt(index + 1, to)
  if (name === undefined || walk.tokens.word(name.next) === '(') return index
  if (!noteDisguisedCall(walk, name, scope)) walk.findings.addTable(name, 'read', 'expression')
  return name.next - 1
}

/** True if a name in the place of a table names no table: a common table expression, or a call. */
export function noteDisguisedCall(walk: SyntaxWalk, { name, schema }: QualifiedName, scope: Scope): boolean {
  const common = schema === undefined ? withName(scope, name) : undefined
  if (common !== undefined) {
    common.query?.use()
    return true
  }
  // SQLite finds `pragma_…` whatever schema is named.
  const prefix = walk.syntax.functionTablePrefix
  if (prefix === undefined || !name.toLowerCase().startsWith(prefix)) return false
  walk.findings.addFunction(name, undefined)
  return true
}

/** The token at `index` stands in front of a bracket: notes the call, if it is one. */
function noteCall(walk: SyntaxWalk, index: number, from: number): void {
  const { tokens, syntax } = walk
  const type = tokens.type(index)
  if (type !== tokenType.word && type !== tokenType.quotedName && type !== tokenType.doubleQuoted) return
  const word = tokens.word(index)
  if (type === tokenType.word && word !== '' && syntax.notFunctions.has(word)) return
  const before = index > from ? tokens.word(index - 1) : ''
  // `CAST(x AS type(10))`, `WITH w AS (…)`, `MATCH (a) AGAINST (…)`, `sum(a) FILTER (…) OVER (…)`, `'…' COLUMNS (…)`.
  if (before === 'AS') return
  if (before === ')' && (word === 'AGAINST' || word === 'OVER' || word === 'FILTER' || word === 'WITHIN')) return
  if (word === 'COLUMNS' && tokens.type(index - 1) === tokenType.string) return
  if ((word === 'OF' && before === 'MEMBER') || (word === 'CONFLICT' && before === 'ON')) return
  if ((word === 'ANY' || word === 'SOME') && walk.opensQuery(index + 1)) return
  if (before === '.' && index - 2 >= from) {
    walk.findings.addFunction(tokens.unquoted(index), tokens.unquoted(index - 2))
  } else {
    walk.findings.addFunction(tokens.unquoted(index), undefined)
  }
}
