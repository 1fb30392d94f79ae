import type { ValueSource } from '../analysis.ts'
import type { ColumnReference, ColumnSource, Extent, NameComparison, Origin, ReadLevel } from './origin.ts'

/** An item of a SELECT list, as far as it says where its values come from. */
export interface QueryItem {
  /** What it is called from outside; undefined where that is not known. */
  readonly name: string | undefined
  /** It is this column, and nothing more. */
  readonly column?: ColumnReference
  /** `*`, or `alias.*`: all columns of one table, and this says whose. */
  readonly all?: { readonly qualifier: string | undefined }
  readonly value?: ValueSource
  /** A condition on it may be put before what the query does with its rows (groups, windows, LIMIT). */
  readonly passes: boolean
}

/** What one SELECT gives. */
export interface SelectedColumns {
  readonly items: readonly QueryItem[]
  /** Each of its rows is made of rows of its tables: it has no aggregates without GROUP BY, no sums of groups. */
  readonly isSolid: boolean
  /** Without rows of its tables it gives none. */
  readonly needsRow: boolean
  /** Names that an item of unknown name might have, in lower case. */
  readonly unclear: ReadonlySet<string>
}

/** Longer chains of queries in queries are not followed, nor are UNIONs of more members: the work would grow with both. */
const mostQueriesDeep = 20
const mostMembers = 50

const none: readonly Origin[] = Object.freeze([])

/**
 * What a query gives: of each column, which columns of tables its values come from. It is known when the whole statement
 * has been read.
 *
 * Why a condition on a column of a derived table may stand at its table. A query that takes its rows one by one, or groups
 * them by that very column, gives the rows with one value of it from nothing but rows with that value; the same is true of
 * DISTINCT, and of UNION, INTERSECT and EXCEPT of such queries, column by column. It is not true of LIMIT, of windows, of
 * other groups, and of a query that two places share, one of which may want the other rows.
 */
export class QueryColumns implements ColumnSource {
  #select: { readonly level: ReadLevel; readonly read: () => SelectedColumns } | undefined
  #selected: SelectedColumns | undefined
  #parts: readonly QueryColumns[] | undefined
  #flat: readonly QueryColumns[] | undefined
  #isLimited = false
  #uses = 0
  #names: ReadonlyMap<string, number> | undefined

  /** It is one SELECT. @param read Is asked at most once, when the statement has been read. */
  isSelect(level: ReadLevel, read: () => SelectedColumns): void {
    this.#select = { level, read }
  }

  /** It is made of these by UNION, INTERSECT or EXCEPT. */
  isMadeOf(parts: readonly QueryColumns[], isLimited: boolean): void {
    this.#parts = parts
    this.#isLimited = isLimited
  }

  /** A `WITH` name is used once more. */
  use(): void {
    this.#uses += 1
  }

  /** Where the values of a column come from: of that name, or at that place from 0. */
  originsOf(column: string | number, comparison: NameComparison, deep = 0): readonly Origin[] {
    if (this.#uses > 1 || deep >= mostQueriesDeep) return none
    const members = this.#members()
    if (members.length > mostMembers) return none
    const place = typeof column === 'number' ? column : this.#placeOf(column, members, comparison)
    const found = members.flatMap((member) =>
      place !== undefined
        ? member.#originsAt(place, deep)
        : members.length === 1 && typeof column === 'string'
          ? member.#originsOfStar(column, deep)
          : none,
    )
    if (members.length === 1 && !this.#isLimited) return found
    if (found.length > mostMembers) return none
    return found.map((origin) => ({
      ...origin,
      passes: origin.passes && !this.#isLimited,
      alone: origin.alone && members.length === 1,
    }))
  }

  /** The same for each of the queries that it is made of by UNION, INTERSECT or EXCEPT; undefined if it is not, or they are not known. */
  membersAt(place: number, comparison: NameComparison): readonly (readonly Origin[])[] | undefined {
    const members = this.#members()
    if (this.#uses > 1 || members.length < 2 || members.length > mostMembers) return undefined
    return members.map((member) => (member === this ? none : member.originsOf(place, comparison)))
  }

  /** The value that a column has in every row; undefined if it is not one and the same for sure. */
  valueAt(place: number): ValueSource | undefined {
    const items = this.#columns()?.items.slice(0, place + 1)
    return items?.some(({ all }) => all !== undefined) === true ? undefined : items?.[place]?.value
  }

  /** For a condition that is true only if the query gives a row: what its WHERE says of the tables around it holds for those. */
  mustGiveRow(level: ReadLevel, side: Extent): void {
    if (this.#columns()?.needsRow === true) this.#select?.level.isNeededBy(level, side)
  }

  /** The SELECTs that it is made of, once it is known. */
  #members(): readonly QueryColumns[] {
    this.#flat ??= this.#flatten()
    return this.#flat
  }

  #flatten(): readonly QueryColumns[] {
    if (this.#parts === undefined) return [this]
    const members: QueryColumns[] = []
    const waiting = [...this.#parts].toReversed()
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      // A part with a limit of its own is none of the simple ones.
      if (part.#parts !== undefined && !part.#isLimited) for (const each of part.#parts.toReversed()) waiting.push(each)
      else members.push(part)
      if (members.length > mostMembers) break
    }
    return members
  }

  #columns(): SelectedColumns | undefined {
    this.#selected ??= this.#select?.read()
    return this.#selected
  }

  #placeOf(name: string, [first]: readonly QueryColumns[], comparison: NameComparison): number | undefined {
    const columns = first === undefined ? undefined : first.#columns()
    if (first === undefined || columns === undefined) return undefined
    first.#names ??= namesOf(columns.items, comparison)
    const folded = comparison === 'exact' ? name : name.toLowerCase()
    const place = first.#names.get(folded)
    return place === undefined || place < 0 || columns.unclear.has(folded) ? undefined : place
  }

  #originsAt(place: number, deep: number): readonly Origin[] {
    const columns = this.#columns()
    const item = columns?.items[place]
    if (columns?.isSolid !== true || item?.column === undefined || this.#select === undefined) return none
    // Nobody knows how many columns a star stands for.
    if (columns.items.slice(0, place).some(({ all }) => all !== undefined)) return none
    return restrained(this.#select.level.originsOf(item.column, deep + 1), item.passes)
  }

  /** `SELECT * FROM t`, `SELECT t.*, … FROM …`: what is none of the listed names is the table's. */
  #originsOfStar(name: string, deep: number): readonly Origin[] {
    const columns = this.#columns()
    if (columns?.isSolid !== true || this.#select === undefined || columns.unclear.has(name.toLowerCase())) return none
    const stars = columns.items.filter(({ all }) => all !== undefined)
    const [star] = stars
    if (stars.length !== 1 || star?.all === undefined) return none
    if (columns.items.some((item) => item.name?.toLowerCase() === name.toLowerCase())) return none
    const { qualifier } = star.all
    return restrained(this.#select.level.originsOfAll(name, qualifier, deep + 1), star.passes)
  }
}

/** The places of the names; -1 for one that is not the only one. */
function namesOf(items: readonly QueryItem[], comparison: NameComparison): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  for (const [place, { name }] of items.entries()) {
    if (name === undefined) continue
    const folded = comparison === 'exact' ? name : name.toLowerCase()
    places.set(folded, places.has(folded) ? -1 : place)
  }
  return places
}

function restrained(origins: readonly Origin[], passes: boolean): readonly Origin[] {
  return passes ? origins : origins.map((origin) => ({ ...origin, passes: false }))
}
