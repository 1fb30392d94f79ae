/**
 * What became of an operation. A *failed* write certainly did not happen; one that is *unknown* may have happened, may happen
 * later, or never. A read that did not answer has *failed*; one that had not ended with the recording is *unknown*.
 */
export type Outcome = 'ok' | 'failed' | 'unknown'

/** What a key holds: the operation that wrote it, and how many writes the key has had, as counted by the primary. */
export interface KeyValue {
  /** 1 for the first write of the key; 0 for what was there before the first one. */
  readonly version: number
  /** Of the write; `initialOpId` for what was there before the first one. */
  readonly opId: string
}

/** Who wrote what is there before the first write. */
export const initialOpId = ''

interface OperationOfAnyKind {
  /** Whose operation it is: the guarantees hold within a session. */
  readonly session: string
  readonly key: string
  /**
   * The places of its beginning and of its end among all beginnings and ends of the history. One operation came before
   * another if its `end` is less than the other's `begin`; otherwise they overlap, also if the times say nothing.
   */
  readonly begin: number
  readonly end: number
  /** By one monotonic clock, in milliseconds; shown to people, and not judged. */
  readonly startedMs: number
  readonly endedMs: number
  readonly outcome: Outcome
  /** Who answered. */
  readonly server?: string
  /** What was thrown. */
  readonly error?: string
}

/**
 * One that changes a key: `version = version + 1, value = opId`. An *increment* does it in one transaction with an entry of
 * its `opId` in a side table, so that it is known exactly how often it was applied.
 */
export interface WriteOperation extends OperationOfAnyKind {
  readonly kind: 'write' | 'increment'
  /** Unique in the history. */
  readonly opId: string
  /** The version that it made; if the outcome is *ok*. */
  readonly version?: number
}

/** A read of one key, and what it saw. */
export interface ReadOperation extends OperationOfAnyKind {
  readonly kind: 'read'
  /** Undefined if the key was not there, or if the outcome is not *ok*. */
  readonly value?: KeyValue
}

/** A read or a write of one client, from its call to its end. */
export type Operation = WriteOperation | ReadOperation

/** One entry of the side table of the increments. */
export interface AppliedIncrement extends KeyValue {
  readonly key: string
}

/** What the primary holds when everything is over. */
export interface FinalState {
  /** What each key holds. A key that is not here is not there. */
  readonly values: ReadonlyMap<string, KeyValue>
  /** The side table of the increments, with whatever is in it twice; undefined if there is none. */
  readonly applied?: readonly AppliedIncrement[]
}

/** What clients did and saw in one run, and what was there at its end. */
export interface History {
  readonly operations: Iterable<Operation>
  /** Undefined if the run did not come to its end; lost writes are then found only where another one took their version. */
  readonly final?: FinalState
}
