import type { Span, TableAppearance } from '../analysis.ts'
import { JoinLevel, type Surroundings } from '../appearances/join-level.ts'
import { QueryColumns } from '../appearances/query-columns.ts'
import type { NameComparison } from '../appearances/origin.ts'
import type { Dialect } from '../statement.ts'
import { Findings } from './findings.ts'
import type { TokenList } from './token-list.ts'
import { tokenType } from './token-list.ts'

/** What differs between the dialects whose texts the shallow walk reads. */
export interface DialectSyntax {
  readonly dialect: Dialect
  /** Words that can't be an unquoted name of a table, alias or column. */
  readonly reserved: ReadonlySet<string>
  /** Words in front of a bracket that call no function. */
  readonly notFunctions: ReadonlySet<string>
  /** Functions, in lower case, that answer for one row; any other might be an aggregate. */
  readonly rowFunctions: ReadonlySet<string>
  /** `'t'` may stand for a name. */
  readonly stringNames: boolean
  /** Prefix of tables that are calls in disguise (`pragma_table_list`). */
  readonly functionTablePrefix: string | undefined
  /** Names that are functions in the place of a table; others that are called there may be tables. */
  readonly tableFunctions: RegExp
  /** All common table expressions of one `WITH` see each other, even without `RECURSIVE`. */
  readonly mutualWith: boolean
}

/** Names that stand for common table expressions, innermost first. */
export interface WithNames {
  readonly name: string
  /** What it gives; undefined where it may call itself. */
  readonly query: QueryColumns | undefined
  /** The names that its columns were given. */
  readonly columns: readonly string[] | undefined
  readonly parent: WithNames | undefined
}

/** What is in view where a query stands. */
export interface Scope {
  readonly withNames: WithNames | undefined
  /** The query level around it whose tables are in view; undefined if there is none. */
  readonly outer: Surroundings | undefined
  /** What a table that is read there is to the statement. */
  readonly place: TableAppearance['place']
}

/** Of a statement itself. */
export const topScope: Scope = Object.freeze({ withNames: undefined, outer: undefined, place: 'from' })

/** A range of tokens that holds one query, still to be read. */
interface PendingQuery {
  readonly from: number
  readonly to: number
  readonly scope: Scope
}

/** A qualified name in the text. `next` is the token behind it. */
export interface QualifiedName {
  readonly name: string
  readonly schema: string | undefined
  readonly span: Span
  readonly next: number
}

/**
 * One walk over the tokens of a text. Queries inside queries are put off and read in a loop, so that no depth of
 * nesting needs a deep stack.
 */
export class SyntaxWalk {
  readonly tokens: TokenList
  readonly syntax: DialectSyntax
  readonly findings = new Findings()
  /** What was not understood, or empty. */
  confusion = ''
  readonly #pending: PendingQuery[] = []
  readonly #queries = new Map<number, QueryColumns>()

  constructor(tokens: TokenList, syntax: DialectSyntax) {
    this.tokens = tokens
    this.syntax = syntax
  }

  defer(from: number, to: number, scope: Scope): void {
    this.#pending.push({ from, to, scope })
  }

  get comparison(): NameComparison {
    return this.syntax.dialect === 'sqlite' ? 'folded' : 'either'
  }

  /** What the query gives that starts at that token: also before it has been read. */
  queryAt(index: number): QueryColumns {
    const known = this.#queries.get(index) ?? new QueryColumns()
    this.#queries.set(index, known)
    return known
  }

  /** A query level, still without tables. */
  openLevel({ outer }: Scope): JoinLevel {
    const level = new JoinLevel(outer, this.comparison)
    this.findings.levels.push(level)
    return level
  }

  takePending(): PendingQuery | undefined {
    return this.#pending.pop()
  }

  /** Notes what was not understood; always false, for `return walk.confused(…)`. */
  confused(what: string): false {
    if (this.confusion === '') this.confusion = what
    return false
  }

  /** The name that the token at `index` stands for, or undefined if it can't be a name. */
  nameAt(index: number): string | undefined {
    const tokens = this.tokens
    switch (tokens.type(index)) {
      case tokenType.word:
        return this.syntax.reserved.has(tokens.word(index)) ? undefined : tokens.text(index)
      case tokenType.quotedName:
      case tokenType.doubleQuoted:
        return tokens.unquoted(index)
      case tokenType.string:
        return this.syntax.stringNames ? tokens.unquoted(index) : undefined
      default:
        return undefined
    }
  }

  /** `name` or `schema.name`; undefined if there is none or it has more parts. */
  qualifiedNameAt(index: number, to: number): QualifiedName | undefined {
    const tokens = this.tokens
    if (index >= to) return undefined
    const first = this.nameAt(index)
    if (first === undefined) return undefined
    if (tokens.word(index + 1) !== '.' || index + 1 >= to)
      return { name: first, schema: undefined, span: this.span(index, index), next: index + 1 }
    const second = index + 2 < to ? this.nameAt(index + 2) : undefined
    if (second === undefined || (tokens.word(index + 3) === '.' && index + 3 < to)) return undefined
    return { name: second, schema: first, span: this.span(index, index + 2), next: index + 3 }
  }

  span(first: number, last: number): Span {
    return { start: this.tokens.start(first), end: this.tokens.end(last) }
  }

  /** True if the bracket at `index` opens a query: `(select …`, `((select …) union …`. */
  opensQuery(index: number): boolean {
    const tokens = this.tokens
    let open = index
    while (tokens.word(open + 1) === '(') open++
    if (!this.#startsQuery(open + 1)) return false
    for (; open > index; open--) {
      const behind = tokens.word(tokens.partner(open) + 1)
      if (behind !== ')' && !queryContinuations.has(behind)) return false
    }
    return true
  }

  #startsQuery(index: number): boolean {
    const tokens = this.tokens
    switch (tokens.word(index)) {
      case 'SELECT':
      case 'WITH':
        return true
      case 'TABLE':
        return this.syntax.dialect === 'mysql'
      case 'VALUES': {
        // MySQL: `VALUES(column)` is an expression in ON DUPLICATE KEY UPDATE.
        if (this.syntax.dialect !== 'mysql' || tokens.word(index + 1) !== '(') return true
        const close = tokens.partner(index + 1)
        return tokens.word(close + 1) === ',' || queryContinuations.has(tokens.word(close + 1)) || close - index > 4
      }
      default:
        return false
    }
  }
}

/** What may follow a bracketed query inside a bracket, if the outer bracket is a query too. */
const queryContinuations: ReadonlySet<string> = new Set([
  'UNION',
  'EXCEPT',
  'INTERSECT',
  'MINUS',
  'ORDER',
  'LIMIT',
  'FOR',
  'LOCK',
  'INTO',
])

/** The common table expression that `name` stands for here. */
export function withName(scope: Scope, name: string): WithNames | undefined {
  const folded = name.toLowerCase()
  for (let s = scope.withNames; s !== undefined; s = s.parent) if (s.name === folded) return s
  return undefined
}
