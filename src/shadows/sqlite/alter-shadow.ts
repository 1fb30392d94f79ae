import type { Shadow } from '../../topology/shadow.ts'
import { countsText } from '../changes/change-texts.ts'
import { refuseLosses } from '../changes/losses.ts'
import { incomparable } from '../changes/row-change.ts'
import type { CreatedShadow } from '../changes/shadow-store.ts'
import { localName, originalName, type ShadowTable, type Storage } from '../shadow-table.ts'
import { forgettingSql } from './column-record.ts'
import { creationSql, plannedTables, recordTable, refuseOccupied, type PlannedTable } from './create-shadow.ts'
import { knownName } from './known-keys.ts'
import { baseSchema } from './overlay.ts'
import { quote, text } from './quote.ts'
import { readObjects, type Ask } from './read-tables.ts'
import type { Send } from './reset-shadow.ts'
import { keptTables, readRecord } from './sqlite-shadow.ts'
import { sqliteTexts } from './sqlite-texts.ts'

/**
 * Makes a shadow what its declarations say: new, or with the tables that were declared since. Where a table was kept otherwise, that goes.
 * On a connection that checks no foreign keys.
 *
 * Throws `ShadowError` if changes would go with it.
 */
export async function alterShadow(ask: Ask, send: Send, alias: string, shadow: Shadow): Promise<CreatedShadow> {
  const objects = await readObjects(ask, baseSchema)
  const planned = await plannedTables(ask, objects, shadow)
  const recorded = (await readRecord(ask)) ?? new Map<string, Storage>()
  const wanted = new Map(planned.map(({ facts, storage }) => [facts.name, storage]))
  const other = [...recorded].filter(([name, storage]) => wanted.get(name) !== storage).map(([name]) => name)
  const isRelabelled = (name: string): boolean => isLaidOver(recorded.get(name)) && isLaidOver(wanted.get(name))
  const kept = other.length === 0 ? [] : await keptTables(ask, recorded)
  const otherwise = kept
    .filter(({ name }) => other.includes(name))
    .map((table) => ({ table, now: wanted.get(table.name) }))
  await refuseLosses(alias, otherwise, async (table) => await changeCount(table, ask))
  const gone = other.filter((name) => !isRelabelled(name))
  for (const name of gone) await send([...removal(name, recorded.get(name)), ...(await forgettingSql(ask, name))])
  const relabelled = other.filter(isRelabelled).map((name) => relabelling(name, wanted.get(name)))
  if (relabelled.length > 0) await send(relabelled)
  const made = planned.filter(({ facts }) => gone.includes(facts.name) || !recorded.has(facts.name))
  const laidOver = [...recorded].filter(([name, storage]) => !gone.includes(name) && isLaidOver(storage))
  await makeTables(
    made,
    laidOver.map(([name]) => name),
    { ask, send, alias, objects },
  )
  return {
    tables: planned.map(({ facts, storage }) => ({ name: facts.name, storage })),
    made: made.map(({ facts }) => facts.name),
  }
}

/** The same tables are kept of both: of a mirror only other rows become local. */
function isLaidOver(storage: Storage | undefined): boolean {
  return storage === 'augment' || storage === 'mirror'
}

async function makeTables(
  made: readonly PlannedTable[],
  laidOver: readonly string[],
  {
    ask,
    send,
    alias,
    objects,
  }: {
    readonly ask: Ask
    readonly send: Send
    readonly alias: string
    readonly objects: Awaited<ReturnType<typeof readObjects>>
  },
): Promise<void> {
  const names = made.map(({ facts }) => facts.name)
  await refuseOccupied(ask, alias, names)
  // Foreign keys of the new tables name the old ones as the base does: those get their names back for a moment.
  await send(laidOver.map((name) => `ALTER TABLE main.${quote(localName(name))} RENAME TO ${quote(name)}`))
  await send(creationSql(made, objects))
  await send(laidOver.map((name) => `ALTER TABLE main.${quote(name)} RENAME TO ${quote(localName(name))}`))
}

async function changeCount(table: ShadowTable, ask: Ask): Promise<number> {
  if (table.storage === 'replace' || incomparable(table) !== undefined) {
    const [found] = await ask(`SELECT count(*) AS n FROM ${sqliteTexts.local(table)}`)
    return Number(found?.['n'] ?? 0)
  }
  const [found] = await ask(`SELECT sum(n) AS n FROM (${countsText(table, sqliteTexts)})`)
  return Number(found?.['n'] ?? 0)
}

function removal(name: string, storage: Storage | undefined): readonly string[] {
  const tables = storage === 'replace' ? [name] : [localName(name), originalName(name), knownName(name)]
  return [
    ...tables.map((table) => `DROP TABLE main.${quote(table)}`),
    `DELETE FROM main.${quote(recordTable)} WHERE name = ${text(name)}`,
  ]
}

function relabelling(name: string, storage: Storage | undefined): string {
  return `UPDATE main.${quote(recordTable)} SET storage = ${text(storage ?? 'mirror')} WHERE name = ${text(name)}`
}
