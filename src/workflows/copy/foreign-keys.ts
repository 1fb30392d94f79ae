import { quotedName, quotedTable } from '../../statement/quotes.ts'
import type { TableName } from '../../topology/table-map.ts'
import { CopyError } from './errors.ts'
import type { Place } from './place.ts'
import type { Reference, TableShape } from './shapes/table-shape.ts'
import type { TableOrder } from './table-order.ts'

/** A table in its order, as the target has it. */
export interface OrderedTable {
  readonly name: string
  readonly table: TableName
  readonly shape: TableShape
}

/**
 * Refuses circles that nothing can satisfy: those over several tables in batches that are committed one by one, and those of which a foreign key is checked
 * at once. Throws `CopyError`.
 */
export function refuseCircles(place: Place, { circles }: TableOrder<OrderedTable>, inParts: boolean): void {
  for (const { table, references } of circles) {
    const others = references.filter(({ to }) => to !== table.shape.id)
    const stiff = others.filter(({ deferrable }) => !deferrable)
    const where = { database: place.database }
    if (others.length > 0 && inParts)
      throw new CopyError(
        `${table.name} and others point at each other in a circle (${named(others)}), so that no batch can be committed before the others. Nothing was copied. ` +
          'Copy them without resume, in one transaction.',
        table.name,
        where,
      )
    if (stiff.length > 0 && place.engine === 'postgres')
      throw new CopyError(
        `${table.name} and others point at each other in a circle, and PostgreSQL checks ${named(stiff)} at once. Nothing was copied. ` +
          `Let it wait for the end of the transaction: alter table ${table.name} alter constraint ${stiff[0]!.name} deferrable.`,
        table.name,
        where,
      )
  }
}

/**
 * MySQL and MariaDB check each row at once, and cannot be told to wait: for the tables of a circle the checks are switched off, and made up for by
 * `checkReferences`.
 */
export async function withoutChecks<T>(place: Place, isInCircle: boolean, copy: () => Promise<T>): Promise<T> {
  if (place.engine !== 'mysql' || !isInCircle) return await copy()
  await place.query('set foreign_key_checks = 0', [], 'session')
  const result = await copy()
  await place.query('set foreign_key_checks = 1', [], 'session')
  return result
}

/** Throws `CopyError` if a row of the table points at one that is not there. */
export async function checkReferences(place: Place, { name, table, shape }: OrderedTable): Promise<void> {
  for (const reference of shape.references) {
    const same = reference.columns.map(
      (column, index) => `c.${quotedName('mysql', column)} = p.${quotedName('mysql', reference.toColumns[index]!)}`,
    )
    const given = reference.columns.map((column) => `c.${quotedName('mysql', column)} is not null`)
    const { rows } = await place.query(
      `select 1 from ${quotedTable('mysql', table)} c where ${given.join(' and ')}
        and not exists (select 1 from ${reference.toText} p where ${same.join(' and ')}) limit 1`,
    )
    if (rows.length === 0) continue
    throw new CopyError(
      `A row of ${name} points at one that is not in "${place.database}" (${reference.name}). Everything was rolled back. Copy what it points at as well.`,
      name,
      { database: place.database },
    )
  }
}

function named(references: readonly Reference[]): string {
  return references.map(({ name }) => name).join(', ')
}
