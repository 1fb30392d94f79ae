import type { Conjuncts } from '../appearances/conjuncts.ts'
import { JoinLevel, type JoinKind } from '../appearances/join-level.ts'
import type { QueryColumns } from '../appearances/query-columns.ts'
import { placeWithin } from '../appearances/table-entry.ts'
import { conjunctsOf } from './conditions.ts'
import { QueryLevel, type Relation } from './level.ts'
import type { Appearance } from './tables.ts'
import { isTree, listAt, namesIn, nodeOf, textAt, treeAt, type Tree } from './tree.ts'
import type { CteQuery, Scope, Walk } from './scope.ts'

/** What a `FROM` brings into view. */
export interface FromLevel {
  readonly level: QueryLevel
  readonly joins: JoinLevel
  /** The conditions of its inner joins, outside any outer join's nullable side. */
  readonly qualifications: readonly Conjuncts[]
  readonly target: Appearance | undefined
}

interface FromItem {
  readonly node: unknown
  /** On the side of an outer join that may be filled up with nulls. */
  readonly nullable: boolean
  /** Inside a join with an alias of its own, which hides the names within. */
  readonly hidden: boolean
}

/** What is to be read next: an item, or what comes between and behind the two sides of a join. */
type Step = FromItem | (() => void)

const joinKinds: ReadonlyMap<string, JoinKind> = new Map([
  ['JOIN_INNER', 'inner'],
  ['JOIN_LEFT', 'left'],
  ['JOIN_RIGHT', 'right'],
])

/** The scope of a query that stands in a `FROM`, a `WITH`, a `UNION` or an `INSERT`. */
export function derived(scope: Scope): Scope {
  return { ...scope, nested: true, place: placeWithin(scope.place, 'derived') }
}

/**
 * Reads a `FROM` list (with the target of an `UPDATE` or `DELETE`, if there is one) as one query level. The expressions
 * of its joins, and everything else that the list holds, are put on the walk's stack.
 */
export function collectFrom(walk: Walk, from: readonly unknown[], scope: Scope, target?: Tree): FromLevel {
  const reader = new FromReader(walk, scope)
  return reader.read(from, target)
}

class FromReader {
  readonly #walk: Walk
  readonly #scope: Scope
  /** For what sees the items to its left, or those of its join. */
  readonly #lateral: Scope
  readonly #level: QueryLevel
  readonly #joins: JoinLevel
  readonly #qualifications: Conjuncts[] = []
  readonly #pending: Step[] = []

  constructor(walk: Walk, scope: Scope) {
    this.#walk = walk
    this.#scope = scope
    this.#level = new QueryLevel(scope.correlated)
    this.#joins = new JoinLevel(scope.outer, 'exact')
    this.#lateral = { ...scope, nested: true, correlated: true, outer: { level: this.#joins, whole: false } }
  }

  read(from: readonly unknown[], target: Tree | undefined): FromLevel {
    const written = target === undefined ? undefined : this.#walk.writeTable(target, this.#scope)
    if (target !== undefined) this.#addRelation(target, written, false)
    for (const node of from.toReversed()) this.#pending.push({ node, nullable: false, hidden: false })
    for (let step = this.#pending.pop(); step !== undefined; step = this.#pending.pop()) {
      if (typeof step === 'function') step()
      else this.#readItem(step)
    }
    this.#walk.facts.levels.push(this.#joins)
    return { level: this.#level, joins: this.#joins, qualifications: this.#qualifications, target: written }
  }

  #readItem(item: FromItem): void {
    const join = nodeOf(item.node, 'JoinExpr')
    if (join === undefined) this.#addItem(item)
    else this.#readJoin(join, item)
  }

