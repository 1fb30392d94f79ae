import type { ColumnValues } from '../analysis.ts'
import type { Condition } from './conditions.ts'
import type { Appearance } from './tables.ts'

/**
 * The conditions that hold for everything the text does to a table.
 *
 * A table that appears more than once keeps only the conditions that all its appearances share: a subquery without the
 * condition would read other rows. Appearances count by name alone, for `t` and `public.t` may be the same table. A
 * condition on a column of no certain table is kept only if all tables of the text stand in its own query level.
 */
export function soundValues(conditions: readonly Condition[], appearances: readonly Appearance[]): ColumnValues[] {
  if (conditions.length === 0) return []
  const namesakes = Map.groupBy(appearances, (appearance) => appearance.name)
  const holders = new Map<string, { readonly condition: Condition; readonly tables: Set<Appearance | undefined> }>()
  for (const condition of conditions) {
    const key = keyOf(condition)
    const holder = holders.get(key)
    if (holder === undefined) holders.set(key, { condition, tables: new Set([condition.table]) })
    else holder.tables.add(condition.table)
  }
  const values: ColumnValues[] = []
  for (const { condition, tables } of holders.values()) {
    const { table, level } = condition
    const everywhere =
      table === undefined
        ? level?.appearances.length === appearances.length
        : tables.size === namesakes.get(table.name)?.length && (tables.size === 1 || !isUnknown(condition))
    if (everywhere) values.push(columnValues(condition))
  }
  // Consumers take the first entry of a column: one with a known value serves them better.
  return [...values.filter((entry) => !isUnknown(entry)), ...values.filter(isUnknown)]
}

function isUnknown(entry: Pick<ColumnValues, 'values'>): boolean {
  return entry.values.some((value) => value.from === 'expression')
}

function keyOf({ table, column, operator, values }: Condition): string {
  const written = values.map((source) =>
    source.from === 'constant' && typeof source.value === 'bigint' ? `${source.value}n` : JSON.stringify(source),
  )
  return JSON.stringify([table?.name, column, operator, written])
}

function columnValues({ table, column, operator, values }: Condition): ColumnValues {
  if (table === undefined) return { column, operator, values }
  if (table.schema === undefined) return { table: table.name, column, operator, values }
  return { table: table.name, schema: table.schema, column, operator, values }
}
