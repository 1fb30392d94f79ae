import type { FoundServer } from '../topology/discovery.ts'

export type { FoundServer } from '../topology/discovery.ts'

/** Limits of one question to a source. */
export interface FindLimits {
  /** Milliseconds until a question without an answer has failed. */
  readonly timeoutMs: number
}

/**
 * Something that knows the servers of a shard: the REST interface of a cluster manager, a name service, the primary
 * itself. It names servers; who of them is the primary they say themselves when they are asked.
 */
export interface ServerSource {
  /** For people: `Patroni at http://10.0.0.1:8008`. No password. */
  readonly about: string
  /** The servers as it sees them now. Rejects if it cannot tell; an empty list means that there are none. */
  find(limits: FindLimits): Promise<readonly FoundServer[]>
}
