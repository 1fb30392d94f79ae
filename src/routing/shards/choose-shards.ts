import {
  CannotScatterError,
  CrossShardError,
  NoRouteError,
  ShardKeyMissingError,
  WrongShardError,
} from '../../errors.ts'
import { show } from '../../option.ts'
import type { Params } from '../../statement/statement.ts'
import { lookedUpKeys, lookupOf } from '../lookups/looked-up-keys.ts'
import type { LookupPin } from '../lookups/lookup-plan.ts'
import type { ShardMap } from '../shard-map.ts'
import { KeyOwners, keysOfBoth, type KeyOwnersInput, type KeysByShard } from './key-owners.ts'
import { isOfRows, type KeyPin } from './key-pins.ts'
import { ownedLists, type OwnedList } from './own-values.ts'
import { keysOf, unwrapped } from './pinned-keys.ts'
import { shardsOfRanges } from './key-ranges.ts'
import type { Refusal, ShardPlan } from './shard-plan.ts'

/** The shard that a key leads to which the caller has named. */
export interface BoundShard {
  readonly shard: string
  readonly because: string
  /** The call itself names it, and so means this shard alone, also for what is on every one. */
  readonly byCall?: boolean | undefined
  /** The key that names it, where its owner stands in a directory. */
  readonly keys?: KeysByShard | undefined
}

/** What the caller says about the shards of a call. */
export interface ShardWishes {
  /** The shard that the scope, the option or the open transaction is bound to, and how, for messages. */
  readonly bound?: BoundShard | undefined
  /** The scope is locked to this key: rows with any other one are refused. */
  readonly lockedKey?: unknown
  /** The shard of the open transaction: where a statement goes for which every shard will do. */
  readonly preferred?: string | undefined
  /** What has no key may go to all shards: a write, and a read where the database says `scatter: 'refuse'`. */
  readonly allShards?: boolean | undefined
}

/** The shards that a statement runs on, in the order of the map; and why. */
export interface ShardChoice {
  readonly shards: readonly string[]
  /** Stable; see `Reason.rule`. */
  readonly rule: string
  /** Put into words only where nobody has asked for the same shards before. */
  readonly why: () => string
  /** Of an INSERT of rows of several shards: each shard's, from 0. */
  readonly rows?: RowsByShard | undefined
  /** The lists of keys that can be split: what each shard has of them. */
  readonly lists?: readonly OwnedList[] | undefined
  /** The keys that have led to the shards, where their owners stand in a directory. */
  readonly keys?: KeysByShard | undefined
}

/** The rows of an INSERT, from 0, by the shards that they belong to. */
export type RowsByShard = ReadonlyMap<string, readonly number[]>

/** What the choice is made from, besides the plan. */
export interface ShardSurroundings extends KeyOwnersInput {
  /** In the order of the configuration. */
  readonly shards: readonly string[]
  /** A read without a key is asked of every shard only where the call says so. */
  readonly refusesScatters?: boolean | undefined
}

