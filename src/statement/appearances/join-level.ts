import type { AppearanceCondition } from '../analysis.ts'
import { noConjuncts, type ColumnReference, type Conjuncts, type Match, type Restriction } from './conjuncts.ts'
import type { TableEntry } from './table-entry.ts'

/**
 * What a query inside an expression sees of the query around it: all tables of its level, or some of them (in an `ON`,
 * or beside a `LATERAL`); or names that nobody has listed.
 */
export type Surroundings = { readonly level: JoinLevel; readonly whole: boolean } | 'unknown'

/** How an engine compares the names of tables: `either` where that depends on the server. */
export type NameComparison = 'exact' | 'folded' | 'either'

/** Positions of items in a `FROM`: the part of it that one join covers. */
interface Extent {
  readonly from: number
  readonly to: number
}

/** An item of a `FROM`, or a join with an alias of its own. */
export interface LevelItem {
  readonly alias: string | undefined
  readonly schema: string | undefined
  /** Undefined: no table (a subquery, a function, a `WITH` name), or one whose columns were given other names. */
  readonly entry: TableEntry | undefined
  /** The table, also where its columns were given other names. */
  readonly table: TableEntry | undefined
}

interface Relation extends LevelItem, Extent {
  readonly level: JoinLevel
  readonly isJoin: boolean
  /** The innermost join with an alias around it: from outside of that, its names are not seen. */
  hiddenBy: Extent | undefined
}

export type JoinKind = 'inner' | 'left' | 'right' | 'full'

/** A join of the items `from` to `middle` with the items `middle` to `to`. */
export interface Join extends Extent {
  readonly kind: JoinKind
  readonly middle: number
  readonly on: Conjuncts
  readonly using: readonly string[]
}

/** With more tables in view, or of one name, a column is given to none of them: the work would grow with both numbers. */
const mostTablesInView = 50

const everything: Extent = { from: -1, to: Infinity }

/**
 * One query level: the items of its `FROM`, how they are joined, and its conditions. `claim` says at each table what
 * its rows fulfil.
 *
 * Why that is sound. What a join tree gives for one row of a table does not depend on the table's other rows. So a row that
 * a `WHERE` drops in all its combinations can be left out of its table: should a row of another table thereby be filled up
 * with nulls, the condition drops that, too. The same is true of an inner join's result, and of what the
 * nullable side of an outer join gives to be matched; its other side keeps all its rows, whatever the `ON` says.
 */
export class JoinLevel {
  readonly #outer: Surroundings | undefined
  readonly #comparison: NameComparison
  readonly #items: Relation[] = []
  readonly #joins: Join[] = []
  /** An item has no alias, and perhaps a name all the same, such as that of a function. */
  #hasNameless = false
  readonly #byName = new Map<string, Relation[]>()
  /** Joins with an alias; those further in come first. */
  readonly #named: Relation[] = []
  #where: Conjuncts = noConjuncts
  #takesFirst = false

  constructor(outer: Surroundings | undefined, comparison: NameComparison) {
    this.#outer = outer
    this.#comparison = comparison
  }

  /** How many items there are: the position of the next one. */
  get size(): number {
    return this.#items.length
  }

  add(item: LevelItem): void {
    const from = this.#items.length
    const relation: Relation = { ...item, level: this, isJoin: false, from, to: from + 1, hiddenBy: undefined }
    this.#items.push(relation)
    this.#name(relation)
  }

