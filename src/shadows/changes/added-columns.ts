import { ShadowError } from '../../errors.ts'
import { ownColumns, type ShadowTable } from '../shadow-table.ts'
import type { ShadowTexts } from './shadow-texts.ts'

/** The names of the columns that were added to a table here. */
export function addedColumns(table: ShadowTable): readonly string[] {
  return addedOf(table).map(({ name }) => name)
}

/** The statements that add them elsewhere, each with its `;`. */
export function addingTexts(table: ShadowTable, { target }: Pick<ShadowTexts, 'target'>): readonly string[] {
  return addedOf(table).map(({ definition }) => `ALTER TABLE ${target(table)} ADD COLUMN ${definition};`)
}

/** Throws `ShadowError` if the database that changes go to lacks a column that was added here. */
export async function refuseMissingColumns(
  tables: readonly ShadowTable[],
  { shadow, to, texts }: { readonly shadow: string; readonly to: string; readonly texts: ShadowTexts },
  ask: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>,
): Promise<void> {
  const missing: string[] = []
  const statements: string[] = []
  for (const table of tables) {
    const added = addedOf(table)
    if (added.length === 0) continue
    const rows = await ask(texts.columnsOf(table))
    const there = new Set(rows.map(({ name }) => String(name).toLowerCase()))
    // Of a table that is not there, the engine says so.
    if (there.size === 0) continue
    for (const [place, { name }] of added.entries()) {
      if (there.has(name.toLowerCase())) continue
      missing.push(`${table.name}.${name}`)
      statements.push(addingTexts(table, texts)[place] ?? '')
    }
  }
  if (missing.length > 0)
    throw new ShadowError(
      `"${to}" has no ${missing.length === 1 ? 'column' : 'columns'} ${missing.join(', ')}, which the shadow "${shadow}" has added. Nothing was promoted. ` +
        `Add ${missing.length === 1 ? 'it' : 'them'} there first: ${statements.join(' ')}`,
    )
}

function addedOf(table: ShadowTable): readonly { readonly name: string; readonly definition: string }[] {
  if (table.storage !== 'augment') return []
  return ownColumns(table).flatMap(({ name, definition }) => (definition === undefined ? [] : [{ name, definition }]))
}
