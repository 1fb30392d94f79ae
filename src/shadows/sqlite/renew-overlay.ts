import { ownPrefix, touchName } from '../shadow-table.ts'
import { overlaySql } from './overlay.ts'
import { quote, text } from './quote.ts'
import type { Ask } from './read-tables.ts'
import { keptTables, readRecord } from './sqlite-shadow.ts'

/** Two halves of a view that do not fit together: one of them has got a column. */
const misfit = /^(?:SQLite: )?SELECTs to the left and right of UNION ALL do not have the same number of result columns/

/** Whether an error may say that the views of a connection are older than the local tables. Nothing has run then. */
export function isOutdated(message: string): boolean {
  return misfit.test(message)
}

/**
 * Makes the views and triggers of one connection anew, of what the shadow keeps now as that connection sees it. Whether they were older
 * than that: an error may also be the statement's own.
 */
export async function renewOverlay(ask: Ask): Promise<boolean> {
  const recorded = (await readRecord(ask)) ?? new Map<string, never>()
  const tables = await keptTables(ask, recorded)
  const overlay = overlaySql(tables, [])
  if (await isThere(overlay, ask)) return false
  const triggers = await ask(
    `SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' AND name GLOB ${text(`${ownPrefix}*`)}`,
  )
  const [state] = await ask('PRAGMA query_only')
  const isKeptFromWriting = Number(Object.values(state ?? {})[0]) === 1
  const kept = tables.filter(({ storage }) => storage !== 'replace')
  const statements = [
    ...triggers.map(({ name }) => `DROP TRIGGER IF EXISTS temp.${quote(String(name))}`),
    ...kept.map(({ name }) => `DROP VIEW IF EXISTS temp.${quote(touchName(name))}`),
    ...kept.filter(({ storage }) => storage === 'augment').map(({ name }) => `DROP VIEW IF EXISTS temp.${quote(name)}`),
    ...overlay,
  ]
  // One text: nothing comes in between on a connection that others share.
  const renewing = ['SAVEPOINT signalbox_renewal', ...statements, 'RELEASE signalbox_renewal']
  const undoing = ['ROLLBACK TO signalbox_renewal', 'RELEASE signalbox_renewal']
  const allowed = (texts: readonly string[]): string =>
    (isKeptFromWriting ? ['PRAGMA query_only = OFF', ...texts, 'PRAGMA query_only = ON'] : texts).join(';\n')
  try {
    await ask(allowed(renewing))
  } catch (error) {
    await ask(isKeptFromWriting ? `${undoing.join(';\n')};\nPRAGMA query_only = ON` : undoing.join(';\n')).catch(
      () => undefined,
    )
    throw error
  }
  return true
}

/** Whether a connection has the views of an overlay; its triggers were made with them. */
async function isThere(overlay: readonly string[], ask: Ask): Promise<boolean> {
  const views = new Set((await ask("SELECT sql FROM temp.sqlite_schema WHERE type = 'view'")).map(({ sql }) => sql))
  const [made, kept] = ['CREATE TEMP VIEW ', 'CREATE VIEW ']
  return overlay.every((sql) => !sql.startsWith(made) || views.has(sql.replace(made, kept)))
}
