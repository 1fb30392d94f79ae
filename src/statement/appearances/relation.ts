import type { ColumnReference, ColumnSource, Extent, NameComparison, Origin, ReadLevel } from './origin.ts'
import type { TableEntry } from './table-entry.ts'

/** An item of a `FROM`, or a join with an alias of its own. */
export interface LevelItem {
  readonly alias: string | undefined
  readonly schema: string | undefined
  /** Undefined: no table (a subquery, a function, a `WITH` name), or one whose columns were given other names. */
  readonly entry: TableEntry | undefined
  /** The table, also where its columns were given other names. */
  readonly table: TableEntry | undefined
  /** The query whose rows it stands for: a derived table, or a `WITH` name. */
  readonly query?: ColumnSource | undefined
  /** The names that its columns were given, in their order. */
  readonly names?: readonly string[] | undefined
}

export interface Relation extends LevelItem, Extent {
  readonly level: ReadLevel
  readonly isJoin: boolean
  /** The innermost join with an alias around it: from outside of that, its names are not seen. */
  hiddenBy: Extent | undefined
  /** An outer join fills it up with nulls. */
  optional: boolean
}

/** An item that a column belongs to. */
export interface Owned {
  readonly relation: Relation
  readonly column: string
  /** False: it is a column further out if the item has none of that name. */
  readonly certain: boolean
}

/** All items of a level. */
export const everything: Extent = Object.freeze({ from: -1, to: Infinity })

/** Of a relation of which nothing is known yet. */
export const unmarked = Object.freeze({ hiddenBy: undefined, optional: false })

export function hide(relation: Relation | undefined, extent: Extent): void {
  if (relation !== undefined) relation.hiddenBy ??= extent
}

export function covers(outer: Extent, inner: Extent): boolean {
  return outer.from <= inner.from && inner.to <= outer.to
}

export function isSeen(relation: Relation, view: Extent): boolean {
  if (!covers(view, relation)) return false
  if (relation.isJoin && covers(relation, view)) return false
  return relation.hiddenBy === undefined || covers(relation.hiddenBy, view)
}

/** The only relation that fits the name; where case may matter, the only one in that spelling before all others. */
export function pick(
  { qualifier, schema }: ColumnReference,
  namesakes: readonly Relation[],
  comparison: NameComparison,
): Relation | undefined {
  const fitting =
    schema === undefined
      ? namesakes
      : namesakes.filter((each) => each.schema !== undefined && isSameName(each.schema, schema, comparison))
  if (fitting.length === 1) return fitting[0]
  if (comparison !== 'either') return undefined
  const spelled = fitting.filter((each) => each.alias === qualifier)
  return spelled.length === 1 ? spelled[0] : undefined
}

export function originsOf(
  { relation, column, certain }: Owned,
  comparison: NameComparison,
  deep = 0,
): readonly Origin[] {
  const { entry, query, names, optional } = relation
  if (entry !== undefined) return [{ entry, column, certain, passes: true, nullable: optional, alone: true }]
  if (query === undefined) return []
  const named = names?.findIndex((name) => isSameName(name, column, comparison))
  const origins = named === -1 ? [] : query.originsOf(named ?? column, comparison, deep)
  if (certain && !optional) return origins
  return origins.map((origin) => ({
    ...origin,
    certain: origin.certain && certain,
    nullable: origin.nullable || optional,
  }))
}

/** A row that counts at one of `ones` has the value of a row at the other: which, must be known, and that it is no other. */
export function equate(ones: readonly Origin[], [other, ...more]: readonly Origin[]): void {
  if (other?.alone !== true || more.length > 0) return
  for (const { entry, column, passes, certain } of ones) {
    if (!passes || entry === other.entry) continue
    const isCertain = certain && other.certain
    entry.equalities.push({ column, other: other.entry, otherColumn: other.column, certain: isCertain })
  }
}

/**
 * A row at one of `ones` with another value than the other has makes no difference, unless one of them is NULL: where an outer join
 * may have put one, nothing is said.
 */
export function equateUnlessNull(ones: readonly Origin[], [other, ...more]: readonly Origin[]): void {
  if (other?.alone !== true || other.nullable || more.length > 0) return
  for (const { entry, column, passes, certain, nullable } of ones) {
    if (!passes || nullable || entry === other.entry) continue
    const isCertain = certain && other.certain
    const equality = { column, other: other.entry, otherColumn: other.column, certain: isCertain }
    entry.equalities.push({ ...equality, unlessNull: true })
  }
}

function isSameName(one: string, other: string, comparison: NameComparison): boolean {
  return comparison === 'exact' ? one === other : one.toLowerCase() === other.toLowerCase()
}