  #readJoin(join: Tree, item: FromItem): void {
    const type = textAt(join, 'jointype')
    const on = conjunctsOf(join['quals'], this.#walk.reading)
    if (type === 'JOIN_INNER' && !item.nullable && !item.hidden) this.#qualifications.push(on)
    this.#walk.push(join['quals'], this.#lateral)
    const hidden = item.hidden || treeAt(join, 'alias') !== undefined
    const leftNullable = item.nullable || type === 'JOIN_RIGHT' || type === 'JOIN_FULL'
    const rightNullable = item.nullable || type === 'JOIN_LEFT' || type === 'JOIN_FULL'
    const from = this.#joins.size
    let middle = from
    this.#pending.push(
      () => {
        const kind = joinKinds.get(type ?? '') ?? 'full'
        const using = namesIn(listAt(join, 'usingClause')) ?? []
        if (using.length > 0 || join['isNatural'] === true) this.#joins.mergeColumns()
        this.#joins.addJoin({ kind, from, middle, to: this.#joins.size, on, using })
        const alias = textAt(treeAt(join, 'alias'), 'aliasname')
        if (alias !== undefined) this.#joins.addAlias(alias, from)
        const usingAlias = textAt(treeAt(join, 'join_using_alias'), 'aliasname')
        if (usingAlias !== undefined) this.#joins.addName(usingAlias)
      },
      { node: join['rarg'], nullable: rightNullable, hidden },
      () => (middle = this.#joins.size),
      { node: join['larg'], nullable: leftNullable, hidden },
    )
  }

  #addItem(item: FromItem): void {
    const sample = nodeOf(item.node, 'RangeTableSample')
    if (sample !== undefined) this.#walk.push({ RangeTableSample: { ...sample, relation: null } }, this.#lateral)
    const rangeVar = nodeOf(sample === undefined ? item.node : sample['relation'], 'RangeVar')
    if (rangeVar !== undefined) {
      const cte = this.#walk.useCte(rangeVar, this.#scope)
      if (cte === undefined) this.#addRelation(rangeVar, this.#walk.readTable(rangeVar, this.#scope), item.hidden)
      else this.#addCte(rangeVar, cte)
      return
    }
    const subselect = nodeOf(item.node, 'RangeSubselect')
    if (subselect !== undefined) {
      this.#walk.push(subselect['subquery'], derived(subselect['lateral'] === true ? this.#lateral : this.#scope))
      const select = nodeOf(subselect['subquery'], 'SelectStmt')
      this.#addOpaque(subselect, select && this.#walk.facts.queryOf(select))
      return
    }
    this.#walk.push(item.node, this.#lateral)
    this.#addOpaque(isTree(item.node) ? Object.values(item.node).find(isTree) : undefined)
  }

  #addRelation(rangeVar: Tree, table: Relation['table'], hidden: boolean): void {
    if (table !== undefined) this.#level.appearances.push(table)
    const alias = treeAt(rangeVar, 'alias')
    const name = textAt(alias, 'aliasname') ?? textAt(rangeVar, 'relname')
    // A table with an alias is no longer reached by its schema.
    const schema = alias === undefined ? textAt(rangeVar, 'schemaname') : undefined
    const ownNames = listAt(alias, 'colnames').length === 0
    const renamed = hidden || !ownNames
    this.#level.add({
      alias: hidden ? undefined : name,
      schema,
      table: renamed ? undefined : table,
      renamed: renamed && table !== undefined,
    })
    this.#joins.add({ alias: name, schema, entry: ownNames ? table?.entry : undefined, table: table?.entry })
  }

  #addCte(rangeVar: Tree, { query, columns }: CteQuery): void {
    const alias = textAt(treeAt(rangeVar, 'alias'), 'aliasname') ?? textAt(rangeVar, 'relname')
    const renamed = namesIn(listAt(treeAt(rangeVar, 'alias'), 'colnames')) ?? []
    // Fewer new names than columns leave the others as they are.
    const names = renamed.length === 0 ? columns : [...renamed, ...(columns ?? []).slice(renamed.length)]
    this.#level.add({ alias, schema: undefined, table: undefined, renamed: false })
    this.#joins.add({ alias, schema: undefined, entry: undefined, table: undefined, query, names })
  }

  #addOpaque(fields: Tree | undefined, query?: QueryColumns): void {
    const alias = textAt(treeAt(fields, 'alias'), 'aliasname')
    const renamed = namesIn(listAt(treeAt(fields, 'alias'), 'colnames')) ?? []
    const names = renamed.length === 0 ? undefined : renamed
    this.#level.add({ alias, schema: undefined, table: undefined, renamed: false })
    this.#joins.add({ alias, schema: undefined, entry: undefined, table: undefined, query, names })
  }
}
