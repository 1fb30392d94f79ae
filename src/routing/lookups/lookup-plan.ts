import type { Analysis, TableAppearance, ValueSource } from '../../statement/analysis.ts'
import type { TableHome, TableMap, TableName } from '../../topology/table-map.ts'
import type { Effect } from '../route.ts'
import { KeyReader, type KeyPin, type ShardedAppearance } from '../shards/key-pins.ts'
import type { Lookup, LookupMap } from './lookup.ts'

/** Values of a looked-up column that all rows at one place of a statement have. */
export interface LookupPin {
  readonly lookup: Lookup
  readonly operator: 'equals' | 'in'
  readonly values: readonly ValueSource[]
}

/** Values that a statement gives to a looked-up column. */
export interface LookupWrite {
  readonly lookup: Lookup
  /** Of an INSERT one for each row, of an UPDATE one. */
  readonly values: readonly ValueSource[]
  /** The keys of these rows, or of those that the UPDATE changes. */
  readonly key: KeyPin
}

/** What a statement does to looked-up columns. */
export type LookupUse =
  | { readonly kind: 'writes'; readonly writes: readonly LookupWrite[] }
  /** The entries could not be kept right. */
  | { readonly kind: 'refused'; readonly text: string }

export interface LookupUseInput {
  readonly analysis: Analysis
  readonly effect: Effect
  /** The alias of the sharded database. */
  readonly database: string
  readonly tables: TableMap
  readonly lookups: LookupMap
}

interface Surroundings extends LookupUseInput {
  readonly reader: KeyReader
}

/**
 * The pin of a place through one of the lookups of its table: the key of its rows has to be asked for. A condition on one value is
 * better than one on several.
 */
export function lookupPin(
  place: ShardedAppearance,
  lookups: readonly Lookup[],
  reader: KeyReader,
): LookupPin | undefined {
  const pins = lookups.flatMap((lookup): LookupPin[] => {
    const condition = reader.ownConditionOn(place.index, lookup.column)
    if (condition === undefined || condition.operator === 'insert') return []
    return [{ lookup, operator: condition.operator, values: condition.values }]
  })
  return pins.find(({ operator }) => operator === 'equals') ?? pins[0]
}

/** What the entries need to be kept right under this statement; `undefined`: nothing. Pure. */
export function lookupUse(input: LookupUseInput): LookupUse | undefined {
  const { analysis, effect, database, tables, lookups } = input
  if (effect === 'read' || analysis.kind === 'ddl' || analysis.kind === 'transaction') return undefined
  if (lookups.in(database).length === 0) return undefined
  if (!analysis.complete || analysis.kind === 'unknown')
    return refused(`the text is not understood (${analysis.why}), and may give a value to a column that is looked up`)
  for (const use of analysis.tables) {
    if (use.access !== 'write') continue
    const seen = analysis.appearances.some(
      ({ place, name, schema }) => isTarget(place) && isSame({ name, schema }, use),
    )
    const hidden = [use, ...(tables.tablesOfView(use) ?? [])].find(
      (table, index) => (index > 0 || !seen) && lookupsOf(table, input).length > 0,
    )
    if (hidden !== undefined)
      return refused(`it changes rows of ${hidden.name}, and it is not seen which values it gives to looked-up columns`)
  }
  const places = analysis.appearances.flatMap((appearance, index): ShardedAppearance[] => {
    const [lookup] = lookupsOf(appearance, input)
    return lookup === undefined ? [] : [{ index, table: appearance.name, shardKey: lookup.shardKey }]
  })
  const reader = new KeyReader(analysis.appearances, analysis.dialect, places)
  const writes: LookupWrite[] = []
  for (const [index, appearance] of analysis.appearances.entries()) {
    if (!isTarget(appearance.place)) continue
    const home = homeOf(appearance, input)
    if (home === undefined) continue
    for (const lookup of lookups.of(home)) {
      const use = useAt(appearance, { index, table: appearance.name, shardKey: lookup.shardKey }, lookup, {
        ...input,
        reader,
      })
      if (use === undefined) continue
      if ('kind' in use) return use
      writes.push(use)
    }
  }
  return writes.length === 0 ? undefined : { kind: 'writes', writes }
}

function useAt(
  appearance: TableAppearance,
  place: ShardedAppearance,
  lookup: Lookup,
  { reader }: Surroundings,
): LookupWrite | Extract<LookupUse, { kind: 'refused' }> | undefined {
  const { change, assigned } = appearance
  const isAssigned = assigned.some((column) => reader.isSame(column, lookup.column))
  if (change === 'delete') return undefined
  if (change === undefined) return refused(`it is not seen which values it gives to ${lookup.name}, which is looked up`)
  const key = reader.pinOf(place)
  if (change === 'insert') return insertAt(appearance, key, isAssigned, lookup, reader)
  if (!isAssigned) return undefined
  const given = (appearance.given ?? []).filter(({ column }) => reader.isSame(column, lookup.column))
  const [value, ...others] = given.map((each) => each.value)
  if (value === undefined || others.length > 0 || isExpression(value)) return unknownValue(lookup)
  if (key === undefined)
    return refused(`it changes ${lookup.name}, which is looked up, of rows that no condition pins to one shard key`)
  return { lookup, values: [value], key }
}

function insertAt(
  { conditions, listed }: TableAppearance,
  key: KeyPin | undefined,
  isAssigned: boolean,
  lookup: Lookup,
  reader: KeyReader,
): LookupWrite | Extract<LookupUse, { kind: 'refused' }> | undefined {
  const { name, column } = lookup
  if (isAssigned)
    return refused(
      `it may give ${name}, which is looked up, to a row that exists already (ON CONFLICT, ON DUPLICATE KEY)`,
    )
  if (listed?.some((each) => reader.isSame(each, column)) !== true) {
    return lookup.absentIsNull && listed !== undefined
      ? undefined
      : refused(`it inserts rows without listing ${name}, which is looked up, so that the value they get is not known`)
  }
  const [given, ...others] = conditions.filter(
    (each) => each.operator === 'insert' && reader.isSame(each.column, column),
  )
  if (given === undefined || others.length > 0 || given.values.some(isExpression)) return unknownValue(lookup)
  if (
    key === undefined ||
    key.columns.some(({ operator, values }) => operator !== 'insert' || values.length !== given.values.length)
  )
    return refused(`it inserts values of ${name}, which is looked up, and the shard keys of its rows are not known`)
  return { lookup, values: given.values, key }
}

function unknownValue({ name }: Lookup): Extract<LookupUse, { kind: 'refused' }> {
  return refused(`it gives ${name}, which is looked up, a value that only the database computes`)
}

function refused(text: string): Extract<LookupUse, { kind: 'refused' }> {
  return { kind: 'refused', text }
}

function isExpression({ from }: ValueSource): boolean {
  return from === 'expression' || from === 'array-parameter'
}

function isTarget(place: TableAppearance['place']): boolean {
  return place === 'target'
}

function isSame(one: TableName, other: TableName): boolean {
  return one.name === other.name && one.schema === other.schema
}

function homeOf(table: TableName, { tables, database }: LookupUseInput): TableHome | undefined {
  const home = tables.homeOf(table)
  return home?.database === database ? home : undefined
}

function lookupsOf(table: TableName, input: LookupUseInput): readonly Lookup[] {
  const home = homeOf(table, input)
  return home === undefined ? [] : input.lookups.of(home)
}
