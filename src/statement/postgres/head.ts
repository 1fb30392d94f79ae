import type { Analysis } from '../analysis.ts'
import { notUnderstood } from '../not-understood.ts'
import { nameOf, nextToken, type Token } from './tokens.ts'

/** How much of a text too long to be parsed is looked at, in UTF-16 units. */
const headLength = 4_096

interface Head {
  readonly command: string
  readonly table:
    | { readonly name: string; readonly schema: string | undefined; readonly start: number; readonly end: number }
    | undefined
}

/**
 * Judges a text that is too long to be parsed by its first words. Never a `read`. What follows the head is not known,
 * so nothing is sworn about the connection's state either.
 */
export function analyzeHead(sql: string): Analysis {
  const { command, table } = readHead(sql)
  return {
    ...notUnderstood(
      'postgres',
      `The text is too long to be parsed (${sql.length} characters): judged by its first words`,
    ),
    kind: command === 'unknown' ? 'unknown' : 'write',
    tables: table === undefined ? [] : [tableUse(table)],
    leavesState: true,
  }
}

function tableUse(table: NonNullable<Head['table']>): Analysis['tables'][number] {
  const { name, schema, start, end } = table
  const spans = [{ start, end }]
  return schema === undefined ? { name, access: 'write', spans } : { name, schema, access: 'write', spans }
}

function readHead(sql: string): Head {
  const words = wordsOf(sql)
  const [first, second] = [words(0), words(1)]
  if (first === 'insert' && second === 'into') return { command: 'insert', table: target(sql, 2) }
  if (first === 'merge' && second === 'into') return { command: 'merge', table: target(sql, 2) }
  if (first === 'delete' && second === 'from') return { command: 'delete', table: target(sql, 2) }
  if (first === 'update') return { command: 'update', table: target(sql, 1) }
  if (first === 'copy') return { command: 'copy', table: target(sql, 1) }
  return { command: 'unknown', table: undefined }
}

function wordsOf(sql: string): (index: number) => string {
  const tokens = headTokens(sql, 2)
  return (index) => {
    const token = tokens[index]
    return token?.kind === 'word' ? nameOf(sql, token) : ''
  }
}

function headTokens(sql: string, count: number): Token[] {
  const tokens: Token[] = []
  const head = sql.slice(0, headLength)
  for (
    let token = nextToken(head, 0);
    token !== undefined && tokens.length < count;
    token = nextToken(head, token.end)
  ) {
    tokens.push(token)
  }
  return tokens
}

/** The table named behind so many words; `ONLY` is stepped over. */
function target(sql: string, after: number): Head['table'] {
  const tokens = headTokens(sql, after + 8).slice(after)
  const only = tokens[0]
  if (only?.kind === 'word' && nameOf(sql, only) === 'only') tokens.shift()
  const parts: Token[] = []
  while (parts.length < 3) {
    const token = tokens.shift()
    if (token?.kind !== 'word' && token?.kind !== 'quoted') return undefined
    parts.push(token)
    const dot = tokens[0]
    if (dot === undefined || sql.charAt(dot.start) !== '.') break
    tokens.shift()
  }
  const last = parts.at(-1)
  const first = parts[0]
  if (first === undefined || last === undefined) return undefined
  const schema = parts.at(-2)
  return {
    name: nameOf(sql, last),
    schema: schema === undefined ? undefined : nameOf(sql, schema),
    start: first.start,
    end: last.end,
  }
}
