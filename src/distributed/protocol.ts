/**
 * Two-phase commit with presumed abort, as decisions alone: no I/O, no clock. What holds for every function here:
 *
 * - The log says what was decided. Its key is the transaction's id, so whoever writes first has decided, for all.
 * - `commit` is written only after every branch is prepared, so a branch without an entry may be rolled back once `abort` is written.
 * - An entry `commit` goes only when no branch is prepared any more.
 */

/** What the log says of a transaction. */
export type Verdict = 'commit' | 'abort'

/** How a transaction ends, by how many of its branches have written. */
export function endingOf(writers: number): 'nothing' | 'one phase' | 'two phases' {
  if (writers === 0) return 'nothing'
  return writers === 1 ? 'one phase' : 'two phases'
}

/** What has become of writing a verdict. */
export type Recording =
  /** It stands there. */
  | 'recorded'
  /** Another one stood there before. */
  | 'taken'
  /** The server has refused it: it does not stand there. */
  | 'refused'
  /** No answer: it may stand there, or come to. */
  | 'unknown'

/** What the coordinator does after it has written `commit`. */
export function afterRecording(recording: Recording): 'commit' | 'abort' | 'read' | 'contest' {
  if (recording === 'recorded') return 'commit'
  if (recording === 'refused') return 'abort'
  return recording === 'taken' ? 'read' : 'contest'
}

/**
 * What it does after it has written `abort` because it does not know what became of its `commit`: if the `abort` stands, the
 * `commit` never will.
 */
export function afterContest(recording: Recording): 'abort' | 'read' | 'in doubt' {
  if (recording === 'recorded') return 'abort'
  return recording === 'taken' ? 'read' : 'in doubt'
}

/** What recovery does with a prepared branch. */
export function recoveryOf(
  verdict: Verdict | undefined,
  ageMs: number,
  olderThanMs: number,
): 'commit' | 'roll back' | 'give up' | 'leave' {
  if (verdict === 'commit') return 'commit'
  if (verdict === 'abort') return 'roll back'
  return ageMs >= olderThanMs ? 'give up' : 'leave'
}

/** An entry of the log that says `commit`. */
export interface LoggedCommit {
  readonly id: string
  /** Where its branches are, each as `database/shard`. */
  readonly places: readonly string[]
  /** Old enough that its coordinator has certainly read it if it was in doubt. */
  readonly isOld: boolean
}

/**
 * Whether an entry may go. It was read before the servers were asked, so all of its branches were prepared by then; those that are
 * not there any more are committed. `asked`: the places that have answered; `left`: ids of which a branch is still prepared.
 */
export function isOver(
  { id, places, isOld }: LoggedCommit,
  asked: ReadonlySet<string>,
  left: ReadonlySet<string>,
): boolean {
  return isOld && !left.has(id) && places.every((place) => asked.has(place))
}
