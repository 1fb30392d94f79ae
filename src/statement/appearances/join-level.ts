import type { AppearanceCondition, AppearanceRange } from '../analysis.ts'
import {
  noConjuncts,
  type Conjuncts,
  type Match,
  type Membership,
  type RangeRestriction,
  type Restriction,
} from './conjuncts.ts'
import type { ColumnReference, Extent, NameComparison, Origin, ReadLevel } from './origin.ts'
import {
  covers,
  equate,
  equateUnlessNull,
  everything,
  hide,
  isSeen,
  originsOf,
  pick,
  unmarked,
  type LevelItem,
  type Owned,
  type Relation,
} from './relation.ts'

/**
 * What a query inside an expression sees of the query around it: all tables of its level, or some of them (in an `ON`,
 * or beside a `LATERAL`); or names that nobody has listed.
 */
export type Surroundings = { readonly level: JoinLevel; readonly whole: boolean } | 'unknown'

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
/** The same where it is compared with another column, which may be just as unclear. */
const mostTablesCompared = 12

/**
 * One query level: the items of its `FROM`, how they are joined, and its conditions. `claim` says at each table what
 * its rows fulfil.
 *
 * Why that is sound. What a join tree gives for one row of a table does not depend on the table's other rows. So a row that
 * a `WHERE` drops in all its combinations can be left out of its table: should a row of another table thereby be filled up
 * with nulls, the condition drops that, too. The same is true of an inner join's result, and of what the
 * nullable side of an outer join gives to be matched; its other side keeps all its rows, whatever the `ON` says. What is said
 * of a derived table's column is said of the table that it comes from, as far as {@link QueryColumns} lets it through.
 */
