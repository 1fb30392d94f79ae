import type { Analysis, TableAppearance } from '../../statement/analysis.ts'
import type { TableHome, TableMap, TableName } from '../../topology/table-map.ts'
import { isSystemTable, nameOf } from '../home.ts'
import type { Effect } from '../route.ts'
import { KeyReader, type KeyPin, type ShardedAppearance } from './key-pins.ts'

/** Why a statement cannot be carried out on several shards, or on any. */
export interface Refusal {
  readonly code: 'key-changed' | 'several-shards' | 'undeclared' | 'not-understood'
  readonly text: string
}

/**
 * What a statement has to do with the shards of its database, as far as its text tells; the values of its parameters come
 * later, see `chooseShards`.
 */
export type ShardPlan =
  /** Every shard has what it asks for. */
  | { readonly kind: 'any'; readonly why: string }
  | { readonly kind: 'first'; readonly why: string }
  | { readonly kind: 'every'; readonly why: string }
  /** Its rows are found by their keys. */
  | {
      readonly kind: 'keyed'
      readonly pins: readonly KeyPin[]
      /** Whether all sharded tables are pinned. */
      readonly isPinned: boolean
      /** Why it cannot be asked of several shards; `undefined` if it can. */
      readonly single: Refusal | undefined
      /** It changes rows, so it is only asked of several shards where the caller says so. */
      readonly isWrite: boolean
      /** It inserts rows whose keys are all in this pin: each shard gets its own. */
      readonly inserts: KeyPin | undefined
      /** An unsharded table is named too: only the first shard will do. */
      readonly onFirst: string | undefined
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What is looked at. */
export interface ShardPlanInput {
  readonly analysis: Analysis
  readonly effect: Effect
  /** The alias of the database that the statement goes to. */
  readonly database: string
  readonly tables: TableMap
}

interface Found {
  readonly sharded: ReadonlyMap<string, readonly string[]>
  readonly reference: readonly string[]
  readonly unsharded: readonly string[]
}

/** Pure: the same statement gives the same plan. */
export function shardPlan(input: ShardPlanInput): ShardPlan {
  const { analysis, effect } = input
  if (analysis.kind === 'transaction') return { kind: 'any', why: 'it names no table' }
  if (!analysis.complete || analysis.kind === 'unknown')
    return refused('not-understood', `the text is not understood (${analysis.why}), so its rows may be on any shard`)
  const found = findKinds(input)
  if ('code' in found) return { kind: 'refused', refusal: found }
  const { sharded, reference, unsharded } = found
  if (analysis.kind === 'ddl') {
    const isLocal = unsharded.length > 0 && sharded.size === 0 && reference.length === 0
    if (isLocal) return { kind: 'first', why: `${unsharded.join(', ')} is unsharded, and lives on the first shard` }
    return { kind: 'every', why: 'what it defines is defined on each shard' }
  }
  if (sharded.size > 0) return keyedPlan(input, found)
  if (unsharded.length > 0)
    return { kind: 'first', why: `${unsharded.join(', ')} is unsharded, and lives on the first shard` }
  if (reference.length === 0) return { kind: 'any', why: 'it names no table of its own' }
  if (effect === 'write' && analysis.kind !== 'locking-read')
    return { kind: 'every', why: `${reference.join(', ')} is a reference table, and has a copy on each shard` }
  return { kind: 'any', why: `${reference.join(', ')} is a reference table, and has a copy on each shard` }
}

/** The tables by their kinds. A view counts as what its declared tables are. */
function findKinds({ analysis, database, tables }: ShardPlanInput): Found | Refusal {
  const sharded = new Map<string, readonly string[]>()
  const reference = new Set<string>()
  const unsharded = new Set<string>()
  for (const use of analysis.tables) {
    if (isSystemTable(use, analysis.dialect, tables)) continue
    const own = homeOn(use, database, tables)
    const viewed = own === undefined ? (tables.tablesOfView(use) ?? []) : []
    const homes = own === undefined ? viewed.map((table) => homeOn(table, database, tables)) : [own]
    if (homes.length === 0 || homes.includes(undefined)) return undeclared(use, database)
    if (own?.kind === 'sharded') sharded.set(keyOf(use), own.shardKey ?? [])
    else if (homes.every((home) => home?.kind === 'reference')) reference.add(nameOf(use))
    else if (homes.every((home) => home?.kind === 'unsharded')) unsharded.add(nameOf(use))
    else return shardedView(use)
  }
  return { sharded, reference: [...reference], unsharded: [...unsharded] }
}

function homeOn(table: TableName, database: string, tables: TableMap): TableHome | undefined {
  const home = tables.homeOf(table)
  return home?.database === database ? home : undefined
}

function keyedPlan({ analysis, effect, database, tables }: ShardPlanInput, found: Found): ShardPlan {
  const reader = new KeyReader(analysis.appearances, analysis.dialect)
  const places = analysis.appearances.flatMap((appearance, index): ShardedAppearance[] => {
    const home = homeOn(appearance, database, tables)
    return home?.kind === 'sharded' ? [{ index, table: nameOf(appearance), shardKey: home.shardKey ?? [] }] : []
  })
  const pins: KeyPin[] = []
  for (const place of places) {
    const changed = reader.assignsKey(place)
    if (changed !== undefined) {
      return refused('key-changed', `it gives rows of ${place.table} another ${changed}, which is its shard key`)
    }
    const pin = reader.pinOf(place)
    if (pin !== undefined) pins.push(pin)
  }
  // Were a table named without a place, the analysis would know less than it says.
  const isSeen = [...found.sharded.keys()].every((key) =>
    places.some(({ index }) => keyOf(analysis.appearances[index]!) === key),
  )
  const copied = analysis.appearances.find(
    (appearance) => appearance.place === 'target' && homeOn(appearance, database, tables)?.kind === 'reference',
  )
  if (copied !== undefined) {
    return refused(
      'several-shards',
      `it writes the reference table ${nameOf(copied)}, of which every shard has a copy, from rows of one shard`,
    )
  }
  const [unsharded] = found.unsharded
  return {
    kind: 'keyed',
    pins,
    isPinned: isSeen && pins.length === places.length,
    single: unsharded === undefined ? singleReason(analysis, effect, places, reader) : besideUnsharded(unsharded),
    isWrite: effect !== 'read',
    inserts: analysis.kind === 'write' && places.length === 1 ? pins.find(isOfRows) : undefined,
    onFirst: unsharded,
  }
}

function isOfRows({ columns }: KeyPin): boolean {
  return columns.every(({ operator }) => operator === 'insert')
}

/** Why the parts of the answer are not on the shards one by one. */
function singleReason(
  analysis: Analysis,
  effect: Effect,
  places: readonly ShardedAppearance[],
  reader: KeyReader,
): Refusal | undefined {
  const at = (place: ShardedAppearance): TableAppearance => analysis.appearances[place.index]!
  if (analysis.kind === 'locking-read') return several('it locks rows, which one transaction can do on one shard only')
  if (effect === 'session') return several('it changes the state of its connection')
  if (effect !== 'read' && analysis.kind !== 'write') return several('it may write, by a function that it calls')
  const derived = places.find((place) => at(place).place === 'derived')
  if (derived !== undefined) {
    return several(
      `${derived.table} is read in a subquery of FROM, a WITH, a UNION or the SELECT of an INSERT, which would be answered for each shard by itself`,
    )
  }
  const target = places.find((place) => at(place).place === 'target')
  if (target !== undefined && places.length > 1 && at(target).conditions.some(({ operator }) => operator === 'insert'))
    return several('the rows that it inserts belong to several shards, and it reads sharded tables as well')
  const roots = target === undefined ? places.filter((place) => at(place).place === 'from') : [target]
  const isRoot = (root: ShardedAppearance): boolean =>
    places.every((place) => place.index === root.index || reader.follows(place, root))
  const found = roots.filter(isRoot)
  // Rows that have none of a sharded table would come from each shard.
  if (found.some((root) => target !== undefined || at(root).optional !== true)) return undefined
  const [filled] = found
  if (filled !== undefined) {
    return several(
      `its outer join keeps rows that belong to none of ${filled.table}, and every shard would answer with those`,
    )
  }
  const names = [...new Set(places.map(({ table }) => table))]
  if (roots.length === 0) {
    return several(
      `${names.join(', ')} is read only in a subquery of an expression, which each shard would answer from its own rows`,
    )
  }
  return several(
    names.length === 1
      ? `it joins rows of ${names[0]} with each other, and not by the shard key alone`
      : `it joins ${names.join(', ')}, and not by their shard keys`,
  )
}

function besideUnsharded(table: string): Refusal {
  return several(`it also names ${table}, which is unsharded and lives on the first shard only`)
}

function undeclared(table: TableName, database: string): Refusal {
  return {
    code: 'undeclared',
    text: `nothing says how the table ${nameOf(table)} is spread over the shards of "${database}"`,
  }
}

function shardedView(view: TableName): Refusal {
  return {
    code: 'undeclared',
    text: `the view ${nameOf(view)} reads sharded tables, and it is not said by which of its columns its shard is found`,
  }
}

function several(text: string): Refusal {
  return { code: 'several-shards', text }
}

function refused(code: Refusal['code'], text: string): ShardPlan {
  return { kind: 'refused', refusal: { code, text } }
}

function keyOf({ name, schema }: TableName): string {
  return JSON.stringify([schema ?? '', name])
}
