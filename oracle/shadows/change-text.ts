import { columnText, comparable, condition, keyCondition, type Scope, someValue } from './condition.ts'
import type { TextMaker } from './grammar.ts'
import type { ModelColumn, ModelTable } from './model.ts'
import { plainValue } from './value.ts'

export interface Target {
  readonly scope: Scope
  readonly text: string
  /** The name by which RETURNING and conditions call the table. */
  readonly own: string
  readonly aliased: boolean
}

export function target(make: TextMaker, tables: readonly ModelTable[], table: ModelTable): Target {
  const { choices } = make
  const name = make.name(table.name)
  const aliased = choices.chance(15)
  const own = aliased ? choices.pick(['x', '"an alias"']) : name
  // Where the base's table or a local one is meant, SQLite's `main` is another place on either side.
  const schema = table.kind === 'base' || !choices.chance(8) ? '' : choices.pick(make.grammar.places)
  const prefix = choices.chance(25) ? `${own}.` : ''
  return {
    scope: { make, tables, table, prefix, sure: `${own}.` },
    text: `${schema}${name}${aliased ? ` as ${own}` : ''}`,
    own,
    aliased,
  }
}

function conflictWords({ choices, grammar }: TextMaker, tables: readonly ModelTable[], table: ModelTable): string {
  const word = choices.pick(grammar.conflictWords)
  return word === ' or replace' && !grammar.mayReplace(table, tables) ? '' : word
}

const overriding = [' overriding system value', ' overriding system value', ' overriding user value', '']

function givenValue(scope: Scope, column: ModelColumn): string {
  const { choices, grammar } = scope.make
  return grammar.takesDefault && choices.chance(8) ? 'default' : someValue(scope, column)
}

export function insertText(make: TextMaker, tables: readonly ModelTable[], table: ModelTable): string {
  const { choices } = make
  const on = target(make, tables, table)
  const verb =
    choices.chance(10) && make.grammar.mayReplace(table, tables)
      ? 'replace'
      : `insert${conflictWords(make, tables, table)}`
  const settable = table.columns.filter(({ generated }) => !generated)
  const required = settable.filter(
    ({ name }) => choices.chance(60) || (table.primaryKey.includes(name) && !table.isNumbered),
  )
  const listed = choices.chance(25) ? settable : required.length > 0 ? required : settable.slice(0, 1)
  // Where values stand without a list, SQLite leaves out the columns that it calculates.
  const isWhole = listed === settable && (!make.grammar.takesDefault || settable.length === table.columns.length)
  const list = isWhole && choices.chance(60) ? '' : ` (${listed.map(({ name }) => make.name(name)).join(', ')})`
  const words = listed.some(({ isAlways }) => isAlways) ? choices.pick(overriding) : ''
  const returning = returningText(on)
  const way = choices.below(10)
  if (way === 9) return `${verb} into ${on.text} default values${returning}`
  const upsert = upsertText(on)
  if (way >= 7) {
    const { body, from } = source(make, tables, listed)
    return `${verb} into ${on.text}${list}${words} select ${body} from ${from}${upsert}${returning}`
  }
  const rows = Array.from(
    { length: choices.pick([1, 1, 2, 3]) },
    () => `(${listed.map((column) => givenValue(on.scope, column)).join(', ')})`,
  )
  const withs = choices.chance(8) ? 'with unused as (select 1) ' : ''
  return `${withs}${verb} into ${on.text}${list}${words} values ${rows.join(', ')}${upsert}${returning}`
}

/** Rows made of those of a table, in an order that leaves no choice. */
function source(
  make: TextMaker,
  tables: readonly ModelTable[],
  listed: readonly ModelColumn[],
): { readonly body: string; readonly from: string } {
  const { choices } = make
  const from = choices.pick(tables)
  const items = listed.map(({ values }) => {
    const same = from.columns.filter((column) => column.values === values)
    const column = same.length === 0 ? undefined : choices.pick(same)
    if (column === undefined) return make.grammar.isTyped ? make.grammar.nullOf(values) : make.value(null)
    return values === 'int' && choices.chance(50)
      ? `s.${make.name(column.name)} + ${make.value(3)}`
      : `s.${make.name(column.name)}`
  })
  const scope: Scope = { make, tables, table: from, prefix: 's.', sure: 's.' }
  return {
    body: items.join(', '),
    from: `${make.name(from.name)} s where ${condition(scope) ?? 'true'} order by ${totalOrder(make, from, 's.')}`,
  }
}

