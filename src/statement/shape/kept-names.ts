import type { Dialect } from '../statement.ts'
import { shapeSyntaxes } from './shape-syntax.ts'

/**
 * Whether a definition keeps the names of other tables, to look for them whenever it is used: a view, or a table with foreign keys.
 * `CREATE TABLE … AS` reads its tables once. Pure.
 */
export function keepsNames(sql: string, dialect: Dialect): boolean {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  for (let i = 0; i < tokens.length; i++) {
    const word = tokens.word(i)
    if (word === 'REFERENCES' || (word === 'VIEW' && i < 4)) return true
  }
  return false
}
