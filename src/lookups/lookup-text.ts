import type { Engine } from '../drivers/driver.ts'
import { QueryError } from '../errors.ts'
import { marks } from '../statement/parameter-marks.ts'

/** The entries, in the control database: value → shard key. */
export const entryTable = 'signalbox_lookup'
/** The claims, on each shard: who has written a value in a transaction there, or must not any more. */
export const claimTable = 'signalbox_lookup_claim'

/** The definitions of both tables, for those who make their tables themselves. */
export function definitionOf(engine: Engine, table: typeof entryTable | typeof claimTable): string {
  const exact = engine === 'mysql' ? ' character set utf8mb4 collate utf8mb4_bin' : ''
  const value = engine === 'postgres' ? 'varchar(255) collate "C"' : `varchar(255)${exact}`
  const others =
    table === entryTable
      ? `shard_key text${exact} not null, holder varchar(36) not null, primary key (lookup, value)`
      : 'holder varchar(36) not null, state varchar(4) not null, primary key (lookup, value, holder)'
  const tail = engine === 'mysql' ? ' engine = InnoDB' : ''
  return `create table if not exists ${table} (lookup varchar(128)${exact} not null, value ${value} not null, ${others})${tail}`
}

/**
 * PostgreSQL: a commit of the index must not get lost with the server either, where its default leaves that to chance; stronger
 * settings stay.
 */
export function durably(engine: Engine): string {
  if (engine !== 'postgres') return 'where true'
  return "where case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', true) else '' end is not null"
}

/**
 * Inserts a row, unless one with its key is there. MySQL has no `ON CONFLICT`; its `IGNORE` would let wrong values pass, and its
 * error leaves the transaction as it was.
 */
export function insertText(engine: Engine, table: string, columns: readonly string[]): string {
  const values = marks(engine, columns.length).join(', ')
  const text = `insert into ${table} (${columns.join(', ')})`
  if (engine === 'mysql') return `${text} values (${values})`
  return `${text} select ${values} ${durably(engine)} on conflict do nothing`
}

const takenCodes: ReadonlySet<string | undefined> = new Set(['23505', 'ER_DUP_ENTRY'])

/** Whether `work`, which inserts a row by `insertText`, has done so. */
export async function hasInserted(work: Promise<{ readonly rowCount: number }>): Promise<boolean> {
  try {
    return (await work).rowCount === 1
  } catch (error) {
    if (error instanceof QueryError && takenCodes.has(error.engineCode)) return false
    throw error
  }
}
