/** What an error of a client says that it is about. */
export interface ClientFacts {
  /** A pool made it. */
  readonly isOfPool: boolean
  /** It was given back to its pool, and not lent again. */
  readonly isReturned: boolean
  /** `end()` was called, or the connection is gone. */
  readonly isEnded: boolean
}

/** `undefined` for an error of which no more is known. */
export function clientHint(error: unknown, { isOfPool, isReturned, isEnded }: ClientFacts): string | undefined {
  switch (messageIn(error)) {
    case 'Client has already been connected. You cannot reuse a client.':
      if (isOfPool) return 'A pool connects its clients before it lends them: use this one as it is.'
      return isEnded
        ? 'A client connects once, and this one has ended. Make a new Client, or use a Pool, which makes them as they are needed.'
        : 'It is connected, or about to be. Call connect() once, where the client is made.'
    case 'Client was closed and is not queryable':
      return isReturned
        ? 'It was given back to its pool, which has closed it. Query before release(), and take another client by pool.connect() for what comes later.'
        : 'end() was called on it before this query. Make a new Client, or use a Pool, which is ended once, when the process ends.'
    case 'Client has encountered a connection error and is not queryable':
      return isOfPool
        ? 'What broke it was told by its event `error`. Give it back by release(true), and take another by pool.connect().'
        : 'What broke it was told by its event `error`. Make a new Client, or use a Pool, which replaces broken ones.'
    case 'Connection terminated':
      return 'end() was called on the client while this query ran or waited. What ran was cancelled, and may have taken effect. Wait for queries before end().'
    default:
      return undefined
  }
}

/** How a pool is used at the moment of an error. */
export interface PoolFacts {
  readonly max: number
  readonly lent: number
  /** Milliseconds for which the client that was lent first has been out. */
  readonly longestMs: number
  /** Of the lent ones, those on which no statement runs. */
  readonly unused: number
  /** Calls that still wait. */
  readonly waiting: number
  /** What a caller waits at most. */
  readonly timeoutMs: number
  /** Since `end()` was called; `undefined` if it was not. */
  readonly endedMs: number | undefined
}

/** `undefined` for an error of which no more is known. */
export function poolHint(error: unknown, facts: PoolFacts): string | undefined {
  switch (messageIn(error)) {
    case 'timeout exceeded when trying to connect':
      return exhausted(facts)
    case 'Connection terminated due to connection timeout':
      return `No server has answered within connectionTimeoutMillis (${facts.timeoutMs} ms).`
    case 'Cannot use a pool after calling end on the pool':
      return `${ended(facts)} End it once, when the process ends, and not after each piece of work.`
    case 'Called end on pool more than once':
      return facts.lent === 0
        ? `${ended(facts)} Whoever makes a pool ends it; others wait for the promise of that call.`
        : `${ended(facts)} It waits for ${clients(facts.lent)} to be given back by release().`
    default:
      return undefined
  }
}

function exhausted({ max, lent, longestMs, unused, waiting }: PoolFacts): string {
  if (lent < max)
    return `${lent} of ${clients(max)} are lent, and the others are still connecting: the servers are slow to answer.`
  const others = waiting === 0 ? '' : waiting === 1 ? ' One other call waits.' : ` ${waiting} other calls wait.`
  const idle =
    unused === 0
      ? 'A statement runs on each of them.'
      : `No statement runs on ${unused === lent ? (lent === 1 ? 'it' : 'any of them') : `${unused} of them`}: was release() forgotten? Call it in a finally.`
  const all =
    lent === 1 ? 'The one client of the pool is lent,' : `All ${clients(lent)} of the pool are lent, the longest`
  return `${all} for ${duration(longestMs)}.${others} ${idle} Clients hold no connection while they are idle, so max can be larger.`
}

function ended({ endedMs = 0 }: PoolFacts): string {
  return `end() was called ${duration(endedMs)} ago.`
}

/** How long ago a client was given back that is given back again, and whether somebody else has it now. */
export function releaseHint(sinceMs: number, isLent: boolean): string {
  const now = isLent ? ' Somebody else has it now, and would have lost it.' : ''
  return `It was given back ${duration(sinceMs)} ago.${now} Release each client once, where it was taken: in a finally, and nowhere else.`
}

/** For a connection that is to replicate with what is no mode of replication. */
export const replicationHint =
  'To pg, replication is the protocol of replicas. For reads on replicas, name them in the configuration of Signalbox, and take this option out.'

function messageIn(error: unknown): string {
  return error instanceof Error ? error.message : ''
}

function clients(count: number): string {
  return count === 1 ? '1 client' : `${count} clients`
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}
