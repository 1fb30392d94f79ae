import type { Engine } from '../src/topology/server-target.ts'
import { Choices } from './choices.ts'
import { condition, conditions, scalarSubquery } from './condition.ts'
import {
  type Column,
  columnsOf,
  keyEqualities,
  type Making,
  pin,
  type Place,
  shardedTables,
} from './scope-of-tables.ts'
import { type Text, Values } from './text.ts'
import type { ColumnType, World } from './world.ts'

/** A query, and what can be said of its answer. */
export interface ReadStatement extends Text {
  /** The same without LIMIT and OFFSET; absent where there is none. */
  readonly unlimited: Text | undefined
  /** No two rows that differ may change places. */
  readonly total: boolean
  /** One row stands for others that a collation takes for equal: any of them may. */
  readonly folded: boolean
  /** It has groups, aggregates or DISTINCT. */
  readonly aggregated: boolean
  readonly mode: 'object' | 'array' | 'stream'
}

interface Item {
  readonly text: string
  readonly type: ColumnType
  readonly alias?: string
}

interface Parts {
  readonly body: string
  readonly order: readonly string[]
  readonly total: boolean
  readonly folded: boolean
}

export function readStatement(engine: Engine, world: World, numbers: readonly number[]): ReadStatement {
  const making: Making = { engine, world, choices: new Choices(numbers), values: new Values() }
  const { choices, values } = making
  const kind = choices.pick([rows, rows, rows, rows, groups, groups, groups, distinct, nested])
  const { body, order, total, folded } = kind(making)
  const orderBy = order.length === 0 ? '' : ` order by ${order.join(', ')}`
  const mode = choices.pick(['object', 'array', 'stream'] as const)
  const limit = limitOf(making)
  const unlimited = values.finish(engine, `${body}${orderBy}`)
  const limited = values.finish(engine, `${body}${orderBy}${limit}`)
  const aggregated = kind === groups || kind === distinct
  return { ...limited, unlimited: limit === '' ? undefined : unlimited, total, folded, aggregated, mode }
}

function limitOf({ engine, choices, values }: Making): string {
  const number = (most: number): string => {
    const value = choices.below(most)
    return choices.chance(40) ? values.mark(value) : String(value)
  }
  const [count, offset] = [number(9), number(6)]
  const none = engine === 'postgres' ? 'limit all' : engine === 'sqlite' ? 'limit -1' : ''
  return choices.pick([
    '',
    '',
    '',
    ` limit ${count}`,
    ` limit ${count}`,
    ` limit ${count} offset ${offset}`,
    ` limit ${count} offset ${offset}`,
    engine === 'postgres' ? ` offset ${offset}` : ` limit ${offset}, ${count}`,
    engine === 'postgres' ? ` offset ${offset} rows fetch next ${count.replace('0', '1')} rows only` : '',
    none === '' ? '' : ` ${none} offset ${offset}`,
  ])
}

interface From {
  readonly text: string
  readonly places: readonly Place[]
  readonly where: readonly string[]
}

/** Tables, joined mostly by what holds them together. */
function from(making: Making): From {
  const { choices, world } = making
  const sharded = shardedTables(world)
  const first: Place = { alias: 'x', table: choices.chance(4) ? world.tables.at(-1)! : choices.pick(sharded) }
  const places: Place[] = [first]
  let text = `${first.table.name} ${choices.pick(['x', 'as x'])}`
  const where: string[] = []
  for (const alias of choices.pick([[], [], ['y'], ['y'], ['y', 'z']])) {
    const place: Place = { alias, table: choices.pick([...sharded, ...world.tables]) }
    const to = choices.pick(places)
    const on = joinCondition(making, to, place)
    const named = `${place.table.name} ${alias}`
    places.push(place)
    const join = choices.pick(['join', 'join', 'left join', 'inner join', 'left join', ',', 'right join', 'full join'])
    if (join === ',') {
      // A comma binds less than JOIN: the names before it would be out of sight.
      text += ` cross join ${named}`
      where.push(on)
    } else text += ` ${making.engine === 'mysql' ? join.replace('full', 'left') : join} ${named} on ${on}`
  }
  return { text, places, where }
}

function joinCondition(making: Making, to: Place, place: Place): string {
  const { choices } = making
  const pairs = keyEqualities(to, place)
  const columns = columnsOf([to])
  if (pairs.length > 0 && !choices.chance(10)) {
    const equal = pairs.map(([a, b]) => (choices.chance(50) ? `${b} = ${a}` : `${a} = ${b}`)).join(' and ')
    return choices.chance(15) ? `${equal} and ${condition(making, [to, place], 0)}` : equal
  }
  const code = place.table.name === 'country' ? columns.find(({ text }) => text.endsWith('.country')) : undefined
  if (code !== undefined) return `${place.alias}.code = ${code.text}`
  const [left, right] = [columns, columnsOf([place])].map((list) => list.filter(({ type }) => type === 'int'))
  return left?.[0] === undefined || right?.[0] === undefined
    ? '1 = 1'
    : `${choices.pick(left).text} = ${choices.pick(right).text}`
}

