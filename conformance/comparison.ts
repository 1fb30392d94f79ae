import type { Outcome, Status } from './outcome.ts'

/** A test that does not come to the same through the façade. */
export interface Difference {
  readonly test: string
  readonly bare: Status | 'absent'
  readonly subject: Status | 'absent'
  /** What the run that failed said. */
  readonly why: string
}

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly pending: number
}

export interface Comparison {
  /** Tests that come to the same. */
  readonly same: number
  /** Tests that pass bare and not through the façade, also those that it does not reach; and failures that only it has. */
  readonly lost: readonly Difference[]
  /** Tests that only pass through the façade, or are there only through it; and failures that it does not have. */
  readonly gained: readonly Difference[]
}

export function countsOf(outcomes: readonly Outcome[]): Counts {
  const of = (status: Status) => outcomes.filter((outcome) => outcome.status === status).length
  return { passed: of('passed'), failed: of('failed'), pending: of('pending') }
}

/** Compares two runs of a suite, test by test. */
export function compare(bare: readonly Outcome[], subject: readonly Outcome[]): Comparison {
  const through = new Map(subject.map((outcome) => [outcome.test, outcome]))
  const lost: Difference[] = []
  const gained: Difference[] = []
  let same = 0
  for (const outcome of bare) {
    const other = through.get(outcome.test)
    through.delete(outcome.test)
    const fewer = (other?.parts ?? 0) < (outcome.parts ?? 0)
    if (other?.status === outcome.status && !(fewer && outcome.status === 'passed')) same += 1
    else if ((other?.status === 'passed' && !fewer) || (other === undefined && outcome.status === 'failed'))
      gained.push(difference(outcome.test, outcome, other))
    else lost.push(difference(outcome.test, outcome, other))
  }
  // A test that is told twice, or a hook that fails, has no counterpart.
  for (const other of through.values())
    (other.status === 'failed' ? lost : gained).push(difference(other.test, undefined, other))
  return { same, lost, gained }
}

function difference(test: string, bare: Outcome | undefined, subject: Outcome | undefined): Difference {
  const parts = `${subject?.parts ?? 0} of its ${bare?.parts ?? 0} tests said that they passed`
  const passedBoth = bare?.status === 'passed' && subject?.status === 'passed'
  const why = passedBoth ? parts : (subject?.why ?? bare?.why ?? '')
  return { test, bare: bare?.status ?? 'absent', subject: subject?.status ?? 'absent', why }
}
