import type { Span } from '../../statement/analysis.ts'
import { shapeSyntaxes } from '../../statement/shape/shape-syntax.ts'
import type { ShadowStep } from '../shadow-dialect.ts'
import { localName, type ShadowTable } from '../shadow-table.ts'
import { quote } from './quote.ts'

/**
 * `CREATE INDEX` of an augmented table is made of the local rows; how the base finds its own is its affair. A unique index is refused: the
 * triggers of every connection would have to know it, and no index of the base would find its rows.
 */
export function indexingStep(sql: string, name: Span, table: ShadowTable): ShadowStep | undefined {
  const tokens = shapeSyntaxes.sqlite.lex(sql)
  if (tokens.word(0) !== 'CREATE' || tokens.word(1) !== 'INDEX') return undefined
  return { sql: `${sql.slice(0, name.start)}${quote(localName(table.name))}${sql.slice(name.end)}`, touches: [] }
}
