import type { Choices } from '../../choices.ts'
import type { ModelColumn, ModelForeignKey, ModelTable, ShadowWorld, ValueKind } from '../model.ts'
import { columnNames, oddColumnNames, oddNames, plainNames } from '../names.ts'
import { shadowKinds } from '../shadow-kinds.ts'
import { literal, plainValue, quoted } from '../value.ts'

/** How a column of each kind may be declared. */
export const columnTypes: Readonly<Record<ValueKind, readonly string[]>> = {
  time: [],
  mood: [],
  int: ['integer', 'int'],
  real: ['real', 'numeric'],
  text: ['text', 'text collate nocase', 'varchar(9)'],
  any: ['', 'blob'],
}

interface Draft {
  readonly name: string
  readonly columns: (ModelColumn & { readonly definition: string })[]
  readonly primaryKey: readonly string[]
  readonly nullableKey: boolean
  readonly hasRowNumbers: boolean
  readonly isNumbered: boolean
  readonly constraints: string[]
  readonly uniqueKeys: (readonly string[])[]
  readonly foreignKeys: ModelForeignKey[]
  readonly indexes: string[]
  readonly options: string
}

/** A schema of two or three tables, with all that makes laying rows over rows hard. */
export function makeWorld(choices: Choices): ShadowWorld {
  const odd = choices.chance(15)
  const count = 1 + choices.below(3)
  const drafts = Array.from({ length: count }, (_, i) => draftTable(choices, (odd ? oddNames : plainNames)[i]!, odd))
  for (const draft of drafts) addForeignKeys(choices, draft, drafts)
  for (const draft of drafts) if (isBetween(draft, drafts)) withoutReplace(draft)
  const kinds = shadowKinds(choices, drafts)
  const tables = drafts.map((draft, i): ModelTable => ({
    ...draft,
    arbiters: [draft.primaryKey, ...draft.uniqueKeys].map((columns) => ({ columns })),
    kind: kinds[i]!,
  }))
  const [first, second] = tables
  const withView = choices.chance(30) && first !== undefined
  const joined = second === undefined ? '' : ` cross join (select count(*) as n from ${quoted(second.name)})`
  return {
    tables,
    views: withView ? ['shown'] : [],
    definitions: [
      ...drafts.flatMap((draft) => [definitionOf(draft), ...draft.indexes]),
      ...(withView ? [`create view shown as select * from ${quoted(first.name)}${joined}`] : []),
    ],
    rows: tables.flatMap((table) => rowsOf(choices, table)).concat(tables.flatMap((table) => linksOf(choices, table))),
  }
}

function draftTable(choices: Choices, name: string, odd: boolean): Draft {
  const names = odd ? oddColumnNames : columnNames
  const columns: Draft['columns'] = []
  const constraints: string[] = []
  const uniqueKeys: (readonly string[])[] = []
  const indexes: string[] = []
  const add = (column: string, values: ValueKind, definition: string, generated = false): string => {
    columns.push({ name: column, values, generated, definition: `${quoted(column)} ${definition}` })
    return column
  }
  const onConflict = (): string =>
    choices.chance(8) ? choices.pick([' on conflict replace', ' on conflict ignore', ' on conflict fail']) : ''
  const way = choices.pick([
    'integer',
    'integer',
    'autoincrement',
    'text',
    'nocase',
    'composite',
    'real',
    'any',
    'bare',
  ] as const)
  let primaryKey = ['id']
  let numbered = false
  let options = ''
  if (way === 'integer' || way === 'autoincrement' || way === 'bare') {
    add('id', 'int', `integer primary key${onConflict()}${way === 'autoincrement' ? ' autoincrement' : ''}`)
    numbered = true
  } else if (way === 'composite') {
    primaryKey = choices.pick([
      ['id', 'k'],
      ['k', 'id'],
    ])
    add('id', 'int', 'integer')
    add('k', 'text', choices.pick(['text', 'text collate nocase']))
    constraints.push(`primary key (${primaryKey.map(quoted).join(', ')})${onConflict()}`)
  } else {
    const values = way === 'real' ? 'real' : way === 'any' ? 'any' : 'text'
    add(
      'id',
      values,
      `${way === 'nocase' ? 'text collate nocase' : way === 'any' ? '' : way} primary key${onConflict()}`,
    )
  }
  if (!numbered && choices.chance(40)) options = ' without rowid'
  for (const column of names.slice(0, 1 + choices.below(3))) {
    const values = choices.pick(['int', 'text', 'int', 'text', 'real', 'any'] as const)
    const bound = choices.chance(15) ? ` check (${quoted(column)} is not ${literal(plainValue(values, 5))})` : ''
    const required = choices.chance(15)
      ? ` not null${choices.chance(50) ? ` default ${literal(plainValue(values, 2))}` : ''}`
      : ''
    const preset =
      required === '' && choices.chance(30) ? ` default ${literal(plainValue(values, choices.below(7)))}` : ''
    const unique = choices.chance(25)
    if (unique) uniqueKeys.push([column])
    add(
      column,
      values,
      `${choices.pick(columnTypes[values])}${required}${preset}${unique ? ` unique${onConflict()}` : ''}${bound}`,
    )
  }
  const some = columns.at(-1)!
  if (choices.chance(15)) {
    const unique = choices.chance(50)
    add('g', some.values, `as (${quoted(some.name)}) ${choices.pick(['stored', 'virtual'])}`, true)
    if (unique) {
      uniqueKeys.push(['g'])
      indexes.push(`create unique index ${quoted(`${name} g`)} on ${quoted(name)} (g)`)
    }
  }
  if (choices.chance(30) && columns.length > 2) {
    const key = [columns[1]!.name, columns[2]!.name]
    uniqueKeys.push(key)
    const collation = choices.pick(['', ' collate nocase', ' collate nocase'])
    const where = choices.chance(25) ? ` where ${quoted(key[0]!)} is not null` : ''
    indexes.push(
      `create unique index ${quoted(`${name} two`)} on ${quoted(name)} (${key.map((each) => `${quoted(each)}${collation}`).join(', ')})${where}`,
    )
  }
  return {
    name,
    columns,
    primaryKey,
    nullableKey: !numbered && options === '',
    hasRowNumbers: options === '',
    isNumbered: numbered,
    constraints,
    uniqueKeys,
    foreignKeys: [],
    indexes,
    options,
  }
}