  /** A name for columns of a join that hides none (`USING (…) AS name`). */
  addName(alias: string): void {
    const extent: Extent = { from: 0, to: this.#items.length }
    const item = { alias, schema: undefined, entry: undefined, table: undefined }
    this.#name({ ...item, ...extent, level: this, isJoin: true, hiddenBy: undefined })
  }

  addJoin(join: Join): void {
    this.#joins.push(join)
  }

  /**
   * A join makes one of columns with the same name, and a name that is the column's of further tables means the first of
   * them, without an error (SQLite's NATURAL and USING): then an unqualified name says nothing about the others.
   */
  takeFirst(): void {
    this.#takesFirst = true
  }

  /** Gives the items from `from` on, and the joins among them, one alias, which hides their own names. */
  addAlias(alias: string, from: number): void {
    const extent: Extent = { from, to: this.#items.length }
    for (let i = from; i < extent.to; i++) hide(this.#items[i], extent)
    for (let i = this.#named.length - 1; i >= 0 && (this.#named[i]?.from ?? -1) >= from; i--)
      hide(this.#named[i], extent)
    const item = { alias, schema: undefined, entry: undefined, table: undefined }
    const relation: Relation = { ...item, ...extent, level: this, isJoin: true, hiddenBy: undefined }
    this.#named.push(relation)
    this.#name(relation)
  }

  /** The condition that every row of the level must meet. */
  restrict(where: Conjuncts): void {
    this.#where = where
  }

  #name(relation: Relation): void {
    if (relation.alias === undefined) {
      this.#hasNameless = true
      return
    }
    const key = this.#keyOf(relation.alias)
    const namesakes = this.#byName.get(key)
    if (namesakes === undefined) this.#byName.set(key, [relation])
    else namesakes.push(relation)
  }

  #keyOf(name: string): string {
    return this.#comparison === 'exact' ? name : name.toLowerCase()
  }

  /** Notes, at each table, what follows for its rows. To be called once, when the levels further out are complete. */
  claim(): void {
    const inner = this.#isInner()
    for (const join of this.#joins) {
      this.#fillUp(join)
      const nullable = nullableSide(join)
      if (nullable === undefined) continue
      this.#claimAll(join.on, join, inner ? everything : nullable)
      this.#claimUsing(join)
    }
    this.#claimAll(this.#where, everything, everything)
  }

  /** MySQL's versions do not agree on how far the left side of a RIGHT JOIN reaches: it may be all that stands before it. */
  #fillUp({ kind, from, middle, to }: Join): void {
    const first = this.#comparison === 'either' ? 0 : from
    const left = kind === 'right' || kind === 'full' ? this.#items.slice(first, middle) : []
    const right = kind === 'left' || kind === 'full' ? this.#items.slice(middle, to) : []
    for (const { table } of [...left, ...right]) if (table !== undefined) table.optional = true
  }

  /** @param view What the names of the condition may mean. @param side Whose rows must meet it. */
  #claimAll({ restrictions, matches }: Conjuncts, view: Extent, side: Extent): void {
    for (const restriction of restrictions) {
      if (restriction.values.some(({ from }) => from === 'expression')) continue
      if (restriction.column.qualifier === undefined) this.#claimUnqualified(restriction, view, side)
      else {
        const owner = this.#owner(restriction.column, view)
        if (owner?.level === this && covers(side, owner)) owner.entry?.conditions.push(condition(restriction, true))
      }
    }
    for (const match of matches) this.#claimMatch(match, view, side)
  }

  #claimUnqualified(restriction: Restriction, view: Extent, side: Extent): void {
    const from = Math.max(view.from, 0)
    const to = Math.min(view.to, this.#items.length)
    if (to - from > mostTablesInView || (this.#takesFirst && to - from > 1)) return
    const claimed = condition(restriction, to - from === 1 && !this.#isCorrelated())
    for (const item of this.#items.slice(from, to))
      if (covers(side, item) && isSeen(item, view)) item.entry?.conditions.push(claimed)
  }

  #claimMatch({ left, right }: Match, view: Extent, side: Extent): void {
    const one = this.#owner(left, view)
    const other = this.#owner(right, view)
    if (one?.entry === undefined || other?.entry === undefined || one === other) return
    const from = { entry: one.entry, column: left.column }
    const to = { entry: other.entry, column: right.column }
    if (one.level === this && covers(side, one)) equate(from, to)
    if (other.level === this && covers(side, other)) equate(to, from)
  }

  #claimUsing({ kind, from, middle, to, using }: Join): void {
    if (middle - from !== 1 || to - middle !== 1) return
    const left = this.#items[from]?.entry
    const right = this.#items[middle]?.entry
    if (left === undefined || right === undefined) return
    for (const column of using) {
      if (kind !== 'left') equate({ entry: left, column }, { entry: right, column })
      if (kind !== 'right') equate({ entry: right, column }, { entry: left, column })
    }
  }

  #isCorrelated(): boolean {
    let outer = this.#outer
    while (outer !== undefined && outer !== 'unknown' && outer.level.size === 0) outer = outer.level.#outer
    return outer !== undefined
  }

  /** Whose column it is: a relation of this level or of one further out. Undefined where that cannot be told for sure. */
  #owner(reference: ColumnReference, view: Extent): Relation | undefined {
    const { qualifier } = reference
    if (qualifier === undefined) return undefined
    const key = this.#keyOf(qualifier)
    const namesakes = this.#byName.get(key)
    if (namesakes === undefined) return this.#ownerOutside(reference)
    if (namesakes.length > mostTablesInView) return undefined
    const seen = namesakes.filter((relation) => isSeen(relation, view))
    // SQLite, and MySQL for some joins, let an ON name tables outside of its join. That is this one, or one further out.
    const elsewhere = seen.length === 0 && this.#isInner() ? namesakes.filter((each) => isSeen(each, everything)) : []
    const found = pick(reference, seen.length > 0 ? seen : elsewhere, this.#comparison)
    if (found === undefined) return undefined
    const sure = seen.length > 0 && (found.alias === qualifier || this.#comparison === 'folded')
    return sure || !this.#isNamedOutside(key) ? found : undefined
  }

  #ownerOutside(reference: ColumnReference): Relation | undefined {
    if (this.#hasNameless || this.#outer === undefined || this.#outer === 'unknown') return undefined
    const { level, whole } = this.#outer
    if (whole) return level.#owner(reference, everything)
    const key = level.#keyOf(reference.qualifier ?? '')
    const namesakes = level.#byName.get(key)
    if (namesakes === undefined) return level.#ownerOutside(reference)
    return level.#isNamedOutside(key) || namesakes.length > mostTablesInView
      ? undefined
      : pick(reference, namesakes, level.#comparison)
  }

  #isNamedOutside(key: string): boolean {
    let outer = this.#outer
    while (outer !== undefined) {
      if (outer === 'unknown' || outer.level.#byName.has(key)) return true
      outer = outer.level.#outer
    }
    return false
  }

  /** Without outer joins, an `ON` is as good as a `WHERE`. */
  #isInner(): boolean {
    return this.#joins.every(({ kind }) => kind === 'inner')
  }
}

function hide(relation: Relation | undefined, extent: Extent): void {
  if (relation !== undefined) relation.hiddenBy ??= extent
}

function nullableSide({ kind, from, middle, to }: Join): Extent | undefined {
  if (kind === 'full') return undefined
  return { from: kind === 'left' ? middle : from, to: kind === 'right' ? middle : to }
}

function covers(outer: Extent, inner: Extent): boolean {
  return outer.from <= inner.from && inner.to <= outer.to
}

function isSeen(relation: Relation, view: Extent): boolean {
  if (!covers(view, relation)) return false
  if (relation.isJoin && covers(relation, view)) return false
  return relation.hiddenBy === undefined || covers(relation.hiddenBy, view)
}

/** The only relation that fits the name; where case may matter, the only one in that spelling before all others. */
function pick(
  { qualifier, schema }: ColumnReference,
  namesakes: readonly Relation[],
  comparison: NameComparison,
): Relation | undefined {
  const fitting =
    schema === undefined
      ? namesakes
      : namesakes.filter((each) => each.schema !== undefined && sameSchema(each.schema, schema, comparison))
  if (fitting.length === 1) return fitting[0]
  if (comparison !== 'either') return undefined
  const spelled = fitting.filter((each) => each.alias === qualifier)
  return spelled.length === 1 ? spelled[0] : undefined
}

function sameSchema(one: string, other: string, comparison: NameComparison): boolean {
  return comparison === 'exact' ? one === other : one.toLowerCase() === other.toLowerCase()
}

function condition({ column: { column }, operator, values }: Restriction, certain: boolean): AppearanceCondition {
  return Object.freeze({
    column,
    operator,
    values: Object.freeze(values.map((value) => Object.freeze(value))),
    certain,
  })
}

interface EntryColumn {
  readonly entry: TableEntry
  readonly column: string
}

function equate(one: EntryColumn, other: EntryColumn): void {
  one.entry.equalities.push({ column: one.column, other: other.entry, otherColumn: other.column })
}
