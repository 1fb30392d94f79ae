import { ShadowError } from '../../errors.ts'
import { localName, originalName, touchName, type ShadowTable } from '../shadow-table.ts'
import { knownName } from './known-keys.ts'
import { baseSchema, isShown, overlaySql } from './overlay.ts'
import { quote, text } from './quote.ts'
import type { Ask } from './read-tables.ts'

/** Sends statements, one after the other, on one connection. */
export type Send = (statements: readonly string[]) => Promise<void>

const resetKeys = 'temp."signalbox_reset"'

/** What throws away all that was changed. On a connection that checks no foreign keys and has no overlay. */
export function resetAllSql(tables: readonly ShadowTable[]): readonly string[] {
  return tables.flatMap(emptied)
}

function emptied(table: ShadowTable): readonly string[] {
  const own = `DELETE FROM main.${quote(storedName(table))}`
  if (table.storage === 'replace') return [own]
  return [own, ...[originalName(table.name), knownName(table.name)].map((name) => `DELETE FROM main.${quote(name)}`)]
}

/** The name that the local rows have their table by. */
export function storedName({ name, storage }: ShadowTable): string {
  return storage === 'replace' ? name : localName(name)
}

/**
 * Throws away the changes of one table; what local rows of others refer to is copied from the base again. On a connection that checks no
 * foreign keys, and gets the overlay here.
 *
 * Throws `ShadowError`, so that the transaction is to be rolled back, if local rows of another table refer to what would be gone, or rows
 * that would come back refer to what another table has deleted.
 */
export async function resetOne(
  table: ShadowTable,
  tables: readonly ShadowTable[],
  alias: string,
  ask: Ask,
  send: Send,
): Promise<void> {
  const before = await danglingRows(ask)
  if (table.storage !== 'replace') {
    const keys = table.primaryKey.map(({ name }) => quote(name)).join(', ')
    await send([
      `CREATE TABLE ${resetKeys} AS SELECT ${keys} FROM main.${quote(originalName(table.name))}`,
      ...emptied(table),
      ...overlaySql(tables, []),
      ...copiesFor(table, tables),
    ])
    await refuseOrphans(table, tables, alias, ask)
    await send([`DROP TABLE ${resetKeys}`])
  } else await send(emptied(table))
  const after = await danglingRows(ask)
  for (const [stored, count] of after) {
    const more = count - (before.get(stored) ?? 0)
    const child = tables.find((each) => storedName(each) === stored)?.name ?? stored
    if (more > 0)
      throw new ShadowError(
        `${more} local rows of ${child} on "${alias}" refer to rows of ${table.name} that would be gone. Nothing was reset. Reset ${child}, or all tables.`,
      )
  }
}

/** Local rows of other tables refer to rows of this one, which must be local, too. */
function copiesFor(table: ShadowTable, tables: readonly ShadowTable[]): readonly string[] {
  const keys = table.primaryKey.map(({ name }) => quote(name))
  return tables.flatMap((child) =>
    child.foreignKeys
      .filter((key) => key.table.toLowerCase() === table.name.toLowerCase())
      .map((key) => {
        const refers = key.referenced
          .map((name, place) => `b.${quote(name)} = c.${quote(key.columns[place] ?? '')}`)
          .join(' AND ')
        const rows = `${baseSchema}.${quote(table.name)} AS b JOIN main.${quote(storedName(child))} AS c ON ${refers}`
        return (
          `INSERT INTO temp.${quote(touchName(table.name))} (${keys.join(', ')}) ` +
          `SELECT DISTINCT ${keys.map((each) => `b.${each}`).join(', ')} FROM ${rows}`
        )
      }),
  )
}

/** Rows that are shown as the base has them again, and refer to rows that the shadow has deleted. */
async function refuseOrphans(
  table: ShadowTable,
  tables: readonly ShadowTable[],
  alias: string,
  ask: Ask,
): Promise<void> {
  for (const key of table.foreignKeys) {
    const parent = tables.find(({ name }) => name.toLowerCase() === key.table.toLowerCase())
    if (parent === undefined || parent === table || parent.storage !== 'augment') continue
    const back = table.primaryKey.map(({ name }) => `r.${quote(name)} = c.${quote(name)}`).join(' AND ')
    const refers = (row: string): string =>
      key.referenced.map((name, place) => `${row}.${quote(name)} = c.${quote(key.columns[place] ?? '')}`).join(' AND ')
    const [found] = await ask(
      `SELECT count(*) AS n FROM ${baseSchema}.${quote(table.name)} AS c ` +
        `WHERE EXISTS (SELECT 1 FROM ${resetKeys} AS r WHERE ${back}) ` +
        `AND EXISTS (SELECT 1 FROM ${baseSchema}.${quote(parent.name)} AS b WHERE ${refers('b')} AND NOT (${isShown(parent)})) ` +
        `AND NOT EXISTS (SELECT 1 FROM main.${quote(localName(parent.name))} AS l WHERE ${refers('l')})`,
    )
    const count = Number(found?.['n'] ?? 0)
    if (count > 0)
      throw new ShadowError(
        `${count} rows of ${table.name} on "${alias}" would come back, and refer to rows of ${parent.name} that are deleted there. Nothing was reset. Reset ${parent.name}, or all tables.`,
      )
  }
}

/** By the stored table: how many of its rows refer to a row that is not there. */
async function danglingRows(ask: Ask): Promise<ReadonlyMap<string, number>> {
  const rows = await ask(
    `SELECT "table" AS name, count(*) AS n FROM pragma_foreign_key_check(NULL, ${text('main')}) GROUP BY 1`,
  )
  return new Map(rows.map(({ name, n }) => [String(name), Number(n)]))
}
