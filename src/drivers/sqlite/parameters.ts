import type { SQLInputValue } from 'node:sqlite'

import { ParameterError } from '../../errors.ts'
import type { Params } from '../../statement/statement.ts'
import type { StatementText } from './statement-text.ts'

/** True for an array of values, false for an object of named ones. */
export function isPositional(params: Params): params is readonly unknown[] {
  return Array.isArray(params)
}

/**
 * Makes values bindable. `true` and `false` become 1 and 0 and a `Date` its milliseconds since 1970, which is what
 * most SQLite libraries for Node.js do; node:sqlite itself refuses the first and binds NULL for the second.
 *
 * @throws ParameterError if their number does not fit the statement, or a value cannot be bound.
 */
export function positionalValues(given: readonly unknown[], text: StatementText): readonly SQLInputValue[] {
  if (given.length !== text.positional) throw wrongCount(given.length, text)
  for (let i = 0; i < given.length; i += 1) {
    const value = given[i]
    const type = typeof value
    if (type !== 'string' && type !== 'number' && type !== 'bigint' && value !== null) {
      return given.map((each, index) => bindable(each, `number ${index + 1}`))
    }
  }
  // Every value was looked at above
  return given as readonly SQLInputValue[]
}

/**
 * As `positionalValues`, for `:name`, `@name` and `$name`; the key may have the sigil or not.
 *
 * @throws ParameterError if a name is missing or unknown, or a value cannot be bound.
 */
export function namedValues(
  given: Readonly<Record<string, unknown>>,
  text: StatementText,
): Record<string, SQLInputValue> {
  if (text.positional > 0) {
    throw new ParameterError(`The statement has ${text.positional} positional parameters ("?"): pass an array.`)
  }
  const keys = Object.keys(given)
  const bare = new Set(keys.map((key) => key.replace(/^[:@$]/, '')))
  const missing = text.names.filter((name) => !bare.has(name))
  if (missing.length > 0) throw new ParameterError(`Named parameters without a value: ${missing.join(', ')}.`)
  const known = new Set(text.names)
  const unknown = [...bare].filter((name) => !known.has(name))
  if (unknown.length > 0) {
    throw new ParameterError(
      `The statement has no parameters of these names: ${unknown.join(', ')}. It has: ${text.names.join(', ') || 'none'}.`,
    )
  }
  return Object.fromEntries(keys.map((key) => [key, bindable(given[key], `"${key}"`)]))
}

function bindable(value: unknown, which: string): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Date) return value.getTime()
  if (value instanceof Uint8Array || value instanceof DataView) return value
  throw new ParameterError(
    `Parameter ${which} is ${describe(value)}, and SQLite stores strings, numbers, bigints, booleans, dates, bytes and null. ` +
      (value === undefined ? 'For NULL, pass null.' : 'For JSON, pass JSON.stringify(value).'),
  )
}

function describe(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function wrongCount(given: number, text: StatementText): ParameterError {
  if (text.names.length > 0) {
    return new ParameterError(
      `The statement has named parameters (${text.names.join(', ')}): pass an object, or write "?" in the text.`,
    )
  }
  return new ParameterError(
    `The statement takes ${text.positional} parameter${text.positional === 1 ? '' : 's'}, and ${given} ${given === 1 ? 'was' : 'were'} given.`,
  )
}
