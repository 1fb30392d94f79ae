import { CrossShardError, NoRouteError, ShardKeyError, ShardKeyMissingError, WrongShardError } from '../../errors.ts'
import { show } from '../../option.ts'
import type { Params } from '../../statement/statement.ts'
import { givenValues } from '../given-values.ts'
import type { ShardMap } from '../shard-map.ts'
import type { KeyPin } from './key-pins.ts'
import type { Refusal, ShardPlan } from './shard-plan.ts'

/** The shard that a key leads to which the caller has named. */
export interface BoundShard {
  readonly shard: string
  readonly because: string
  /** The call itself names it, and so means this shard alone, also for what is on every one. */
  readonly byCall?: boolean | undefined
}

/** What the caller says about the shards of a call. */
export interface ShardWishes {
  /** The shard that the scope, the option or the open transaction is bound to, and how, for messages. */
  readonly bound?: BoundShard | undefined
  /** The scope is locked to this key: rows with any other one are refused. */
  readonly lockedKey?: unknown
  /** The shard of the open transaction: where a statement goes for which every shard will do. */
  readonly preferred?: string | undefined
  /** A write without a key may go to all shards. */
  readonly allShards?: boolean | undefined
}

/** The shards that a statement runs on, in the order of the map; and why. */
export interface ShardChoice {
  readonly shards: readonly string[]
  /** Stable; see `Reason.rule`. */
  readonly rule: string
  /** Put into words only where nobody has asked for the same shards before. */
  readonly why: () => string
}

/** What the choice is made from, besides the plan. */
export interface ShardSurroundings {
  /** The alias of the database. */
  readonly database: string
  /** In the order of the configuration. */
  readonly shards: readonly string[]
  /** `undefined`: the database has none, and so no sharded table. */
  readonly map: ShardMap | undefined
}

/**
 * The shards of a statement with these parameters. Pure.
 *
 * Throws `ShardKeyMissingError`, `CrossShardError`, `WrongShardError`, `ShardKeyError` or `NoRouteError` where no choice is right.
 */
export function chooseShards(
  plan: ShardPlan,
  params: Params,
  wishes: ShardWishes,
  surroundings: ShardSurroundings,
): ShardChoice {
  const { shards, database } = surroundings
  const [first = ''] = shards
  switch (plan.kind) {
    case 'refused':
      return refusedOr(plan.refusal, wishes, database)
    case 'any':
      return wishes.bound === undefined ? anyShard(plan.why, wishes.preferred, first) : bound(wishes.bound)
    case 'first':
      if (wishes.bound !== undefined && wishes.bound.shard !== first)
        throw new WrongShardError(`${sentence(plan.why)}, "${first}", but ${wishes.bound.because}. ${nothingSent}`, {
          database,
        })
      return { shards: [first], rule: 'shard', why: () => plan.why }
    case 'every':
      // A scope goes round code that changes reference tables, too: these stay equal.
      if (wishes.bound?.byCall === true) return bound(wishes.bound)
      return { shards, rule: 'all-shards', why: () => plan.why }
    case 'keyed':
      return chooseKeyed(plan, params, wishes, surroundings)
  }
}

const nothingSent = 'Nothing was sent.'

