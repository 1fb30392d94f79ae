import type { Engine } from '../src/topology/server-target.ts'
import { Choices } from './choices.ts'
import { condition, conditions, scalarSubquery } from './condition.ts'
import { derivedTable, queriedTable } from './derived-table.ts'
import { someTable, type WithList, withText } from './inner-query.ts'
import { listing } from './listing.ts'
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
import type { ColumnType, OracleTable, World } from './world.ts'

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
  /** What it is, for the tally. */
  readonly form: string
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
  const kind = choices.pick([rows, rows, rows, rows, groups, groups, groups, distinct, nested, common, unions])
  const { body, order, total, folded } = kind(making)
  const orderBy = order.length === 0 ? '' : ` order by ${order.join(', ')}`
  const mode = choices.pick(['object', 'array', 'stream'] as const)
  const limit = limitOf(making)
  const unlimited = values.finish(engine, `${body}${orderBy}`)
  const limited = values.finish(engine, `${body}${orderBy}${limit}`)
  const aggregated = kind === groups || kind === distinct
  return {
    ...limited,
    unlimited: limit === '' ? undefined : unlimited,
    total,
    folded,
    aggregated,
    mode,
    form: formOf(kind.name, body),
  }
}

function formOf(kind: string, body: string): string {
  if (/^(nested|common)$/.test(kind)) return kind
  const has = [
    ...(/(from|join) \(select/.test(body) ? ['a derived table'] : []),
    ...(/(?<!not) in \(select/.test(body) ? ['IN (SELECT …)'] : []),
    ...(/ = \(select/.test(body) ? ['= (SELECT …)'] : []),
    ...(/exists \(/.test(body) ? ['EXISTS'] : []),
  ]
  return has.length === 0 ? kind : `${kind} with ${has.join(', ')}`
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
  readonly with: string
}

/** Tables, joined mostly by what holds them together. */
function from(making: Making, withs: WithList = { texts: [], tables: [] }): From {
  const { choices, world } = making
  const sharded = shardedTables(world)
  const inner = choices.pick([0, 0, 50])
  const some = (tables: readonly OracleTable[]): OracleTable =>
    choices.chance(12) ? derivedTable(making) : someTable(making, withs, tables, inner)
  const first: Place = { alias: 'x', table: choices.chance(4) ? world.tables.at(-1)! : some(sharded) }
  const places: Place[] = [first]
  let text = `${first.table.name} ${choices.pick(['x', 'as x'])}`
  const where: string[] = []
  for (const alias of choices.pick([[], [], ['y'], ['y'], ['y', 'z']])) {
    const place: Place = { alias, table: some([...sharded, ...world.tables]) }
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
  return { text, places, where, with: withText(withs) }
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

function direction({ choices, engine }: Making, ways = ['', '', ' asc', ' desc']): string {
  const nulls = engine === 'mysql' ? [''] : ['', '', '', ' nulls first', ' nulls last']
  return `${choices.pick(ways)}${choices.pick(nulls)}`
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
  return { body: `${source.with}select ${list} from ${source.text}${where}`, order, total, folded: false }
}

/** Rounded, since the last digits depend on the order of the rows; and not where many of them lie. */
function deviation({ choices, engine }: Making, number: string): string {
  const name = choices.pick(['stddev_samp', 'stddev_pop', 'var_samp', 'var_pop'])
  const value = `${name}(${number}) * 0.913731`
  return engine === 'postgres' ? `round((${value})::numeric, 4)` : `round(${value}, 4)`
}

function aggregate(making: Making, columns: readonly Column[]): Item {
  const { choices, engine } = making
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
    ...(engine === 'sqlite' ? [] : [deviation(making, number.text)]),
  ])
  return choices.chance(12)
    ? { text: `${choices.pick(['min', 'max'])}(${any.text})`, type: any.type }
    : { text: numeric, type: 'numeric' }
}

function groups(making: Making): Parts {
  const { choices, engine } = making
  const source = from(making)
  const where = whereOf(making, source, 15)
  const columns = columnsOf(source.places)
  const keys = Array.from({ length: choices.below(3) }, (_, i) => named(making, expression(making, columns), i))
  const aggregates = Array.from({ length: 1 + choices.below(3) }, (_, i) =>
    named(
      making,
      choices.chance(20) ? { text: listing(making, source.places), type: 'text' as const } : aggregate(making, columns),
      i + 5,
    ),
  )
  const shown = choices.chance(85) || keys.length === 0
  const items = shown ? [...keys, ...aggregates] : aggregates
  const groupBy = keys.map((key, i) =>
    choices.pick([key.text, key.text, ...(shown ? [String(i + 1), key.alias ?? key.text] : [])]),
  )
  const having = choices.chance(30) ? ` having ${havingOf(making, columns)}` : ''
  const refer = (item: Item): string => {
    const index = items.indexOf(item)
    const name = choices.pick([item.text, ...(index < 0 ? [] : [item.alias ?? item.text, String(index + 1)])])
    const way = direction(making)
    // MariaDB takes NULL behind a value for the same group where a DECIMAL is computed: as it is when it sorts down.
    const isMistaken = engine === 'mysql' && item.type === 'numeric' && keys.includes(item)
    return name + (isMistaken ? way.replace(' desc', '') : way)
  }
  const first = choices.chance(40) ? [choices.pick(aggregates)] : []
  const total = !choices.chance(20)
  const order = [...first, ...(total ? keys : keys.slice(1))].map(refer)
  const group = groupBy.length === 0 ? '' : ` group by ${groupBy.join(', ')}`
  const body = `${source.with}select ${items.map(write).join(', ')} from ${source.text}${where}${group}${having}`
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
  const refer = (item: Item): string => {
    const number = String(items.indexOf(item) + 1)
    const name = choices.pick([item.alias ?? item.text, number])
    return isForgotten(making, source, item) ? number : name
  }
  const order = (total ? items : items.slice(1)).map((item) => `${refer(item)}${direction(making)}`)
  const folded = columns.some(({ type }) => type === 'loose')
  const list = items.map(write).join(', ')
  return { body: `${source.with}select distinct ${list} from ${source.text}${where}`, order, total, folded }
}

/**
 * Of `select distinct x.a, x.b + 1 from (select …) x order by x.a, x.b + 1` MariaDB 10.11 answers with one row for each `x.a`, also where
 * the query stands in WITH: an expression that ORDER BY writes out once more, behind a column, is forgotten in what has to be distinct.
 * By its number or its alias it is not.
 */
function isForgotten({ engine, world }: Making, { places }: From, { text, alias }: Item): boolean {
  const isQueried = places.some(({ table }) => world.tables.every(({ name }) => name !== table.name))
  return engine === 'mysql' && isQueried && alias === undefined && !columnsOf(places).some((each) => each.text === text)
}

const unionTypes: readonly ColumnType[] = ['int', 'text', 'day', 'numeric', 'moment', 'int', 'text']

/** Queries beside each other. */
function unions(making: Making): Parts {
  const { choices } = making
  const types = choices.some(unionTypes, 1, 3)
  const operator = choices.pick(['union all', 'union all', 'union all', 'union all', 'union', 'except', 'intersect'])
  const withs: WithList = { texts: [], tables: [] }
  const sources = Array.from({ length: choices.pick([2, 2, 3]) }, () => from(making, withs))
  const names = types.map((_, i) => choices.pick([undefined, `u${i}`]))
  const members = sources.map((source, number) => {
    const columns = columnsOf(source.places)
    const items = types.map((type, i): Item => {
      const same = columns.filter((column) => column.type === type)
      const item = { type, text: same.length === 0 ? 'null' : choices.pick(same).text }
      const alias = number === 0 ? names[i] : undefined
      return alias === undefined ? item : { ...item, alias }
    })
    return `select ${items.map(write).join(', ')} from ${source.text}${whereOf(making, source, 15)}`
  })
  const isTotal = !choices.chance(25)
  const keys = types.map((_, i) => `${choices.pick([names[i] ?? String(i + 1), String(i + 1)])}${direction(making)}`)
  const order = isTotal ? keys : choices.pick([[], keys.slice(1)])
  return { body: `${withText(withs)}${members.join(` ${operator} `)}`, order, total: isTotal, folded: false }
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
      const by = (table.shardKey ?? []).map((name) => `x.${name}`).join(', ')
      const partition = choices.chance(60) ? `partition by ${by} ` : ''
      const call = choices.pick(['row_number()', 'count(*)', `max(${key.split(', ').at(-1)})`])
      const text = `select ${key}, ${call} over (${partition}order by ${key}) as r from ${table.name} x${where}`
      return whole(text, [choices.pick([key, `r, ${key}`])])
    }
    default:
      return whole(`with q as (${part('x')}), p as (select * from q) select p.* from p`)
  }
}

/** A `WITH` name, used once or twice, alone or joined with a table by the shard key; half of them for one key. */
function common(making: Making): Parts {
  const { choices, world } = making
  const table = queriedTable(making, choices.pick(shardedTables(world)))
  const [x, y]: [Place, Place] = [
    { alias: 'x', table: { ...table, name: 'w' } },
    { alias: 'y', table: choices.chance(25) ? { ...table, name: 'w' } : choices.pick(shardedTables(world)) },
  ]
  const places = choices.chance(40) ? [x] : [x, y]
  const pinned = choices.chance(60) ? [pinOf(making, choices.pick(places))] : []
  const where = [...pinned, ...conditions(making, places, 1)]
  const join = choices.pick(['join', 'join', 'left join', 'right join'])
  const joined = places.length === 1 ? 'w x' : `w x ${join} ${y.table.name} y on ${joinCondition(making, x, y)}`
  const columns = places.flatMap(({ alias, table: each }) => each.primaryKey.map((name) => `${alias}.${name}`))
  const list = columns.map((text, i) => `${text} as c${i}`).join(', ')
  const body = `with w as (${table.name}) select ${list} from ${joined}${where.length === 0 ? '' : ` where ${where.join(' and ')}`}`
  return { body, order: columns.map((_, i) => `${i + 1}${direction(making)}`), total: true, folded: false }
}

function pinOf(making: Making, place: Place): string {
  return pin(making, place, making.choices.chance(15))
}
