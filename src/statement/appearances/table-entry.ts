import type { AppearanceCondition, AppearanceRange, AssignedValue, TableAppearance, TakenColumn } from '../analysis.ts'

interface TakenFrom {
  readonly entry: TableEntry
  readonly column: string
  readonly certain: boolean
}

/** A {@link TableAppearance} while its statement is read. */
export interface TableEntry {
  readonly name: string
  readonly schema: string | undefined
  /** Where its name starts in the text. */
  readonly position: number
  place: TableAppearance['place']
  optional: boolean
  readonly conditions: AppearanceCondition[]
  readonly ranges: AppearanceRange[]
  readonly equalities: {
    readonly column: string
    readonly other: TableEntry
    readonly otherColumn: string
    readonly certain: boolean
    readonly unlessNull?: true
  }[]
  readonly taken: { readonly column: string; readonly sources: readonly TakenFrom[] }[]
  readonly assigned: string[]
  change: TableAppearance['change']
  listed: readonly string[] | undefined
  readonly given: AssignedValue[]
}

export function tableEntry(
  name: string,
  schema: string | undefined,
  position: number,
  place: TableAppearance['place'],
): TableEntry {
  const claims = { conditions: [], ranges: [], equalities: [], taken: [], assigned: [], given: [] }
  return { name, schema, position, place, optional: false, change: undefined, listed: undefined, ...claims }
}

/** Where the tables of a subquery stand, by what the subquery is and where its own statement stands. */
export function placeWithin(
  outer: TableAppearance['place'],
  inner: 'derived' | 'expression',
): 'derived' | 'expression' {
  return outer === 'expression' ? 'expression' : inner
}

/** The appearances in the order of the text, frozen. */
export function listAppearances(entries: readonly TableEntry[]): readonly TableAppearance[] {
  const sorted = entries.toSorted((a, b) => a.position - b.position)
  const indexes = new Map(sorted.map((entry, index) => [entry, index]))
  const appearances = sorted.map((entry) => {
    const { name, schema, place, optional, conditions, ranges, equalities, taken, assigned, change, listed, given } =
      entry
    return Object.freeze({
      name,
      ...(schema === undefined ? {} : { schema }),
      place,
      ...(optional ? { optional } : {}),
      conditions: Object.freeze(conditions.map(frozen)),
      ranges: Object.freeze(ranges.map(frozenRange)),
      equalities: Object.freeze(
        equalities.flatMap(({ other, ...equality }) => {
          const index = indexes.get(other)
          return index === undefined ? [] : [Object.freeze({ ...equality, other: index })]
        }),
      ),
      assigned: Object.freeze([...new Set(assigned)]),
      ...(change === undefined ? {} : { change }),
      ...(listed === undefined ? {} : { listed: Object.freeze([...listed]) }),
      ...(taken.length === 0 ? {} : { taken: Object.freeze(taken.map((each) => frozenTaken(each, indexes))) }),
      ...(given.length === 0 ? {} : { given: Object.freeze(given.map(frozenValue)) }),
    })
  })
  return Object.freeze(appearances)
}

function frozen(condition: AppearanceCondition): AppearanceCondition {
  for (const value of condition.values) Object.freeze(value)
  Object.freeze(condition.values)
  return Object.freeze(condition)
}

function frozenTaken(
  { column, sources }: TableEntry['taken'][number],
  indexes: ReadonlyMap<TableEntry, number>,
): TakenColumn {
  const found = sources.map(({ entry, column: otherColumn, certain }) =>
    Object.freeze({ other: indexes.get(entry) ?? -1, otherColumn, certain }),
  )
  return Object.freeze({ column, sources: Object.freeze(found) })
}

function frozenValue({ column, value }: AssignedValue): AssignedValue {
  return Object.freeze({ column, value: Object.freeze(value) })
}

function frozenRange(range: AppearanceRange): AppearanceRange {
  for (const bound of [range.from, range.to]) if (bound !== undefined) Object.freeze(Object.freeze(bound).value)
  return Object.freeze(range)
}

/** Of a definition: where its tables are named, and nothing about their rows, which the definition does not touch. */
export function withoutClaims(entry: TableEntry): TableEntry {
  return { ...entry, conditions: [], ranges: [], equalities: [], taken: [], change: undefined, given: [] }
}
