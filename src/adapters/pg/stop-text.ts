const stopping =
  /^\s*select\s+pg_(cancel|terminate)_backend\s*\(\s*(\$1|\d+)(?:::\w+)?\s*\)(?:\s+as\s+"?\w+"?)?\s*;?\s*$/i

/** What a text stops: the statement of a process, or all of it. */
export interface Stop {
  readonly what: 'cancel' | 'terminate'
  readonly processID: number
}

/** The process that a text stops. */
export function stopOf(sql: string, values: readonly unknown[] | undefined): Stop | undefined {
  const found = stopping.exec(sql)
  if (found === null) return undefined
  const [, what, written] = found
  return {
    what: what?.toLowerCase() === 'cancel' ? 'cancel' : 'terminate',
    processID: Number(written === '$1' ? values?.[0] : written),
  }
}
