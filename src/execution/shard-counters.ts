import { keysNamed } from '../routing/shards/choose-shards.ts'
import type { Params } from '../statement/statement.ts'
import type { Database } from '../topology/topology.ts'
import type { Decision } from './decision.ts'
import type { OneShardStats, ShardFigures, ShardStats, ShardUse } from './shard-stats.ts'
import { SpaceSaving } from './space-saving.ts'

/** What becomes of a statement, for those who count: its rows, or that it failed. */
export type Outcome = { rowCount: number } | undefined

interface Cell {
  statements: number
  failed: number
  rows: number
  timed: number
  ms: number
}

interface TextCounts {
  statements: number
  ms: number
  shards: number
  why: string
}

interface DatabaseCounts {
  readonly shards: ReadonlyMap<string, Readonly<Record<ShardUse, Cell>>>
  readonly toShards: Map<number, number>
  readonly texts: SpaceSaving<TextCounts>
  readonly keys: SpaceSaving<() => string>
}

const uses: Readonly<Record<string, ShardUse>> = {
  'shard-key': 'byKey',
  'shard-range': 'byKey',
  'shard-bound': 'bound',
  scatter: 'scattered',
  'all-shards': 'everyShard',
  'rows-by-shard': 'everyShard',
}

const textsKept = 200
const mostShown = 20
const longestText = 2_000
const longestKey = 256

/**
 * Counts what runs on the shards of sharded databases, in memory that does not grow with it. Statements of other databases pass by:
 * they have no plan.
 */
export class ShardCounters {
  readonly #databases: readonly Database[]
  readonly #countedKeys: number
  readonly #now: () => number
  #counts: ReadonlyMap<string, DatabaseCounts>
  #since: number
  #random = 1

  /** `countedKeys`: how many shard keys are kept; 0: none are looked at. `now`: milliseconds since 1970. */
  constructor(databases: Iterable<Database>, countedKeys: number, now: () => number) {
    this.#databases = [...databases].filter(({ shards }) => shards.length > 1)
    this.#countedKeys = countedKeys
    this.#now = now
    this.#since = now()
    this.#counts = this.#fresh()
  }

  /**
   * Before a statement is sent to its shard; what it gives belongs to {@link ran}. Two looks at the clock would be most of what counting a
   * statement by key costs, so of these one in eight is timed, by chance, lest it be always the same.
   */
  begin({ plan, shardRule }: Decision): number {
    if (plan === undefined) return 0
    if (shardRule === 'shard-key') {
      let random = this.#random
      random ^= random << 13
      random ^= random >>> 17
      random ^= random << 5
      this.#random = random
      if ((random & 7) !== 0) return 0
    }
    return performance.now()
  }

  /** A statement has run on its one shard. `begun`: 0, it is not timed. `firstRowAt`: of a stream. */
  ran(
    { plan, database, route, shardRule = '' }: Decision,
    begun: number,
    outcome: Readonly<Outcome>,
    firstRowAt?: number,
  ): void {
    if (plan === undefined) return
    const cell = this.#counts.get(database.alias)?.shards.get(route.shards[0] ?? '')?.[uses[shardRule] ?? 'other']
    if (cell === undefined) return
    cell.statements += 1
    if (outcome === undefined) cell.failed += 1
    else cell.rows += outcome.rowCount
    if (begun === 0) return
    cell.timed += 1
    cell.ms += (firstRowAt ?? performance.now()) - begun
  }

  /** A read was asked of several shards. */
  scattered({ database, route, sql }: Decision, ms: number): void {
    const counts = this.#counts.get(database.alias)
    if (counts === undefined) return
    const { length } = route.shards
    counts.toShards.set(length, (counts.toShards.get(length) ?? 0) + 1)
    const text = counts.texts.add(sql.slice(0, longestText), () => ({ statements: 0, ms: 0, shards: 0, why: '' }))
    text.statements += 1
    text.ms += ms
    text.shards = length
    text.why = route.reasons.at(-1)?.text ?? ''
  }

