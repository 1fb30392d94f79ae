import type { Dialect } from '../statement.ts'
import { shapeSyntaxes } from './shape-syntax.ts'

/**
 * What keeps a change of rows from being made on several shards one by one, named for people; `undefined` if nothing does.
 * With an INSERT each shard would get the same new rows.
 */
export function changeObstacle(sql: string, dialect: Dialect): 'INSERT' | 'MERGE' | 'LIMIT' | 'WITH' | undefined {
  const tokens = shapeSyntaxes[dialect].lex(sql)
  if (tokens.trouble !== '') return 'WITH'
  let verb = ''
  for (let i = 0; i < tokens.length; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (verb === '') verb = /^(?:INSERT|REPLACE|MERGE|UPDATE|DELETE)$/.test(word) ? word : ''
    // As many rows of each shard would be changed.
    else if (word === 'LIMIT' || word === 'FETCH') return 'LIMIT'
    if (verb === 'MERGE') return verb
    if (verb === 'INSERT' || verb === 'REPLACE') return 'INSERT'
  }
  return verb === '' ? 'WITH' : undefined
}
