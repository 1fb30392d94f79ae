import type { Params } from '../statement.ts'
import type { Dialect } from '../statement.ts'
import { tokenType, type TokenList } from '../shallow/token-list.ts'
import { shapeSyntaxes } from './shape-syntax.ts'

/** An `INSERT … VALUES (…), (…)` cut into its rows, of which any may be left out. */
export interface InsertRows {
  readonly count: number
  /** The statement with these rows (from 0), and the parameters that are left; their numbers are given anew. */
  withRows(rows: readonly number[], params: Params): { readonly sql: string; readonly params: Params }
}

interface Piece {
  readonly start: number
  readonly end: number
}

/** `undefined` if the text is no such statement, or cannot be cut for certain. */
export function readInsertRows(sql: string, dialect: Dialect): InsertRows | undefined {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  if (tokens.trouble !== '' || tokens.executableEnds.length > 0) return undefined
  if (!/^(?:INSERT|REPLACE)$/.test(tokens.word(0))) return undefined
  const values = valuesAt(tokens)
  if (values === undefined) return undefined
  const rows: { from: number; to: number }[] = []
  let at = values + 1
  while (tokens.word(at) === '(') {
    const to = tokens.partner(at)
    rows.push({ from: at, to })
    at = to + 1
    if (tokens.word(at) !== ',') break
    at++
  }
  const last = rows.at(-1)
  if (last === undefined || at !== last.to + 1) return undefined
  const pieceOf = ({ from, to }: { from: number; to: number }): Piece => ({
    start: tokens.start(from),
    end: tokens.end(to),
  })
  const head: Piece = { start: 0, end: tokens.start(rows[0]!.from) }
  const tail: Piece = { start: tokens.end(last.to), end: sql.length }
  const pieces = rows.map(pieceOf)
  return {
    count: rows.length,
    withRows: (wanted, params) => assemble(tokens, [head, ...wanted.map((row) => pieces[row]!), tail], params),
  }
}

/** The word VALUES (or VALUE) outside of brackets. */
function valuesAt(tokens: TokenList): number | undefined {
  for (let i = 1; i < tokens.length; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (word === 'VALUES' || (word === 'VALUE' && tokens.word(i + 1) === '(')) return i
    else if (word === 'SELECT' || word === 'SET' || word === ';') return undefined
  }
  return undefined
}

/** Rows are joined by commas: the first piece is what stands before them, the last what stands behind. */
function assemble(
  tokens: TokenList,
  pieces: readonly Piece[],
  params: Params,
): { readonly sql: string; readonly params: Params } {
  const kept: unknown[] = []
  const places = new Map<number, number>()
  let sql = ''
  for (const [number, { start, end }] of pieces.entries()) {
    if (number > 1 && number < pieces.length - 1) sql += ', '
    let position = start
    for (const parameter of parametersIn(tokens, start, end)) {
      sql += tokens.sql.slice(position, tokens.start(parameter))
      sql += renamed(tokens, parameter, params, kept, places)
      position = tokens.end(parameter)
    }
    sql += tokens.sql.slice(position, end)
  }
  return { sql, params: Array.isArray(params) ? kept : params }
}

function parametersIn(tokens: TokenList, start: number, end: number): readonly number[] {
  const found: number[] = []
  for (let i = 0; i < tokens.length; i++) {
    if (tokens.type(i) === tokenType.parameter && tokens.start(i) >= start && tokens.end(i) <= end) found.push(i)
  }
  return found
}

/** How a parameter is written now. One that was used twice stays one. */
function renamed(
  tokens: TokenList,
  token: number,
  params: Params,
  kept: unknown[],
  places: Map<number, number>,
): string {
  const text = tokens.text(token)
  if (!Array.isArray(params)) return text
  const index = tokens.links[token] ?? -1
  const value: unknown = (params as readonly unknown[])[index]
  if (text === '?') {
    kept.push(value)
    return text
  }
  const known = places.get(index)
  const place = known ?? kept.push(value)
  places.set(index, place)
  return `${text.charAt(0)}${place}`
}