function whereOf(making: Making, { places, where }: From, pinned: number): string {
  const { choices } = making
  const all = [...where, ...conditions(making, places, 2)]
  if (choices.chance(pinned)) {
    const several = choices.chance(40)
    const sharded = places.filter(({ table }) => table.shardKey !== undefined)
    if (sharded[0] !== undefined) all.push(pin(making, choices.pick([sharded[0], ...sharded]), several))
  }
  return all.length === 0 ? '' : ` where ${all.join(' and ')}`
}

/** Something that a row says. */
function expression({ choices, engine }: Making, columns: readonly Column[]): Item {
  const { text, type } = choices.pick(columns)
  const isText = type === 'text' || type === 'loose'
  const ways = [text, text, text, `(${text})`]
  if (type === 'int' || type === 'numeric' || type === 'float') {
    ways.push(`${text} + 1`, `-${text}`, `abs(${text})`, `coalesce(${text}, 0)`, `${text} * 2 - 1`)
    ways.push(`case when ${text} > 1 then ${text} else 0 end`)
    if (type === 'int') ways.push(`${text} % 3`)
  }
  if (isText) ways.push(`coalesce(${text}, '-')`, `upper(${text})`, `substr(${text}, 1, 2)`)
  if (isText) ways.push(engine === 'mysql' ? `concat(${text}, 'x')` : `${text} || 'x'`)
  return { text: choices.pick(ways), type }
}

const write = ({ text, alias }: Item): string => (alias === undefined ? text : `${text} as ${alias}`)

function direction({ choices, engine }: Making): string {
  const nulls = engine === 'mysql' ? [''] : ['', '', '', ' nulls first', ' nulls last']
  return `${choices.pick(['', '', ' asc', ' desc'])}${choices.pick(nulls)}`
}

function named(making: Making, item: Item, index: number): Item {
  const { choices, engine } = making
  const last = item.text.slice(item.text.lastIndexOf('.') + 1)
  // An alias that is also the name of another column is a trap that is worth to be walked into.
  const alias = choices.pick([undefined, undefined, `a${index}`, `b${index}`, `c${index}`, 'id'])
  if (alias !== undefined) return { ...item, alias }
  // The drivers of PostgreSQL and others call an unnamed item differently; all answers have its name from the engine.
  return engine === 'sqlite' && last === '' ? { ...item, alias: `a${index}` } : item
}

function rows(making: Making): Parts {
  const { choices } = making
  const source = from(making)
  const where = whereOf(making, source, 20)
  const columns = columnsOf(source.places)
  const isStar = choices.chance(15)
  const items = Array.from({ length: 1 + choices.below(4) }, (_, i) => {
    const item: Item = choices.chance(8)
      ? { text: scalarSubquery(making, source.places), type: 'int', alias: `q${i}` }
      : expression(making, columns)
    return named(making, item, i)
  })
  const list = isStar ? choices.pick(['*', 'x.*', `x.*, ${items.map(write).join(', ')}`]) : items.map(write).join(', ')
  const keys = choices.chance(15)
    ? []
    : Array.from({ length: choices.below(3) }, () => {
        const index = choices.below(items.length)
        const item = items[index]!
        const ways = [expression(making, columns).text, choices.pick(columns).text]
        if (!isStar) ways.push(item.alias ?? item.text, String(index + 1))
        return `${choices.pick(ways)}${direction(making)}`
      })
  const total = !choices.chance(25)
  const tail = source.places.flatMap(({ alias, table }) => table.primaryKey.map((name) => `${alias}.${name}`))
  const order = total ? [...keys, ...tail.map((text) => `${text}${direction(making)}`)] : keys
  return { body: `select ${list} from ${source.text}${where}`, order, total, folded: false }
}

function aggregate(making: Making, columns: readonly Column[]): Item {
  const { choices } = making
  const numbers = columns.filter(({ type }) => type === 'int' || type === 'numeric' || type === 'float')
  const [number, any] = [choices.pick(numbers), choices.pick(columns)]
  const int = choices.pick(columns.filter(({ type }) => type === 'int'))
  const numeric = choices.pick([
    'count(*)',
    `count(${any.text})`,
    `sum(${number.text})`,
    `avg(${number.text})`,
    `min(${number.text})`,
    `max(${number.text})`,
    `count(distinct ${any.text})`,
    `sum(distinct ${int.text})`,
    `sum(${number.text}) + count(*)`,
    `coalesce(sum(${number.text}), 0)`,
    `max(${number.text}) - min(${number.text})`,
    'case when count(*) > 2 then 1 else 0 end',
    `sum(${int.text} * 2 + 1)`,
    `sum(case when ${int.text} > 1 then 1 else 0 end)`,
    `round(avg(${int.text}), 2)`,
  ])
  return choices.chance(12)
    ? { text: `${choices.pick(['min', 'max'])}(${any.text})`, type: any.type }
    : { text: numeric, type: 'numeric' }
}

