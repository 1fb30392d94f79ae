import { replicationOptions, type TokenInput } from './config.ts'
import { ConfigError } from './errors.ts'
import { asRecord, readOptions, refuseUnknownKeys, show } from './option.ts'
import type { ReplicationOptions } from './topology/topology.ts'

/** How session tokens are signed; without keys there are none. */
export interface TokenOptions {
  readonly keys: readonly string[]
  readonly maxAgeMs: number
}

/** The choices that are no numbers, the default first. */
const choices = {
  balancer: ['least-outstanding', 'round-robin', 'random', 'weighted', 'nearest'],
  stickiness: ['session', 'query'],
  tagFallback: ['primary', 'error'],
  commitFate: ['auto', 'ask', 'leave'],
  untouchedTables: ['wait', 'skip'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** How reads use replicas: defaults, over them `base`, over that what is given. Throws {@link ConfigError}. */
export function parseReplication(value: unknown, path: string, base?: ReplicationOptions): ReplicationOptions {
  const record = value === undefined ? {} : asRecord(value, path)
  refuseUnknownKeys(record, [...Object.keys(choices), ...Object.keys(replicationOptions)], path)
  const { balancer, stickiness, tagFallback, commitFate, untouchedTables, ...numbers } = record
  return Object.freeze({
    balancer: choiceOf('balancer', balancer, path, base?.balancer),
    stickiness: choiceOf('stickiness', stickiness, path, base?.stickiness),
    tagFallback: choiceOf('tagFallback', tagFallback, path, base?.tagFallback),
    commitFate: choiceOf('commitFate', commitFate, path, base?.commitFate),
    untouchedTables: choiceOf('untouchedTables', untouchedTables, path, base?.untouchedTables),
    ...readOptions(replicationOptions, numbers, path, base),
  })
}

function choiceOf<N extends keyof typeof choices>(
  name: N,
  value: unknown,
  path: string,
  base: (typeof choices)[N][number] | undefined,
): (typeof choices)[N][number] {
  const allowed: readonly (typeof choices)[N][number][] = choices[name]
  if (value === undefined) return base ?? allowed[0]!
  const found = allowed.find((choice) => choice === value)
  if (found !== undefined) return found
  const listed = allowed.map((choice) => `"${choice}"`).join(', ')
  throw new ConfigError(`${path}.${name}`, `${show(value)} is not accepted.`, `${listed}; default "${allowed[0]}"`)
}

const shortestKey = 16
const longestTokenAgeMs = 86_400_000
const defaultTokenAgeMs = 60_000

/** The keys of session tokens. Messages never quote them. Throws {@link ConfigError}. */
export function parseTokens(value: unknown): TokenOptions {
  if (value === undefined) return { keys: [], maxAgeMs: defaultTokenAgeMs }
  const record = asRecord(value, 'tokens')
  refuseUnknownKeys(record, ['keys', 'maxAgeMs'] satisfies (keyof TokenInput)[], 'tokens')
  const { keys, maxAgeMs = defaultTokenAgeMs } = record
  const areKeys =
    Array.isArray(keys) &&
    keys.length > 0 &&
    keys.every((key) => typeof key === 'string' && Buffer.byteLength(key) >= shortestKey)
  if (!areKeys) {
    throw new ConfigError('tokens.keys', 'They are not accepted.', `a list of secrets of at least ${shortestKey} bytes`)
  }
  if (typeof maxAgeMs !== 'number' || !(maxAgeMs >= 1_000 && maxAgeMs <= longestTokenAgeMs)) {
    throw new ConfigError(
      'tokens.maxAgeMs',
      `${show(maxAgeMs)} is not accepted.`,
      `milliseconds from 1000 to ${longestTokenAgeMs}; default ${defaultTokenAgeMs}`,
    )
  }
  return Object.freeze({ keys: Object.freeze([...(keys as string[])]), maxAgeMs })
}