export class JoinLevel implements ReadLevel {
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
  #merges = false
  /** Rows of that part of a level further out count only where this level has one. */
  #neededBy: { readonly level: ReadLevel; readonly side: Extent } | undefined

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
    const relation: Relation = { ...item, level: this, isJoin: false, from, to: from + 1, ...unmarked }
    this.#items.push(relation)
    this.#name(relation)
  }

  /** A name for columns of a join that hides none (`USING (…) AS name`). */
  addName(alias: string): void {
    const extent: Extent = { from: 0, to: this.#items.length }
    const item = { alias, schema: undefined, entry: undefined, table: undefined }
    this.#name({ ...item, ...extent, level: this, isJoin: true, ...unmarked })
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

  /** A join makes one of columns with the same name (NATURAL, USING), which may have the value of either. */
  mergeColumns(): void {
    this.#merges = true
  }

  /** Gives the items from `from` on, and the joins among them, one alias, which hides their own names. */
  addAlias(alias: string, from: number): void {
    const extent: Extent = { from, to: this.#items.length }
    for (let i = from; i < extent.to; i++) hide(this.#items[i], extent)
    for (let i = this.#named.length - 1; i >= 0 && (this.#named[i]?.from ?? -1) >= from; i--)
      hide(this.#named[i], extent)
    const item = { alias, schema: undefined, entry: undefined, table: undefined }
    const relation: Relation = { ...item, ...extent, level: this, isJoin: true, ...unmarked }
    this.#named.push(relation)
    this.#name(relation)
  }

  /** The condition that every row of the level must meet. */
  restrict(where: Conjuncts): void {
    this.#where = where
  }

  /** Rows of `side`, a part of a level around it, count only where this level has a row that meets its conditions. */
  isNeededBy(level: ReadLevel, side: Extent): void {
    this.#neededBy = { level, side }
  }

  /** Which columns of tables a column of one of its items comes from. */
  originsOf(reference: ColumnReference, deep: number): readonly Origin[] {
    const owned = this.#owned(reference, everything)
    return owned?.relation.level === this ? originsOf(owned, this.#comparison, deep) : []
  }

  /** The same for a name out of `qualifier.*`, or out of `*`, if that is one item. */
  originsOfAll(column: string, qualifier: string | undefined, deep: number): readonly Origin[] {
    const [only] = this.#items
    const relation =
      qualifier !== undefined
        ? this.#owner({ column, qualifier, schema: undefined }, everything)
        : this.#items.length === 1
          ? only
          : undefined
    return relation?.level === this ? originsOf({ relation, column, certain: true }, this.#comparison, deep) : []
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

  /** Notes whom an outer join may leave without a row. To be called once for each level, before any of them claims. */
  fillUp(): void {
    for (const join of this.#joins) this.#fillUp(join)
  }

  /** Notes, at each table, what follows for its rows. To be called once, when all levels are complete. */
  claim(): void {
    const inner = this.#isInner()
    for (const join of this.#joins) {
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
    for (const item of [...left, ...right]) {
      item.optional = true
      if (item.table !== undefined) item.table.optional = true
    }
  }

  /** @param view What the names of the condition may mean. @param side Whose rows must meet it. */
  #claimAll({ restrictions, ranges, matches, memberships, existing }: Conjuncts, view: Extent, side: Extent): void {
    for (const restriction of restrictions) {
      if (restriction.values.some(({ from }) => from === 'expression')) continue
      this.#claimOwned(restriction.column, view, side, (origin) =>
        origin.entry.conditions.push(condition(restriction, origin)),
      )
    }
    for (const range of ranges) {
      this.#claimOwned(range.column, view, side, ({ entry, column, certain }) =>
        entry.ranges.push(rangeOf(range, column, certain)),
      )
    }
    for (const match of matches) this.#claimMatch(match, view, side)
    for (const membership of memberships) this.#claimMembership(membership, view, side)
    for (const query of existing) query.mustGiveRow(this, side)
  }

  #claimOwned(reference: ColumnReference, view: Extent, side: Extent, note: (origin: Origin) => void): void {
    const { column } = reference
    const claim = (relation: Relation, certain: boolean): void => {
      if (relation.level !== this || !covers(side, relation)) return
      for (const origin of originsOf({ relation, column, certain }, this.#comparison)) if (origin.passes) note(origin)
    }
    if (reference.qualifier !== undefined) {
      const owner = this.#owner(reference, view)
      if (owner !== undefined) claim(owner, true)
      return
    }
    const from = Math.max(view.from, 0)
    const to = Math.min(view.to, this.#items.length)
    if (to - from > mostTablesInView || (this.#takesFirst && to - from > 1)) return
    const certain = to - from === 1 && !this.#isCorrelated()
    for (const item of this.#items.slice(from, to)) if (isSeen(item, view)) claim(item, certain)
  }

  #claimMatch({ left, right }: Match, view: Extent, side: Extent): void {
    const others = this.#possibleOwners(right, view)
    for (const one of this.#possibleOwners(left, view))
      for (const other of others) if (one.relation !== other.relation) this.#claimEqual(one, other, side)
  }

  #claimEqual(one: Owned, other: Owned, side: Extent): void {
    for (const [own, far] of [
      [one, other],
      [other, one],
    ] as const) {
      if (own.relation.level !== this) continue
      if (covers(side, own.relation)) this.#equate(own, far)
      // Where each row of the WHERE is wanted, a row around it without one of this level does not count.
      const needed = this.#neededBy
      if (side === everything && far.relation.level === needed?.level && covers(needed.side, far.relation))
        this.#equate(far, own)
    }
  }

  #claimUsing({ kind, from, middle, to, using }: Join): void {
    if (middle - from !== 1 || to - middle !== 1) return
    const [left, right] = [this.#items[from], this.#items[middle]]
    if (left === undefined || right === undefined) return
    for (const column of using) {
      const [one, other] = [left, right].map((relation) => ({ relation, column, certain: true })) as [Owned, Owned]
      if (kind !== 'left') this.#equate(one, other)
      if (kind !== 'right') this.#equate(other, one)
    }
  }

  /**
   * The condition is true only where the query gives a row with the same values, so a row of the query with others makes no
   * difference, nor does a row here whose values the query has not. Not so for `= (SELECT …)`: which row the query gives,
   * and whether it is the only one, hangs on all of its rows. Where it is negated the same rows of the query make no difference, and
   * of the rows here nothing is known: they are those whose values the query has not.
   */
  #claimMembership({ columns, query, single, negated }: Membership, view: Extent, side: Extent): void {
    for (const [place, reference] of columns.entries()) {
      if (reference === undefined) continue
      const inner = query.originsOf(place, this.#comparison)
      for (const owned of this.#possibleOwners(reference, view)) {
        const outer = originsOf(owned, this.#comparison)
        if (negated === true) equateUnlessNull(inner, outer)
        else if (!single) equate(inner, outer)
        if (negated !== true && owned.relation.level === this && covers(side, owned.relation)) equate(outer, inner)
      }
    }
    if (negated !== true) query.mustGiveRow(this, side)
  }

  #equate(one: Owned, other: Owned): void {
    equate(originsOf(one, this.#comparison), originsOf(other, this.#comparison))
  }

  #isCorrelated(): boolean {
    let outer = this.#outer
    while (outer !== undefined && outer !== 'unknown' && outer.level.size === 0) outer = outer.level.#outer
    return outer !== undefined
  }

  /** Whose column it is; without a table's name only where there is no more than one item. */
  #owned(reference: ColumnReference, view: Extent): Owned | undefined {
    const { column, qualifier } = reference
    if (qualifier !== undefined) {
      const relation = this.#owner(reference, view)
      return relation === undefined ? undefined : { relation, column, certain: true }
    }
    const [only] = this.#items
    if (only === undefined || this.#items.length > 1 || !isSeen(only, everything)) return undefined
    return { relation: only, column, certain: !this.#isCorrelated() }
  }

  /** Whose column it is; without a table's name that of any item in view, if that one has such a column: of two it would be ambiguous. */
  #possibleOwners(reference: ColumnReference, view: Extent): readonly Owned[] {
    const owned = this.#owned(reference, view)
    if (owned !== undefined) return [owned]
    const items = this.#items.slice(Math.max(view.from, 0), Math.min(view.to, this.#items.length))
    if (reference.qualifier !== undefined || this.#merges || items.length > mostTablesCompared) return []
    const seen = items.filter((item) => isSeen(item, view))
    return seen.map((relation) => ({ relation, column: reference.column, certain: false }))
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

function nullableSide({ kind, from, middle, to }: Join): Extent | undefined {
  if (kind === 'full') return undefined
  return { from: kind === 'left' ? middle : from, to: kind === 'right' ? middle : to }
}

function condition({ operator, values, at }: Restriction, { column, certain, alone }: Origin): AppearanceCondition {
  return Object.freeze({
    column,
    operator,
    values: Object.freeze(values.map((value) => Object.freeze(value))),
    certain,
    ...(at === undefined ? {} : { at }),
    ...(alone ? {} : { shared: true as const }),
  })
}

function rangeOf({ from, to }: RangeRestriction, column: string, certain: boolean): AppearanceRange {
  return { column, ...(from && { from }), ...(to && { to }), certain }
}
