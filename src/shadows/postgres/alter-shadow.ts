import { ShadowError } from '../../errors.ts'
import { countsText } from '../changes/change-texts.ts'
import { refuseLosses } from '../changes/losses.ts'
import { incomparable } from '../changes/row-change.ts'
import { writtenColumns, type Storage } from '../shadow-table.ts'
import { typed } from './creation.ts'
import { buildShadow, readSchemaOf, refuseOccupied, runAll, type Making, type Staying } from './make-shadow.ts'
import { keptSchemas, names, quote, schemas, text, within } from './names.ts'
import { planRelations, type PlannedRelation } from './plan-tables.ts'
import type { BaseRelation, BaseSchema, NumberedColumn, PostgresFacts, PostgresTable } from './postgres-table.ts'
import { postgresTexts } from './postgres-texts.ts'
import type { Ask } from './read-base.ts'
import { keptTables, recordedTables, shadowPlaces, type RecordedTable } from './shadow-record.ts'

/**
 * Makes a shadow what its declarations say: with the tables that were declared since, or that the base has got. Tables that were there keep
 * the columns that they had. All is made anew, and the rows that stay are put back. Gives the names of the tables that are new.
 *
 * Throws `ShadowError` if changes would go with a table that is declared otherwise.
 */
export async function alterShadow(making: Making): Promise<readonly string[]> {
  const { ask, run, alias, shadow } = making
  const recorded = await recordedTables(ask)
  const read = await asRecorded(await readSchemaOf(making), recorded, ask)
  const planned = planRelations(read, shadow)
  if (isSame(recorded, planned)) return []
  const before = new Map(keptTables(recorded).map((table) => [table.name, table]))
  const after = new Map(planned.flatMap(({ table }) => (table === undefined ? [] : [[table.name, table]])))
  const otherwise = [...before.values()]
    .map((table) => ({ table, now: after.get(table.name)?.storage }))
    .filter(({ table, now }) => table.storage !== now)
  await refuseLosses(alias, otherwise, async (table) => await changeCount(table, ask))
  const known = new Set(recorded.map(({ name }) => name))
  await refuseOccupied(
    ask,
    alias,
    read.relations.filter(({ facts }) => !known.has(facts.name)),
  )
  const staying = await clear(making, recorded, planned)
  await buildShadow(making, read, planned, staying)
  await run(`DROP SCHEMA ${holdSchema} CASCADE`)
  for (const { name, storage } of before.values())
    if (isLaidOver(storage) && after.get(name)?.storage === 'augment' && (await hasRows(after.get(name)!, ask)))
      await run(`SELECT ${schemas.merged}.wake(${text(name)})`)
  return [...after.values()]
    .filter(({ name, storage }) => isNew(before.get(name)?.storage, storage))
    .map(({ name }) => name)
}

/** Where views find their columns while everything below them is made anew. */
const holdSchema = `${schemas.merged}_hold`

/** The same tables are kept of both. */
function isLaidOver(storage: Storage | undefined): boolean {
  return storage === 'augment' || storage === 'mirror'
}

function isNew(before: Storage | undefined, after: Storage): boolean {
  return before !== after && !(isLaidOver(before) && isLaidOver(after))
}

/** The base as it is now; its tables that the shadow knows, as it knows them, with numbers that nothing has used. */
async function asRecorded(read: BaseSchema, recorded: readonly RecordedTable[], ask: Ask): Promise<BaseSchema> {
  const known = new Map(recorded.map((each) => [each.name, each]))
  const relations: BaseRelation[] = []
  for (const relation of read.relations) {
    const found = known.get(relation.facts.name)
    if (found === undefined) relations.push(relation)
    else
      relations.push({
        ...relation,
        facts: { ...factsOf(found), numbers: await numbersOf(relation.facts, found, ask) },
      })
  }
  return { ...read, relations }
}

function factsOf({ facts }: RecordedTable): PostgresFacts {
  if (!('storage' in facts)) return facts
  const { storage: _storage, stored: _stored, baseColumns: _columns, ...own } = facts
  return own
}

async function numbersOf(
  { numbers }: PostgresFacts,
  { facts }: RecordedTable,
  ask: Ask,
): Promise<readonly NumberedColumn[]> {
  if (!('storage' in facts)) return numbers
  const found: NumberedColumn[] = []
  for (const number of numbers) {
    const own = number.sequence ?? (await ownSequence(facts, number.column, ask))
    const [used] =
      own === undefined
        ? []
        : await ask<{ last: string }>(`SELECT last_value::text AS last FROM ${own} WHERE is_called`)
    const isHigher = used !== undefined && (number.last === null || BigInt(used.last) > BigInt(number.last))
    found.push(isHigher ? { ...number, last: used.last } : number)
  }
  return found
}

