import { ConfigError } from './errors.ts'
import { redactDsn } from './topology/dsn.ts'

/** One number in the configuration: its default, its range, its unit, and what it is for. */
export interface NumberOption {
  readonly default: number
  readonly min: number
  readonly max: number
  readonly unit: 'ms' | 'connections' | 'statements' | 'rows' | 'characters' | 'entries' | 'attempts' | 'shards'
  readonly about: string
}

/** A group of options: the names, and for each its {@link NumberOption}. */
export type OptionTable = Readonly<Record<string, NumberOption>>

/** The values of a table's options. */
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: number }

/** Reads a group of number options: unknown names, wrong types and values out of range throw {@link ConfigError}. */
export function readOptions<T extends OptionTable>(
  table: T,
  given: unknown,
  path: string,
  base?: OptionValues<T>,
): OptionValues<T> {
  const values: Record<string, number> = {}
  for (const name of Object.keys(table)) values[name] = base?.[name] ?? table[name]?.default ?? 0
  if (given !== undefined) {
    for (const [name, value] of Object.entries(asRecord(given, path))) {
      if (value === undefined) continue
      const option = Object.hasOwn(table, name) ? table[name] : undefined
      if (option === undefined) throw unknownKey(`${path}.${name}`, Object.keys(table))
      if (typeof value !== 'number' || !Number.isInteger(value) || value < option.min || value > option.max) {
        throw new ConfigError(
          `${path}.${name}`,
          `${show(value)} is not accepted.`,
          `a whole number of ${option.unit} from ${option.min} to ${option.max}; default ${option.default}`,
        )
      }
      values[name] = value
    }
  }
  return Object.freeze(values) as OptionValues<T>
}

/** A plain object, or a {@link ConfigError}. */
export function asRecord(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ConfigError(path, `${show(value)} is not accepted.`, 'an object')
}

/** A list of texts, none if it is not given, or a {@link ConfigError}. */
export function readStrings(value: unknown, path: string): readonly string[] {
  if (value === undefined) return []
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new ConfigError(path, `${show(value)} is not accepted.`, 'a list of names')
}

/** Refuses keys that are not in the list. */
export function refuseUnknownKeys(
  record: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: string,
): void {
  for (const key of Object.keys(record)) {
    if (!known.includes(key)) throw unknownKey(path === '' ? key : `${path}.${key}`, known)
  }
}

function unknownKey(path: string, known: readonly string[]): ConfigError {
  return new ConfigError(path, 'There is no such option.', known.join(', '))
}

/** A value in a message: short, no data source name's password, and never an object's content, which might hold one. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    const text = redactDsn(value)
    return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
  }
  if (value === null || ['number', 'boolean', 'bigint', 'undefined'].includes(typeof value)) return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
