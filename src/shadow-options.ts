import { ConfigError } from './errors.ts'
import { asRecord, readOptions, readStrings, refuseUnknownKeys, show, type OptionTable } from './option.ts'
import type { PromotionPolicy } from './shadows/changes/promote-changes.ts'

/** Which rows of a shadow are meant. */
export interface ShadowTableOptions {
  /** One table; default all that are augmented or replaced. */
  readonly table?: string
}

/** Which rows of a shadow are looked at, and how many are given. */
export interface ShadowLookOptions extends ShadowTableOptions {
  /** Rows of each table that are given; what is more is counted alone. 1 to 1,000,000, default 1,000. */
  readonly limit?: number
}

/** Where the changes of a shadow go, and what becomes of conflicts. */
export interface PromoteOptions<A extends string = string> {
  /** The alias of a database of the same engine, usually the writable one behind the snapshot that is the base. */
  readonly to: A
  /** Default: all augmented tables. A replaced one must be named: rows of the base that it does not have are deleted. */
  readonly tables?: readonly string[]
  /** What becomes of a row that is not, there, as it was when it was changed here. Default `fail`. */
  readonly onConflict?: PromotionPolicy
  /** Only looks, and says what would be done. Default false. */
  readonly preview?: boolean
}

const lookOptions = {
  limit: { default: 1_000, min: 1, max: 1_000_000, unit: 'rows', about: 'Rows of each table that are given.' },
} as const satisfies OptionTable

const policies: readonly PromotionPolicy[] = ['fail', 'ours', 'theirs']

export function readLookOptions(given: ShadowLookOptions): { readonly table?: string; readonly limit: number } {
  refuseUnknownKeys(asRecord(given, 'options'), ['table', 'limit'], 'options')
  const { limit } = readOptions(lookOptions, { limit: given.limit }, 'options')
  return { ...readTable(given.table), limit }
}

export function readTableOptions(given: ShadowTableOptions): ShadowTableOptions {
  refuseUnknownKeys(asRecord(given, 'options'), ['table'], 'options')
  return readTable(given.table)
}

function readTable(table: unknown): ShadowTableOptions {
  if (table === undefined) return {}
  if (typeof table === 'string' && table !== '') return { table }
  throw new ConfigError('options.table', `${show(table)} is not accepted.`, 'the name of a table')
}

export function readPromoteOptions(given: PromoteOptions): Required<Omit<PromoteOptions, 'tables'>> & {
  readonly tables: readonly string[] | undefined
} {
  refuseUnknownKeys(asRecord(given, 'options'), ['to', 'tables', 'onConflict', 'preview'], 'options')
  const { to, onConflict = 'fail', preview = false } = given
  if (typeof to !== 'string') throw new ConfigError('options.to', `${show(to)} is not accepted.`, 'an alias')
  if (!policies.includes(onConflict))
    throw new ConfigError('options.onConflict', `${show(onConflict)} is not accepted.`, policies.map(show).join(', '))
  if (typeof preview !== 'boolean')
    throw new ConfigError('options.preview', `${show(preview)} is not accepted.`, 'true or false; default false')
  const tables = given.tables === undefined ? undefined : readStrings(given.tables, 'options.tables')
  return { to, tables, onConflict, preview }
}
