import type { TransactionLogInput } from './config.ts'
import { ConfigError } from './errors.ts'
import type { DeclaredLog } from './distributed/distributed.ts'
import { logTable } from './distributed/log-place.ts'
import { asRecord, refuseUnknownKeys, show } from './option.ts'
import type { Database } from './topology/topology.ts'

const longestMs = 86_400_000
const shortestEveryMs = 1_000
const defaultMs = 60_000

/** The log of distributed transactions that the configuration names. Throws {@link ConfigError}, and what `resolve` throws. */
export function parseTransactionLog(value: unknown, resolve: (alias: string) => Database): DeclaredLog | undefined {
  if (value === undefined) return undefined
  const path = 'transactionLog'
  const record: Readonly<Record<string, unknown>> =
    typeof value === 'string' ? { database: value } : asRecord(value, path)
  const known = ['database', 'table', 'recoverEveryMs', 'olderThanMs'] satisfies (keyof TransactionLogInput)[]
  refuseUnknownKeys(record, known, path)
  const { recoverEveryMs, olderThanMs, ...target } = record
  const { database, table } = logTable(target, path, resolve)
  return {
    log: { database, table },
    recoverEveryMs: milliseconds(recoverEveryMs, `${path}.recoverEveryMs`, shortestEveryMs),
    olderThanMs: milliseconds(olderThanMs, `${path}.olderThanMs`, 0),
  }
}

/** Zero, or from `shortest` to a day. */
function milliseconds(value: unknown, path: string, shortest: number): number {
  if (value === undefined) return defaultMs
  const isWhole = typeof value === 'number' && Number.isInteger(value)
  if (isWhole && (value === 0 || (value >= shortest && value <= longestMs))) return value
  const range = `a whole number of ms from ${shortest} to ${longestMs}${shortest > 0 ? ', or 0: never' : ''}`
  throw new ConfigError(path, `${show(value)} is not accepted.`, `${range}; default ${defaultMs}`)
}
