import { withoutStrings } from './session-settings.ts'

/** A text, and values for its marks. */
export interface Written {
  readonly sql: string
  readonly values: unknown
}

interface Routable {
  readonly sql: string
  readonly params: readonly unknown[]
}

const none: readonly unknown[] = []

/** Texts whose marks are remembered at a time. */
const mostKnown = 1_000
/** Longer ones come once as a rule. */
const longestKnown = 16_384

/**
 * The text with its marks, where each of them certainly stands for one value: then it is routed once for all values. mysql2 puts lists in
 * the place of a mark, names in that of two, and looks for marks in comments, too.
 */
export class RoutableTexts {
  /** How many marks texts have that tools send again and again. */
  readonly #marks = new Map<string, number>()

  /** `whole`: has the same with the values in it. */
  of({ sql, values }: Written, whole: { readonly sql: string }): Routable {
    if (!Array.isArray(values) || values.length === 0) return { sql: whole.sql, params: none }
    const given = values as readonly unknown[]
    let hasUndefined = false
    for (const value of given) {
      if (!isScalar(value)) return { sql: whole.sql, params: none }
      hasUndefined ||= value === undefined
    }
    if (this.#marksOf(sql) !== given.length) return { sql: whole.sql, params: none }
    return { sql, params: hasUndefined ? given.map((value) => value ?? null) : given }
  }

  #marksOf(sql: string): number {
    const known = this.#marks.get(sql)
    if (known !== undefined) return known
    const marks = marksOf(sql)
    if (sql.length > longestKnown) return marks
    if (this.#marks.size >= mostKnown) this.#marks.clear()
    this.#marks.set(sql, marks)
    return marks
  }
}

/** How many marks a text has; -1 if one of them may not be what it seems. */
function marksOf(sql: string): number {
  if (sql.includes('??') || /\/\*|--|#/.test(sql)) return -1
  const all = sql.split('?').length
  return withoutStrings(sql).split('?').length === all ? all - 1 : -1
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null || value instanceof Date || Buffer.isBuffer(value)
}