/**
 * The shards of a statement with these parameters. Pure.
 *
 * Throws `ShardKeyMissingError`, `CrossShardError`, `WrongShardError`, `ShardKeyError` or `NoRouteError` where no choice is right,
 * and `Unanswered` where something has to be asked for first.
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
    case 'keyed': {
      const owners = new KeyOwners(surroundings)
      const choice = chooseKeyed(plan, params, wishes, surroundings, owners)
      const keys = keysOfBoth(owners.keys(), wishes.bound?.keys)
      return keys === undefined ? choice : { ...choice, keys }
    }
  }
}

const nothingSent = 'Nothing was sent.'

function chooseKeyed(
  plan: Extract<ShardPlan, { kind: 'keyed' }>,
  params: Params,
  wishes: ShardWishes,
  { shards, map, database, answers, refusesScatters }: ShardSurroundings,
  owners: KeyOwners,
): ShardChoice {
  if (map === undefined) throw new NoRouteError(`"${database}" has no shard map. ${nothingSent}`)
  const byKey = pinnedShards(plan.pins, params, map, owners)
  const [first = ''] = shards
  // A scope names the shard already, and a row that is not there is not met.
  const keys = wishes.bound === undefined ? lookedUpKeys(plan.lookedUp, params, map, answers) : undefined
  const isPinned = plan.isPinned || keys !== undefined
  const pinned = keys === undefined ? byKey : withLookedUp(byKey, keys, owners)
  if (plan.onFirst !== undefined && (!isPinned || [...pinned].some((shard) => shard !== first))) {
    throw new CrossShardError(
      `The statement joins sharded tables with ${plan.onFirst}, which is unsharded and lives on the shard "${first}"; ` +
        `its own rows are ${isPinned ? `on ${listed(pinned)}` : 'not pinned by a shard key'}. ${nothingSent} ` +
        `Make ${plan.onFirst} a reference table, or ask twice.`,
      { database },
    )
  }
  if (wishes.bound !== undefined) {
    if (wishes.lockedKey !== undefined) refuseOtherKeys(plan, params, wishes.lockedKey, map, database)
    const other = [...pinned].find((shard) => shard !== wishes.bound?.shard)
    if (other === undefined) return bound(wishes.bound)
    throw new WrongShardError(
      `The rows of the statement are on the shard "${other}" (${named(plan)}), but ${wishes.bound.because}. ${nothingSent}`,
      { database },
    )
  }
  if (isPinned && pinned.size <= 1) {
    const [only = first] = pinned
    return plan.isPinned
      ? { shards: [only], rule: 'shard-key', why: () => `${named(plan)} leads to the shard "${only}"` }
      : foundByLookup(plan.lookedUp, only, pinned.size > 0)
  }
  const within = isPinned ? pinned : withinRanges(plan, pinned, params, map)
  if (within !== undefined && within.size <= 1) {
    const [only = first] = within
    return {
      shards: [only],
      rule: 'shard-range',
      why: () => `the range of ${describe(plan.ranges?.flat() ?? [])} leads to the shard "${only}"`,
    }
  }
  const wanted = within === undefined ? shards : shards.filter((shard) => within.has(shard))
  if (plan.single !== undefined) throw notOnSeveral(plan, isPinned, plan.single, wanted, database)
  if (plan.inserts !== undefined) {
    return {
      shards: wanted,
      rule: 'rows-by-shard',
      why: () => `its rows belong to ${listed(wanted)}; each gets its own`,
      rows: rowsByShard(plan.inserts, params, owners),
    }
  }
  if (!plan.isWrite) {
    // Whoever names keys of several shards means those; what names none may have forgotten it.
    if (refusesScatters === true && !isPinned && wishes.allShards !== true) throw scatterRefused(plan, wanted, database)
    const why = (): string =>
      isPinned
        ? `${named(plan)} leads to ${listed(wanted)}`
        : within !== undefined && wanted.length < shards.length
          ? `the range of ${describe(plan.ranges?.flat() ?? [])} leads to ${listed(wanted)}`
          : withoutKey(plan)
    return { shards: wanted, rule: 'scatter', why, lists: listsOf(plan, params, owners) }
  }
  if (wishes.allShards === true) {
    return {
      shards: wanted,
      rule: 'all-shards',
      why: () => 'the call says that it may change rows on several shards',
      lists: listsOf(plan, params, owners),
    }
  }
  throw new ShardKeyMissingError(
    `The statement would change rows on ${listed(wanted)} of "${database}"${isPinned ? ` (${named(plan)})` : ', since no shard key pins them'}. ` +
      `${nothingSent} Give the shard key of one shard, or say { allShards: true } if all of them are meant: then each shard commits by itself.`,
    { database },
  )
}

function withLookedUp(
  shards: ReadonlySet<string>,
  keys: readonly (readonly unknown[])[],
  owners: KeyOwners,
): ReadonlySet<string> {
  const all = new Set([...shards, ...keys.map((key) => owners.shardOf(unwrapped(key), 'find'))])
  owners.settle()
  return all
}

function foundByLookup(pins: readonly LookupPin[], shard: string, isFound: boolean): ShardChoice {
  const names = pins.map(({ lookup }) => lookupOf(lookup)).join(' and ')
  return isFound
    ? { shards: [shard], rule: 'lookup', why: () => `${names} leads to the shard "${shard}"` }
    : {
        shards: [shard],
        rule: 'lookup-empty',
        why: () => `${names} has no entry, so there are no such rows, as any shard can say`,
      }
}

/** The shards of a statement whose tables are pinned by keys or by ranges of them; `undefined` if nothing is known. */
function withinRanges(
  { ranges }: Extract<ShardPlan, { kind: 'keyed' }>,
  pinned: ReadonlySet<string>,
  params: Params,
  map: ShardMap,
): ReadonlySet<string> | undefined {
  if (ranges === undefined || map.directory !== undefined) return undefined
  return new Set([...pinned, ...ranges.flatMap((each) => shardsOfRanges(each, params, map))])
}