function groups(making: Making): Parts {
  const { choices } = making
  const source = from(making)
  const where = whereOf(making, source, 15)
  const columns = columnsOf(source.places)
  const keys = Array.from({ length: choices.below(3) }, (_, i) => named(making, expression(making, columns), i))
  const aggregates = Array.from({ length: 1 + choices.below(3) }, (_, i) =>
    named(making, aggregate(making, columns), i + 5),
  )
  const shown = choices.chance(85) || keys.length === 0
  const items = shown ? [...keys, ...aggregates] : aggregates
  const groupBy = keys.map((key, i) =>
    choices.pick([key.text, key.text, ...(shown ? [String(i + 1), key.alias ?? key.text] : [])]),
  )
  const having = choices.chance(30) ? ` having ${havingOf(making, columns)}` : ''
  const refer = (item: Item): string => {
    const index = items.indexOf(item)
    return `${choices.pick([item.text, ...(index < 0 ? [] : [item.alias ?? item.text, String(index + 1)])])}${direction(making)}`
  }
  const first = choices.chance(40) ? [choices.pick(aggregates)] : []
  const total = !choices.chance(20)
  const order = [...first, ...(total ? keys : keys.slice(1))].map(refer)
  const group = groupBy.length === 0 ? '' : ` group by ${groupBy.join(', ')}`
  const body = `select ${items.map(write).join(', ')} from ${source.text}${where}${group}${having}`
  return { body, order, total, folded: columns.some(({ type }) => type === 'loose') }
}

function havingOf(making: Making, columns: readonly Column[]): string {
  const { choices, values } = making
  const number = choices.pick(columns.filter(({ type }) => type === 'int'))
  const value = choices.chance(50) ? values.mark(choices.below(4)) : String(choices.below(4))
  return choices.pick([
    `count(*) > ${value}`,
    `sum(${number.text}) >= ${value}`,
    `max(${number.text}) is not null`,
    `count(distinct ${number.text}) = ${value}`,
    `count(*) > ${value} or min(${number.text}) < 2`,
  ])
}

function distinct(making: Making): Parts {
  const { choices } = making
  const source = from(making)
  const where = whereOf(making, source, 15)
  const columns = columnsOf(source.places)
  const items = Array.from({ length: 1 + choices.below(3) }, (_, i) => named(making, expression(making, columns), i))
  const total = !choices.chance(25)
  const order = (total ? items : items.slice(1)).map(
    (item) => `${choices.pick([item.alias ?? item.text, String(items.indexOf(item) + 1)])}${direction(making)}`,
  )
  const folded = columns.some(({ type }) => type === 'loose')
  return { body: `select distinct ${items.map(write).join(', ')} from ${source.text}${where}`, order, total, folded }
}

/** One query within another, or beside it; half of them for one key. */
function nested(making: Making): Parts {
  const { choices, world } = making
  const isPinned = !choices.chance(35)
  const table = choices.pick(shardedTables(world))
  const sorts: readonly ColumnType[] = ['int', 'text']
  const columns = Object.entries(table.columns)
    .filter(([, type]) => sorts.includes(type))
    .slice(0, 4)
  const listed = choices.some(
    columns.map(([name]) => name),
    1,
    3,
  )
  const part = (alias: string): string => {
    const place: Place = { alias, table }
    const where = [...(isPinned ? [pinOf(making, place)] : []), ...conditions(making, [place], 1)]
    const list = listed.map((name) => `${alias}.${name}`).join(', ')
    return `select ${list} from ${table.name} ${alias}${where.length === 0 ? '' : ` where ${where.join(' and ')}`}`
  }
  const order = listed.map((_, i) => `${i + 1}${direction(making)}`)
  const whole = (body: string, by: readonly string[] = order): Parts => ({
    body,
    order: by,
    total: true,
    folded: false,
  })
  const first = listed[0] ?? ''
  switch (choices.below(6)) {
    case 0:
      return whole(`select * from (${part('x')}) q`)
    case 1:
      return whole(`with q as (${part('x')}) select * from q`)
    case 2:
      return whole(`${part('x')} ${choices.pick(['union', 'union all', 'except', 'intersect'])} ${part('y')}`)
    case 3:
      return whole(`select q.${first}, count(*) as n from (${part('x')}) q group by q.${first}`, ['1', '2'])
    case 4: {
      const place: Place = { alias: 'x', table }
      const where = isPinned ? ` where ${pinOf(making, place)}` : ''
      const key = table.primaryKey.map((name) => `x.${name}`).join(', ')
      return whole(`select ${key}, row_number() over (order by ${key}) as r from ${table.name} x${where}`, [key])
    }
    default:
      return whole(`with q as (${part('x')}), p as (select * from q) select p.* from p`)
  }
}

function pinOf(making: Making, place: Place): string {
  return pin(making, place, making.choices.chance(15))
}