  /** The caller's statement, whole, with its own parameters: the keys that it names are counted, each once. */
  called({ plan, database, shardMap, part }: Decision, params: Params): void {
    if (part !== undefined || this.#countedKeys === 0 || plan === undefined || shardMap === undefined) return
    const counts = this.#counts.get(database.alias)
    if (counts === undefined) return
    const seen = new Set<string>()
    for (const key of keysNamed(plan, params)) {
      const text = shardMap.keyText(key).slice(0, longestKey)
      if (seen.has(text)) continue
      seen.add(text)
      // Its shard is for whoever asks: to find it costs more than to count the key.
      counts.keys.add(text, () => () => shardMap.shardOf(key))
    }
  }

  /** By the alias of the database, since the counting began; `reset`: it begins anew. Frozen. */
  stats(reset: boolean): Readonly<Record<string, ShardStats>> {
    const since = new Date(this.#since).toISOString()
    const entries = [...this.#counts].map(([alias, counts]) => [alias, statsOf(counts, since, this.#countedKeys > 0)])
    if (reset) {
      this.#counts = this.#fresh()
      this.#since = this.#now()
    }
    return deepFrozen(Object.fromEntries(entries) as Record<string, ShardStats>)
  }

  #fresh(): ReadonlyMap<string, DatabaseCounts> {
    return new Map(
      this.#databases.map(({ alias, shards }): [string, DatabaseCounts] => [
        alias,
        {
          shards: new Map(shards.map(({ name }) => [name, emptyCells()])),
          toShards: new Map(),
          texts: new SpaceSaving(textsKept),
          keys: new SpaceSaving(this.#countedKeys),
        },
      ]),
    )
  }
}

function emptyCells(): Readonly<Record<ShardUse, Cell>> {
  const empty = (): Cell => ({ statements: 0, failed: 0, rows: 0, timed: 0, ms: 0 })
  return { byKey: empty(), bound: empty(), scattered: empty(), everyShard: empty(), other: empty() }
}

function statsOf({ shards, toShards, texts, keys }: DatabaseCounts, since: string, hasKeys: boolean): ShardStats {
  const figures = [...shards].map(([name, cells]) => {
    const byUse = {
      byKey: figuresOf(cells.byKey),
      bound: figuresOf(cells.bound),
      scattered: figuresOf(cells.scattered),
      everyShard: figuresOf(cells.everyShard),
      other: figuresOf(cells.other),
    }
    return { name, byUse, total: summed(Object.values(byUse)) }
  })
  const all = summed(figures.map(({ total }) => total))
  const skewOf = (total: ShardFigures): OneShardStats['skew'] => {
    const ratio = (what: 'statements' | 'rows' | 'ms'): number =>
      all[what] === 0 ? 1 : rounded((total[what] * figures.length) / all[what])
    return { statements: ratio('statements'), rows: ratio('rows'), ms: ratio('ms') }
  }
  return {
    since,
    shards: Object.fromEntries(
      figures.map(({ name, byUse, total }) => [name, { ...byUse, total, skew: skewOf(total) }]),
    ),
    scattered: {
      statements: [...toShards.values()].reduce((sum, count) => sum + count, 0),
      toShards: Object.fromEntries(toShards),
      texts: texts.top(mostShown).map(({ key, count, error, value }) => {
        const { statements, ms, shards: last, why } = value
        return { sql: key, statements: count, error, meanMs: rounded(ms / statements), shards: last, why }
      }),
    },
    ...(hasKeys
      ? {
          keys: {
            named: keys.total,
            hottest: keys
              .top(mostShown)
              .map(({ key, count, error, value }) => ({ key, shard: value(), statements: count, error })),
          },
        }
      : {}),
  }
}

function figuresOf({ statements, failed, rows, timed, ms }: Cell): ShardFigures {
  return { statements, failed, rows, ms: timed === 0 ? 0 : rounded((ms * statements) / timed) }
}

function summed(figures: readonly ShardFigures[]): ShardFigures {
  const sum = (what: keyof ShardFigures): number => figures.reduce((total, one) => total + one[what], 0)
  return { statements: sum('statements'), failed: sum('failed'), rows: sum('rows'), ms: rounded(sum('ms')) }
}

/** To thousandths: what is below is noise. */
function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

function deepFrozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFrozen(part as object)
  return Object.freeze(value)
}
