import type { TextMaker } from '../grammar.ts'
import type { ModelColumn, ModelForeignKey, ModelTable, ShadowWorld, ValueKind } from '../model.ts'
import { literal, plainValue, quoted } from '../value.ts'
import { columnTypes } from './world.ts'

const names = ['e', 'f', 'some more', 'a']

/** A statement that gives a table a column, or now and then an index, and what the world is then, if it can have it. */
export function addColumnText(
  make: TextMaker,
  world: ShadowWorld,
  table: ModelTable,
): { readonly sql: string; readonly becomes: ShadowWorld } {
  const { choices } = make
  if (choices.chance(10)) return { sql: indexText(make, table), becomes: world }
  const name = choices.pick(names)
  const values = choices.pick(['int', 'text', 'real', 'any'] as const)
  const parent = choices.chance(20) ? parentFor(make, world) : undefined
  const [kind, reference] = parent === undefined ? [values, ''] : [parent.values, parent.text]
  const parts = [
    choices.pick(columnTypes[kind]),
    defaultOf(make, kind),
    choices.chance(25) ? ' not null' : '',
    choices.chance(20) ? ` check (${checkOf(make, table, name, kind)})` : '',
    reference,
    choices.chance(4) ? ` as (${quoted(table.columns[0]!.name)})` : '',
  ]
  const place = choices.chance(15) && table.kind !== 'base' ? 'main.' : ''
  const word = choices.pick([' column', ''])
  const column: ModelColumn = { name, values: kind, generated: false }
  const foreignKeys: readonly ModelForeignKey[] =
    parent === undefined ? [] : [{ columns: [name], table: parent.table, referenced: [parent.column] }]
  const altered: ModelTable = table.columns.some((each) => each.name === name)
    ? table
    : { ...table, columns: [...table.columns, column], foreignKeys: [...table.foreignKeys, ...foreignKeys] }
  return {
    sql: `alter table ${place}${make.name(table.name)} add${word} ${make.name(name)} ${parts.join('')}`,
    becomes: { ...world, tables: world.tables.map((each) => (each === table ? altered : each)) },
  }
}

/** Unique ones are refused. */
function indexText(make: TextMaker, { name, columns }: ModelTable): string {
  const { choices } = make
  const where = choices.chance(20) ? ` where ${make.name(columns[0]!.name)} is not null` : ''
  const list = choices.some(columns, 1, 2).map((column) => make.name(column.name))
  return `create index ${choices.pick(['', 'if not exists '])}one on ${make.name(name)} (${list.join(', ')})${where}`
}

/** As a word of its own it is a text; in brackets it is calculated, which a table with rows does not take. */
function defaultOf({ choices }: TextMaker, kind: ValueKind): string {
  const way = choices.below(8)
  if (way < 5) return ` default ${literal(plainValue(kind, choices.below(8)))}`
  if (way === 5) return choices.pick([' default (1 + 2)', ' default a', ' default "it\'s"', " default ('x')"])
  return ''
}

function checkOf(make: TextMaker, { columns }: ModelTable, name: string, kind: ValueKind): string {
  const { choices } = make
  const other = make.name(choices.pick(columns).name)
  return choices.pick([
    `${make.name(name)} is not ${literal(plainValue(kind, choices.below(5)))}`,
    `${make.name(name)} is not ${other}`,
    `${other} is not ${literal(plainValue('int', choices.below(5)))}`,
  ])
}

/** REPLACE in the definition of a table that is between others lets rows through that break a foreign key. */
function parentFor(
  make: TextMaker,
  { tables, definitions }: ShadowWorld,
): { readonly text: string; readonly table: string; readonly column: string; readonly values: ValueKind } | undefined {
  if (definitions.some((sql) => sql.includes('on conflict replace'))) return undefined
  const { choices } = make
  const parent = choices.pick(tables)
  const [key, more] = parent.primaryKey
  if (key === undefined || more !== undefined) return undefined
  const action = choices.pick(['', ' on delete cascade', ' on delete set null', ' on update cascade'])
  return {
    text: ` references ${make.name(parent.name)}${choices.chance(50) ? ` (${make.name(key)})` : ''}${action}`,
    table: parent.name,
    column: key,
    values: parent.columns.find(({ name }) => name === key)!.values,
  }
}
