import { conditions } from './condition.ts'
import { columnsOf, keyEqualities, type Making, type Place, shardedTables } from './scope-of-tables.ts'
import type { ColumnType, OracleTable } from './world.ts'

/** Queries that stand in front of a statement: `name as (query)`. */
export interface WithList {
  readonly texts: string[]
  readonly tables: OracleTable[]
}

export function withText({ texts }: WithList): string {
  return texts.length === 0 ? '' : `with ${texts.join(', ')} `
}

/** A table of the world, or a query in the place of one: in brackets, or in a WITH. */
export function someTable(
  making: Making,
  withs: WithList,
  tables: readonly OracleTable[],
  percent: number,
): OracleTable {
  const { choices } = making
  const table = choices.pick(tables)
  if (!choices.chance(percent)) return table
  if (withs.tables.length > 0 && choices.chance(25)) return choices.pick(withs.tables)
  const query = derivedTable(making, withs, 2)
  if (!choices.chance(35)) return query
  const name = `w${withs.texts.length + 1}`
  withs.texts.push(`${name} as ${query.name}`)
  const named = { ...query, name }
  withs.tables.push(named)
  return named
}

/** A query in brackets as a table: its name is its text. */
function derivedTable(making: Making, withs: WithList, depth: number): OracleTable {
  const { choices } = making
  const kind = choices.pick([plain, plain, plain, grouped, grouped, joined, union, union, distinct, windowed, limited])
  return kind(making, withs, depth)
}

function inner(making: Making, withs: WithList, depth: number, alias: string): Place {
  const { choices, world } = making
  if (depth > 0 && choices.chance(22)) return { alias, table: derivedTable(making, withs, depth - 1) }
  const some = withs.tables.length > 0 && choices.chance(10) ? withs.tables : shardedTables(world)
  return { alias, table: choices.chance(6) ? world.tables.at(-1)! : choices.pick(some) }
}

function whereOf(making: Making, places: readonly Place[], more: readonly string[] = []): string {
  const all = [...more, ...conditions(making, places, 1)]
  return all.length === 0 ? '' : ` where ${all.join(' and ')}`
}

/** Some columns besides those of the keys, a few of them with other names. */
function columnList(
  { choices }: Making,
  { alias, table }: Place,
  kept: readonly string[],
): {
  readonly list: readonly string[]
  readonly columns: Record<string, ColumnType>
  readonly names: ReadonlyMap<string, string>
} {
  const others = Object.keys(table.columns).filter((name) => !kept.includes(name))
  const number = Object.keys(table.columns).find((name) => table.columns[name] === 'int')!
  const listed = [...new Set([...kept, ...choices.some(others, 1, 3), number])]
  const names = new Map(listed.map((name) => [name, choices.chance(20) ? `${name}_x` : name]))
  const columns: Record<string, ColumnType> = {}
  for (const [name, called] of names) columns[called] = table.columns[name]!
  const list = [...names].map(([name, called]) => `${alias}.${name}${called === name ? '' : ` as ${called}`}`)
  return { list, columns, names }
}

function keysOf({ table }: Place): readonly string[] {
  return [...new Set([...table.primaryKey, ...(table.shardKey ?? [])])]
}

function called(
  names: ReadonlyMap<string, string>,
  list: readonly string[] | undefined,
): readonly string[] | undefined {
  const found = list?.flatMap((name) => names.get(name) ?? [])
  return found?.length === list?.length ? found : undefined
}

function plain(making: Making, withs: WithList, depth: number): OracleTable {
  const place = inner(making, withs, depth, 'd')
  const where = whereOf(making, [place])
  const { shardKey, primaryKey } = place.table
  if (making.choices.chance(20)) {
    const { columns } = place.table
    return { name: `(select * from ${place.table.name} d${where})`, columns, primaryKey, ...keyed(shardKey) }
  }
  const { list, columns, names } = columnList(making, place, keysOf(place))
  return {
    name: `(select ${list.join(', ')} from ${place.table.name} d${where})`,
    columns,
    primaryKey: called(names, primaryKey)!,
    ...keyed(called(names, shardKey)),
  }
}

function keyed(shardKey: readonly string[] | undefined): Pick<OracleTable, 'shardKey'> {
  return shardKey === undefined ? {} : { shardKey }
}

function limited(making: Making, withs: WithList, depth: number): OracleTable {
  const table = plain(making, withs, depth)
  const order = ` order by ${table.primaryKey.join(', ')}`
  const limit = making.choices.pick(['', ' limit 5', ' limit 30'])
  return { ...table, name: `(select * from ${table.name} l${order}${limit})` }
}

function joined(making: Making, withs: WithList, depth: number): OracleTable {
  const { choices } = making
  const left = inner(making, withs, depth, 'd')
  const right = inner(making, withs, 0, 'e')
  const pairs = keyEqualities(left, right)
  const on = pairs.length > 0 && left.table.shardKey !== undefined ? pairs.map(([a, b]) => `${a} = ${b}`) : ['1 = 1']
  const { list, columns, names } = columnList(making, left, keysOf(left))
  const more = keysOf(right).map((name) => [`e.${name} as e_${name}`, `e_${name}`, right.table.columns[name]!] as const)
  const join = choices.pick(['join', 'join', 'left join', 'inner join'])
  const from = `${left.table.name} d ${join} ${right.table.name} e on ${on.join(' and ')}`
  return {
    name: `(select ${[...list, ...more.map(([text]) => text)].join(', ')} from ${from}${whereOf(making, [left, right])})`,
    columns: { ...columns, ...Object.fromEntries(more.map(([, name, type]) => [name, type])) },
    primaryKey: [...called(names, left.table.primaryKey)!, ...right.table.primaryKey.map((name) => `e_${name}`)],
    ...keyed(called(names, left.table.shardKey)),
  }
}

