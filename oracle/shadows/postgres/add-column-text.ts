import type { TextMaker } from '../grammar.ts'
import type { ModelTable, ShadowWorld } from '../model.ts'
import { literal, plainValue, quoted } from '../value.ts'
import { columnTypes } from './draft-table.ts'

const names = ['e', 'f', 'some more', 'a']

/** A statement that gives a table a column, and what the world is then, if it can have it. */
export function addColumnText(
  make: TextMaker,
  world: ShadowWorld,
  table: ModelTable,
): { readonly sql: string; readonly becomes: ShadowWorld } {
  const { choices } = make
  const name = choices.pick(names)
  const values = choices.pick(['int', 'text', 'real', 'time', 'mood'] as const)
  const called = quoted(name)
  const parts = [
    choices.pick(columnTypes[values]),
    choices.chance(60) ? ` default ${literal(plainValue(values, choices.below(8)))}` : '',
    choices.chance(25) ? ' not null' : '',
    choices.chance(20) ? ` check (${called} is distinct from ${literal(plainValue(values, choices.below(5)))})` : '',
    choices.chance(15) ? ' unique' : '',
  ]
  const altered: ModelTable = table.columns.some((each) => each.name === name)
    ? table
    : { ...table, columns: [...table.columns, { name, values, generated: false }] }
  return {
    sql: `alter table ${make.name(table.name)} add${choices.pick([' column', ''])} ${called} ${parts.join('')}`,
    becomes: { ...world, tables: world.tables.map((each) => (each === table ? altered : each)) },
  }
}
