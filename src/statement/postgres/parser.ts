import { hasSqlDetails, loadModule, parseSync } from 'libpg-query'
import { isShallow } from './depth.ts'
import { blankComments } from './tokens.ts'
import { isTree, listAt, treeAt, type Tree } from './tree.ts'

/** A text's statements, or why there are none. */
export type ParseOutcome = Parsed | { readonly refused: string }

export interface Parsed {
  readonly statements: readonly RawStatement[]
  /** The text that was parsed: positions of the tree are positions in it, and in the original. */
  readonly text: string
}

export interface RawStatement {
  readonly tree: Tree
  /** Byte offset in UTF-8 at which the statement begins. */
  readonly offset: number
}

/**
 * How many times the parser may fail otherwise than with a syntax error before it is not asked again. Each such
 * failure (a stack overflow, deep inside a caller that recurses) leaks some of the module's own stack.
 */
const mostFaults = 8

/** PostgreSQL's own grammar, run in WebAssembly, behind guards against what would break it. */
export class PostgresParser {
  #faults = 0

  static async load(): Promise<PostgresParser> {
    await loadModule()
    const parser = new PostgresParser()
    // WebAssembly is compiled function by function as it is first run, which takes some 30 ms for a common statement:
    // better here than in a first query.
    parser.parse(
      `with w as (select count(*) as n from a) select b.c, f(d::text) as e from b join a on a.x = b.y left join w using (z)
       where b.c = $1 and b.d in ($2, 'x') or b.e is not null group by 1, 2 having n > 1 order by 1 desc limit 1 offset $3;
       insert into a (b) values ($1) on conflict do nothing returning *; update a set b = $1; delete from a`,
    )
    return parser
  }

  /** Never throws. */
  parse(sql: string): ParseOutcome {
    // The parser takes a C string: it would stop at the first NUL and judge only what stands before it.
    if (sql.includes('\0')) return { refused: 'The text holds a NUL character' }
    if (!sql.isWellFormed()) return { refused: 'The text holds half a surrogate pair' }
    if (!isShallow(sql))
      return { refused: 'The text is nested too deeply to be parsed, or a comment in it does not end' }
    if (sql === '') return { statements: [], text: sql }
    const outcome = this.#parseOnce(sql)
    if (!('refused' in outcome) || !/--|\/\*/.test(sql)) return outcome
    // The parser's build stumbles over comments between words that its lexer takes together, as in NOT /* */ IN.
    const bare = blankComments(sql)
    const second = bare === undefined ? outcome : this.#parseOnce(bare)
    return 'refused' in second ? outcome : second
  }

  #parseOnce(text: string): ParseOutcome {
    if (this.#faults >= mostFaults) return { refused: 'The parser is out of order after repeated stack overflows' }
    try {
      const result: unknown = parseSync(text)
      return isTree(result) ? { statements: rawStatements(result), text } : { refused: 'The parser gave no tree' }
    } catch (error) {
      if (hasSqlDetails(error)) return { refused: `PostgreSQL's grammar does not know it (${error.message})` }
      this.#faults += 1
      return { refused: 'The parser failed' }
    }
  }
}

function rawStatements(result: Tree): RawStatement[] {
  const statements: RawStatement[] = []
  for (const raw of listAt(result, 'stmts')) {
    if (!isTree(raw)) continue
    const tree = treeAt(raw, 'stmt')
    const offset = raw['stmt_location']
    if (tree !== undefined) statements.push({ tree, offset: typeof offset === 'number' ? offset : 0 })
  }
  return statements
}
