import type { TableName } from '../../../topology/table-map.ts'
import { CopyError } from '../errors.ts'
import type { Place } from '../place.ts'
import { mysqlShape } from './mysql-shape.ts'
import { postgresShape } from './postgres-shape.ts'
import { sqliteShape } from './sqlite-shape.ts'
import type { TableShape } from './table-shape.ts'

const readers = { postgres: postgresShape, mysql: mysqlShape, sqlite: sqliteShape }

/** Throws `CopyError` if there is no such table, or it has no primary key. */
export async function readShape(place: Place, table: TableName, name: string): Promise<TableShape> {
  const shape = await readers[place.engine](place, table)
  const where = { database: place.database }
  if (shape === undefined)
    throw new CopyError(`There is no table ${name} in "${place.database}". Nothing was copied.`, name, where)
  if (shape.key.length > 0) return shape
  throw new CopyError(
    `${name} has no primary key in "${place.database}", so that its rows cannot be told apart, nor found again. Nothing was copied. Give it one.`,
    name,
    where,
  )
}
