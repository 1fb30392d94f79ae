import type { PatternMap } from './pattern-map.ts'

/**
 * How a shadow shows a table. `base`: as the base has it, never written. `replace`: the local table alone. `augment`: the base's rows,
 * with the local ones laid over them.
 */
export type ShadowKind = 'base' | 'replace' | 'augment'

export const shadowKinds: readonly ShadowKind[] = ['base', 'replace', 'augment']

/** A database that shows another one's data with local changes laid over it. */
export interface Shadow {
  /** The alias of the database whose data it shows. */
  readonly base: string
  /** By the table; what nothing is declared for is `base`. */
  readonly kinds: PatternMap<ShadowKind>
}
