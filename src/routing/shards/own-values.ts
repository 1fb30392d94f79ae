import type { Span, ValueSource } from '../../statement/analysis.ts'
import type { ParameterPlaces } from '../../statement/shape/parameter-places.ts'
import type { ValueList } from '../../statement/shape/value-lists.ts'
import type { Params } from '../../statement/statement.ts'
import type { KeyColumnPin, KeyPin } from './key-pins.ts'
import { keysOf, unwrapped } from './pinned-keys.ts'

/** A list in which the keys of a table's rows are looked for, and the shards on which there may be rows with each value. */
export interface OwnedList {
  readonly pin: KeyPin
  readonly column: KeyColumnPin
  readonly owners: ReadonlyMap<unknown, ReadonlySet<string>>
}

/** The lists among these pins. `shardOf`: of a key. Pure. */
export function ownedLists(
  pins: readonly KeyPin[],
  params: Params,
  shardOf: (key: unknown) => string,
): readonly OwnedList[] {
  return pins.flatMap((pin) =>
    pin.columns.flatMap((column, place): readonly OwnedList[] =>
      column.operator === 'in' && column.isOwn ? [{ pin, column, owners: ownersOf(pin, place, params, shardOf) }] : [],
    ),
  )
}

/**
 * The parameters for one shard, with its own values of the lists: in a list of parameters (`IN ($1, $2)`) one of the shard's own values takes
 * the place of each foreign one, in a list of rows (`IN (($1, $2), …)`) all values of one row those of another; an array (`= ANY($1)`) loses
 * its foreign ones. Parameters that stand in the text once more stay, as do all of a list of which no value is the shard's. Constants: see {@link ownText}.
 *
 * That changes no answer: no row of the shard has a foreign key, and twice the same value in a list is as good as once.
 *
 * `given`: the parameters of the statement, or a copy in which places outside of the lists have other values. Pure.
 */
export function ownValues(lists: readonly OwnedList[], places: ParameterPlaces, shard: string, given: Params): Params {
  const own = copyOf(given)
  const { inText, others } = arranged(lists, places)
  for (const list of inText) exchangeItems(list, places, own, shard)
  for (const list of others) keepOwn(list, places, own, shard)
  return own.params
}

/**
 * The text for one shard, with its own items of the lists: blanks stand where an item of constants alone (`7`, `'x'::text`, `(1, 'x')`) has a foreign
 * key, and in place of its comma, so that all else stands where it stood. Items with parameters stay; {@link ownValues} is for those.
 *
 * What the others are compared as may hang on the types of all. So of the items of each kind one stays at least, if it is a foreign one. Pure.
 */
export function ownText(sql: string, lists: readonly OwnedList[], places: ParameterPlaces, shard: string): string {
  const foreign = arranged(lists, places).inText.flatMap((list) => foreignSpans(list, shard))
  if (foreign.length === 0) return sql
  let text = ''
  let end = 0
  for (const span of foreign.toSorted((a, b) => a.start - b.start)) {
    text += sql.slice(end, span.start) + ' '.repeat(span.end - span.start)
    end = span.end
  }
  return text + sql.slice(end)
}

/** A list that stands in the text, and what the tables say whose keys are looked for in it. */
interface ListInText {
  readonly list: ValueList
  readonly byPin: readonly (readonly OwnedList[])[]
}

function arranged(
  lists: readonly OwnedList[],
  { items }: ParameterPlaces,
): { readonly inText: readonly ListInText[]; readonly others: readonly OwnedList[] } {
  const others: OwnedList[] = []
  const known = new Map<ValueList, OwnedList[]>()
  for (const owned of lists) {
    const { at, values } = owned.column
    const list = at === undefined ? undefined : items.get(at)
    // Where the counts differ, another reader has understood something else: hands off.
    if (list?.items.length !== values.length) others.push(owned)
    else known.set(list, [...(known.get(list) ?? []), owned])
  }
  const inText = [...known].map(([list, all]) => ({
    list,
    byPin: [...Map.groupBy(all, ({ pin }) => pin).values()],
  }))
  return { inText, others }
}

/** Whether the shard may have rows with that value. NULL in a list meets no row, wherever it is. */
function mayHave({ owners }: OwnedList, value: unknown, shard: string): boolean {
  return owners.get(value)?.has(shard) !== false
}

/** Of a list that several tables are compared with, what one of them may have stays; of a row, the values of all columns count. */
function isOwnItem(
  { byPin }: ListInText,
  item: number,
  shard: string,
  valueOf: (source: ValueSource) => unknown,
): boolean {
  return byPin.some((lists) =>
    lists.every((list) => {
      const source = list.column.values[item]
      return source === undefined || mayHave(list, valueOf(source), shard)
    }),
  )
}

