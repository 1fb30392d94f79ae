/** A server as something outside the configuration names it. */
export interface FoundServer {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Marks of a purpose-built replica. Default none. */
  readonly tags?: readonly string[] | undefined
  /** Share of the reads that it gets as a replica, relative to the others. Default 1; 0 to 1,000. */
  readonly weight?: number | undefined
  /** False: as a replica it takes no reads, and waits for a promotion. Default true. */
  readonly reads?: boolean | undefined
}

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
