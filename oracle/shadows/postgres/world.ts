import type { Choices } from '../../choices.ts'
import type { ModelTable, ShadowWorld } from '../model.ts'
import { shadowKinds } from '../shadow-kinds.ts'
import { literal, plainValue, quoted } from '../value.ts'
import { type Draft, draftTable } from './draft-table.ts'
import { addForeignKeys } from './foreign-keys.ts'
import { linkedWorld } from './linked-world.ts'

/** What tables may have columns of, and what may make their numbers. */
const common = [
  `create type mood as enum ('sad', 'so so', 'ok', 'glad')`,
  `create domain label as text check (value <> 'abxx')`,
  'create sequence free_number start 3',
]

/** A schema of up to three tables, with all that makes laying rows over rows hard. */
export function makeWorld(choices: Choices): ShadowWorld {
  if (choices.chance(8)) return linkedWorld
  const isOdd = choices.chance(15)
  const count = 1 + choices.below(3)
  const drafts = Array.from({ length: count }, (_, i) => draftTable(choices, i, isOdd))
  for (const draft of drafts) addForeignKeys(choices, draft, drafts)
  const kinds = shadowKinds(choices, drafts)
  const tables = drafts.map((draft, i): ModelTable => ({ ...draft, kind: kinds[i]! }))
  const [first, second] = tables
  const hasView = choices.chance(30) && first !== undefined
  const joined = second === undefined ? '' : ` cross join (select count(*) as n from ${quoted(second.name)}) as m`
  return {
    tables,
    views: hasView ? ['shown'] : [],
    definitions: [
      ...common,
      ...drafts.map(definitionOf),
      ...drafts.flatMap(({ later }) => later),
      ...drafts.flatMap(({ links }) => links),
      ...(hasView
        ? [`create view shown as select s.*${joined === '' ? '' : ', m.n'} from ${quoted(first.name)} s${joined}`]
        : []),
    ],
    rows: [
      ...tables.flatMap((table) => rowsOf(choices, table)),
      ...tables.flatMap((table) => linksOf(choices, table)),
      ...drafts.flatMap(({ name, numbers }) => numbers.flatMap((column) => countedOf(choices, name, column))),
    ],
  }
}

function definitionOf({ name, columns, constraints }: Draft): string {
  return `create table ${quoted(name)} (${[...columns.map(({ definition }) => definition), ...constraints].join(', ')})`
}

function rowsOf(choices: Choices, table: ModelTable): readonly string[] {
  const given = table.columns.filter(({ generated }) => !generated)
  const linked = new Set(table.foreignKeys.flatMap(({ columns }) => columns))
  const isCounted = choices.chance(50)
  const rows = Array.from({ length: choices.below(7) }, (_, i) => {
    const values = given.map(({ name, values: kind }) =>
      linked.has(name) && !table.primaryKey.includes(name) && i % 3 === 0
        ? 'null'
        : name === 'id' && kind === 'int' && table.primaryKey.length === 1
          ? isCounted && table.isNumbered
            ? 'default'
            : String(i + 1)
          : literal(plainValue(kind, choices.below(8))),
    )
    return `insert into ${quoted(table.name)} (${given.map(({ name }) => quoted(name)).join(', ')}) overriding system value values (${values.join(', ')})`
  })
  const [key] = table.primaryKey
  if (key === undefined || !choices.chance(30)) return rows
  // A gap, which the next number does not fill.
  const { name } = table
  return [
    ...rows,
    `delete from ${quoted(name)} where ${quoted(key)} = (select max(${quoted(key)}) from ${quoted(name)})`,
  ]
}

function linksOf(choices: Choices, { name, foreignKeys, columns }: ModelTable): readonly string[] {
  const kindOf = (column: string) => columns.find((each) => each.name === column)!.values
  return foreignKeys.flatMap(({ columns: own }) =>
    Array.from({ length: 2 }, () => {
      const set = own.map((column) => `${quoted(column)} = ${literal(plainValue(kindOf(column), choices.below(7)))}`)
      const least = literal(plainValue(kindOf('id'), choices.below(5)))
      return `update ${quoted(name)} set ${set.join(', ')} where ${quoted('id')} >= ${least}`
    }),
  )
}

/** Rows may have higher numbers than their sequence has given. */
function countedOf(choices: Choices, table: string, column: string): readonly string[] {
  if (choices.chance(35)) return []
  return [
    `perform setval(pg_get_serial_sequence('${quoted(table)}', '${column}'), (select max(${quoted(column)}) + ${choices.below(3)} from ${quoted(table)}))`,
  ]
}
