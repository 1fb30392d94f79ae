/** What is known of a connection that takes no more commands. */
export interface ClosedFacts {
  readonly isOfPool: boolean
  /** By what it was lost, if it was. */
  readonly lostBy: Error | null
}

/** For a command that comes after the end of its connection. */
export function closedHint({ isOfPool, lostBy }: ClosedFacts): string {
  const why =
    lostBy === null
      ? 'end() or destroy() was called on it before this command, or its pool was ended.'
      : `It was lost before: ${lostBy.message}`
  const next = isOfPool
    ? 'Take another by getConnection(), which gives none that is lost.'
    : 'Make a new one by createConnection(), or use a pool, which replaces those that are lost.'
  return `${why.replace(/\.?$/, '.')} ${next}`
}

/** How a pool is used at the moment of an error. */
export interface PoolFacts {
  readonly lent: number
  /** Of the lent ones, those on which no command runs. */
  readonly unused: number
  /** Calls that wait. */
  readonly waiting: number
}

/** `undefined` for an error of which no more is known. */
export function poolHint(error: unknown, { lent, unused, waiting }: PoolFacts): string | undefined {
  switch (error instanceof Error ? error.message : '') {
    case 'Pool is closed.':
      return 'end() was called on the pool. End it once, when the process ends, and not after each piece of work.'
    case 'No connections available.':
    case 'Queue limit reached.': {
      const others = waiting === 0 ? '' : `, and ${waiting} other ${waiting === 1 ? 'call waits' : 'calls wait'}`
      const idle =
        unused === 0
          ? 'A command runs on each of them.'
          : `No command runs on ${unused} of them: was release() forgotten? Call it in a finally.`
      return `${lent} of the pool's connections ${lent === 1 ? 'is' : 'are'} lent${others}. ${idle} They hold no connection to a server while they are idle, so connectionLimit can be larger.`
    }
    default:
      return undefined
  }
}
