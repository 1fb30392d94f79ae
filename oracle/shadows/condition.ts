import type { TextMaker } from './grammar.ts'
import type { ModelColumn, ModelTable } from './model.ts'
import { plainValue, quoted, valueCount } from './value.ts'

/** Where columns of a table are called. */
export interface Scope {
  readonly make: TextMaker
  readonly tables: readonly ModelTable[]
  readonly table: ModelTable
  /** What stands before a column's name; empty, or with its dot. */
  readonly prefix: string
  /** The same, where another table might have such a column, too. */
  readonly sure: string
}

export function columnText({ make, prefix }: Scope, column: string): string {
  return `${prefix}${make.name(column)}`
}

/** The columns that can be compared with one. */
export function comparable(
  { grammar }: TextMaker,
  columns: readonly ModelColumn[],
  { values }: ModelColumn,
): readonly ModelColumn[] {
  return grammar.isTyped ? columns.filter((column) => column.values === values) : columns
}

export function someValue({ make }: Scope, { values }: ModelColumn): string {
  return make.value(plainValue(values, make.choices.below(valueCount)))
}

/** Of one row at most. */
export function keyCondition(scope: Scope): string {
  const { primaryKey, columns } = scope.table
  const parts = primaryKey.map((name) => {
    const column = columns.find((each) => each.name === name)!
    return `${columnText(scope, name)} = ${someValue(scope, column)}`
  })
  return parts.join(' and ')
}

/** Behind WHERE; `undefined` for none. */
export function condition(scope: Scope, depth = 1): string | undefined {
  const { make, table } = scope
  const { choices } = make
  const column = choices.pick(table.columns)
  const text = columnText(scope, column.name)
  const value = someValue(scope, column)
  const way = choices.below(12)
  if (way < 3) return keyCondition(scope)
  if (way === 3) return undefined
  if (way === 4) return `${text} in (${value}, ${someValue(scope, column)}, ${someValue(scope, column)})`
  if (way === 5) return `${text} ${choices.pick(make.grammar.comparisons)} ${value}`
  if (way === 6) return `${text} ${choices.pick(['<', '>=', '<>'])} ${value}`
  if (way === 7 && depth > 0)
    return `(${condition(scope, depth - 1) ?? make.grammar.yes}) ${choices.pick(['and', 'or'])} not (${condition(scope, depth - 1) ?? make.grammar.no})`
  if (way < 10) return related(scope) ?? `${text} = ${value}`
  return `${text} = ${value}`
}

/** A subquery about a table that refers to this one, or about any. */
function related({ make, tables, table, sure }: Scope): string | undefined {
  const { choices } = make
  const other = choices.pick(tables)
  const key = other.foreignKeys.find((each) => each.table === table.name)
  if (key === undefined) {
    const column = choices.pick(table.columns)
    const same = other.columns.find(({ values }) => values === column.values)
    if (same === undefined) return undefined
    return `${sure}${make.name(column.name)} ${choices.pick(['in', 'not in'])} (select i.${make.name(same.name)} from ${make.name(other.name)} i where i.${make.name(same.name)} is not null)`
  }
  const joined = key.columns
    .map((column, i) => `i.${make.name(column)} = ${sure}${make.name(key.referenced[i]!)}`)
    .join(' and ')
  const more = choices.chance(30)
    ? ` and i.${quoted(other.columns[0]!.name)} > ${make.value(plainValue(other.columns[0]!.values, 1))}`
    : ''
  return `${choices.pick(['exists', 'not exists'])} (select 1 from ${make.name(other.name)} i where ${joined}${more})`
}