/** What is left out of a list for a shard, in the order of the text. There may be thousands of items. */
function foreignSpans(inText: ListInText, shard: string): readonly Span[] {
  const { items, commas } = inText.list
  const valueOf = (source: ValueSource): unknown => (source.from === 'constant' ? source.value : undefined)
  const isOwn = items.map(
    ({ mark, parameters }, item) =>
      mark === undefined || parameters.length > 0 || isOwnItem(inText, item, shard, valueOf),
  )
  const staying = new Set<string>()
  for (const [item, { mark, parameters }] of items.entries())
    if (mark !== undefined && parameters.length === 0 && isOwn[item] === true) staying.add(mark)
  const spans: Span[] = []
  let kept = 0
  for (const [item, { mark = '', tokens }] of items.entries()) {
    const stays = isOwn[item] === true || !staying.has(mark)
    if (stays) staying.add(mark)
    // A comma stays in front of each item that does, but the first.
    if (item > 0 && (!stays || kept === 0)) spans.push(commas[item - 1]!)
    if (stays) kept++
    else spans.push(...tokens)
  }
  return spans
}

/** The values of one own item take the places of those of each foreign one of the same kind. */
function exchangeItems(inText: ListInText, { once }: ParameterPlaces, own: Copy, shard: string): void {
  const { items } = inText.list
  const exchangeable = [...items.keys()].filter((item) => {
    const { mark, parameters } = items[item]!
    return mark !== undefined && parameters.length > 0 && parameters.every((key) => once.has(key))
  })
  const valueOf = (source: ValueSource): unknown => own.value(source)
  const isFull = (item: number): boolean =>
    inText.byPin.flat().every(({ column }) => {
      const value = valueOf(column.values[item]!)
      return value !== null && value !== undefined
    })
  for (const alike of Map.groupBy(exchangeable, (item) => items[item]!.mark).values()) {
    const { own: ours = [], foreign = [] } = Object.groupBy(alike, (item) =>
      isOwnItem(inText, item, shard, valueOf) ? 'own' : 'foreign',
    )
    const spare = ours.findLast(isFull)
    if (spare === undefined) continue
    const values = items[spare]!.parameters.map((key) => own.get(key))
    for (const item of foreign) for (const [i, key] of items[item]!.parameters.entries()) own.set(key, values[i])
  }
}

function ownersOf(pin: KeyPin, place: number, params: Params, shardOf: (key: unknown) => string): OwnedList['owners'] {
  const owners = new Map<unknown, Set<string>>()
  for (const key of keysOf(pin, params)) {
    const shard = shardOf(unwrapped(key))
    const others = owners.get(key[place])
    if (others === undefined) owners.set(key[place], new Set([shard]))
    else others.add(shard)
  }
  return owners
}

function keepOwn(list: OwnedList, { once, lists }: ParameterPlaces, own: Copy, shard: string): void {
  const isOwn = (value: unknown): boolean => mayHave(list, value, shard)
  const spare = new Map<string, unknown>()
  const foreign: { readonly key: number | string; readonly mark: string }[] = []
  for (const source of list.column.values) {
    if (source.from === 'array-parameter') {
      const values = own.get(source.index)
      if (once.has(source.index) && Array.isArray(values)) own.set(source.index, values.filter(isOwn))
    } else if (source.from === 'parameter' || source.from === 'named') {
      const key = source.from === 'named' ? source.name : source.index
      const mark = lists.get(key)
      if (mark === undefined) continue
      const value = own.get(key)
      if (!isOwn(value)) foreign.push({ key, mark })
      else if (value !== null && value !== undefined) spare.set(mark, value)
    }
  }
  for (const { key, mark } of foreign) if (spare.has(mark)) own.set(key, spare.get(mark))
}

interface Copy {
  readonly params: Params
  readonly get: (key: number | string) => unknown
  readonly set: (key: number | string, value: unknown) => void
  readonly value: (source: ValueSource) => unknown
}

function copyOf(given: Params): Copy {
  const params: unknown[] | Record<string, unknown> = Array.isArray(given)
    ? [...(given as readonly unknown[])]
    : { ...(given as Readonly<Record<string, unknown>>) }
  const get = (key: number | string): unknown => Reflect.get(params, key)
  const value = (source: ValueSource): unknown => {
    if (source.from === 'constant') return source.value
    if (source.from === 'named') return get(source.name)
    return source.from === 'parameter' ? get(source.index) : undefined
  }
  return { params, get, set: (key, next) => void Reflect.set(params, key, next), value }
}
