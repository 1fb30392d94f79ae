import type { Engine } from '../src/topology/server-target.ts'
import type { Choices } from './choices.ts'
import type { Values } from './text.ts'
import { customers, type ColumnType, type OracleTable, regions, tenants, type World } from './world.ts'

/** A table where a statement names it. */
export interface Place {
  readonly alias: string
  readonly table: OracleTable
}

export interface Column {
  readonly text: string
  readonly type: ColumnType
}

/** What all parts of a statement are made with. */
export interface Making {
  readonly engine: Engine
  readonly world: World
  readonly choices: Choices
  readonly values: Values
}

export function columnsOf(places: readonly Place[]): readonly Column[] {
  return places.flatMap(({ alias, table }) =>
    Object.entries(table.columns).map(([name, type]) => ({ text: `${alias}.${name}`, type })),
  )
}

export function shardedTables({ tables }: World): readonly OracleTable[] {
  return tables.filter(({ shardKey }) => shardKey !== undefined)
}

/** A value of a column, as a literal or as a parameter; most are there, some are not. */
export function valueFor(making: Making, { text, type }: Column): string {
  const { choices, values } = making
  const name = text.slice(text.indexOf('.') + 1)
  const value = plainValue(making, name, type)
  if (choices.chance(50)) return values.mark(value)
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`
}

function plainValue({ choices, world }: Making, name: string, type: ColumnType): string | number {
  if (name === 'region') return choices.pick([...regions, ...regions, 'xx'])
  if (name === 'tenant') return 1 + choices.below(tenants + 1)
  if (name === 'customer_id' || (name === 'id' && world.name !== 'composite')) return 1 + choices.below(customers + 1)
  switch (type) {
    case 'int':
      return choices.below(4)
    case 'numeric':
    case 'float':
      return choices.pick([0, 1, 0.5, 40, -7])
    case 'text':
      return choices.pick(['bob', 'Bob', 'de', 'gold', '😀', ''])
    case 'loose':
      return choices.pick(['oslo', 'Berlin', 'x'])
    case 'moment':
      return choices.pick(['2024-01-11 10:20:30.000003', '2024-02-11 00:00:00.000000'])
    case 'day':
      return choices.pick(['1991-05-02', '1993-05-04'])
  }
}

/** The columns of two tables that hold the shard key, in pairs. */
export function keyEqualities(one: Place, other: Place): readonly (readonly [string, string])[] {
  const [left, right] = [one.table.shardKey ?? [], other.table.shardKey ?? []]
  if (right.length === 0) return []
  return left.map((column, i) => [`${one.alias}.${column}`, `${other.alias}.${right[i] ?? ''}`])
}

/** A condition that leaves rows of one key, if the values are given so; or of several. */
export function pin(making: Making, place: Place, several: boolean): string {
  const { choices, engine } = making
  if (several && choices.chance(25)) return rowPin(making, place)
  const conditions = (place.table.shardKey ?? []).map((name, i) => {
    const column: Column = { text: `${place.alias}.${name}`, type: place.table.columns[name]! }
    const value = (): string => valueFor(making, column)
    if (several && i === 0) {
      const items = Array.from({ length: 2 + choices.below(4) }, () => (choices.chance(6) ? 'null' : value()))
      const list = `${column.text} in (${[value(), ...items].join(', ')})`
      const both = `(${column.text} = ${value()} and 1 = 1 or 1 = 1 and ${column.text} in (${value()}, ${value()}))`
      return choices.pick([list, list, `(${column.text} = ${value()} or ${column.text} = ${value()})`, both])
    }
    const forms = [
      `${column.text} = ${value()}`,
      `${column.text} = ${value()}`,
      `${value()} = ${column.text}`,
      `${column.text} in (${value()})`,
      `(${column.text} = ${value()})`,
      ...(column.type === 'int' && engine !== 'sqlite' ? [`${column.text} = '5'`] : []),
    ]
    return choices.pick(forms)
  })
  return conditions.join(' and ')
}

/** The key among the columns of rows. */
function rowPin(making: Making, place: Place): string {
  const { choices } = making
  const key = place.table.shardKey ?? []
  const others = Object.keys(place.table.columns).filter((name) => !key.includes(name))
  const other = others.length === 0 ? [] : [choices.pick(others)]
  const names = choices.pick([key, key, [...key, ...other], [...other, ...key]])
  const columns = names.map((name): Column => ({ text: `${place.alias}.${name}`, type: place.table.columns[name]! }))
  const rows = Array.from({ length: 2 + choices.below(4) }, () => {
    const values = columns.map((column) => (choices.chance(4) ? 'null' : valueFor(making, column)))
    return `(${values.join(', ')})`
  })
  return `(${columns.map(({ text }) => text).join(', ')}) in (${rows.join(', ')})`
}