/** An order in which no two rows that differ may change places. */
export function totalOrder(make: TextMaker, { columns }: ModelTable, prefix: string): string {
  return columns.map(({ name }) => `${prefix}${make.name(name)}${make.grammar.exact}`).join(', ')
}

function upsertText({ scope, own }: Target): string {
  const { make, table } = scope
  const { choices } = make
  if (!choices.chance(25)) return ''
  const { grammar } = make
  if (table.arbiters.length === 0) return ' on conflict do nothing'
  const key = choices.pick(table.arbiters)
  const named = ` (${key.sql ?? key.columns.map((name) => make.name(name)).join(', ')})${key.predicate ?? ''}`
  const doesNothing = !grammar.mayUpsert(table, scope.tables) || choices.chance(35)
  const on = ` on conflict${choices.chance(15) && (doesNothing || !grammar.namesArbiter) ? '' : named}`
  if (doesNothing) return `${on} do nothing`
  const column = choices.pick(table.columns.filter(({ generated }) => !generated))
  const value = choices.pick([
    `excluded.${make.name(column.name)}`,
    `${own}.${make.name(column.name)}`,
    someValue(scope, column),
  ])
  const where = choices.chance(30) ? ` where ${condition({ ...scope, prefix: `${own}.` }) ?? make.grammar.yes}` : ''
  return `${on} do update set ${make.name(column.name)} = ${value}${where}`
}

export function updateText(make: TextMaker, tables: readonly ModelTable[], table: ModelTable): string {
  const { choices } = make
  const on = target(make, tables, table)
  const way = choices.below(10)
  if (way === 9) return updateFrom(make, tables, on)
  const words = conflictWords(make, tables, table)
  if (way === 8) {
    const set = assignments(on, false)
    const other = choices.pick(tables)
    const column = choices.pick(table.columns)
    const same = other.columns.find(({ values }) => values === column.values) ?? other.columns[0]!
    const { differs } = make.grammar
    const picked = `select ${make.name(same.name)} as v from ${make.name(other.name)} where ${make.name(same.name)} ${differs} ${make.value(plainValue(same.values, 3))}`
    const found =
      comparable(make, [same], column).length === 0
        ? `exists (select v from picked)`
        : `${columnText(on.scope, column.name)} in (select v from picked)`
    return `with picked as ${choices.pick(['', 'materialized '])}(${picked}) update${words} ${on.text} set ${set} where ${found}${returningText(on)}`
  }
  const isOfOne = choices.chance(35)
  const where = isOfOne ? keyCondition(on.scope) : condition(on.scope)
  return `update${words} ${on.text} set ${assignments(on, isOfOne)}${where === undefined ? '' : ` where ${where}`}${returningText(on)}`
}

function assignments(on: Target, isOfOne: boolean): string {
  const { make, table } = on.scope
  const { scope } = on
  const { choices, grammar } = make
  const settable = table.columns.filter(({ generated, isAlways }) => !generated && isAlways !== true)
  const given = choices
    .some(settable.length === 0 ? table.columns.filter(({ generated }) => !generated) : settable, 1, 2)
    .map((column) => {
      const name = make.name(column.name)
      if (grammar.takesDefault && (column.isAlways || choices.chance(8))) return [name, 'default'] as const
      const plain = [someValue(scope, column), someValue(scope, column)]
      const ways = grammar.meetsInAnyOrder && !isOfOne && isKeyed(table, column.name) ? [] : calculated(on, column)
      return [name, choices.pick([...plain, ...ways])] as const
    })
  const [one, two] = given
  if (one !== undefined && two !== undefined && choices.chance(15))
    return `(${one[0]}, ${two[0]}) = (${one[1]}, ${two[1]})`
  return given.map(([name, value]) => `${name} = ${value}`).join(', ')
}

/** Whether two rows may not have the same there: where several get new values, the order in which they get them matters. */
function isKeyed({ primaryKey, uniqueKeys, arbiters, columns }: ModelTable, name: string): boolean {
  const keyed = [primaryKey, ...uniqueKeys, ...arbiters.map((each) => each.columns)].flat()
  return keyed.includes(name) || columns.some((column) => column.generated && keyed.includes(column.name))
}

