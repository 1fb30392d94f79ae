import type { Analysis, Span, TableUse } from '../../statement/analysis.ts'
import { quotedTable } from '../../statement/quotes.ts'
import { shapeSyntaxes } from '../../statement/shape/shape-syntax.ts'
import type { TokenList } from '../../statement/shallow/token-list.ts'
import type { ReusedText } from '../reused-text.ts'
import type { ShadowCatalogue } from '../shadow-catalogue.ts'
import type { ShadowDialect, ShadowStep } from '../shadow-dialect.ts'
import { baseRefusal, refusal } from '../refusal.ts'
import { replacedText } from '../replaced-text.ts'
import type { ShadowTable } from '../shadow-table.ts'
import { hidingSql } from './copies.ts'
import { constraintsStep } from './deferral.ts'
import { within } from './names.ts'
import type { PostgresTable } from './postgres-table.ts'

/** TRUNCATE, SET CONSTRAINTS, and reads that lock. */
export function ownStep(
  sql: string,
  analysis: Analysis,
  catalogue: ShadowCatalogue,
  placeOf: ShadowDialect['placeOf'],
): ShadowStep | undefined {
  const { statements, kind, complete } = analysis
  if (statements !== 1 || !complete || (kind !== 'locking-read' && kind !== 'write' && kind !== 'session'))
    return undefined
  const tokens = shapeSyntaxes.postgres.lex(sql)
  if (tokens.trouble !== '') return undefined
  if (tokens.word(0) === 'SET' && tokens.word(1) === 'CONSTRAINTS') return constraintsStep(tokens, catalogue, placeOf)
  const tables = analysis.tables.filter(({ schema }) => schema === undefined || placeOf(schema) === 'shown')
  if (tokens.word(0) === 'TRUNCATE') return truncation(tokens, tables, catalogue)
  return kind === 'locking-read' ? lockingRead(tokens, tables, catalogue) : undefined
}

/**
 * Rows of the base cannot be locked, and nobody changes them there. Who locks rows of a shadow keeps others from changing them: for
 * that, the local tables are locked as a whole.
 */
function lockingRead(
  tokens: TokenList,
  tables: readonly TableUse[],
  catalogue: ShadowCatalogue,
): ShadowStep | undefined {
  if (tables.every((use) => ['local', 'replace'].includes(catalogue.kindOf(use)))) return undefined
  const clauses = lockingClauses(tokens)
  if (clauses.length === 0) return undefined
  const texts = clauses.map(({ start, end }) => tokens.sql.slice(start, end))
  if (texts.some((text) => /\blocked$/i.test(text)))
    throw refusal(catalogue, 'it locks tables as a whole, and cannot skip the rows that others have locked.')
  const uses = [...new Map(tables.map((use) => [catalogue.nameOf(use), use])).values()]
  const locked = uses
    .filter((use) => catalogue.kindOf(use) !== 'base')
    .map((use) => {
      const table = catalogue.table(use)
      return table?.storage === 'augment' ? within('local', table) : quotedTable('postgres', use)
    })
  const wait = texts.some((each) => /\bnowait$/i.test(each)) ? ' NOWAIT' : ''
  const lock = `LOCK TABLE ${locked.join(', ')} IN SHARE ROW EXCLUSIVE MODE${wait}`
  return {
    sql: replacedText(
      tokens.sql,
      clauses.map((clause) => [clause, '']),
    ),
    touches: locked.length === 0 ? [] : [withoutParameters(lock)],
  }
}

/** `FOR UPDATE OF p NOWAIT` and the like. */
function lockingClauses(tokens: TokenList): readonly Span[] {
  const found: Span[] = []
  for (let at = 0; at < tokens.length; at++) {
    if (tokens.word(at) !== 'FOR' || !/^(?:UPDATE|SHARE|NO|KEY)$/.test(tokens.word(at + 1))) continue
    let end = at + 1
    while (/^(?:UPDATE|SHARE|NO|KEY)$/.test(tokens.word(end))) end++
    if (tokens.word(end) === 'OF')
      do end += 2
      while (tokens.word(end) === ',' || tokens.word(end) === '.')
    if (tokens.word(end) === 'NOWAIT') end++
    else if (tokens.word(end) === 'SKIP') end += 2
    found.push({ start: tokens.start(at), end: tokens.end(end - 1) })
    at = end - 1
  }
  return found
}

/** All rows of the base are hidden, one by one, as if they had been deleted. */
function truncation(
  tokens: TokenList,
  tables: readonly TableUse[],
  catalogue: ShadowCatalogue,
): ShadowStep | undefined {
  const base = tables.find((use) => catalogue.kindOf(use) === 'base')
  if (base !== undefined) throw baseRefusal(catalogue, catalogue.nameOf(base), 'augment')
  const named = tables.flatMap((use) => catalogue.table(use) ?? [])
  const words = Array.from({ length: tokens.length }, (_, at) => tokens.word(at))
  const emptied = words.includes('CASCADE') ? withChildren(named, catalogue.tables) : named
  const mirrored = emptied.find(({ storage }) => storage === 'mirror')
  if (mirrored !== undefined) throw baseRefusal(catalogue, mirrored.name, 'augment')
  const parts = tables
    .flatMap((use) => {
      const table = catalogue.table(use)
      return table?.storage === 'augment' ? use.spans.map((span) => [span, within('local', table)] as const) : []
    })
    .toSorted(([one], [other]) => one.start - other.start)
  const touches = [
    ...emptied
      .filter(({ storage }) => storage === 'augment')
      .flatMap((table) => hidingSql(table).map(withoutParameters)),
    ...(words.includes('RESTART') ? emptied.flatMap(restarts) : []),
  ]
  return touches.length === 0 ? undefined : { sql: replacedText(tokens.sql, parts), touches }
}

function withChildren(named: readonly ShadowTable[], tables: readonly ShadowTable[]): readonly ShadowTable[] {
  const found = new Set(named.map(({ name }) => name))
  for (let size = -1; size !== found.size;) {
    size = found.size
    for (const { name, foreignKeys } of tables) if (foreignKeys.some(({ table }) => found.has(table))) found.add(name)
  }
  return tables.filter(({ name }) => found.has(name))
}

/** The engine itself restarts those of identity columns alone: the others are not owned by a local table. */
function restarts(table: ShadowTable): readonly ReusedText[] {
  // What is in the catalogue of this engine is of this kind.
  const { numbers } = table as PostgresTable
  return numbers.flatMap(({ sequence }) =>
    sequence === null ? [] : [withoutParameters(`ALTER SEQUENCE ${sequence} RESTART`)],
  )
}

function withoutParameters(sql: string): ReusedText {
  return { sql, positions: [], names: [] }
}
