import type { Analysis, Span, TableUse } from '../statement/analysis.ts'
import { readAddedColumns } from '../statement/shape/added-columns.ts'
import { readChangeShape, type ChangeShape } from '../statement/shape/change-shape.ts'
import { baseRefusal, refusal, untoldRefusal } from './refusal.ts'
import { replacedText } from './replaced-text.ts'
import type { ShadowCatalogue } from './shadow-catalogue.ts'
import type { ShadowDialect, ShadowStep } from './shadow-dialect.ts'
import { keepsNames } from '../statement/shape/kept-names.ts'
import type { TableName } from '../topology/pattern-map.ts'
import { localName, type ShadowTable } from './shadow-table.ts'
import { textWithParameters, type ReusedText } from './reused-text.ts'

/**
 * What a statement becomes on a shadow; `undefined`: it runs as it is. A change is made on the local table itself, so that counts, ids,
 * RETURNING, ON CONFLICT and errors are the engine's own; everything that is read is read through the shadow.
 *
 * Throws `ShadowError` for what would change the base, and for what cannot be told. Pure.
 */
export function shadowStep(
  sql: string,
  analysis: Analysis,
  catalogue: ShadowCatalogue,
  dialect: ShadowDialect,
): ShadowStep | undefined {
  const own = dialect.ownStep?.(sql, analysis, catalogue)
  if (own !== undefined) return own
  const { kind, tables, complete } = analysis
  if (kind === 'read' || kind === 'locking-read' || kind === 'session' || kind === 'transaction') return undefined
  if (kind === 'unknown' || !complete) throw untoldRefusal(catalogue, 'changes', analysis.why)
  const changed = tables.filter(({ access, schema }) => access === 'write' && !isElsewhere(schema, dialect))
  for (const use of changed) {
    const { name, schema } = use
    if (schema !== undefined && dialect.placeOf(schema) !== 'shown')
      throw refusal(catalogue, `${schema}.${name} is in no schema whose tables it changes.`)
    if (catalogue.kindOf(use) === 'base') throw baseRefusal(catalogue, catalogue.nameOf(use), 'augment')
  }
  const kept = changed.flatMap((use) => {
    const table = catalogue.table(use)
    return table?.storage === 'augment' ? [{ use, table }] : []
  })
  const [only, ...more] = kept
  if (kind === 'ddl' && only === undefined && dialect.isPassing) refuseLasting(sql, tables, catalogue, dialect)
  if (only === undefined) return replacedChange(sql, analysis, changed, catalogue)
  if (more.length > 0 || analysis.statements > 1)
    throw refusal(catalogue, 'a text that changes several augmented tables must be sent statement by statement.')
  if (kind === 'ddl') return definitionOf(sql, only, catalogue, dialect)
  const count = analysis.functions.find(({ name }) => dialect.counts?.has(name))
  if (count !== undefined)
    throw refusal(
      catalogue,
      `${count.name}() would tell of what the shadow copies. Read it in a statement of its own, and pass its value.`,
    )
  return changeOf(sql, only, catalogue, dialect)
}

/** A change of local tables alone. Rows of those may refer to rows of the base, which are copied then. */
function replacedChange(
  sql: string,
  { kind, statements }: Analysis,
  changed: readonly TableUse[],
  catalogue: ShadowCatalogue,
): ShadowStep | undefined {
  const leadsOn = changed.some((use) => (catalogue.table(use)?.foreignKeys.length ?? 0) > 0)
  return kind === 'write' && statements === 1 && leadsOn ? { sql, touches: [] } : undefined
}

/** Of the definition of an augmented table, new columns and what the engine's dialect knows besides are the shadow's own. */
function definitionOf(
  sql: string,
  { use, table }: { readonly use: TableUse; readonly table: ShadowTable },
  catalogue: ShadowCatalogue,
  dialect: ShadowDialect,
): ShadowStep {
  const { addColumns } = dialect
  const added = addColumns && readAddedColumns(sql, dialect.dialect)
  if (added !== undefined) return addColumns!(sql, added, table, catalogue)
  const [name] = use.spans
  const defined = name && dialect.define?.(sql, name, table)
  if (defined !== undefined) return defined
  const most = addColumns === undefined ? '' : ', and new columns are all that it can get (ALTER TABLE … ADD COLUMN)'
  throw refusal(catalogue, `the definition of ${table.name} is the base's${most}. Declare it "replace" to change it.`)
}