const actions = [
  '',
  ' on delete cascade',
  ' on delete set null',
  ' on delete set default',
  ' on delete restrict',
  ' on delete no action',
]
const updates = ['', ' on update cascade', ' on update set null', ' on update set default', ' on update restrict']

/** To tables in front, to itself, and sometimes to one behind: then they form a circle. */
function addForeignKeys(choices: Choices, draft: Draft, all: readonly Draft[]): void {
  const at = all.indexOf(draft)
  for (const [i, parent] of all.entries()) {
    const chance = i < at ? 65 : i === at ? 25 : 12
    if (!choices.chance(chance)) continue
    const own = choices.chance(20)
      ? draft.uniqueKeys.find(([column, more]) => more === undefined && column !== 'g')
      : undefined
    const toUnique = choices.chance(15) ? parent.uniqueKeys.find((key) => key.length === 1) : undefined
    const referenced = toUnique ?? parent.primaryKey
    const reused = referenced.length === 1 ? own : undefined
    const columns =
      reused ?? referenced.map((column) => `${column === 'g' ? 'to_g' : column}_${i}${i === at ? 's' : ''}`)
    if (reused === undefined)
      for (const [place, column] of columns.entries()) {
        const to = parent.columns.find(({ name }) => name === referenced[place])!
        const preset = choices.chance(25) ? ` default ${literal(plainValue(to.values, choices.below(5)))}` : ''
        draft.columns.push({
          name: column,
          values: to.values,
          generated: false,
          definition: `${quoted(column)} ${choices.pick(columnTypes[to.values])}${preset}`,
        })
        if (choices.chance(30) && columns.length === 1)
          draft.indexes.push(
            `create index ${quoted(`${draft.name} ${column}`)} on ${quoted(draft.name)} (${quoted(column)})`,
          )
      }
    const target = toUnique === undefined && choices.chance(30) ? '' : ` (${referenced.map(quoted).join(', ')})`
    draft.constraints.push(
      `foreign key (${columns.map(quoted).join(', ')}) references ${quoted(parent.name)}${target}` +
        `${choices.pick(actions)}${choices.pick(updates)}${choices.pick(['', '', ' deferrable initially deferred'])}`,
    )
    draft.foreignKeys.push({ columns, table: parent.name, referenced })
  }
}

/** It refers to a table, and is referred to. Then SQLite checks no foreign key of the rows that REPLACE inserts. */
export function isBetween(
  { name, foreignKeys }: Pick<ModelTable, 'name' | 'foreignKeys'>,
  all: readonly Pick<ModelTable, 'foreignKeys'>[],
): boolean {
  return foreignKeys.length > 0 && all.some((each) => each.foreignKeys.some(({ table }) => table === name))
}

function withoutReplace({ columns, constraints }: Draft): void {
  const plain = (sql: string): string => sql.replace(' on conflict replace', '')
  for (const [i, column] of columns.entries()) columns[i] = { ...column, definition: plain(column.definition) }
  for (const [i, constraint] of constraints.entries()) constraints[i] = plain(constraint)
}

function definitionOf({ name, columns, constraints, options }: Draft): string {
  return `create table ${quoted(name)} (${[...columns.map(({ definition }) => definition), ...constraints].join(', ')})${options}`
}

function rowsOf(choices: Choices, table: ModelTable): readonly string[] {
  const given = table.columns.filter(({ generated }) => !generated)
  const linked = new Set(table.foreignKeys.flatMap(({ columns }) => columns))
  const rows = Array.from({ length: choices.below(7) }, (_, i) => {
    const values = given.map(({ name, values: kind }) =>
      linked.has(name) && !table.primaryKey.includes(name) && i % 3 === 0
        ? null
        : name === 'id' && kind === 'int' && table.primaryKey.length === 1
          ? i + 1
          : plainValue(kind, choices.below(8)),
    )
    return `insert or ignore into ${quoted(table.name)} (${given.map(({ name }) => quoted(name)).join(', ')}) values (${values.map(literal).join(', ')})`
  })
  // A gap, which the next id of an AUTOINCREMENT does not fill.
  return choices.chance(30) ? [...rows, `delete from ${quoted(table.name)} where rowid = ${rows.length}`] : rows
}

function linksOf(choices: Choices, { name, foreignKeys, columns }: ModelTable): readonly string[] {
  return foreignKeys.flatMap(({ columns: own }) =>
    Array.from({ length: 2 }, () => {
      const kinds = own.map((column) => columns.find((each) => each.name === column)!.values)
      const set = own.map((column, i) => `${quoted(column)} = ${literal(plainValue(kinds[i]!, choices.below(7)))}`)
      return `update or ignore ${quoted(name)} set ${set.join(', ')} where ${quoted('id')} >= ${literal(plainValue('int', choices.below(5)))}`
    }),
  )
}
