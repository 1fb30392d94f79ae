export type Status = 'passed' | 'failed' | 'pending'

/** What became of one test; of one file where the suite runs each file as a program of its own. */
export interface Outcome {
  readonly test: string
  readonly status: Status
  /** Why it failed: the beginning of what it said. */
  readonly why?: string
  /** Of a file: how many of its tests said that they passed. */
  readonly parts?: number
  /** It failed first, and passed when it was run again: tests that measure time do on a busy machine. */
  readonly again?: boolean
}

/** What came of two attempts: a test that passes in either of them passes. */
export function eitherOf(first: readonly Outcome[], second: readonly Outcome[]): readonly Outcome[] {
  const passed = new Map(second.filter(({ status }) => status === 'passed').map((outcome) => [outcome.test, outcome]))
  return first.map((outcome) => {
    const better = outcome.status === 'failed' ? passed.get(outcome.test) : undefined
    return better === undefined ? outcome : { ...better, again: true }
  })
}

/** Gives tests of the same name numbers, so that each has a name of its own. */
export function numbered(outcomes: readonly Outcome[]): readonly Outcome[] {
  const seen = new Map<string, number>()
  return outcomes.map((outcome) => {
    const times = (seen.get(outcome.test) ?? 0) + 1
    seen.set(outcome.test, times)
    return times === 1 ? outcome : { ...outcome, test: `${outcome.test} (${times})` }
  })
}
