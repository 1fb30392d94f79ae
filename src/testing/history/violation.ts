import type { Operation } from './operation.ts'

/**
 * - `read-your-writes`: a read shows something older than a write of its own session that was acknowledged before it began.
 * - `monotonic-reads`: a read shows something older than an earlier read of its session.
 * - `monotonic-writes`: a write went below an earlier acknowledged write of its session.
 * - `writes-follow-reads`: a write went below what its session had read before. Or, over two keys: session A saw value v of
 *   one key, by a read or by its own write, and then made write w of another; session B read w, and later saw of the first
 *   key something older than v.
 * - `lost-write`: an acknowledged write is neither in the final state nor below a later write, or another write has its
 *   version; or an acknowledged increment is not in the side table.
 * - `duplicated-write`: an operation was applied more than once, or there are versions that no write can have made (unless one
 *   that is said to have failed was applied after all).
 * - `value-from-nowhere`: what was read was written by nobody, to another key, by a write that certainly failed, or by one that
 *   began later.
 * - `failed-read`: a read did not answer.
 */
export type ViolationKind =
  | 'read-your-writes'
  | 'monotonic-reads'
  | 'monotonic-writes'
  | 'writes-follow-reads'
  | 'lost-write'
  | 'duplicated-write'
  | 'value-from-nowhere'
  | 'failed-read'

/** One thing that should not have been seen. */
export interface Violation {
  readonly kind: ViolationKind
  /** Whose promise was broken; undefined where only the final state shows it. */
  readonly session?: string
  readonly key: string
  /** The operations that contradict each other, in the order in which the sentence names them. */
  readonly operations: readonly Operation[]
  /** What happened, for people. */
  readonly message: string
}

/** Counts violations, and keeps the first ones of each kind. */
export class Violations {
  readonly #mostListed: number
  readonly listed: Violation[] = []
  readonly counts: Record<ViolationKind, number> = {
    'read-your-writes': 0,
    'monotonic-reads': 0,
    'monotonic-writes': 0,
    'writes-follow-reads': 0,
    'lost-write': 0,
    'duplicated-write': 0,
    'value-from-nowhere': 0,
    'failed-read': 0,
  }

  constructor(mostListed: number) {
    this.#mostListed = mostListed
  }

  /** @param describe Asked only if the violation is listed. @param count How many violations this one stands for. */
  add(kind: ViolationKind, describe: () => Omit<Violation, 'kind'>, count = 1): void {
    if (this.counts[kind] < this.#mostListed) this.listed.push({ kind, ...describe() })
    this.counts[kind] += count
  }
}

/** An operation in words, for example: `read of k1 by s2 at 12.5 ms from replica-1, which showed version 3 (op "s1.4")`. */
export function inWords(operation: Operation): string {
  const { kind, key, session, startedMs, server, outcome, error } = operation
  const from = server === undefined ? '' : ` ${kind === 'read' ? 'from' : 'on'} ${server}`
  const why = error === undefined ? '' : `: ${error}`
  const who = `${kind} of ${key} by ${session} at ${Number(startedMs.toFixed(3))} ms${from}`
  if (outcome !== 'ok') return `${who}, whose outcome is "${outcome}"${why}`
  if (kind !== 'read') return `${who}, which made version ${operation.version} (op "${operation.opId}")`
  if (operation.value === undefined) return `${who}, which showed nothing`
  return `${who}, which showed version ${operation.value.version} (op "${operation.value.opId}")`
}
