import { callOptionFault } from './call-check.ts'
import type { CallOptions } from './config.ts'
import { HintError } from './routing/hints/hint-error.ts'
import { hintPairs, mayHaveHint, mentionsHint, type HintPair } from './routing/hints/hint-comment.ts'
import type { Reason } from './routing/route.ts'
import { BoundedMap } from './statement/bounded-map.ts'
import type { Dialect } from './statement/statement.ts'
import { show } from './option.ts'
import { looksLikeDsn } from './topology/dsn.ts'
import { nearMatches } from './topology/near-match.ts'

/** How a text becomes the value of each option of a call that a hint may say. */
const readers = {
  using: aliasOf,
  role: asWritten,
  tags: (text) => text.split('+'),
  maxStalenessMs: numberOf,
  timeoutMs: numberOf,
  shardKey: (text) => (text.includes('+') ? text.split('+') : text),
  allShards: flagOf,
  partial: flagOf,
  prepare: flagOf,
} as const satisfies Partial<Record<keyof CallOptions, (text: string) => unknown>>

const routerHint = /^hints\.(\w+)$/

/** The hint of a text, for the calls that send it. */
interface Hint {
  readonly options: CallOptions
  /** What is written for each of the options. */
  readonly texts: ReadonlyMap<string, string>
}

const noHint: Hint = Object.freeze({ options: Object.freeze({}), texts: new Map() })

/** What the comments of statements say in place of the options of their calls. Each text is read once, and remembered while it is in use. */
export class CommentHints {
  readonly #heeded: boolean
  readonly #dialects: readonly Dialect[]
  readonly #limits: { readonly analysisCacheSize: number; readonly analysisCacheLength: number }
  readonly #known = new Map<Dialect | undefined, BoundedMap<string, Hint>>()

  /** `dialects`: in which a text of which nothing is said may be written, the likeliest first. */
  constructor(
    heeded: boolean,
    dialects: readonly Dialect[],
    limits: { readonly analysisCacheSize: number; readonly analysisCacheLength: number },
  ) {
    this.#heeded = heeded
    this.#dialects = dialects
    this.#limits = limits
  }

  /** Whether a text may say anything in place of options. */
  mayBeIn(sql: string): boolean {
    return this.#heeded && mayHaveHint(sql)
  }

  /** The options of a call, with what its text says beneath what the call itself says. Throws `HintError`. */
  merged(sql: string, options: CallOptions | undefined): CallOptions | undefined {
    if (!this.#heeded || typeof sql !== 'string' || !mayHaveHint(sql)) return options
    const hint = this.#hintOf(sql, options?.dialect)
    if (hint === noHint) return options
    const merged: Record<string, unknown> = { ...hint.options }
    for (const [name, value] of Object.entries(options ?? {})) if (value !== undefined) merged[name] = value
    return merged
  }

  /** Whether all that these options say about the way of a statement stands in its text, so that the text alone decides. */
  decidesAlone(sql: string, options: CallOptions | undefined): boolean {
    if (!this.#heeded || !mayHaveHint(sql)) return options?.using === undefined
    const { options: said, texts } = this.#hintOf(sql, options?.dialect)
    return options?.using === said.using && this.#held(said, options).length === texts.size
  }

  /**
   * What a comment of the text has had a say in, if anything. Throws `HintError` for a hint that stands where none counts.
   */
  reason(sql: string, options: CallOptions | undefined): Reason | undefined {
    if (!this.#heeded || !mentionsHint(sql)) return undefined
    const { options: said, texts } = this.#hintOf(sql, options?.dialect)
    const held = this.#held(said, options).map((name) => texts.get(name) ?? name)
    return held.length === 0 ? undefined : { rule: 'hint', text: `a comment in the text says ${held.join(', ')}` }
  }

  /** The options that are those of the hint. */
  #held(said: CallOptions, options: CallOptions | undefined): readonly string[] {
    return Object.keys(said).filter((name) => {
      const key = name as keyof CallOptions
      return options?.[key] === said[key]
    })
  }

  #hintOf(sql: string, dialect: Dialect | undefined): Hint {
    let known = this.#known.get(dialect)
    if (known === undefined) {
      known = new BoundedMap(this.#limits.analysisCacheSize)
      this.#known.set(dialect, known)
    }
    let hint = known.get(sql)
    if (hint !== undefined) return hint
    hint = hintFrom(hintPairs(sql, dialect === undefined ? this.#dialects : [dialect]))
    if (sql.length <= this.#limits.analysisCacheLength) known.set(sql, hint)
    return hint
  }
}

function hintFrom(pairs: readonly HintPair[]): Hint {
  if (pairs.length === 0) return noHint
  const options: Record<string, unknown> = {}
  const texts = new Map<string, string>()
  const forRouters: Record<string, string> = {}
  const forRoutersTexts: string[] = []
  for (const { key, value, text } of pairs) {
    const name = routerHint.exec(key)?.[1]
    if (name === undefined) {
      if (texts.has(key)) throw new HintError(`A hint says "${key}" twice.`)
      options[key] = valueOf(key, value)
      texts.set(key, text)
    } else {
      if (Object.hasOwn(forRouters, name)) throw new HintError(`A hint says "${key}" twice.`)
      forRouters[name] = value
      forRoutersTexts.push(text)
    }
  }
  if (forRoutersTexts.length > 0) {
    options['hints'] = Object.freeze(forRouters)
    texts.set('hints', forRoutersTexts.join(', '))
  }
  return { options: Object.freeze(options), texts }
}

function valueOf(key: string, text: string): unknown {
  if (!Object.hasOwn(readers, key)) {
    const names = Object.keys(readers)
    const near = nearMatches(key, names).map((name) => `"${name}"`)
    const meant = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`
    throw new HintError(
      `There is no hint ${show(key)}.${meant} Hints: ${names.join(', ')}, and hints.<name> for routers.`,
    )
  }
  const value: unknown = readers[key as keyof typeof readers](text)
  const fault = callOptionFault(key as keyof CallOptions, value)
  if (fault !== undefined) throw new HintError(`The hint ${key}=${show(text)} is not accepted. Allowed: ${fault}.`)
  return value
}

function aliasOf(text: string): string {
  if (!looksLikeDsn(text)) return text
  throw new HintError('The hint "using" names a data source. Declare it in `databases`, and name it by its alias.')
}

function asWritten(text: string): string {
  return text
}

function numberOf(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text
}

function flagOf(text: string): boolean | string {
  return text === 'true' || (text === 'false' ? false : text)
}
