import type { LookupMap } from '../lookups/lookup.ts'
import { lookupPin, type LookupPin } from '../lookups/lookup-plan.ts'
import type { Analysis, TableAppearance } from '../../statement/analysis.ts'
import type { TableHome, TableMap, TableName } from '../../topology/table-map.ts'
import { isSystemTable, nameOf } from '../home.ts'
import type { Effect } from '../route.ts'
import { isOfRows, KeyReader, type KeyPin, type KeyRangePin, type ShardedAppearance } from './key-pins.ts'
import { isWindow } from '../../statement/shape/query-shape.ts'
import { readQueryShape } from '../../statement/shape/read-query-shape.ts'
import { readQueryTree } from '../../statement/query-tree/read-query-tree.ts'
import { spreadObstacle } from './query-spread.ts'
import { keepsOthers, notJoined, onlyInExpressions } from './refusal-texts.ts'

/** Why a statement cannot be carried out on several shards, or on any. */
export interface Refusal {
  readonly code: 'key-changed' | 'several-shards' | 'undeclared' | 'not-understood'
  readonly text: string
  /** What cannot be put together from the answers of several shards, where that is all. */
  readonly construct?: string | undefined
  /** What to do instead, where it is not what helps any statement. */
  readonly remedy?: string
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
      /** The sharded tables whose key it leaves open. */
      readonly open: readonly string[]
      /** Pins of those, where their keys have to be asked for; none unless they are pinned by them, all together. */
      readonly lookedUp: readonly LookupPin[]
      /** Of each sharded table that is not pinned, the ranges that its key lies in; `undefined` if one of them lies in none. */
      readonly ranges: readonly (readonly KeyRangePin[])[] | undefined
      /** Why it cannot be asked of several shards; `undefined` if it can. */
      readonly single: Refusal | undefined
      /** It changes rows, so it is only asked of several shards where the caller says so. */
      readonly isWrite: boolean
      /** It inserts rows whose keys are all in this pin: each shard gets its own. */
      readonly inserts: KeyPin | undefined
      /** The rows that it inserts have the keys of rows that it reads: each shard can make its own. */
      readonly takesKeys: boolean
      /** An unsharded table is named too: only the first shard will do. */
      readonly onFirst: string | undefined
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What is looked at. */
export interface ShardPlanInput {
  /** The text that was analysed. */
  readonly sql: string
  readonly analysis: Analysis
  readonly effect: Effect
  /** The alias of the database that the statement goes to. */
  readonly database: string
  readonly tables: TableMap
  readonly lookups: LookupMap
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

function keyedPlan(input: ShardPlanInput, found: Found): ShardPlan {
  const { analysis, effect, database, tables } = input
  const places = analysis.appearances.flatMap((appearance, index): ShardedAppearance[] => {
    const home = homeOn(appearance, database, tables)
    return home?.kind === 'sharded' ? [{ index, table: nameOf(appearance), shardKey: home.shardKey ?? [] }] : []
  })
  const reader = new KeyReader(analysis.appearances, analysis.dialect, places)
  const pins: KeyPin[] = []
  const ranges: (readonly KeyRangePin[])[] = []
  const open = new Set<string>()
  for (const place of places) {
    const changed = reader.assignsKey(place)
    if (changed !== undefined) {
      return refused('key-changed', `it gives rows of ${place.table} another ${changed}, which is its shard key`)
    }
    const pin = reader.pinOf(place)
    if (pin !== undefined) pins.push(pin)
    else {
      open.add(place.table)
      ranges.push(reader.rangesOf(place))
    }
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
  const single = unsharded === undefined ? singleReason(input, places, reader) : besideUnsharded(unsharded)
  const target = places.find(({ index }) => analysis.appearances[index]?.place === 'target')
  return {
    kind: 'keyed',
    pins,
    isPinned: isSeen && pins.length === places.length,
    open: [...open],
    lookedUp: isSeen && open.size > 0 ? lookupPins(places, reader, input) : [],
    ranges: isSeen && ranges.every(({ length }) => length > 0) ? ranges : undefined,
    single,
    takesKeys:
      single === undefined &&
      target !== undefined &&
      analysis.appearances[target.index]?.change === 'insert' &&
      takesKeyOf(
        target,
        places.filter((place) => place !== target),
        reader,
      ),
    isWrite: effect !== 'read',
    inserts: analysis.kind === 'write' && places.length === 1 ? pins.find(isOfRows) : undefined,
    onFirst: unsharded,
  }
}

/** What pins, through lookups, the places that no key pins; none unless it pins all of them. */
function lookupPins(
  places: readonly ShardedAppearance[],
  reader: KeyReader,
  { analysis, tables, lookups }: ShardPlanInput,
): readonly LookupPin[] {
  const open = places.filter((place) => reader.pinOf(place) === undefined)
  const found = open.flatMap((place) => {
    const home = tables.homeOf(analysis.appearances[place.index]!)
    const pin = home === undefined ? undefined : lookupPin(place, lookups.of(home), reader)
    return pin === undefined ? [] : [{ place, pin }]
  })
  const isReached = (place: ShardedAppearance): boolean =>
    found.some((other) => other.place === place || reader.follows(place, other.place))
  return open.every(isReached) ? found.map(({ pin }) => pin) : []
}

/** Why the parts of the answer are not on the shards one by one. */
function singleReason(
  input: ShardPlanInput,
  places: readonly ShardedAppearance[],
  reader: KeyReader,
): Refusal | undefined {
  const { analysis, effect } = input
  const at = (place: ShardedAppearance): TableAppearance => analysis.appearances[place.index]!
  if (analysis.kind === 'locking-read') return several('it locks rows, which one transaction can do on one shard only')
  if (effect === 'session') return several('it changes the state of its connection')
  if (effect !== 'read' && analysis.kind !== 'write') return several('it may write, by a function that it calls')
  const target = places.find((place) => at(place).place === 'target')
  const roots = target === undefined ? places.filter((place) => at(place).place === 'from') : [target]
  const inserted = target === undefined ? undefined : reader.pinOf(target)
  if (inserted !== undefined && places.length > 1 && isOfRows(inserted))
    return several('the rows that it inserts have keys of their own, and it reads sharded tables as well')
  // One whose key is a root's gives the row of the root nothing but rows of its own shard.
  const derived = places.find(
    (place) => at(place).place === 'derived' && !roots.some((root) => reader.follows(place, root)),
  )
  if (target !== undefined && at(target).change === 'insert' && places.length > 1) {
    const others = places.filter((place) => place !== target)
    const source = derived ?? (takesKeyOf(target, others, reader) ? undefined : others[0])
    if (source !== undefined) return several(otherKeys(target, source))
  }
  const isQueried = places.some((place) => at(place).place === 'derived')
  if (isQueried && target === undefined) return ofQueries(input, places, reader)
  if (derived !== undefined) {
    return several(
      `${derived.table} is read in a subquery of FROM, a WITH, a UNION or the SELECT of an INSERT, which would be answered for each shard by itself`,
    )
  }
  if (target !== undefined && inserted === undefined && places.length === 1 && at(target).change === 'insert') {
    const columns = target.shardKey.join(', ')
    return {
      ...several(
        `the rows of ${target.table} that it inserts do not show their ${columns}, as a value or a parameter in a list of columns`,
      ),
      remedy: `Name the columns, and give the key as a value or a parameter: INSERT INTO ${target.table} (${columns}, …) VALUES (…).`,
    }
  }
  const isRoot = (root: ShardedAppearance): boolean =>
    places.every((place) => place.index === root.index || reader.follows(place, root))
  const found = roots.filter(isRoot)
  // Rows that have none of a sharded table would come from each shard.
  if (found.some((root) => target !== undefined || at(root).optional !== true))
    return hasWindow(input) ? ofQueries(input, places, reader) : undefined
  const [filled] = found
  if (filled !== undefined) return several(keepsOthers([filled.table]))
  const names = [...new Set(places.map(({ table }) => table))]
  return several(roots.length === 0 ? onlyInExpressions(names) : notJoined(names))
}

function hasWindow({ sql, analysis }: ShardPlanInput): boolean {
  return /\bover\b/i.test(sql) && readQueryShape(sql, analysis.dialect)?.obstacles.some(isWindow) === true
}

/** Why the parts of a query made of queries are not on the shards one by one. */
function ofQueries(
  { sql, analysis }: ShardPlanInput,
  places: readonly ShardedAppearance[],
  reader: KeyReader,
): Refusal | undefined {
  const { appearances, dialect } = analysis
  const tree = readQueryTree(sql, dialect)
  const positions = positionsOf(analysis)
  if (tree === undefined || positions === undefined)
    return several(
      'the queries that it is made of are not understood, and each shard would answer them from its own rows',
    )
  const fold = (name: string): string => (dialect === 'postgres' ? name : name.toLowerCase())
  const placed = places.map((place) => ({
    ...place,
    shardKey: place.shardKey.map(fold),
    position: positions[place.index]!,
    optional: appearances[place.index]!.optional === true,
  }))
  const obstacle = spreadObstacle(tree, placed, reader)
  return obstacle === undefined ? undefined : { ...several(obstacle.text), construct: obstacle.construct }
}

/** Where each appearance starts; undefined if that cannot be told. */
function positionsOf({ tables, appearances }: Analysis): readonly number[] | undefined {
  const spans = tables.flatMap(({ name, spans: all }) => all.map(({ start }) => ({ name, start })))
  const sorted = spans.toSorted((a, b) => a.start - b.start)
  const isSame = sorted.length === appearances.length && sorted.every(({ name }, i) => appearances[i]?.name === name)
  return isSame ? sorted.map(({ start }) => start) : undefined
}

/** Whether all rows that are inserted have the key of a row of one of these. */
function takesKeyOf(target: ShardedAppearance, sources: readonly ShardedAppearance[], reader: KeyReader): boolean {
  return sources.some((source) => reader.follows(target, source)) || reader.takesFrom(target, sources)
}

function otherKeys(target: ShardedAppearance, source: ShardedAppearance): string {
  return (
    `a row that it inserts into ${target.table} need not have the shard key of the row of ${source.table} that it is made of: for that the key ` +
    'must stand in the place of the key, as a plain column, and the SELECT must take each row by itself or group by the key, ' +
    'without LIMIT and windows; and so in each member of a UNION'
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
