import { QueryError } from '../errors.ts'
import type { Renewal } from './shadow-dialect.ts'

type Renew = Parameters<Renewal['renew']>[0]

/** While it is made anew, what is shown may change once more. */
const mostRenewals = 5

/** Does work that is refused before it runs where its connection shows what was kept before: then again, once that is made anew. */
export async function renewed<T>(renewal: Renewal | undefined, run: Renew, work: () => T | Promise<T>): Promise<T> {
  for (let count = 0; ; count++)
    try {
      return await work()
    } catch (error) {
      if (!isDue(renewal, error) || count === mostRenewals) throw error
      // The first time, another statement on the connection may have done it meanwhile.
      if (!(await renewal.renew(run)) && count > 0) throw error
    }
}

/** The same of rows that come one by one: what is refused has given none. */
export async function* renewedRows(
  renewal: Renewal,
  run: Renew,
  open: () => AsyncGenerator<unknown, void, undefined>,
): AsyncGenerator<unknown, void, undefined> {
  const rows = await renewed(renewal, run, async () => {
    const opened = open()
    return { first: await opened.next(), rest: opened }
  })
  try {
    if (rows.first.done) return
    yield rows.first.value
    yield* rows.rest
  } finally {
    await rows.rest.return()
  }
}

/** Whether an error may come from what a connection has for itself. */
export function isDue(renewal: Renewal | undefined, error: unknown): renewal is Renewal {
  return renewal !== undefined && error instanceof QueryError && renewal.isDue(error.message)
}
