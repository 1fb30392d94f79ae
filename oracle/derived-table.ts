import { conditions } from './condition.ts'
import { type Making, pin, type Place, shardedTables } from './scope-of-tables.ts'
import type { ColumnType, OracleTable } from './world.ts'

/** A query in brackets, which stands in the place of a table. */
export function derivedTable(making: Making): OracleTable {
  const table = queriedTable(making, making.choices.pick(shardedTables(making.world)))
  return { ...table, name: `(${table.name})` }
}

/**
 * A query that gives the shard key of a table beside other columns, with the query as its name: in ways that keep the key to its
 * rows, and in some that only look so.
 */
export function queriedTable(making: Making, table: OracleTable): OracleTable {
  const { choices, world } = making
  const key = table.shardKey ?? []
  const place: Place = { alias: 'i', table }
  const own = choices.chance(20) ? [pin(making, place, choices.chance(30))] : []
  const where = [...own, ...conditions(making, [place], 1)]
  const from = `from ${table.name} i${where.length === 0 ? '' : ` where ${where.join(' and ')}`}`
  const keys = key.map((name) => `i.${name}`).join(', ')
  const primary = table.primaryKey.map((name) => `i.${name}`).join(', ')
  const more = Object.entries(table.columns).find(([name, type]) => type === 'int' && !table.primaryKey.includes(name))
  const [number] = more ?? ['n']
  const typed = (names: readonly string[]): Record<string, ColumnType> =>
    Object.fromEntries(names.map((name) => [name, table.columns[name] ?? 'int']))
  const made = (name: string, names: readonly string[], primaryKey: readonly string[]): OracleTable => ({
    name,
    columns: typed(names),
    primaryKey,
    shardKey: key,
  })
  const rowwise = [...new Set([...table.primaryKey, number])]
  const list = rowwise.map((name) => `i.${name}`).join(', ')
  const counted = [...key, 'n', 'm']
  const pair = [...key, number]
  const other = choices.pick(shardedTables(world).filter((each) => each.shardKey?.length === key.length))
  const others = (other.shardKey ?? []).map((name) => `j.${name}`).join(', ')
  switch (choices.below(12)) {
    case 0:
    case 1:
      return made(`select ${list} ${from}`, rowwise, table.primaryKey)
    case 2:
    case 3:
      return made(`select ${keys}, count(*) as n, max(i.${number}) as m ${from} group by ${keys}`, counted, key)
    case 4:
      return made(
        `select ${keys}, i.${number}, count(*) as n ${from} group by i.${number}, ${keys}`,
        [...pair, 'n'],
        [...pair, 'n'],
      )
    case 5:
      return made(`select distinct ${keys}, i.${number} ${from}`, pair, pair)
    case 6:
      return made(`select ${list} ${from} order by ${primary} limit ${1 + choices.below(9)}`, rowwise, table.primaryKey)
    case 7:
      return made(
        `select ${primary}, row_number() over (order by ${primary}) as n ${from}`,
        [...table.primaryKey, 'n'],
        table.primaryKey,
      )
    case 8:
      return made(`select ${keys} ${from} union all select ${others} from ${other.name} j`, key, key)
    case 9:
      return made(
        `select ${key.map((name) => `max(i.${name}) as ${name}`).join(', ')}, i.${number} ${from} group by i.${number}`,
        pair,
        pair,
      )
    case 10:
      return made(`select d.* from (select ${list} ${from}) d`, rowwise, table.primaryKey)
    default:
      return made(`select * ${from}`, Object.keys(table.columns), table.primaryKey)
  }
}