/** Values that are made of those that are there. */
function calculated({ scope, own }: Target, column: ModelColumn): readonly string[] {
  const { make, table, tables, prefix } = scope
  const { choices } = make
  const name = make.name(column.name)
  const same = choices.pick(table.columns.filter(({ values, generated }) => !generated && values === column.values))
  const ways = [`${prefix}${make.name(same.name)}`]
  if (column.values === 'int')
    ways.push(`${prefix}${name} + ${make.value(1)}`, `${prefix}${name} + 10`, `- ${prefix}${name}`)
  if (column.values === 'text') ways.push(`${prefix}${name} || 'x'`, `upper(${prefix}${name})`)
  const other = choices.pick(tables)
  const reads = other.columns.find(({ values }) => values === column.values)
  if (reads !== undefined)
    ways.push(`(select max(m.${make.name(reads.name)}${make.grammar.exact}) from ${make.name(other.name)} m)`)
  const [met] = comparable(make, other.columns, table.columns[0]!)
  if (column.values === 'int' && met !== undefined)
    ways.push(
      `(select count(*) from ${make.name(other.name)} m where m.${make.name(met.name)} = ${own}.${make.name(table.columns[0]!.name)})`,
    )
  return ways
}

/** Further tables of which one row at most belongs to each. Columns of no key are set, so that the order tells nothing. */
function updateFrom(make: TextMaker, tables: readonly ModelTable[], on: Target): string {
  const { choices } = make
  const { table } = on.scope
  const keys = new Set([
    ...table.primaryKey,
    ...table.uniqueKeys.flat(),
    ...table.foreignKeys.flatMap(({ columns }) => columns),
  ])
  const plain = table.columns.filter(({ name, generated }) => !generated && !keys.has(name))
  const others = tables.filter(({ nullableKey }) => !nullableKey)
  const set = plain.length === 0 ? undefined : choices.pick(plain)
  const other = others.length === 0 ? undefined : choices.pick(others)
  if (set === undefined || other === undefined || table.uniqueKeys.flat().includes('g'))
    return `update ${on.text} set ${assignments(on, false)} where ${make.grammar.no}`
  const link = table.foreignKeys.find(
    (key) => key.table === other.name && key.referenced.every((name, i) => other.primaryKey[i] === name),
  )
  const pairs = other.primaryKey.map((name, i) => {
    const column = other.columns.find((each) => each.name === name)!
    const ways = comparable(make, table.columns, column)
    const own = link?.columns[i] ?? (ways.length === 0 ? undefined : choices.pick(ways).name)
    return `f.${make.name(name)} = ${own === undefined ? someValue(on.scope, column) : `${on.own}.${make.name(own)}`}`
  })
  const same = other.columns.find(({ values }) => values === set.values)
  const value = same === undefined ? someValue(on.scope, set) : `f.${make.name(same.name)}`
  const inner = choices.chance(30)
    ? `(select * from ${make.name(other.name)}) f`
    : `${make.name(other.name)} ${choices.pick(['as ', ''])}f`
  const more = condition({ ...on.scope, prefix: `${on.own}.` })
  return `update ${on.text} set ${make.name(set.name)} = ${value} from ${inner} where ${pairs.join(' and ')}${more === undefined ? '' : ` and (${more})`}${returningText(on)}`
}

export function deleteText(make: TextMaker, tables: readonly ModelTable[], table: ModelTable): string {
  const on = target(make, tables, table)
  const where = condition(on.scope)
  return `delete from ${on.text}${where === undefined ? '' : ` where ${where}`}${returningText(on)}`
}

function returningText({ scope, own, aliased }: Target): string {
  const { make, table, tables } = scope
  const { choices } = make
  if (!choices.chance(35)) return ''
  const column = choices.pick(table.columns)
  const name = make.name(column.name)
  const { grammar } = make
  const real = aliased && grammar.returnsByName ? make.name(table.name) : own
  const other = choices.pick(tables)
  const met = comparable(make, other.columns, column)[0]?.name
  const inner = `(select count(*) from ${make.name(other.name)} r${met === undefined ? '' : ` where r.${make.name(met)} ${grammar.isSame} ${real}.${name}`})`
  return ` returning ${choices.pick(['*', name, `${real}.${name}`, `${name} as n, ${grammar.typeOf(`${real}.${name}`)}`, inner, `*, ${real}.${name} as again`, `${real}.${name} is null, ${real}.${name} || 'y', ${real}.*`])}`
}
