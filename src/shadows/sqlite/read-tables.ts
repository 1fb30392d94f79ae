import { localName, type ForeignKey, type KeyColumn, type ShadowColumn, type TableFacts } from '../shadow-table.ts'
import { text } from './quote.ts'

/** Asks one connection; a row is an object. */
export type Ask = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>

/** What a schema of SQLite holds. */
export interface SchemaObject {
  readonly type: 'table' | 'view' | 'index' | 'trigger'
  readonly name: string
  /** The table of an index or a trigger. */
  readonly table: string
  /** Absent of indexes that a UNIQUE or PRIMARY KEY makes. */
  readonly sql: string | undefined
}

/** Everything in a schema that the application has put there. */
export async function readObjects(ask: Ask, schema: string): Promise<readonly SchemaObject[]> {
  const rows = await ask(`SELECT type, name, tbl_name, sql FROM ${schema}.sqlite_schema ORDER BY rowid`)
  return rows
    .filter(({ name }) => !String(name).startsWith('sqlite_'))
    .map(({ type, name, tbl_name: table, sql }) => ({
      type: String(type) as SchemaObject['type'],
      name: String(name),
      table: String(table),
      sql: typeof sql === 'string' ? sql : undefined,
    }))
}

/** The facts of one table. `stored`: the name that it has in this schema. */
export async function readFacts(ask: Ask, schema: string, name: string, stored = name): Promise<TableFacts> {
  const from = (pragma: string, argument: string): string => `pragma_${pragma}(${text(argument)}, ${text(schema)})`
  const rows = await ask(
    `SELECT name, type, "notnull", pk, hidden, dflt_value FROM ${from('table_xinfo', stored)} ORDER BY cid`,
  )
  const [options] = await ask(
    `SELECT wr, strict FROM pragma_table_list(${text(stored)}) WHERE schema = ${text(schema)}`,
  )
  const [hasRows, isStrict] = [Number(options?.['wr']) === 0, Number(options?.['strict']) === 1]
  const { primary, unique } = await readKeys(ask, from, stored)
  const columns = rows.filter(({ hidden }) => Number(hidden) !== 1).map((row) => columnOf(row, isStrict))
  const declared = rows.filter(({ pk }) => Number(pk) > 0).toSorted((a, b) => Number(a['pk']) - Number(b['pk']))
  const numbered = declared.length === 1 && /^integer$/i.test(String(declared[0]?.['type'])) && primary === undefined
  const mayBeNull = new Set(
    hasRows ? declared.filter((row) => Number(row['notnull']) === 0).map((row) => row['name']) : [],
  )
  const taken = new Set(columns.map((column) => column.name.toLowerCase()))
  const rowNames = hasRows ? ['rowid', '_rowid_', 'oid'].filter((each) => !taken.has(each)) : []
  const [rowNumber] = numbered ? [] : rowNames
  return {
    name,
    columns,
    primaryKey: numbered
      ? declared.map((row) => ({ name: String(row['name']) }))
      : (primary ?? []).map((key) => ({ ...key, ...(mayBeNull.has(key.name) ? { isNullable: true as const } : {}) })),
    uniqueKeys: unique,
    foreignKeys: await readForeignKeys(ask, from('foreign_key_list', stored), schema),
    ...(numbered ? { numbered: String(declared[0]?.['name']) } : {}),
    ...(rowNumber === undefined ? {} : { rowNumber }),
    rowNames,
  }
}

function columnOf(row: Readonly<Record<string, unknown>>, isStrict: boolean): ShadowColumn {
  const { name, type, hidden, notnull, dflt_value: preset } = row
  return {
    name: String(name),
    type: String(type),
    isGenerated: Number(hidden) > 1,
    isRequired: Number(notnull) === 1,
    ...(isStrict && /^any$/i.test(String(type)) ? { isAny: true } : {}),
    ...(typeof preset === 'string' ? { preset: valueText(preset) } : {}),
  }
}

/** A default as an expression. Without brackets, SQLite takes a name for a text, whatever quotes it has. */
function valueText(preset: string): string {
  if (/^(?:null|true|false|current_(?:time|date|timestamp))$/i.test(preset)) return preset
  if (/^[\p{L}_][\p{L}\p{N}_$]*$/u.test(preset)) return text(preset)
  const [quoted, , inner] = /^(["`])((?:(?!\1).|\1\1)*)\1$/s.exec(preset) ?? []
  if (quoted !== undefined && inner !== undefined)
    return text(inner.replaceAll(preset.slice(0, 1).repeat(2), preset.slice(0, 1)))
  const [bracketed] = /^\[([^\]]*)\]$/.exec(preset) ?? []
  return bracketed === undefined ? preset : text(bracketed.slice(1, -1))
}

interface IndexKeys {
  /** Absent where the primary key is the row's number. */
  readonly primary: readonly KeyColumn[] | undefined
  readonly unique: readonly (readonly KeyColumn[])[]
}

async function readKeys(
  ask: Ask,
  from: (pragma: string, argument: string) => string,
  stored: string,
): Promise<IndexKeys> {
  const indexes = await ask(`SELECT name, origin FROM ${from('index_list', stored)} WHERE "unique" = 1 ORDER BY seq`)
  const unique: (readonly KeyColumn[])[] = []
  let primary: readonly KeyColumn[] | undefined
  for (const { name: index, origin } of indexes) {
    const parts = await ask(`SELECT name, coll FROM ${from('index_xinfo', String(index))} WHERE key = 1 ORDER BY seqno`)
    // Of an expression there is no name.
    const key = parts.map(({ name: column, coll }) => ({
      name: typeof column === 'string' ? column : '',
      collation: String(coll),
    }))
    if (origin === 'pk') primary = key
    else unique.push(key)
  }
  return { primary, unique }
}

async function readForeignKeys(ask: Ask, from: string, schema: string): Promise<readonly ForeignKey[]> {
  const rows = await ask(`SELECT id, "table", "from", "to", on_delete FROM ${from} ORDER BY id, seq`)
  const grouped = Map.groupBy(rows, ({ id }) => id)
  return await Promise.all(
    [...grouped.values()].map(async (parts): Promise<ForeignKey> => {
      const table = String(parts[0]?.['table'])
      const referenced = parts.map(({ to }) => to)
      // Without columns, the primary key of the other table is meant.
      const primary = referenced.includes(null)
        ? await ask(`SELECT name FROM pragma_table_xinfo(${text(table)}, ${text(schema)}) WHERE pk > 0 ORDER BY pk`)
        : undefined
      return {
        columns: parts.map(({ from: column }) => String(column)),
        table: shownName(table),
        setsNull: String(parts[0]?.['on_delete']).toUpperCase() === 'SET NULL',
        referenced: primary?.map(({ name }) => String(name)) ?? referenced.map(String),
      }
    }),
  )
}

/** The name that the application knows a stored table by. */
export function shownName(stored: string): string {
  const prefix = localName('')
  return stored.startsWith(prefix) ? stored.slice(prefix.length) : stored
}
