import type { ValueSource } from '../analysis.ts'

/** A column as a condition writes it. */
export interface ColumnReference {
  readonly column: string
  /** The table's name or alias. */
  readonly qualifier: string | undefined
  readonly schema: string | undefined
}

/** `column = value`, `column IN (values)`. */
export interface Restriction {
  readonly column: ColumnReference
  readonly operator: 'equals' | 'in'
  readonly values: readonly ValueSource[]
}

/** `column = column`. */
export interface Match {
  readonly left: ColumnReference
  readonly right: ColumnReference
}

/** What is understood of a condition: members of its chain of `AND`s, each of which must hold. */
export interface Conjuncts {
  readonly restrictions: readonly Restriction[]
  readonly matches: readonly Match[]
}

export const noConjuncts: Conjuncts = Object.freeze({ restrictions: Object.freeze([]), matches: Object.freeze([]) })