/** Groups, of which not all keep the shard key. */
function grouped(making: Making, withs: WithList, depth: number): OracleTable {
  const { choices } = making
  const place = inner(making, withs, depth, 'd')
  const { table } = place
  const sorts: readonly ColumnType[] = ['int', 'text', 'day']
  const others = Object.keys(table.columns).filter((name) => sorts.includes(table.columns[name]!))
  const keys = new Set([...(choices.chance(70) ? (table.shardKey ?? []) : []), ...choices.some(others, 0, 2)])
  const names = new Map([...keys].map((name) => [name, choices.chance(20) ? `${name}_g` : name]))
  const number = choices.pick(columnsOf([place]).filter(({ type }) => type === 'int'))
  const list = [...names].map(([name, as]) => (as === name ? `d.${name}` : `d.${name} as ${as}`))
  const by = [...names.keys()].map((name, i) => (choices.chance(20) ? String(i + 1) : `d.${name}`))
  const group = by.length === 0 ? '' : ` group by ${by.join(', ')}`
  const having = choices.chance(20) ? ' having count(*) > 1' : ''
  return {
    name: `(select ${[...list, 'count(*) as n', `max(${number.text}) as m`].join(', ')} from ${table.name} d${whereOf(making, [place])}${group}${having})`,
    columns: {
      ...Object.fromEntries([...names].map(([name, as]) => [as, table.columns[name]!])),
      n: 'int',
      m: 'int',
    },
    primaryKey: names.size === 0 ? ['n'] : [...names.values()],
    ...keyed(called(names, table.shardKey)),
  }
}

function distinct(making: Making, withs: WithList, depth: number): OracleTable {
  const { choices } = making
  const place = inner(making, withs, depth, 'd')
  const { table } = place
  const sorts: readonly ColumnType[] = ['int', 'text', 'day']
  const others = Object.keys(table.columns).filter((name) => sorts.includes(table.columns[name]!))
  const first = others.find((name) => table.columns[name] === 'int')!
  const names = [
    ...new Set([first, ...(choices.chance(70) ? (table.shardKey ?? []) : []), ...choices.some(others, 0, 2)]),
  ]
  const isKeyed = table.shardKey?.every((name) => names.includes(name)) === true
  return {
    name: `(select distinct ${names.map((name) => `d.${name}`).join(', ')} from ${table.name} d${whereOf(making, [place])})`,
    columns: Object.fromEntries(names.map((name) => [name, table.columns[name]!])),
    primaryKey: names,
    ...keyed(isKeyed ? table.shardKey : undefined),
  }
}

function windowed(making: Making, withs: WithList, depth: number): OracleTable {
  const { choices } = making
  const place = inner(making, withs, depth, 'd')
  const { table } = place
  const keys = keysOf(place)
  const text = keys.map((name) => `d.${name}`).join(', ')
  const by = choices.chance(75) ? (table.shardKey ?? []) : choices.some(Object.keys(table.columns), 0, 2)
  const partition = by.length === 0 ? '' : `partition by ${by.map((name) => `d.${name}`).join(', ')} `
  const window = `${partition}order by ${text}`
  const isNamed = choices.chance(30)
  const call = choices.pick(['row_number()', 'rank()', 'count(*)'])
  const r = `${call} over ${isNamed ? 'v' : `(${window})`} as r`
  return {
    name: `(select ${text}, ${r} from ${table.name} d${whereOf(making, [place])}${isNamed ? ` window v as (${window})` : ''})`,
    columns: { ...Object.fromEntries(keys.map((name) => [name, table.columns[name]!])), r: 'int' },
    primaryKey: table.primaryKey,
    ...keyed(table.shardKey),
  }
}

/** Members with columns of the same types, and which one it was. */
function union(making: Making, withs: WithList, depth: number): OracleTable {
  const { choices } = making
  const first = inner(making, withs, depth, 'd')
  const others = Array.from({ length: 1 + choices.below(2) }, () => inner(making, withs, depth, 'd'))
  const types: readonly ColumnType[] = ['int', ...choices.some<ColumnType>(['text', 'int', 'day', 'moment'], 0, 2)]
  const operator = choices.pick(['union all', 'union all', 'union all', 'union all', 'union', 'except'])
  const names = types.map((_, i) => `u${i}`)
  const members = [first, ...others].map((place, number) => {
    const list = types.map((type, i) => `${pickOf(making, place, type)}${number === 0 ? ` as ${names[i]}` : ''}`)
    const part = number === 0 ? '0 as part' : String(number)
    return `select ${[part, ...list].join(', ')} from ${place.table.name} d${whereOf(making, [place])}`
  })
  return {
    name: `(${members.join(` ${operator} `)})`,
    columns: { part: 'int', ...Object.fromEntries(names.map((name, i) => [name, types[i]!])) },
    primaryKey: ['part', ...names],
  }
}

function pickOf({ choices }: Making, place: Place, type: ColumnType): string {
  const same = columnsOf([place]).filter((column) => column.type === type)
  return same.length === 0 ? 'null' : choices.pick(same).text
}
