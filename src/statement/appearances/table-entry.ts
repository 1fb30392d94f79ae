import type { AppearanceCondition, TableAppearance } from '../analysis.ts'

/** A {@link TableAppearance} while its statement is read. */
export interface TableEntry {
  readonly name: string
  readonly schema: string | undefined
  /** Where its name starts in the text. */
  readonly position: number
  place: TableAppearance['place']
  optional: boolean
  readonly conditions: AppearanceCondition[]
  readonly equalities: { readonly column: string; readonly other: TableEntry; readonly otherColumn: string }[]
  readonly assigned: string[]
}

export function tableEntry(
  name: string,
  schema: string | undefined,
  position: number,
  place: TableAppearance['place'],
): TableEntry {
  return { name, schema, position, place, optional: false, conditions: [], equalities: [], assigned: [] }
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
  const appearances = sorted.map(({ name, schema, place, optional, conditions, equalities, assigned }) =>
    Object.freeze({
      name,
      ...(schema === undefined ? {} : { schema }),
      place,
      ...(optional ? { optional } : {}),
      conditions: Object.freeze(conditions.map(frozen)),
      equalities: Object.freeze(
        equalities.flatMap(({ column, other, otherColumn }) => {
          const index = indexes.get(other)
          return index === undefined ? [] : [Object.freeze({ column, other: index, otherColumn })]
        }),
      ),
      assigned: Object.freeze([...new Set(assigned)]),
    }),
  )
  return Object.freeze(appearances)
}

function frozen(condition: AppearanceCondition): AppearanceCondition {
  for (const value of condition.values) Object.freeze(value)
  Object.freeze(condition.values)
  return Object.freeze(condition)
}

/** Of a definition: where its tables are named, and nothing about their rows, which the definition does not touch. */
export function withoutClaims(entry: TableEntry): TableEntry {
  return { ...entry, conditions: [], equalities: [] }
}
