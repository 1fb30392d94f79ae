import type { Engine } from '../src/topology/server-target.ts'
import { Choices } from './choices.ts'
import { conditions } from './condition.ts'
import { queriedTable } from './derived-table.ts'
import { type Column, keyEqualities, type Making, pin, type Place, shardedTables, valueFor } from './scope-of-tables.ts'
import { type Text, Values } from './text.ts'
import type { World } from './world.ts'

/** A change of the world's table that is written. */
export interface WriteStatement extends Text {
  /** What it is, for the tally. */
  readonly form: string
  readonly allShards: boolean
}

/** One to four, one after the other. */
export function writeStatements(engine: Engine, world: World, numbers: readonly number[]): readonly WriteStatement[] {
  const choices = new Choices(numbers)
  return Array.from({ length: 1 + choices.below(4) }, () => {
    const making: Making = { engine, world, choices, values: new Values() }
    const kind = choices.pick([insert, insert, update, remove, insert, update, remove, odd, insertSelected, takeOver])
    // Whoever makes a text may use up the numbers.
    const allShards = choices.chance(kind === insertSelected || kind === takeOver ? 70 : 35)
    return { ...making.values.finish(engine, kind(making)), allShards, form: kind.name }
  })
}

function target({ world }: Making, alias?: string): Place {
  return { alias: alias ?? world.written.name, table: world.written }
}

function returning({ engine, choices, world }: Making, kind: 'insert' | 'update' | 'delete'): string {
  const isKnown = engine !== 'mysql' || kind !== 'update'
  const key = world.written.primaryKey.join(', ')
  return isKnown ? choices.pick(['', '', '', ' returning *', ` returning ${key}, n`]) : ''
}

function insert(making: Making): string {
  const { choices, engine, world } = making
  const { name, columns, primaryKey } = world.written
  const isListed = !choices.chance(6)
  const names = isListed ? choices.some(Object.keys(columns), 5, 5) : Object.keys(columns)
  const rows = Array.from({ length: choices.pick([1, 1, 2, 3, 4]) }, () => {
    const cells = names.map((column) =>
      choices.chance(10) && !primaryKey.includes(column)
        ? choices.pick(['null', '1 + 1'])
        : valueFor(making, { text: `${name}.${column}`, type: columns[column]! }),
    )
    return `(${cells.join(', ')})`
  })
  const list = isListed ? ` (${names.join(', ')})` : ''
  const into = `into ${name}${list} values ${rows.join(', ')}`
  const key = primaryKey.join(', ')
  const change = choices.pick([
    'n = 7',
    'n = {old}.n + {new}.n',
    'name = {new}.name, amount = 1',
    `${primaryKey[0]} = {new}.${primaryKey[0]}`,
  ])
  const changed = change.replaceAll('{old}', name)
  if (engine === 'mysql') {
    const duplicate = ` on duplicate key update ${changed.replace(/\{new\}\.(\w+)/g, 'values($1)')}`
    const verb = choices.pick(['insert', 'insert', 'insert ignore', 'replace', 'insert'])
    const isPlain = verb !== 'insert'
    return `${verb} ${into}${isPlain || choices.chance(50) ? '' : duplicate}${returning(making, 'insert')}`
  }
  const conflict = choices.pick([
    '',
    '',
    ' on conflict do nothing',
    ` on conflict (${key}) do nothing`,
    ` on conflict (${key}) do update set ${changed.replaceAll('{new}', 'excluded')}`,
    ` on conflict (${key}) do update set ${changed.replaceAll('{new}', 'excluded')} where ${name}.n > 1`,
  ])
  const verb =
    engine === 'sqlite' && conflict === ''
      ? choices.pick(['insert', 'insert', 'insert or ignore', 'replace'])
      : 'insert'
  return `${verb} ${into}${conflict}${returning(making, 'insert')}`
}

function whereOf(making: Making, place: Place): string {
  const { choices } = making
  const pinned = choices.pick([[pin(making, place, false)], [pin(making, place, true)], []])
  const all = [...pinned, ...conditions(making, [place], 1)]
  return all.length === 0 ? '' : ` where ${all.join(' and ')}`
}

function update(making: Making): string {
  const { choices, world, engine } = making
  const place = target(making)
  const { name } = world.written
  const value = (column: string): string =>
    valueFor(making, { text: `${name}.${column}`, type: world.written.columns[column]! } satisfies Column)
  const set = choices.pick([
    'n = n + 1',
    `n = ${value('n')}`,
    `name = ${value('name')}, amount = amount * 2`,
    'n = case when n > 1 then 0 else n end',
    ...(choices.chance(10) ? [`${world.written.primaryKey.at(-1)} = ${value(world.written.primaryKey.at(-1)!)}`] : []),
  ])
  const some =
    engine === 'mysql' && choices.chance(10) ? ` order by ${world.written.primaryKey.join(', ')} limit 2` : ''
  return `update ${name} set ${set}${whereOf(making, place)}${some}${returning(making, 'update')}`
}

function remove(making: Making): string {
  const { choices, engine, world } = making
  const place = target(making)
  const some = engine === 'mysql' && choices.chance(10) ? ' limit 1' : ''
  return `delete from ${world.written.name}${whereOf(making, place)}${some}${returning(making, 'delete')}`
}