/** What lasts in the local database sees nothing but that. */
function refuseLasting(
  sql: string,
  tables: readonly TableUse[],
  catalogue: ShadowCatalogue,
  dialect: ShadowDialect,
): void {
  const shown = tables.find((use) => use.access === 'read' && isShown(catalogue, use))
  if (shown === undefined || !keepsNames(sql, dialect.dialect)) return
  throw refusal(
    catalogue,
    `a definition that lasts cannot name ${shown.name}, since its rows are not in the local database alone. Make it in "${catalogue.base}".`,
  )
}

/** Read under a name that no local table has. */
export function isShown(catalogue: ShadowCatalogue, use: TableName): boolean {
  const kind = catalogue.kindOf(use)
  return kind === 'augment' || kind === 'base'
}

function changeOf(
  sql: string,
  { use, table }: { readonly use: TableUse; readonly table: ShadowTable },
  catalogue: ShadowCatalogue,
  dialect: ShadowDialect,
): ShadowStep {
  const shape = readChangeShape(sql, dialect.dialect)
  const [span, ...others] = use.spans
  if (shape === undefined || span === undefined || others.length > 0 || !covers(shape.target, span))
    throw refusal(catalogue, `how the statement changes ${table.name} is not understood.`)
  if (shape.changesInWith)
    throw refusal(
      catalogue,
      `its WITH changes rows, too. Send the changes of ${table.name} as statements of their own.`,
    )
  const own = sql.slice(shape.name.start, shape.name.end)
  const target = `${dialect.local(table)}${shape.alias === undefined ? ` AS ${own}` : ''}`
  const text = replacedText(sql, [
    [shape.target, target],
    ...(dialect.returnsByName ? returnedOf(sql, shape, table, dialect) : []),
  ])
  if (shape.verb === 'insert') return { sql: text, touches: [] }
  if (shape.verb === 'merge')
    throw refusal(catalogue, 'MERGE is not made on augmented tables. INSERT … ON CONFLICT is.')
  if (shape.isLimited)
    throw refusal(catalogue, `which rows of ${table.name} a LIMIT means, the base may see differently.`)
  return { sql: text, touches: [touchOf(sql, shape, table, own, dialect)] }
}

/** RETURNING with the name of the local table, and the columns called as they would be without. */
function returnedOf(
  sql: string,
  shape: ChangeShape,
  table: ShadowTable,
  { quote }: ShadowDialect,
): readonly (readonly [Span, string])[] {
  const names = shape.returned.map((name) => [name, quote(localName(table.name))] as const)
  const labels = shape.unnamed.map(
    ({ start, end }) => [{ start: end, end }, ` AS ${quote(sql.slice(start, end))}`] as const,
  )
  return [...names, ...labels].toSorted(([one], [other]) => one.start - other.start)
}

/** Copies the rows of the base that the change meets, as its own condition finds them. */
function touchOf(sql: string, shape: ChangeShape, table: ShadowTable, own: string, dialect: ShadowDialect): ReusedText {
  const reused = textWithParameters(sql, dialect.dialect)
  const part = (span: Span | undefined, before: string): string =>
    span === undefined ? '' : `${before}${reused.text(span)}`
  const alias = shape.alias ?? own
  const keys = table.primaryKey.map(({ name }) => `${alias}.${dialect.quote(name)}`).join(', ')
  const prefix = part(shape.with, '')
  const all = `SELECT ${keys} FROM ${dialect.shown(table)} AS ${alias}`
  const front = prefix === '' ? '' : `${prefix} `
  const met = `${front}${all}${part(shape.from, ', ')}${part(shape.where, ' WHERE ')}`
  // Asked a second time, chance would meet others.
  if ([...reused.calls].some((name) => dialect.chance?.has(name)))
    return { positions: [], names: [], sql: dialect.touch(table, all) }
  return { ...reused.result(), sql: dialect.touch(table, met) }
}

function isElsewhere(schema: string | undefined, { placeOf }: ShadowDialect): boolean {
  return schema !== undefined && placeOf(schema) === 'elsewhere'
}

function covers(outer: Span, inner: Span): boolean {
  return outer.start <= inner.start && inner.end <= outer.end
}
