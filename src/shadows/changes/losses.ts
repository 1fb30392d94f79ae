import { ShadowError } from '../../errors.ts'
import type { ShadowTable, Storage } from '../shadow-table.ts'
import { addedColumns } from './added-columns.ts'

/** A table that a shadow keeps otherwise from now on. */
export interface OtherwiseKept<T extends ShadowTable = ShadowTable> {
  readonly table: T
  /** `undefined`: as the base has it. */
  readonly now: Storage | undefined
}

/** Throws `ShadowError` if changes, or columns that were added here, would go with how tables were kept. */
export async function refuseLosses<T extends ShadowTable>(
  alias: string,
  tables: Iterable<OtherwiseKept<T>>,
  changeCount: (table: T) => Promise<number>,
): Promise<void> {
  const losses: string[] = []
  for (const { table, now } of tables) {
    // It has rows of the base alone.
    if (table.storage === 'mirror') continue
    const count = await changeCount(table)
    const columns = addedColumns(table).map((column) => `, column ${column}`)
    if (count + columns.length > 0)
      losses.push(`${table.name} (${count} rows${columns.join('')}, now "${now ?? 'base'}")`)
  }
  if (losses.length > 0)
    throw new ShadowError(
      `The shadow "${alias}" has changes that what is declared now would lose: ${losses.join(', ')}. Nothing was made. Declare these tables as before, or reset them first.`,
    )
}
