import type { Engine } from '../../drivers/driver.ts'
import { ConfigError } from '../../errors.ts'
import type { TableHome, TableName } from '../../topology/table-map.ts'
import type { RowMove, RowValues } from './row-move.ts'

/** A move that was looked through. */
export interface ReadMove {
  readonly table: TableName
  readonly database: string
  readonly shardKey: readonly string[]
  /** The values of the shard key that the row has (`key`), or gets (`set`). */
  readonly keyOf: (side: 'key' | 'set', engine: Engine) => readonly unknown[]
}

/** Throws `ConfigError`, naming the place, for what is no move of a row of a sharded table. */
export function readMove(
  move: RowMove,
  path: string,
  homeOf: (table: string) => { readonly name: TableName; readonly home: TableHome | undefined },
): ReadMove {
  if (!isRecord(move)) throw new ConfigError(path, 'It is not said what is moved.', '{ table, key, set }')
  if (typeof move.table !== 'string')
    throw new ConfigError(`${path}.table`, 'It is not said in which table the row is.', 'table, or schema.table')
  const { name, home } = homeOf(move.table)
  if (home?.kind !== 'sharded')
    throw new ConfigError(`${path}.table`, `"${move.table}" has no shard key.`, 'a table declared with a shardKey')
  const { shardKey = [], database } = home
  for (const side of ['key', 'set'] as const)
    if (!isRecord(move[side]) || Object.keys(move[side]).length === 0)
      throw new ConfigError(`${path}.${side}`, 'This is not accepted.', 'an object of columns and their values')
  for (const [column, value] of [...Object.entries(move.key), ...Object.entries(move.set)])
    if (value === undefined) throw new ConfigError(path, `The value of ${column} is undefined.`, 'null for NULL')
  return {
    table: name,
    database,
    shardKey,
    keyOf: (side, engine) =>
      shardKey.map((column) => {
        const given =
          side === 'set'
            ? (valueOf(move.set, column, engine) ?? valueOf(move.key, column, engine))
            : valueOf(move.key, column, engine)
        if (given !== undefined) return given.value
        throw new ConfigError(
          `${path}.key`,
          `It lacks ${column}, the shard key of ${move.table}, without which nobody knows where the row is.`,
          `an object with ${shardKey.join(', ')}`,
        )
      }),
  }
}

/** Columns have no case but on PostgreSQL, where they stand in quotes. */
function valueOf(record: RowValues, column: string, engine: Engine): { readonly value: unknown } | undefined {
  const name =
    engine === 'postgres' ? column : Object.keys(record).find((key) => key.toLowerCase() === column.toLowerCase())
  return name === undefined || !Object.hasOwn(record, name) ? undefined : { value: record[name] }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
