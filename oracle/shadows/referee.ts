import type { Client } from '../../src/index.ts'
import type { PlayedStatement } from './model.ts'
import type { Outcome } from './outcome.ts'

/** What was played, in its order, and what it came to. */
export interface Played {
  readonly text: string
  readonly outcome: Outcome
  readonly statement?: PlayedStatement
}

export type Runs = Pick<Client, 'query' | 'transaction'>

/** Knows what an engine leaves open, while one sequence is played and compared. */
export interface Referee {
  /** Behind each statement in the shadow; gives its outcome, with what is to be compared besides. */
  readonly afterShadow: (on: Runs, statement: PlayedStatement, outcome: Outcome) => Promise<Outcome>
  /** The same in the copy. */
  readonly afterCopy: (on: Runs, statement: PlayedStatement, outcome: Outcome) => Promise<Outcome>
  /** What is wrong with a step, asked in their order. */
  readonly verdict: (step: Played, due: Outcome, before: readonly Played[]) => Verdict
}

/**
 * `leftOpen`: the engine promises neither of the two, and the sequence goes on. `excluded`: the engine itself is at fault, or the difference
 * one that is told, and the rest of the sequence proves nothing.
 */
export type Verdict =
  | 'same'
  | { readonly leftOpen: string }
  | { readonly excluded: string }
  | { readonly came: Outcome; readonly due: Outcome }