/** `INSERT … SELECT`: mostly with the keys of the rows that it reads, in some of them not for sure. */
function insertSelected(making: Making): string {
  const { choices, engine, world } = making
  const { name, primaryKey } = world.written
  const table = choices.pick(shardedTables(world).filter((each) => each.name !== name))
  const o: Place = { alias: 'o', table }
  const keys = (table.shardKey ?? []).map((column) => `o.${column}`)
  const second = choices.pick(shardedTables(world).filter((each) => each.name !== name))
  const pinned = choices.pick([[], [], [pin(making, o, false)], [pin(making, o, true)]])
  const where = ` where ${[...pinned, ...conditions(making, [o], 1), '1 = 1'].join(' and ')}`
  const list = keys.join(', ')
  const outside = list.replaceAll('o.', 'q.')
  const from = `from ${table.name} o${where}`
  const literal = (world.written.shardKey ?? []).map((column) =>
    valueFor(making, { text: `${name}.${column}`, type: world.written.columns[column]! }),
  )
  const country = world.tables.at(-1)!
  const query = choices.pick([
    `select distinct ${list}, 5 ${from}`,
    `select ${list}, count(*) ${from} group by ${list}`,
    `select ${outside}, max(q.number) from (select ${list}, 3 as number ${from}) q group by ${outside}`,
    `select ${list}, 1 ${from} order by ${table.primaryKey.map((column) => `o.${column}`).join(', ')} limit 1`,
    `select ${keys.map((text) => `max(${text})`).join(', ')}, count(*) ${from}`,
    `select ${literal.join(', ')}, count(*) ${from}`,
    `select ${literal.join(', ')}, 1 from ${country.name} c where c.code = 'de'`,
    `select ${list}, c.area from ${table.name} o left join ${country.name} c on c.code = 'de'${where} group by ${list}, c.area`,
    `select ${list}, 1 from ${country.name} c left join ${table.name} o on c.code = 'de' and ${conditions(making, [o], 0).concat('1 = 1').join(' and ')} where c.area is not null group by ${list}`,
    `select ${keys.map((text) => `${text} + 0`).join(', ')}, 1 ${from} group by ${list}`,
    `select ${list}, 1 ${from} group by ${list} union select ${literal.join(', ')}, 1`,
    `select ${list}, 1 ${from} union select ${(second.shardKey ?? []).join(', ')}, 1 from ${second.name}`,
    `select ${list}, 1 ${from} ${choices.pick(['intersect', 'except'])} select ${(second.shardKey ?? []).join(', ')}, 1 from ${second.name}`,
  ])
  const into = `into ${name} (${primaryKey.join(', ')}, n) ${query}`
  const key = primaryKey.join(', ')
  if (engine === 'mysql')
    return choices.pick([`insert ${into} on duplicate key update n = 8`, `insert ignore ${into}`, `replace ${into}`])
  return `insert ${into}${choices.pick([' on conflict do nothing', ` on conflict (${key}) do update set n = excluded.n + 1`])}${returning(making, 'insert')}`
}

/** Changes of rows that a query names, or gives values to. */
function takeOver(making: Making): string {
  const { choices, engine, world } = making
  const { name } = world.written
  const place = target(making)
  const table = queriedTable(making, choices.pick(shardedTables(world)))
  const q: Place = { alias: 'q', table: { ...table, name: `(${table.name})` } }
  const pairs = keyEqualities(place, q)
  const linked = pairs.map(([a, b]) => `${b} = ${a}`).join(' and ')
  const keys = pairs.map(([, b]) => b).join(', ')
  const own = pairs.map(([a]) => a).join(', ')
  const where = whereOf(making, place)
  const and = where === '' ? ' where' : `${where} and`
  const left = pairs.length === 1 ? own : `(${own})`
  const joined =
    engine === 'mysql'
      ? `update ${name} join ${q.table.name} q on ${linked} set ${name}.n = 6${where}`
      : `update ${name} set n = 6 from ${q.table.name} q${and} ${linked}`
  return choices.pick([
    joined,
    `delete from ${name}${and} ${left} in (select ${keys} from ${q.table.name} q)`,
    `update ${name} set n = 4${and} ${left} in (select ${keys} from ${q.table.name} q where ${pin(making, q, choices.chance(40))})`,
    `delete from ${name}${and} exists (select 1 from ${q.table.name} q where ${linked})`,
    `update ${name} set n = 2${and} ${left} = (select ${keys} from ${q.table.name} q order by ${keys} limit 1)`,
  ])
}

/** Changes that read as well. */
function odd(making: Making): string {
  const { choices, engine, world } = making
  const { name, primaryKey, columns } = world.written
  const place = target(making)
  const other: Place = { alias: 'o', table: world.tables[0]! }
  const number = world.tables[0]!.name === 'customer' ? 'level' : 'plan'
  const linked = keyEqualities(place, other)
    .map(([a, b]) => `${b} = ${a}`)
    .join(' and ')
  const source = `from ${other.table.name} o where ${linked}`
  const where = whereOf(making, place)
  const and = where === '' ? ' where' : `${where} and`
  const names = Object.keys(columns)
  const key = keyEqualities(place, other).map(([, b]) => b)
  const pinned = choices.pick([` where ${pin(making, other, false)}`, ` where ${pin(making, other, true)}`, ''])
  const joined =
    engine === 'mysql'
      ? `update ${name} join ${other.table.name} o on ${linked} set ${name}.n = o.${number}${where}`
      : `update ${name} set n = o.${number} from ${other.table.name} o${and} ${linked}`
  return choices.pick([
    `update ${name} set n = (select max(o.${number}) ${source})${where}`,
    `update ${name} set n = (select count(*) from ${other.table.name} o)${where}`,
    `delete from ${name}${and} exists (select 1 ${source})`,
    `delete from ${name}${and} n in (select o.${number} from ${other.table.name} o)`,
    joined,
    `insert into ${name} (${primaryKey.join(', ')}, n) select ${key.join(', ')}, 5 from ${other.table.name} o${pinned}`,
    `insert into ${name} (${names.join(', ')}) select ${names.join(', ')} from ${name}${where}`,
  ])
}
