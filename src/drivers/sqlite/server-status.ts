import type { DriverRequest, DriverResult, ServerStatus, StatusOptions } from '../driver.ts'

const statusRequest = { sql: 'select sqlite_version()', params: [], access: 'read', rowMode: 'array' } as const

/**
 * Asks the library for its version, which shows as well that the file can be read. `writable` is what the data source
 * name says; of a handle of the application's nothing tells how it was opened, so it counts as writable.
 */
export async function sqliteStatus(
  query: (request: DriverRequest) => DriverResult | Promise<DriverResult>,
  writable: boolean,
  { timeoutMs, signal }: StatusOptions = {},
): Promise<ServerStatus> {
  const { rows } = await query({ ...statusRequest, timeoutMs, signal })
  return {
    writable,
    position: undefined,
    cluster: undefined,
    receiving: undefined,
    lagMs: undefined,
    version: String((rows[0] as readonly unknown[])[0]),
  }
}