/** The shards of the keys; all that have to be asked for are asked for together. */
function pinnedShards(pins: readonly KeyPin[], params: Params, map: ShardMap, owners: KeyOwners): ReadonlySet<string> {
  const pinned = new Set<string>()
  for (const pin of pins) {
    const keys = keysOf(pin, params)
    const intent = isOfRows(pin) ? 'place' : 'find'
    // Rows of several shards take effect one after the other, so an owner that is not the owner any more costs more than a question.
    const afresh = map.directory !== undefined && intent === 'place' && isOfSeveral(keys, map)
    for (const key of keys) pinned.add(owners.shardOf(unwrapped(key), intent, afresh))
  }
  owners.settle()
  return pinned
}

function isOfSeveral(keys: readonly (readonly unknown[])[], map: ShardMap): boolean {
  return new Set(keys.map((key) => map.keyText(unwrapped(key)))).size > 1
}

/** Every key that the statement names, each as often as it does; none where its keys are not all known. */
export function keysNamed(plan: ShardPlan, params: Params): readonly unknown[] {
  if (plan.kind !== 'keyed' || !plan.isPinned) return []
  return plan.pins.flatMap((pin) => keysOf(pin, params).map(unwrapped))
}

function listsOf(
  { pins }: Extract<ShardPlan, { kind: 'keyed' }>,
  params: Params,
  owners: KeyOwners,
): readonly OwnedList[] | undefined {
  const lists = ownedLists(pins, params, (key) => owners.shardOf(key, 'find'))
  return lists.length === 0 ? undefined : lists
}

/** The rows of an INSERT, from 0, by the shards that they belong to. */
function rowsByShard(pin: KeyPin, params: Params, owners: KeyOwners): RowsByShard {
  const rows = new Map<string, number[]>()
  for (const [row, key] of keysOf(pin, params).entries()) {
    const shard = owners.shardOf(unwrapped(key), 'place')
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

function bound({ shard, because }: BoundShard): ShardChoice {
  return { shards: [shard], rule: 'shard-bound', why: () => because }
}

function refusedOr(refusal: Refusal, wishes: ShardWishes, database: string): ShardChoice {
  // Whoever names the shard knows what is there. In a locked scope it must be seen that only the own rows are met.
  const isTrusted = wishes.bound !== undefined && wishes.lockedKey === undefined
  if (isTrusted && refusal.code !== 'key-changed') return { ...bound(wishes.bound), keys: wishes.bound.keys }
  if (refusal.code === 'key-changed') {
    throw new CrossShardError(
      `${sentence(refusal.text)}: the row may belong to another shard then. ${nothingSent} Move it: client.moveRow({ table, key, set }, { log }).`,
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
  isPinned: boolean,
  { text, construct, remedy }: Refusal,
  wanted: readonly string[],
  database: string,
): Error {
  const where = isPinned
    ? `Its rows are on ${listed(wanted)} (${named(plan)})`
    : 'No shard key pins its rows to one shard'
  const message = `${where}, and it cannot be asked of several shards: ${text}. ${nothingSent}`
  if (construct !== undefined) {
    return new CannotScatterError(
      construct,
      `${message} Give the shard key, or ask each shard: client.shard(key, fn).`,
      { database },
    )
  }
  return isPinned
    ? new CrossShardError(`${message} Ask for the shards one by one.`, { database })
    : new ShardKeyMissingError(
        `${message} ${remedy ?? 'Give the shard key of each sharded table in a condition, or name the shard by its key.'}`,
        { database },
      )
}

function scatterRefused(
  plan: Extract<ShardPlan, { kind: 'keyed' }>,
  wanted: readonly string[],
  database: string,
): ShardKeyMissingError {
  return new ShardKeyMissingError(
    `The statement would be asked of ${listed(wanted)} of "${database}": ${withoutKey(plan)}. The database says scatter: 'refuse'. ` +
      `${nothingSent} Give the shard key of one shard, or say { allShards: true } if all of them are meant.`,
    { database },
  )
}

function withoutKey({ open }: Extract<ShardPlan, { kind: 'keyed' }>): string {
  const why = open.length === 0 ? '' : `nothing pins the shard key of ${open.join(', ')}, so `
  return `${why}its rows may be on every shard`
}

/** What leads to the shards of a statement. */
function named({ pins, lookedUp }: Extract<ShardPlan, { kind: 'keyed' }>): string {
  const keys = pins.length === 0 ? [] : [describe(pins)]
  return [...keys, ...lookedUp.map(({ lookup }) => lookupOf(lookup))].join(' and ')
}

function describe(pins: readonly Pick<KeyPin, 'table'>[]): string {
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
