import { quotedTable } from '../../../statement/quotes.ts'
import type { TableName } from '../../../topology/table-map.ts'
import type { Place } from '../place.ts'
import { postgresKinds } from '../values/postgres-codec.ts'
import type { Reference, ShapeColumn, TableShape } from './table-shape.ts'

type Row = readonly (string | null)[]

/** Reads what the catalogue says of a table; `undefined` if there is none. */
export async function postgresShape(place: Place, table: TableName): Promise<TableShape | undefined> {
  const name = quotedTable('postgres', table)
  const found = await place.query(
    `select c.oid::text from pg_catalog.pg_class c where c.oid = to_regclass($1) and c.relkind in ('r', 'p')`,
    [name],
  )
  const [id] = (found.rows as readonly Row[])[0] ?? []
  if (id == null) return undefined
  const columns = await place.query(
    `select a.attname, format_type(a.atttypid, a.atttypmod), coalesce(to_jsonb(a)->>'attgenerated', ''),
        case when coalesce(b.typtype, t.typtype) = 'e' then 'enum' else format_type(coalesce(b.oid, t.oid), null) end,
        pg_get_serial_sequence($2, a.attname)
      from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
        left join pg_catalog.pg_type b on t.typtype = 'd' and b.oid = t.typbasetype
      where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [id, name],
  )
  const key = await place.query(
    `select a.attname from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k(number, place)
        join pg_catalog.pg_attribute a on a.attnum = k.number
      where i.indrelid = $1::oid and i.indisprimary and a.attrelid = i.indrelid and k.place <= i.indnkeyatts order by k.place`,
    [id],
  )
  return {
    id,
    columns: (columns.rows as readonly Row[]).map(columnOf),
    key: key.rows.map(([column]) => String(column)),
    references: await references(place, id),
  }
}

function columnOf([name, type, generated, base, sequence]: Row): ShapeColumn {
  return {
    name: name!,
    type: type!,
    base: base!,
    kinds: postgresKinds(base!),
    generated: generated !== '',
    sequence: sequence ?? undefined,
  }
}

async function references(place: Place, id: string): Promise<readonly Reference[]> {
  const { rows } = await place.query(
    `select c.conname, ${columnsOf('con')}, c.confrelid::text, c.confrelid::regclass::text, ${columnsOf('conf')}, c.condeferrable
      from pg_catalog.pg_constraint c where c.contype = 'f' and c.conrelid = $1::oid order by 1`,
    [id],
  )
  return (rows as readonly (readonly string[])[]).map(([name, columns, to, toText, toColumns, deferrable]) => ({
    name: name!,
    columns: JSON.parse(columns!) as string[],
    to: to!,
    toText: toText!,
    toColumns: JSON.parse(toColumns!) as string[],
    deferrable: deferrable === 't',
  }))
}

/** The columns of a foreign key, in its order. */
function columnsOf(side: 'con' | 'conf'): string {
  return `array_to_json(array(select a.attname::text from unnest(c.${side}key) with ordinality as k(number, place)
    join pg_catalog.pg_attribute a on a.attrelid = c.${side}relid and a.attnum = k.number order by k.place))::text`
}