function chooseKeyed(
  plan: Extract<ShardPlan, { kind: 'keyed' }>,
  params: Params,
  wishes: ShardWishes,
  { shards, map, database }: ShardSurroundings,
): ShardChoice {
  if (map === undefined) throw new NoRouteError(`"${database}" has no shard map. ${nothingSent}`)
  const pinned = new Set<string>()
  for (const pin of plan.pins) for (const key of keysOf(pin, params)) pinned.add(map.shardOf(unwrapped(key)))
  const [first = ''] = shards
  if (plan.onFirst !== undefined && (!plan.isPinned || [...pinned].some((shard) => shard !== first))) {
    throw new CrossShardError(
      `The statement joins sharded tables with ${plan.onFirst}, which is unsharded and lives on the shard "${first}"; ` +
        `its own rows are ${plan.isPinned ? `on ${listed(pinned)}` : 'not pinned by a shard key'}. ${nothingSent} ` +
        `Make ${plan.onFirst} a reference table, or ask twice.`,
      { database },
    )
  }
  if (wishes.bound !== undefined) {
    if (wishes.lockedKey !== undefined) refuseOtherKeys(plan, params, wishes.lockedKey, map, database)
    const other = [...pinned].find((shard) => shard !== wishes.bound?.shard)
    if (other === undefined) return bound(wishes.bound)
    throw new WrongShardError(
      `The rows of the statement are on the shard "${other}" (${describe(plan.pins)}), but ${wishes.bound.because}. ${nothingSent}`,
      { database },
    )
  }
  if (plan.isPinned && pinned.size <= 1) {
    const [only = first] = pinned
    return {
      shards: [only],
      rule: 'shard-key',
      why: () => `${describe(plan.pins)} leads to the shard "${only}"`,
    }
  }
  const wanted = plan.isPinned ? shards.filter((shard) => pinned.has(shard)) : shards
  if (plan.single !== undefined) throw notOnSeveral(plan, plan.single, wanted, database)
  if (plan.inserts !== undefined) {
    return {
      shards: wanted,
      rule: 'rows-by-shard',
      why: () => `its rows belong to ${listed(wanted)}; each gets its own`,
    }
  }
  if (!plan.isWrite) {
    const why = (): string =>
      plan.isPinned ? `${describe(plan.pins)} leads to ${listed(wanted)}` : 'its rows may be on every shard'
    return { shards: wanted, rule: 'scatter', why }
  }
  if (wishes.allShards === true) {
    return {
      shards: wanted,
      rule: 'all-shards',
      why: () => 'the call says that it may change rows on several shards',
    }
  }
  throw new ShardKeyMissingError(
    `The statement would change rows on ${listed(wanted)} of "${database}"${plan.isPinned ? ` (${describe(plan.pins)})` : ', since no shard key pins them'}. ` +
      `${nothingSent} Give the shard key of one shard, or say { allShards: true } if all of them are meant: then each shard commits by itself.`,
    { database },
  )
}

/** The rows of an INSERT, from 0, by the shards that they belong to. */
export function rowsByShard(pin: KeyPin, params: Params, map: ShardMap): ReadonlyMap<string, readonly number[]> {
  const rows = new Map<string, number[]>()
  for (const [row, key] of keysOf(pin, params).entries()) {
    const shard = map.shardOf(unwrapped(key))
    const others = rows.get(shard)
    if (others === undefined) rows.set(shard, [row])
    else others.push(row)
  }
  return rows
}

function anyShard(why: string, preferred: string | undefined, first: string): ShardChoice {
  return preferred === undefined
    ? { shards: [first], rule: 'shard', why: () => `${why}, so the first shard answers` }
    : { shards: [preferred], rule: 'shard', why: () => `${why}, so it stays on the shard of its connection` }
}

/** In a locked scope every sharded table must be pinned to the very key, not to its shard alone: others live there, too. */
function refuseOtherKeys(
  plan: Extract<ShardPlan, { kind: 'keyed' }>,
  params: Params,
  key: unknown,
  map: ShardMap,
  database: string,
): void {
  const locked = map.keyText(key)
  const isOwn = (pin: KeyPin): boolean => keysOf(pin, params).every((other) => map.keyText(unwrapped(other)) === locked)
  if (plan.isPinned && plan.pins.every(isOwn)) return
  throw new WrongShardError(
    `The scope is locked to the key ${show(key)}, and ${plan.isPinned ? 'the statement names another one' : 'the statement has no condition on it'} ` +
      `for ${plan.isPinned ? describe(plan.pins) : 'each of its sharded tables'}. ${nothingSent}`,
    { database },
  )
}

function unwrapped(key: readonly unknown[]): unknown {
  return key.length === 1 ? key[0] : key
}

