import type { UsingTarget } from '../../config.ts'
import { ConfigError } from '../../errors.ts'
import { asRecord, refuseUnknownKeys, show } from '../../option.ts'
import type { CopyPolicy } from './conflict.ts'

export type { CopyPolicy } from './conflict.ts'

/** Which rows of which table are copied. Without `where` and `keys` all of them. */
export interface CopiedTable {
  /** `table` or `schema.table`; it has the same name in both databases. */
  readonly table: string
  /** A condition in the dialect of `from`, with its parameters: `price > $1`. */
  readonly where?: string
  readonly params?: readonly unknown[]
  /** Values of the primary key; of one with several columns an object for each. Keys without a row are left out. */
  readonly keys?: readonly unknown[]
}

/** How far a copy has come with a table. */
export interface CopyProgress {
  readonly table: string
  readonly read: number
  readonly inserted: number
  readonly skipped: number
  readonly replaced: number
}

/** What a copy has done with a table. */
export interface CopiedTableReport extends CopyProgress {
  /**
   * Of the rows that were written, in any order, after they were read again; `undefined` if `verify` is false. Equal for equal rows that were copied between the
   * same engines.
   */
  readonly checksum: string | undefined
}

/** What `client.copyRows()` has done. */
export interface CopyReport {
  /** In the order in which they were copied: parents first. */
  readonly tables: readonly CopiedTableReport[]
}

/** Options of `client.copyRows()`. */
export interface CopyOptions<A extends string = string> {
  readonly from: UsingTarget<A>
  readonly to: UsingTarget<A>
  /** One table, or several, each once. */
  readonly table: string | readonly (string | CopiedTable)[]
  /** Of the one table. */
  readonly where?: string
  readonly params?: readonly unknown[]
  readonly keys?: readonly unknown[]
  /** What becomes of a row whose primary key is there already. Default `error`. */
  readonly onConflict?: CopyPolicy
  /**
   * A name for a copy in batches that are committed one by one, and which goes on where it was left when it is called again with this name.
   * Default: everything in one transaction.
   */
  readonly resume?: string
  /** Rows at a time, 1 to 1,000,000. Default 1,000; 100,000 for `resume` from one PostgreSQL server to another. */
  readonly batchSize?: number
  /** Reads all rows again, and compares them, before they are committed. Default true. */
  readonly verify?: boolean
  /** PostgreSQL: moves sequences of the copied columns behind the highest value. Default true. */
  readonly advanceSequences?: boolean
  /** Told after each batch; what it throws ends the copy. */
  readonly onProgress?: (progress: CopyProgress) => void
  readonly signal?: AbortSignal
  /** Milliseconds for each statement, but for bulk copies. Default: `limits.queryTimeoutMs`. */
  readonly timeoutMs?: number
}

/** Options as they were checked. */
export interface ParsedCopy {
  readonly tables: readonly CopiedTable[]
  readonly onConflict: CopyPolicy
  readonly resume: string | undefined
  readonly batchSize: number | undefined
  readonly verify: boolean
  readonly advanceSequences: boolean
  readonly onProgress: (progress: CopyProgress) => void
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number | undefined
}

const known =
  'from to table where params keys onConflict resume batchSize verify advanceSequences onProgress signal timeoutMs'.split(
    ' ',
  )
const policies = ['error', 'skip', 'replace'] as const

/** Throws `ConfigError` for what cannot be. */
export function parseCopyOptions(given: CopyOptions): ParsedCopy {
  const options = asRecord(given, 'options') as unknown as CopyOptions
  refuseUnknownKeys(options as unknown as Record<string, unknown>, known, 'options')
  const { onConflict = 'error', resume, batchSize, verify = true, advanceSequences = true } = options
  if (!policies.includes(onConflict))
    throw refused('options.onConflict', onConflict, policies.map((policy) => `'${policy}'`).join(', '))
  if (resume !== undefined && (typeof resume !== 'string' || resume === '' || resume.length > 255))
    throw refused('options.resume', resume, 'a name of 1 to 255 characters')
  if (batchSize !== undefined && !(Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= 1_000_000))
    throw refused('options.batchSize', batchSize, 'a whole number of rows from 1 to 1000000')
  for (const [name, value] of Object.entries({ verify, advanceSequences }))
    if (typeof value !== 'boolean') throw refused(`options.${name}`, value, 'true, false')
  const { onProgress = () => undefined, signal, timeoutMs } = options
  if (typeof onProgress !== 'function') throw refused('options.onProgress', onProgress, 'a function')
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs >= 0))
    throw refused('options.timeoutMs', timeoutMs, 'milliseconds from 0 (no limit)')
  const tables = parseCopiedTables(options)
  return { tables, onConflict, resume, batchSize, verify, advanceSequences, onProgress, signal, timeoutMs }
}

function parseCopiedTables({ table, where, params, keys }: CopyOptions): readonly CopiedTable[] {
  const own = { ...(where === undefined ? {} : { where }), ...(params && { params }), ...(keys && { keys }) }
  if (typeof table === 'string') return [checked({ table, ...own }, 'options')]
  if (!Array.isArray(table) || table.length === 0)
    throw refused('options.table', table, 'the name of a table, or a list of them')
  if (Object.keys(own).length > 0)
    throw new ConfigError(
      `options.${Object.keys(own)[0]}`,
      'It is not said of which table.',
      "one table, or { table, where, params, keys } in the list: table: [{ table: 'product', keys: [7] }, 'review']",
    )
  const tables = (table as readonly (string | CopiedTable)[]).map((each, index) =>
    checked(typeof each === 'string' ? { table: each } : each, `options.table[${index}]`),
  )
  const twice = tables.find((each, index) => tables.findIndex((other) => other.table === each.table) !== index)
  if (twice === undefined) return tables
  throw refused('options.table', twice.table, 'each table once')
}

function checked(entry: CopiedTable, path: string): CopiedTable {
  const record = asRecord(entry, path)
  if (path !== 'options') refuseUnknownKeys(record, ['table', 'where', 'params', 'keys'], path)
  const { table, where, params, keys } = entry
  if (typeof table !== 'string' || table === '') throw refused(`${path}.table`, table, 'the name of a table')
  if (where !== undefined && (typeof where !== 'string' || where.trim() === ''))
    throw refused(`${path}.where`, where, 'a condition, without the word WHERE')
  if (params !== undefined && (!Array.isArray(params) || where === undefined))
    throw refused(`${path}.params`, params, 'the parameters of `where`, as a list')
  if (keys === undefined) return entry
  if (!Array.isArray(keys)) throw refused(`${path}.keys`, keys, 'a list of values of the primary key')
  if (where !== undefined) throw new ConfigError(`${path}.keys`, '`where` is given as well.', 'one of both')
  return entry
}

function refused(path: string, value: unknown, allowed: string): ConfigError {
  return new ConfigError(path, `${show(value)} is not accepted.`, allowed)
}
