import { ShadowError } from '../../errors.ts'
import { copySql, equal, isAmong } from './copies.ts'
import { foreignKeySql } from './creation.ts'
import type { Run } from './make-shadow.ts'
import { names, quote, within } from './names.ts'
import { viewSql } from './overlay.ts'
import type { PostgresTable } from './postgres-table.ts'
import type { Ask } from './read-base.ts'

/** What a reset works on. */
export interface ResetPlace {
  readonly alias: string
  readonly tables: readonly PostgresTable[]
}

/** Throws away all that was changed; the tables are read from the base alone again. */
export function resetAllSql({ tables }: ResetPlace): readonly string[] {
  const stored = tables.flatMap(emptied)
  return stored.length === 0 ? [] : [`TRUNCATE ${stored.join(', ')}`, ...tables.flatMap(asleepSql)]
}

function emptied(table: PostgresTable): readonly string[] {
  return table.storage === 'replace' ? [table.stored] : [table.stored, within('original', table)]
}

function asleepSql(table: PostgresTable): readonly string[] {
  if (table.storage !== 'augment') return []
  return [viewSql(table, false), `CREATE OR REPLACE VIEW ${within('asleep', table)} AS SELECT 1 AS asleep`]
}

/**
 * Throws away the changes of one table; what local rows of others refer to is copied from the base again. Foreign keys that lead to it are
 * made once more at the end, which proves them.
 *
 * Throws `ShadowError`, so that the transaction is to be rolled back, if local rows of another table refer to what would be gone, or rows
 * that would come back refer to what another table has deleted.
 */
export async function resetOne(table: PostgresTable, place: ResetPlace, ask: Ask, run: Run): Promise<void> {
  const { tables, alias } = place
  const all = new Map(tables.map((each) => [each.name, each]))
  const children = tables.flatMap((child) =>
    child.foreignKeys.flatMap((key, index) => {
      const constraint = child.foreignConstraints[index]
      return key.table === table.name && constraint !== undefined ? [{ child, key, constraint }] : []
    }),
  )
  for (const { child, constraint } of children)
    await run(`ALTER TABLE ${child.stored} DROP CONSTRAINT ${quote(constraint.name)}`)
  const reset = 'pg_temp.signalbox_reset'
  if (table.storage !== 'replace')
    await run(
      `CREATE TEMP TABLE signalbox_reset ON COMMIT DROP AS SELECT ${names(table.primaryKey)} FROM ${within('original', table)}`,
    )
  await run(`TRUNCATE ${emptied(table).join(', ')}`)
  if (table.storage !== 'replace') {
    for (const { child, key } of children)
      await run(copySql(table, isAmong(key.referenced, `SELECT ${names(key.columns, 'c.')} FROM ${child.stored} AS c`)))
    await refuseOrphans(table, place, reset, ask)
  }
  for (const { child, constraint } of children) {
    const refers = child.foreignKeys[child.foreignConstraints.indexOf(constraint)]
    if (refers === undefined) continue
    const [found] = await ask<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${child.stored} AS c WHERE ${refers.columns.map((column) => `c.${quote(column)} IS NOT NULL`).join(' AND ')} ` +
        `AND NOT EXISTS (SELECT FROM ${table.stored} AS p WHERE ${equal('p', refers.referenced, 'c', refers.columns)})`,
    )
    if (found !== undefined && found.n > 0)
      throw new ShadowError(
        `${found.n} local rows of ${child.name} on "${alias}" refer to rows of ${table.name} that would be gone. Nothing was reset. Reset ${child.name}, or all tables.`,
      )
    await run(
      `ALTER TABLE ${child.stored} ADD ${foreignKeySql(child, child.foreignConstraints.indexOf(constraint), all)}`,
    )
  }
  const [left] = await ask<{ empty: boolean }>(`SELECT NOT EXISTS (SELECT FROM ${table.stored}) AS empty`)
  if (left?.empty === true) for (const sql of asleepSql(table)) await run(sql)
}

/** Rows that are shown as the base has them again, and refer to rows that the shadow has deleted. */
async function refuseOrphans(
  table: PostgresTable,
  { tables, alias }: ResetPlace,
  reset: string,
  ask: Ask,
): Promise<void> {
  for (const key of table.foreignKeys) {
    const parent = tables.find(({ name }) => name === key.table)
    if (parent === undefined || parent === table || parent.storage !== 'augment') continue
    const refers = (row: string): string => equal(row, key.referenced, 'b', key.columns)
    const [found] = await ask<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${within('base', table)} AS b ` +
        `WHERE EXISTS (SELECT FROM ${reset} AS r WHERE ${equal('r', table.primaryKey, 'b', table.primaryKey)}) ` +
        `AND EXISTS (SELECT FROM ${within('original', parent)} AS o WHERE ${refers('o')}) ` +
        `AND NOT EXISTS (SELECT FROM ${within('local', parent)} AS l WHERE ${refers('l')})`,
    )
    if (found !== undefined && found.n > 0)
      throw new ShadowError(
        `${found.n} rows of ${table.name} on "${alias}" would come back, and refer to rows of ${parent.name} that are deleted there. Nothing was reset. Reset ${parent.name}, or all tables.`,
      )
  }
}