/** The keys that the pinned rows can have. */
function keysOf(pin: KeyPin, params: Params): readonly (readonly unknown[])[] {
  const columns = pin.columns.map(({ values, operator }) => {
    const given = givenValues(values, params)
    if (given === undefined)
      throw new ShardKeyError(
        `A parameter that gives the shard key of ${pin.table} is missing, or is no array where one is needed. ${nothingSent}`,
      )
    // A condition on NULL holds for no row; a row with a key of NULL is refused by the map.
    return operator === 'insert' ? given : given.filter((value) => value !== null && value !== undefined)
  })
  return pin.columns[0]?.operator === 'insert' ? rowsOf(columns) : combinations(columns, pin.table)
}

/** One key for each inserted row. */
function rowsOf(columns: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  const count = Math.max(0, ...columns.map(({ length }) => length))
  return Array.from({ length: count }, (_, row) => columns.map((values) => values[row]))
}

const mostCombinations = 100_000

function combinations(columns: readonly (readonly unknown[])[], table: string): readonly (readonly unknown[])[] {
  const [only] = columns
  if (columns.length === 1 && only !== undefined) return only.map((value) => [value])
  const count = columns.reduce((product, { length }) => product * length, 1)
  if (count > mostCombinations)
    throw new ShardKeyError(
      `The conditions on the shard key of ${table} allow ${count} keys, and at most ${mostCombinations} are looked up. ${nothingSent}`,
    )
  return columns.reduce<readonly (readonly unknown[])[]>(
    (keys, values) => keys.flatMap((key) => values.map((value) => [...key, value])),
    [[]],
  )
}

function bound({ shard, because }: BoundShard): ShardChoice {
  return { shards: [shard], rule: 'shard-bound', why: () => because }
}

function refusedOr(refusal: Refusal, wishes: ShardWishes, database: string): ShardChoice {
  // Whoever names the shard knows what is there. In a locked scope it must be seen that only the own rows are met.
  const isTrusted = wishes.bound !== undefined && wishes.lockedKey === undefined
  if (isTrusted && refusal.code !== 'key-changed') return bound(wishes.bound)
  if (refusal.code === 'key-changed') {
    throw new CrossShardError(
      `${sentence(refusal.text)}: the row may belong to another shard then. ${nothingSent} Insert it with the new key and delete the old one.`,
      { database },
    )
  }
  if (refusal.code === 'undeclared') {
    throw new NoRouteError(
      `${sentence(refusal.text)}. ${nothingSent} Declare it in \`tables\`: a shardKey, kind: 'reference' or kind: 'unsharded'.`,
    )
  }
  if (refusal.code === 'several-shards')
    throw new CrossShardError(`${sentence(refusal.text)}. ${nothingSent}`, { database })
  throw new ShardKeyMissingError(
    `${sentence(refusal.text)}. ${nothingSent} Name the shard by its key: client.shard(key, fn), or { shardKey } of the call.`,
    { database },
  )
}

function notOnSeveral(
  plan: Extract<ShardPlan, { kind: 'keyed' }>,
  { text }: Refusal,
  wanted: readonly string[],
  database: string,
): Error {
  const where = plan.isPinned
    ? `Its rows are on ${listed(wanted)} (${describe(plan.pins)})`
    : 'No shard key pins its rows to one shard'
  const message = `${where}, and it cannot be asked of several shards: ${text}. ${nothingSent}`
  return plan.isPinned
    ? new CrossShardError(`${message} Ask for the shards one by one.`, { database })
    : new ShardKeyMissingError(
        `${message} Give the shard key of each sharded table in a condition, or name the shard by its key.`,
        { database },
      )
}

function describe(pins: readonly KeyPin[]): string {
  const tables = [...new Set(pins.map(({ table }) => table))]
  return `the shard key of ${tables.join(', ')}`
}

function listed(shards: Iterable<string>): string {
  const names = [...shards].map(show)
  return names.length === 1 ? `the shard ${names[0]}` : `the shards ${names.join(', ')}`
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
