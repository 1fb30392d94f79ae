import type { SelectTree, SetTree } from '../../statement/query-tree/query-tree.ts'
import { quotedName } from '../../statement/quotes.ts'
import type { QueryShape, SortKey } from '../../statement/shape/query-shape.ts'
import { readQueryShape } from '../../statement/shape/read-query-shape.ts'
import type { Dialect } from '../../statement/statement.ts'
import { rowPlan, type NoPlan, type RowPlan } from './row-plan.ts'

const whole = 'signalbox_union'

/**
 * The plan of a UNION ALL, of which each shard answers all members. To be sorted, it becomes the only item of a FROM: there its columns
 * have names, and hidden ones can stand beside them.
 *
 * @param sql - the text that the tree was read from
 */
export function unionPlan(sql: string, dialect: Dialect, tree: SetTree): RowPlan | NoPlan {
  const { span, tail } = tree
  const members = sql.slice(span.start, tail.start)
  const end = sql.slice(tail.start, tail.end)
  // SQLite 3.53 loses conditions of a compound in a FROM, if a later member has a RIGHT JOIN, unless it is made by itself first.
  const written =
    dialect === 'sqlite'
      ? `with ${whole} as materialized (${members}) select ${whole}.* from ${whole} ${end}`
      : `select ${whole}.* from (${members}) as ${whole} ${end}`
  const shape = readQueryShape(written, dialect)
  if (shape === undefined) return none('the end of a UNION ALL that is not understood')
  const keys = shape.orderBy?.keys ?? []
  const plan = keys.length === 0 ? rowPlan(written, shape) : sortedPlan(written, shape, keys, tree)
  if (plan.kind === 'none' || keys.length > 0) return plan
  // Without an order nothing has to stand beside its columns, two of which may then have one name.
  return { ...plan, head: members, tail: ' ' }
}

function sortedPlan(
  written: string,
  shape: QueryShape,
  keys: readonly SortKey[],
  { members }: SetTree,
): RowPlan | NoPlan {
  const { dialect } = shape
  const [first] = members
  if (first?.kind !== 'select') return none('ORDER BY of a UNION ALL that does not begin with a SELECT')
  if (dialect === 'mysql' && !hasDifferentNames(first))
    return none('ORDER BY of a UNION ALL with two columns of one name')
  let named = written
  for (const [index, key] of keys.toReversed().entries()) {
    const number = keys.length - index
    const name = nameOf(key, first)
    if (name === undefined)
      return none(`the sort key ${number}, which is not the name of one column of the first member of the UNION ALL`)
    if (dialect === 'sqlite' && key.collation === undefined && !hasClearCollation(name, members))
      return none(`the sort key ${number}, which is a column in one member of the UNION ALL and none in another`)
    if (key.ordinal !== undefined)
      named = `${named.slice(0, key.span.start)}${quotedName(dialect, name)}${named.slice(key.span.end)}`
  }
  const again = readQueryShape(named, dialect)
  return again === undefined ? none('ORDER BY of a UNION ALL that is not understood') : rowPlan(named, again)
}

/** The column that is meant, as the engine compares names. */
function nameOf({ name, ordinal, collation }: SortKey, { outputs }: SelectTree): string | undefined {
  const isOpen = outputs.some(({ kind }) => kind === 'star')
  const before = outputs.slice(0, ordinal ?? 0)
  const meant =
    ordinal === undefined ? name : before.some(({ kind }) => kind === 'star') ? undefined : nameIn(before.at(-1))
  if (meant === undefined || (ordinal !== undefined && collation !== undefined)) return undefined
  const same = outputs.filter((output) => nameIn(output) === meant)
  return same.length === 1 || (same.length === 0 && isOpen && ordinal === undefined) ? meant : undefined
}

function nameIn(output: SelectTree['outputs'][number] | undefined): string | undefined {
  return output?.kind === 'column' ? output.name : undefined
}

/** MySQL and MariaDB give up on a subquery with two columns of one name. */
function hasDifferentNames({ outputs, shape, from }: SelectTree): boolean {
  if (outputs.some(({ kind }) => kind === 'star')) return outputs.length === 1 && from.length === 1
  const names = outputs.map((output, i) => nameIn(output) ?? `${i} ${shape.items[i]!.span.start}`)
  return new Set(names).size === names.length
}

/**
 * SQLite sorts a compound by the collation of the first member that has one, and a subquery by that of the first: a column
 * always has one, an expression has none.
 */
function hasClearCollation(name: string, members: SetTree['members']): boolean {
  const [first] = members
  if (first?.kind !== 'select') return false
  const place = first.outputs.findIndex((output) => nameIn(output) === name)
  if (place < 0 || isColumn(first, place)) return true
  return members.every((member) => member.kind === 'select' && !isColumn(member, place) && !collates(member, place))
}

function isColumn({ outputs }: SelectTree, place: number): boolean {
  const before = outputs.slice(0, place + 1)
  const output = before.at(-1)
  return before.some(({ kind }) => kind === 'star') || (output?.kind === 'column' && output.path !== undefined)
}

function collates({ shape }: SelectTree, place: number): boolean {
  const item = shape.items[place]
  return item?.collation !== undefined || item?.collatesInside === true
}

function none(obstacle: string): NoPlan {
  return { kind: 'none', obstacle }
}
