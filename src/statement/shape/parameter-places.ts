import type { TokenList } from '../shallow/token-list.ts'
import type { Dialect } from '../statement.ts'
import { parameterAt, type ParameterKey } from './parameter-key.ts'
import { shapeSyntaxes } from './shape-syntax.ts'
import { readValueLists, type ValueList } from './value-lists.ts'

/** Where the parameters of a text stand that stand in one place only, so that another value there changes nothing else; and its lists. */
export interface ParameterPlaces {
  readonly once: ReadonlySet<ParameterKey>
  /**
   * Of those, the ones that are items of a list `IN (…)` or `ANY (ARRAY[…])`, and no part of a row. What has the same mark stands in the
   * same list, under the same cast, so a value of one may stand in place of the other.
   */
  readonly lists: ReadonlyMap<ParameterKey, string>
  /** What stands in the lists, by where their operators begin. */
  readonly items: ReadonlyMap<number, ValueList>
}

const none: ParameterPlaces = { once: new Set(), lists: new Map(), items: new Map() }

/** Nothing of a text that is not understood. */
export function readParameterPlaces(sql: string, dialect: Dialect): ParameterPlaces {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  if (tokens.trouble !== '' || tokens.executableEnds.length > 0) return none
  const uses = new Map<ParameterKey, number>()
  const lists = new Map<ParameterKey, string>()
  const open: number[] = []
  for (let i = 0; i < tokens.length; i++) {
    const word = tokens.word(i)
    if (word === '(' || word === '[') open.push(i)
    else if (word === ')' || word === ']') open.pop()
    const key = parameterAt(tokens, i)
    if (key === undefined) continue
    // Which one it is must be known of all, or nothing is known of any.
    if (key === -1) return none
    uses.set(key, (uses.get(key) ?? 0) + 1)
    const mark = listMark(tokens, i, open.at(-1))
    if (mark !== undefined) lists.set(key, mark)
  }
  const once = new Set([...uses].filter(([, count]) => count === 1).map(([key]) => key))
  for (const key of lists.keys()) if (!once.has(key)) lists.delete(key)
  return { once, lists, items: readValueLists(tokens) }
}

/** The list that a token is an item of, with what stands behind it there: a cast. */
function listMark(tokens: TokenList, index: number, open: number | undefined): string | undefined {
  if (open === undefined || !opensList(tokens, open)) return undefined
  if (index !== open + 1 && tokens.word(index - 1) !== ',') return undefined
  let end = index + 1
  for (; !itemEnds.has(tokens.word(end)); end++)
    if (end >= tokens.length || tokens.word(end) === '(' || tokens.word(end) === '[') return undefined
  return `${open} ${tokens.sql.slice(tokens.end(index), tokens.end(end - 1))}`
}

const itemEnds: ReadonlySet<string> = new Set([',', ')', ']'])

function opensList(tokens: TokenList, open: number): boolean {
  if (tokens.word(open) === '(') return tokens.word(open - 1) === 'IN'
  return (
    tokens.word(open - 1) === 'ARRAY' && tokens.word(open - 2) === '(' && /^(?:ANY|SOME)$/.test(tokens.word(open - 3))
  )
}
