import type { DriverPool, DriverRequest, DriverResult } from './driver.ts'

type Leasing = Pick<DriverPool, 'lease'>

/** One statement by itself, on a connection of its own. */
export async function queryOnLease(pool: Leasing, request: DriverRequest): Promise<DriverResult> {
  const lease = await pool.lease(request)
  try {
    return await lease.query(request)
  } finally {
    await lease.release('clean')
  }
}

/** One stream by itself, on a connection of its own, which is given back when the rows are over, or nobody wants more. */
export async function* streamOnLease(pool: Leasing, request: DriverRequest): AsyncGenerator<unknown, void, undefined> {
  const lease = await pool.lease(request)
  try {
    yield* lease.stream(request)
  } finally {
    await lease.release('clean')
  }
}
