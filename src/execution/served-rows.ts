import type { DriverPool, DriverRequest, DriverResult, Field, Lease } from '../drivers/driver.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import type { Params } from '../statement/statement.ts'
import type { Decision, SendOptions } from './decision.ts'
import type { Result } from './result.ts'
import { resumed, streamTraced } from './row-stream.ts'

/** Rows for an object of a driver's own that cannot ask for them by itself: arrays of values as a server has sent them. */
export interface ServedRows {
  readonly fields: readonly Field[]
  readonly rows: AsyncGenerator<readonly unknown[], void, undefined>
  /** Of what is no read, and has run as a whole: the driver's own result, of one of the shards, and the rows that it returned or changed. */
  readonly whole?: { readonly native: unknown; readonly rowCount: number }
}

/** What of the executor is needed for that. */
export interface RowsExecutor {
  run(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): Promise<Result<unknown>>
  stream(
    decision: Decision,
    params: Params,
    options: SendOptions | undefined,
    surroundings: Surroundings,
  ): AsyncGenerator<unknown, void, undefined>
  onLease(
    decision: Decision,
    request: DriverRequest,
    lease: Lease,
    how: { readonly inTransaction: boolean },
  ): Promise<DriverResult>
  result(decision: Decision, answer: DriverResult): Result<unknown>
  locatedRows(
    decision: Decision,
    rows: AsyncGenerator<unknown, void, undefined>,
  ): AsyncGenerator<unknown, void, undefined>
  called(decision: Decision, params: Params): void
  pool(decision: Decision): Promise<DriverPool>
}

/** How a statement is asked for. */
export interface Asked {
  readonly query: (how: Form) => Promise<Result<unknown>>
  readonly stream: (how: Form) => AsyncGenerator<unknown, void, undefined>
}

type Form = Pick<SendOptions, 'rowMode' | 'described'>

/**
 * Whether the rows come from Signalbox: of several shards they have to be put together, and what a shadow makes of a statement is another
 * text, or several.
 */
export function isServed({ database, route, analysis }: Decision): boolean {
  return analysis.statements === 1 && (route.shards.length > 1 || database.shadow !== undefined)
}

/** A read row by row, with back-pressure; everything else as a whole. */
export async function servedRows({ route }: Decision, { query, stream }: Asked): Promise<ServedRows> {
  if (route.effect !== 'read') {
    const { fields, rows, rowCount, native } = await query({ rowMode: 'raw' })
    return { fields, rows: given(rows), whole: { native, rowCount } }
  }
  let fields: readonly Field[] = []
  const rows = stream({ rowMode: 'raw', described: (found) => void (fields = found) })
  const first = await rows.next()
  return { fields, rows: resumed(Promise.resolve(first), rows) as ServedRows['rows'] }
}

/** The same on a lease. */
export async function servedOnLease(
  executor: RowsExecutor,
  decision: Decision,
  request: DriverRequest,
  lease: Lease,
  inTransaction: boolean,
): Promise<ServedRows> {
  return await servedRows(decision, {
    query: async (how) =>
      executor.result(decision, await executor.onLease(decision, { ...request, ...how }, lease, { inTransaction })),
    stream: (how) => {
      const asked = { ...request, ...how }
      return executor.locatedRows(
        decision,
        streamTraced(decision, asked, inTransaction, () => lease.stream(asked)),
      )
    },
  })
}

// oxlint-disable-next-line typescript/require-await
async function* given(rows: readonly unknown[]): ServedRows['rows'] {
  yield* rows as readonly (readonly unknown[])[]
}
