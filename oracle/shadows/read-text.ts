import { totalOrder } from './change-text.ts'
import { comparable, condition, type Scope } from './condition.ts'
import type { TextMaker } from './grammar.ts'
import type { ModelTable, ShadowWorld } from './model.ts'

export interface ReadText {
  readonly sql: string
  readonly ordered: boolean
}

export function readText(make: TextMaker, { tables, views }: ShadowWorld): ReadText {
  const { choices } = make
  const table = choices.pick(tables)
  const way = choices.below(9)
  if (way === 8 && views[0] !== undefined) return { sql: `select * from ${views[0]}`, ordered: false }
  if (way >= 6) return joined(make, tables)
  if (way >= 4) return aggregated(make, tables, table)
  const scope: Scope = { make, tables, table, prefix: choices.pick(['x.', '']), sure: 'x.' }
  const where = condition(scope)
  const from = `${make.name(table.name)} x${where === undefined ? '' : ` where ${where}`}`
  if (way === 3) {
    const column = choices.pick(table.columns)
    const operator = choices.pick(['union', 'union all', 'except', 'intersect'])
    return {
      sql: `select x.${make.name(column.name)}${make.grammar.exact} from ${from} ${operator} select y.${make.name(column.name)} from ${make.name(table.name)} y`,
      ordered: false,
    }
  }
  const direction = choices.pick(['', ' desc'])
  const byKey = !table.nullableKey && choices.chance(60)
  const order = byKey
    ? table.primaryKey.map((name) => `x.${make.name(name)}${direction}`).join(', ')
    : totalOrder(make, table, 'x.')
  const limit = choices.pick(['', '', ' limit 3', ' limit 2 offset 1'])
  return {
    sql: `select ${choices.pick(['*', 'x.*', '*, 1 as one'])} from ${from} order by ${order}${limit}`,
    ordered: true,
  }
}

function joined(make: TextMaker, tables: readonly ModelTable[]): ReadText {
  const { choices } = make
  const [left, right] = [choices.pick(tables), choices.pick(tables)]
  const key = right.foreignKeys.find(({ table }) => table === left.name)
  const own = choices.pick(left.columns)
  const ways = comparable(make, right.columns, own)
  const on =
    key === undefined
      ? ways.length === 0
        ? `x.${make.name(own.name)} is null`
        : `x.${make.name(own.name)} = y.${make.name(choices.pick(ways).name)}`
      : key.columns.map((column, i) => `x.${make.name(key.referenced[i]!)} = y.${make.name(column)}`).join(' and ')
  const join = choices.pick(['join', 'left join', 'right join', 'full join'])
  const scope: Scope = { make, tables, table: left, prefix: 'x.', sure: 'x.' }
  const where = choices.chance(40) ? condition(scope) : undefined
  return {
    sql:
      `select * from ${make.name(left.name)} x ${join} ${make.name(right.name)} y on ${on}${where === undefined ? '' : ` where ${where}`} ` +
      `order by ${totalOrder(make, left, 'x.')}, ${totalOrder(make, right, 'y.')}${choices.pick(['', '', ' limit 4'])}`,
    ordered: true,
  }
}

function aggregated(make: TextMaker, tables: readonly ModelTable[], table: ModelTable): ReadText {
  const { choices } = make
  const { exact } = make.grammar
  const scope: Scope = { make, tables, table, prefix: '', sure: 'x.' }
  const where = condition(scope)
  const column = make.name(choices.pick(table.columns).name)
  const group = make.name(choices.pick(table.columns).name)
  const from = `${make.name(table.name)} x${where === undefined ? '' : ` where ${where}`}`
  const what = `count(*), count(${column}), min(${column}${exact}), max(${column}${exact}), sum(${make.grammar.sizeOf(column)})`
  return choices.chance(50)
    ? { sql: `select ${what} from ${from}`, ordered: false }
    : {
        sql: `select ${group}${exact} as g, ${what} from ${from} group by ${group}${exact}`,
        ordered: false,
      }
}
