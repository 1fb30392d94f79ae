import { QueryLevel, type Relation } from './level.ts'
import { isTree, listAt, nodeOf, textAt, treeAt, type Tree } from './tree.ts'
import type { Scope, Walk } from './scope.ts'

interface FromItem {
  readonly node: unknown
  /** On the side of an outer join that may be filled up with nulls. */
  readonly nullable: boolean
  /** Inside a join with an alias of its own, which hides the names within. */
  readonly hidden: boolean
}

/**
 * Reads a `FROM` list (with the target of an `UPDATE` or `DELETE`, if there is one) as one query level.
 *
 * `qualifications` are the conditions of its inner joins, outside any outer join's nullable side. Their expressions,
 * and everything else that the list holds, are put on the walk's stack.
 */
export function collectFrom(
  walk: Walk,
  from: readonly unknown[],
  scope: Scope,
  target?: Tree,
): { level: QueryLevel; qualifications: unknown[] } {
  const level = new QueryLevel(scope.correlated)
  const qualifications: unknown[] = []
  if (target !== undefined) {
    const table = walk.writeTable(target, scope)
    level.appearances.push(table)
    addRelation(level, target, table, false)
  }
  const lateral: Scope = { ...scope, nested: true, correlated: true }
  const pending: FromItem[] = from.toReversed().map((node) => ({ node, nullable: false, hidden: false }))
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const join = nodeOf(item.node, 'JoinExpr')
    if (join !== undefined) {
      const inner = textAt(join, 'jointype') === 'JOIN_INNER'
      if (inner && !item.nullable && !item.hidden) qualifications.push(join['quals'])
      walk.push(join['quals'], lateral)
      pending.push(...sidesOf(join, item))
    } else {
      addItem(walk, level, item, { scope, lateral })
    }
  }
  return { level, qualifications }
}

function sidesOf(join: Tree, item: FromItem): FromItem[] {
  const type = textAt(join, 'jointype')
  const hidden = item.hidden || treeAt(join, 'alias') !== undefined
  const leftNullable = item.nullable || type === 'JOIN_RIGHT' || type === 'JOIN_FULL'
  const rightNullable = item.nullable || type === 'JOIN_LEFT' || type === 'JOIN_FULL'
  return [
    { node: join['rarg'], nullable: rightNullable, hidden },
    { node: join['larg'], nullable: leftNullable, hidden },
  ]
}

function addItem(
  walk: Walk,
  level: QueryLevel,
  item: FromItem,
  { scope, lateral }: { readonly scope: Scope; readonly lateral: Scope },
): void {
  const sample = nodeOf(item.node, 'RangeTableSample')
  if (sample !== undefined) walk.push({ RangeTableSample: { ...sample, relation: null } }, lateral)
  const rangeVar = nodeOf(sample === undefined ? item.node : sample['relation'], 'RangeVar')
  if (rangeVar !== undefined) {
    const table = walk.readTable(rangeVar, scope)
    if (table !== undefined) level.appearances.push(table)
    addRelation(level, rangeVar, table, item.hidden)
    return
  }
  const subselect = nodeOf(item.node, 'RangeSubselect')
  if (subselect !== undefined) {
    walk.push(subselect['subquery'], subselect['lateral'] === true ? lateral : { ...scope, nested: true })
    addOpaque(level, subselect)
    return
  }
  walk.push(item.node, lateral)
  if (isTree(item.node)) addOpaque(level, Object.values(item.node).find(isTree))
}

function addRelation(level: QueryLevel, rangeVar: Tree, table: Relation['table'], hidden: boolean): void {
  const alias = treeAt(rangeVar, 'alias')
  const renamed = hidden || listAt(alias, 'colnames').length > 0
  level.add({
    alias: hidden ? undefined : (textAt(alias, 'aliasname') ?? textAt(rangeVar, 'relname')),
    // A table with an alias is no longer reached by its schema.
    schema: alias === undefined ? textAt(rangeVar, 'schemaname') : undefined,
    table: renamed ? undefined : table,
    renamed: renamed && table !== undefined,
  })
}

function addOpaque(level: QueryLevel, fields: Tree | undefined): void {
  const alias = textAt(treeAt(fields, 'alias'), 'aliasname')
  level.add({ alias, schema: undefined, table: undefined, renamed: false })
}
