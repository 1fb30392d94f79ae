import { quotedTable } from '../../../statement/quotes.ts'
import type { TableName } from '../../../topology/table-map.ts'
import type { Place } from '../place.ts'
import { sqliteKinds } from '../values/sqlite-codec.ts'
import type { TableShape } from './table-shape.ts'

/** Reads what SQLite says of a table; `undefined` if there is none. */
export async function sqliteShape(place: Place, { schema = 'main', name }: TableName): Promise<TableShape | undefined> {
  const named = [name, schema]
  const { rows } = await place.query(`select name, type, pk, hidden from pragma_table_xinfo(?, ?)`, named)
  if (rows.length === 0) return undefined
  const links = await place.query(
    `select id, "table", "from", "to" from pragma_foreign_key_list(?, ?) order by id, seq`,
    named,
  )
  return {
    id: idOf(schema, name),
    columns: rows.map(([column, given, , hidden]) => {
      const type = String(given).toLowerCase()
      return { name: String(column), type, base: type, kinds: sqliteKinds(type), generated: Number(hidden) > 1 }
    }),
    key: rows
      .filter(([, , place]) => Number(place) > 0)
      .sort((one, other) => Number(one[2]) - Number(other[2]))
      .map(([column]) => String(column)),
    references: [...Map.groupBy(links.rows, ([id]) => Number(id)).values()].map((parts) => {
      const to = String(parts[0]?.[1])
      const isNamed = parts.every((part) => part[3] !== null)
      return {
        name: `the foreign key (${parts.map((part) => String(part[2])).join(', ')})`,
        columns: parts.map((part) => String(part[2])),
        to: idOf(schema, to),
        toText: quotedTable('sqlite', { schema, name: to }),
        toColumns: isNamed ? parts.map((part) => String(part[3])) : [],
        // Any can be, for one transaction.
        deferrable: true,
      }
    }),
  }
}

function idOf(schema: string, name: string): string {
  return `${schema}.${name}`.toLowerCase()
}