async function ownSequence({ stored }: PostgresTable, column: string, ask: Ask): Promise<string | undefined> {
  const [found] = await ask<{ name: string | null }>(
    `SELECT pg_get_serial_sequence(${text(stored)}, ${text(column)}) AS name`,
  )
  return found?.name ?? undefined
}

function isSame(recorded: readonly RecordedTable[], planned: readonly PlannedRelation[]): boolean {
  const line = (name: string, kind: string, facts: object): string =>
    `${name} ${kind} ${'storage' in facts ? String(facts.storage) : ''}`
  const now = planned.map(({ relation, kind, table }) => line(relation.facts.name, kind, table ?? relation.facts))
  const was = new Set(recorded.map(({ name, kind, facts }) => line(name, kind, facts)))
  return now.length === was.size && now.every((each) => was.has(each))
}

async function changeCount(table: PostgresTable, ask: Ask): Promise<number> {
  const counted =
    table.storage === 'replace' || incomparable(table) !== undefined
      ? `SELECT count(*) AS n FROM ${table.stored}`
      : `SELECT sum(n) AS n FROM (${countsText(table, postgresTexts)}) AS counts`
  const [found] = await ask<{ n: number | null }>(counted)
  return found?.n ?? 0
}

async function hasRows(table: PostgresTable, ask: Ask): Promise<boolean> {
  const [found] = await ask<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM ${table.stored}) OR EXISTS (SELECT FROM ${within('original', table)}) AS some`,
  )
  return found?.some === true
}

/** Takes away what is made anew, and says what stays. What the application has made of the views stays with them. */
async function clear(
  { ask, run, lease, alias }: Making,
  recorded: readonly RecordedTable[],
  planned: readonly PlannedRelation[],
): Promise<Staying> {
  const places = await shadowPlaces(ask)
  const after = new Map(planned.map((each) => [each.relation.facts.name, each]))
  const restored: string[] = []
  const dropped: string[] = []
  const stayingTables = new Set<string>()
  await run(`CREATE SCHEMA ${holdSchema}`)
  for (const [place, { name, type, facts }] of recorded.entries()) {
    const storage = 'storage' in facts ? facts.storage : undefined
    const now = after.get(name)
    const isTable = storage === 'replace'
    if (isTable && now?.table?.storage === 'replace') stayingTables.add(name)
    else if (type === 'view' || now === undefined || isTable || now.table?.storage === 'replace')
      dropped.push(`DROP ${isTable ? 'TABLE' : 'VIEW'} IF EXISTS ${facts.shown}`)
    else await hold(facts, `${holdSchema}.t${place}`, run)
    if ('storage' in facts && isLaidOver(storage) && now?.table !== undefined && isLaidOver(now.table.storage))
      restored.push(...(await setAside(facts, now.table, `pg_temp.signalbox_${place}`, run)))
  }
  // Views may need one another.
  const left = await runAll(lease, run, dropped)
  if (left.length > 0)
    throw new ShadowError(
      `The shadow "${alias}" cannot be made anew: other views or tables of the local database need what would go (${left.join('; ')}). Nothing was made. Drop them first.`,
    )
  for (const each of places.schemas)
    for (const schema of keptSchemas(each === places.main ? undefined : each))
      await run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  return {
    tables: stayingTables,
    sequences: new Set(places.sequences),
    restore: async () => {
      for (const sql of restored) await run(sql)
    },
  }
}

/** A view keeps its columns, but nothing below it. */
async function hold({ shown, declared, own = [] }: PostgresFacts, as: string, run: Making['run']): Promise<void> {
  const columns = [...declared, ...own]
  await run(`CREATE TABLE ${as} (${columns.map(typed).join(', ')})`)
  await run(`CREATE OR REPLACE VIEW ${shown} AS SELECT ${names(columns.map(({ name }) => name))} FROM ${as}`)
}

/** Copies the rows of a table, and gives the statements that put them back. */
async function setAside(
  table: PostgresTable,
  now: PostgresTable,
  as: string,
  run: Making['run'],
): Promise<readonly string[]> {
  const columns = names(writtenColumns(table).map(({ name }) => name))
  const sides = [
    [table.stored, now.stored, `${as}_local`],
    [within('original', table), within('original', now), `${as}_original`],
  ] as const
  for (const [from, , aside] of sides)
    await run(
      `CREATE TEMP TABLE ${quote(aside.replace('pg_temp.', ''))} ON COMMIT DROP AS SELECT ${columns} FROM ${from}`,
    )
  return sides.map(
    ([, to, aside]) => `INSERT INTO ${to} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${aside}`,
  )
}
