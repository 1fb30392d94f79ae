import { ShadowError } from '../../errors.ts'
import type { DriverPool, Lease } from '../../drivers/driver.ts'
import type { Shadow } from '../../topology/shadow.ts'
import { ShadowCatalogue } from '../shadow-catalogue.ts'
import { localName, type ShadowTable, type Storage, type TableFacts } from '../shadow-table.ts'
import { readRecordedColumns, withRecord, type RecordedColumn } from './column-record.ts'
import { creationSql, plannedTables, recordTable, refuseOccupied } from './create-shadow.ts'
import { baseSchema, overlaySql } from './overlay.ts'
import { quote, text } from './quote.ts'
import { readFacts, readObjects, type Ask, type SchemaObject } from './read-tables.ts'

/** Opens the base beside the local file. SQLite keeps what is attached so from being written. */
export function attachBase(file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return `ATTACH ${text(`file:${path}?mode=ro`)} AS ${baseSchema}`
}

/** What every connection of a shadow begins with, and what is known of its tables. */
export interface OpenedShadow {
  readonly setup: readonly string[]
  readonly catalogue: ShadowCatalogue
}

/**
 * Learns what the shadow keeps, and makes what is missing. `pool`: of the local file, with the base attached, and nothing more.
 *
 * Throws `ShadowError` where the shadow was made for other declarations.
 */
export async function openSqliteShadow(pool: DriverPool, alias: string, shadow: Shadow): Promise<OpenedShadow> {
  const lease = await pool.lease({ access: 'write' })
  try {
    await lease.begin({})
    const opened = await prepare(lease, alias, shadow)
    await lease.commit()
    return opened
  } finally {
    await lease.release('destroy')
  }
}

async function prepare(lease: Lease, alias: string, shadow: Shadow): Promise<OpenedShadow> {
  const ask: Ask = async (sql) =>
    (await lease.query({ sql, params: [], access: 'read' })).rows as readonly Readonly<Record<string, unknown>>[]
  const objects = await readObjects(ask, baseSchema)
  const recorded = await readRecord(ask)
  const planned = await plannedTables(ask, objects, shadow)
  if (recorded === undefined) {
    await refuseOccupied(
      ask,
      alias,
      planned.map(({ facts }) => facts.name),
    )
    for (const sql of creationSql(planned, objects)) await lease.query({ sql, params: [], access: 'write' })
  } else {
    compare(
      alias,
      planned.map(({ facts, storage }) => [facts.name, storage] as const),
      recorded,
    )
  }
  const added = await readRecordedColumns(ask)
  const tables = await Promise.all(
    planned.map(async ({ facts, storage }) => await keptTable(ask, storage, facts, added.get(facts.name))),
  )
  await continueNumbers(ask, lease, tables)
  const baseNames = objects.filter(({ type }) => type === 'table' || type === 'view').map(({ name }) => name)
  return {
    setup: overlaySql(tables, viewsOf(objects)),
    catalogue: new ShadowCatalogue({ alias, base: shadow.base, tables, baseNames, foldsNames: true }),
  }
}

/** The tables that a shadow keeps something of, whatever is declared. */
export async function keptTables(ask: Ask, recorded: ReadonlyMap<string, Storage>): Promise<readonly ShadowTable[]> {
  const added = await readRecordedColumns(ask)
  return await Promise.all(
    [...recorded].map(
      async ([name, storage]) => await keptTable(ask, storage, await readFacts(ask, baseSchema, name), added.get(name)),
    ),
  )
}

async function keptTable(
  ask: Ask,
  storage: Storage,
  { name, columns }: TableFacts,
  added: readonly RecordedColumn[] = [],
): Promise<ShadowTable> {
  const local = await readFacts(ask, 'main', name, storage === 'replace' ? name : localName(name))
  return {
    ...local,
    columns: withRecord(local.columns, added),
    storage,
    baseColumns: columns.map((column) => column.name),
  }
}

/** AUTOINCREMENT gives no number twice, and so not those of rows that the base has deleted. */
async function continueNumbers(ask: Ask, lease: Lease, tables: readonly ShadowTable[]): Promise<void> {
  const used = async (schema: string): Promise<ReadonlyMap<string, bigint>> => {
    const there = await ask(`SELECT 1 FROM ${schema}.sqlite_schema WHERE name = 'sqlite_sequence'`)
    if (there.length === 0) return new Map()
    const rows = await ask(`SELECT name, CAST(max(seq) AS TEXT) AS seq FROM ${schema}.sqlite_sequence GROUP BY name`)
    return new Map(rows.map(({ name, seq }) => [String(name), BigInt(String(seq))]))
  }
  const [base, local] = [await used(baseSchema), await used('main')]
  for (const { name, storage } of tables) {
    const [last, own] = [base.get(name), local.get(localName(name))]
    if (storage !== 'augment' || last === undefined || (own !== undefined && own >= last)) continue
    const stored = text(localName(name))
    for (const sql of [
      `DELETE FROM main.sqlite_sequence WHERE name = ${stored}`,
      `INSERT INTO main.sqlite_sequence (name, seq) VALUES (${stored}, ${last})`,
    ])
      await lease.query({ sql, params: [], access: 'write' })
  }
}

/** Views of the base, made once more where their tables are the ones that are shown. */
function viewsOf(objects: readonly SchemaObject[]): readonly string[] {
  return objects.flatMap(({ type, sql }) =>
    type === 'view' && sql !== undefined
      ? [sql.replace(/^\s*create\s+(?:temp(?:orary)?\s+)?view/i, 'CREATE TEMP VIEW')]
      : [],
  )
}

/** How each table is kept; `undefined`: nothing was made yet. */
export async function readRecord(ask: Ask): Promise<ReadonlyMap<string, Storage> | undefined> {
  const found = await ask(`SELECT 1 FROM main.sqlite_schema WHERE name = ${text(recordTable)}`)
  if (found.length === 0) return undefined
  const rows = await ask(`SELECT name, storage FROM main.${quote(recordTable)}`)
  return new Map(rows.map(({ name, storage }) => [String(name), String(storage) as Storage]))
}

function compare(
  alias: string,
  planned: readonly (readonly [name: string, storage: Storage])[],
  recorded: ReadonlyMap<string, Storage>,
): void {
  const changed = planned.filter(([name, storage]) => recorded.get(name) !== storage).map(([name]) => name)
  const names = new Set(planned.map(([name]) => name))
  const gone = [...recorded.keys()].filter((name) => !names.has(name))
  if (changed.length + gone.length > 0)
    throw new ShadowError(
      `The shadow "${alias}" was made for other declarations: ${[...changed, ...gone].join(', ')} differ. ` +
        `Declare them as before, or call client.shadow('${alias}').create(), which loses no changes.`,
    )
}
