import { hasSqlDetails, loadModule, parseSync } from 'libpg-query'
import { isShallow } from './postgres-depth.ts'
import { isTree, listAt, treeAt, type Tree } from './postgres-tree.ts'

/** A text's statements, or why there are none. */
export type ParseOutcome = { readonly statements: readonly RawStatement[] } | { readonly refused: string }

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
    return new PostgresParser()
  }

  /** Never throws. */
  parse(sql: string): ParseOutcome {
    // The parser takes a C string: it would stop at the first NUL and judge only what stands before it.
    if (sql.includes('\0')) return { refused: 'The text holds a NUL character' }
    if (!sql.isWellFormed()) return { refused: 'The text holds half a surrogate pair' }
    if (!isShallow(sql)) return { refused: 'The text is nested too deeply to be parsed' }
    if (sql === '') return { statements: [] }
    if (this.#faults >= mostFaults) return { refused: 'The parser is out of order after repeated stack overflows' }
    try {
      const result: unknown = parseSync(sql)
      if (!isTree(result)) return { refused: 'The parser gave no tree' }
      return { statements: rawStatements(result) }
    } catch (error) {
      if (!hasSqlDetails(error)) {
        this.#faults += 1
        return { refused: 'The parser failed' }
      }
      return { refused: `PostgreSQL's grammar does not know it (${error.message})` }
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
