import { quotedTable } from '../../../statement/quotes.ts'
import type { TableName } from '../../../topology/table-map.ts'
import type { Place } from '../place.ts'
import { mysqlKinds } from '../values/mysql-codec.ts'
import type { Reference, TableShape } from './table-shape.ts'

const schemaMark = 'coalesce(?, database())'

/** Reads what information_schema says of a table; `undefined` if there is none. */
export async function mysqlShape(place: Place, { schema, name }: TableName): Promise<TableShape | undefined> {
  const named = [schema ?? null, name]
  const found = await place.query(
    `select concat(table_schema, '.', table_name) from information_schema.tables
      where table_schema = ${schemaMark} and table_name = ? and table_type = 'BASE TABLE'`,
    named,
  )
  const [id] = found.rows[0] ?? []
  if (id === undefined) return undefined
  const columns = await place.query(
    `select column_name, column_type, coalesce(generation_expression, '') <> '' from information_schema.columns
      where table_schema = ${schemaMark} and table_name = ? order by ordinal_position`,
    named,
  )
  const key = await place.query(
    `select column_name from information_schema.key_column_usage
      where table_schema = ${schemaMark} and table_name = ? and constraint_name = 'PRIMARY' order by ordinal_position`,
    named,
  )
  return {
    id: String(id),
    columns: columns.rows.map(([column, given, generated]) => {
      const type = String(given).toLowerCase()
      return { name: String(column), type, base: type, kinds: mysqlKinds(type), generated: Number(generated) === 1 }
    }),
    key: key.rows.map(([column]) => String(column)),
    references: await references(place, named),
  }
}

async function references(place: Place, named: readonly unknown[]): Promise<readonly Reference[]> {
  const { rows } = await place.query(
    `select constraint_name, referenced_table_schema, referenced_table_name, column_name, referenced_column_name
      from information_schema.key_column_usage
      where table_schema = ${schemaMark} and table_name = ? and referenced_table_name is not null
      order by constraint_name, ordinal_position`,
    named,
  )
  const byName = Map.groupBy(rows as readonly (readonly string[])[], ([name]) => name!)
  return [...byName].map(([name, parts]) => {
    const [, schema = '', table = ''] = parts[0] ?? []
    return {
      name,
      columns: parts.map((part) => part[3]!),
      to: `${schema}.${table}`,
      toText: quotedTable('mysql', { schema, name: table }),
      toColumns: parts.map((part) => part[4]!),
      deferrable: false,
    }
  })
}
