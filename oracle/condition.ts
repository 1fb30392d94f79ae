import {
  type Column,
  columnsOf,
  keyEqualities,
  type Making,
  pin,
  type Place,
  shardedTables,
  valueFor,
} from './scope-of-tables.ts'

/** Conditions on some tables, joined by AND. */
export function conditions(making: Making, places: readonly Place[], depth: number): readonly string[] {
  const count = making.choices.below(3)
  return Array.from({ length: count }, () => condition(making, places, depth))
}

/** One condition of any kind; subqueries as deep as that. */
export function condition(making: Making, places: readonly Place[], depth: number): string {
  const { choices } = making
  const simple = (): string => comparison(making, places)
  if (depth === 0) return simple()
  switch (choices.below(14)) {
    case 8:
      return `(${simple()} or ${condition(making, places, depth - 1)})`
    case 9:
      return `not (${condition(making, places, depth - 1)})`
    case 10:
      return subquery(making, places, depth)
    case 11:
      return subquery(making, places, depth)
    case 12:
      return keyed(making, places)
    case 13:
      return `(${keyed(making, places)} or ${simple()})`
    default:
      return simple()
  }
}

/** On a shard key, in ways that pin it, and in some that only look so. */
function keyed(making: Making, places: readonly Place[]): string {
  const { choices } = making
  const sharded = places.filter(({ table }) => table.shardKey !== undefined)
  const [first] = sharded
  if (first === undefined) return comparison(making, places)
  const place = choices.pick(sharded)
  const name = choices.pick(place.table.shardKey ?? [])
  const column: Column = { text: `${place.alias}.${name}`, type: place.table.columns[name]! }
  const value = valueFor(making, column)
  const other = valueFor(making, column)
  return choices.pick([
    `${column.text} in (${value}, ${other})`,
    `${column.text} between ${value} and ${other}`,
    `${column.text} >= ${value}`,
    `not ${column.text} = ${value}`,
    `${column.text} not in (${value}, ${other})`,
    `coalesce(${column.text}, ${value}) = ${other}`,
    `(${column.text} = ${value} or ${column.text} = ${other})`,
    `(${column.text} = ${value} and ${comparison(making, places)} or ${column.text} = ${other})`,
    `not (${column.text} = ${value} or ${column.text} = ${other})`,
    `(${column.text} = ${value} or ${comparison(making, places)})`,
    `${value} < ${column.text} and ${column.text} <= ${other}`,
    `${column.text} not between ${value} and ${other}`,
    `case when ${column.text} = ${value} then 1 else 0 end = ${choices.below(2)}`,
    pin(making, place, true),
    pin(making, place, false),
  ])
}

export function comparison(making: Making, places: readonly Place[]): string {
  const { choices, engine } = making
  const columns = columnsOf(places)
  const column = choices.pick(columns)
  const value = (): string => valueFor(making, column)
  const same = columns.filter(({ type }) => type === column.type)
  const isDistinct =
    engine === 'mysql' ? `not (${column.text} <=> ${value()})` : `${column.text} is distinct from ${value()}`
  return choices.pick([
    `${column.text} = ${value()}`,
    `${column.text} > ${value()}`,
    `${column.text} <= ${value()}`,
    `${column.text} <> ${value()}`,
    `${column.text} is null`,
    `${column.text} is not null`,
    `${column.text} in (${value()}, ${value()})`,
    `${column.text} between ${value()} and ${value()}`,
    `${column.text} = ${choices.pick(same).text}`,
    isDistinct,
    ...(column.type === 'text' || column.type === 'loose' ? [`${column.text} like '%o%'`] : []),
  ])
}

function subquery(making: Making, places: readonly Place[], depth: number): string {
  const { choices, world } = making
  const outer = choices.pick(places)
  const inner: Place = { alias: `s${depth}`, table: choices.pick([...shardedTables(world), ...world.tables]) }
  const equal = linked(making, outer, inner)
  const more = choices.chance(50) ? [condition(making, [inner, outer], depth - 1)] : []
  const where = [...equal, ...more].length === 0 ? '' : ` where ${[...equal, ...more].join(' and ')}`
  const from = `from ${inner.table.name} ${inner.alias}${where}`
  const number = columnsOf([inner]).find(({ type, text }) => type === 'int' && !text.endsWith('id'))
  const forms = [`exists (select 1 ${from})`, `not exists (select * ${from})`]
  if (number !== undefined) {
    forms.push(`${choices.below(4)} <= (select count(*) ${from})`, `1 = (select max(${number.text}) ${from})`)
  }
  const pairs = keyEqualities(outer, inner)
  if (pairs.length > 0) forms.push(...memberships(making, pairs, inner))
  return choices.pick(forms)
}

/** The key of a row among the keys that a query gives, or equal to its one; with and without the key in the query. */
function memberships(making: Making, pairs: readonly (readonly [string, string])[], inner: Place): readonly string[] {
  const { choices } = making
  const isOne = pairs.length === 1
  const [outer, keys] = [0, 1].map((side) => pairs.map((pair) => pair[side]).join(', '))
  const own = choices.pick([[], [], [pin(making, inner, false)], [pin(making, inner, true)]])
  const where = [...own, ...conditions(making, [inner], 0)]
  const source = `${keys} from ${inner.table.name} ${inner.alias}${where.length === 0 ? '' : ` where ${where.join(' and ')}`}`
  const left = isOne ? outer : `(${outer})`
  return [
    `${left} in (select ${source})`,
    `${left} in (select distinct ${source})`,
    `${left} in (select ${source} group by ${keys} having count(*) > 1)`,
    `${left} not in (select ${source})`,
    `${left} = (select ${source} order by ${keys} limit 1)`,
    `(${left} in (select ${source}) or ${pairs[0]?.[0]} is null)`,
    ...(making.engine === 'mysql' ? [] : [`${left} in (select ${source} order by ${keys} limit 2)`]),
  ]
}

/** How the rows of a subquery belong to those of a table around it: mostly by the shard key. */
function linked(making: Making, outer: Place, inner: Place): readonly string[] {
  const { choices } = making
  const pairs = keyEqualities(outer, inner)
  if (pairs.length > 0 && !choices.chance(12)) return pairs.map(([a, b]) => `${b} = ${a}`)
  if (inner.table.name === 'country' && 'country' in outer.table.columns)
    return [`${inner.alias}.code = ${outer.alias}.country`]
  return []
}

/** A number of a subquery, one for each row. */
export function scalarSubquery(making: Making, places: readonly Place[]): string {
  const { choices, world } = making
  const outer = choices.pick(places)
  const inner: Place = { alias: 'q1', table: choices.pick([...shardedTables(world), ...world.tables]) }
  const equal = linked(making, outer, inner)
  const number = columnsOf([inner]).find(({ type }) => type === 'int')!
  const aggregate = choices.pick(['count(*)', `max(${number.text})`, `sum(${number.text})`])
  return `(select ${aggregate} from ${inner.table.name} ${inner.alias}${equal.length === 0 ? '' : ` where ${equal.join(' and ')}`})`
}
