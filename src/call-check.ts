import type { CallOptions, ReadOptions, ScopeOptions } from './config.ts'
import type { NativeSender, TypeParsers } from './drivers/driver.ts'
import { ConfigError } from './errors.ts'
import { asRecord, show } from './option.ts'
import type { PageOptions } from './execution/pages/read-page.ts'
import type { Params } from './statement/statement.ts'
import type { TransactionOptions } from './execution/transaction.ts'

const longestTimeoutMs = 86_400_000
const largestFetch = 100_000

type Check = (value: unknown) => boolean

interface Rule {
  readonly holds: Check
  readonly allowed: string
}

const oneOf = (...values: readonly unknown[]): Rule => ({
  holds: (value) => values.includes(value),
  allowed: values.map((value) => JSON.stringify(value)).join(', '),
})

const timeLimit: Rule = {
  holds: (value) => typeof value === 'number' && value >= 0 && value <= longestTimeoutMs,
  allowed: `milliseconds from 0 (no limit) to ${longestTimeoutMs}`,
}

const abortSignal: Rule = {
  holds: (value) => typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
  allowed: 'an AbortSignal',
}

const readRules = {
  role: oneOf('primary', 'replica'),
  tags: {
    holds: (value: unknown) => Array.isArray(value) && value.every((tag) => typeof tag === 'string'),
    allowed: 'a list of tags',
  },
  maxStalenessMs: { ...timeLimit, allowed: `milliseconds from 0 to ${longestTimeoutMs}` },
  // A text that is no token is ignored and counted, as everywhere: it may come from strangers.
  atLeast: { holds: (value: unknown) => typeof value === 'string', allowed: 'a token of session.token()' },
} as const satisfies Readonly<Record<keyof ReadOptions, Rule>>

const callRules: Readonly<Record<keyof CallOptions, Rule>> = {
  signal: abortSignal,
  timeoutMs: timeLimit,
  rowMode: oneOf('object', 'array'),
  types: {
    holds: (value) => typeof (value as Partial<TypeParsers> | null)?.getTypeParser === 'function',
    allowed: 'an object with getTypeParser(), as of pg',
  },
  prepare: oneOf(true, false),
  hints: { holds: (value) => typeof value === 'object' && value !== null, allowed: 'an object' },
  dialect: oneOf('postgres', 'mysql', 'sqlite'),
  fetchSize: {
    holds: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= largestFetch,
    allowed: `a whole number of rows from 1 to ${largestFetch}`,
  },
  ...readRules,
  // Resolved, and refused with near matches, by routing.
  using: { holds: () => true, allowed: '' },
  // The shard map knows what a key is.
  shardKey: { holds: () => true, allowed: '' },
  allShards: oneOf(true, false),
  partial: oneOf(true, false),
  sender: {
    holds: (value) => typeof (value as Partial<NativeSender> | null)?.command === 'function',
    allowed: 'what a façade of a driver gives',
  },
  settings: { holds: (value) => typeof value === 'object', allowed: 'what an adapter makes' },
  changes: { holds: Array.isArray, allowed: 'a list of settings' },
  untilEnded: oneOf(true, false),
}

const transactionRules: Readonly<Record<keyof TransactionOptions, Rule>> = {
  isolation: oneOf('read uncommitted', 'read committed', 'repeatable read', 'serializable'),
  readOnly: oneOf(true, false),
  signal: abortSignal,
  timeoutMs: timeLimit,
  ...readRules,
}

const mostRowsOfPage = 10_000

const pageRules: Readonly<Record<Exclude<keyof PageOptions, keyof CallOptions>, Rule>> = {
  size: {
    holds: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= mostRowsOfPage,
    allowed: `a whole number of rows from 1 to ${mostRowsOfPage}`,
  },
  after: { holds: (value) => typeof value === 'string', allowed: 'the cursor `next` of a page' },
  before: { holds: (value) => typeof value === 'string', allowed: 'the cursor `previous` of a page' },
}

const scopeRules: Readonly<Record<keyof ScopeOptions, Rule>> = { session: oneOf(true, false), ...readRules }

/** Refuses what TypeScript would have refused: a text that is none, parameters of no kind, unknown or wrong options. */
export function checkCall(sql: unknown, params: unknown, options: unknown): void {
  if (typeof sql !== 'string') throw new ConfigError('sql', `${show(sql)} is not accepted.`, 'the text of a statement')
  if (!isParams(params)) {
    throw new ConfigError('params', `${show(params)} is not accepted.`, 'an array, or an object of named parameters')
  }
  if (options !== undefined) check(options, callRules, 'options')
}

/** What would be allowed for an option of a call, if this value is not. */
export function callOptionFault(name: keyof CallOptions, value: unknown): string | undefined {
  const { holds, allowed } = callRules[name]
  return holds(value) ? undefined : allowed
}

/** As `checkCall`, for the options of a transaction. */
export function checkTransaction(options: TransactionOptions): void {
  check(options, transactionRules, 'options')
  if (options.readOnly === true) return
  for (const name of ['role', 'tags'] as const) {
    const value = options[name]
    if (value === undefined || value === 'primary') continue
    const found = `${show(value)} is not accepted: a transaction that may write runs on the primary.`
    throw new ConfigError(`options.${name}`, found, 'readOnly: true beside it')
  }
}

/** As `checkCall`, for the options of `client.within()`. */
export function checkScope(options: unknown): void {
  check(options, scopeRules, 'scope')
}

/** As `checkCall`, for the options of `page()`; gives those of its calls. */
export function checkPage({ size, after, before, ...call }: PageOptions): CallOptions {
  check({ size, after, before }, pageRules, 'options')
  if (after === undefined || before === undefined) return call
  throw new ConfigError('options.before', 'There is an `after` beside it.', 'one of the two')
}

/** Refuses what cannot be called. */
export function checkFunction(fn: unknown, name: string): void {
  if (typeof fn !== 'function') throw new ConfigError(name, `${show(fn)} is not accepted.`, 'a function')
}

function isParams(params: unknown): params is Params {
  return typeof params === 'object' && params !== null
}

function check(given: unknown, rules: Readonly<Record<string, Rule>>, path: string): void {
  for (const [name, value] of Object.entries(asRecord(given, path))) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) {
      throw new ConfigError(`${path}.${name}`, 'There is no such option.', Object.keys(rules).join(', '))
    }
    if (value !== undefined && !rule.holds(value)) {
      throw new ConfigError(`${path}.${name}`, `${show(value)} is not accepted.`, rule.allowed)
    }
  }
}
