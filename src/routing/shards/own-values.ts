import type { ParameterPlaces } from '../../statement/shape/parameter-places.ts'
import type { Params } from '../../statement/statement.ts'
import type { KeyColumnPin, KeyPin } from './key-pins.ts'
import { keysOf, unwrapped } from './pinned-keys.ts'

/** A list in which the keys of a table's rows are looked for, and the shards on which there may be rows with each value. */
export interface OwnedList {
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
      column.operator === 'in' && column.isOwn ? [{ column, owners: ownersOf(pin, place, params, shardOf) }] : [],
    ),
  )
}

/**
 * The parameters for one shard, with its own values of the lists. The text stays the same for all: in a list of parameters (`IN ($1, $2)`)
 * one of the shard's own values takes the place of each foreign one; an array (`= ANY($1)`) loses its foreign ones. Constants stay, as
 * do parameters that stand in the text once more, and all of a list of which no value is the shard's.
 *
 * That changes no answer: no row of the shard has a foreign key, and twice the same value in a list is as good as once.
 *
 * `given`: the parameters of the statement, or a copy in which places outside of the lists have other values. Pure.
 */
export function ownValues(lists: readonly OwnedList[], places: ParameterPlaces, shard: string, given: Params): Params {
  const own = copyOf(given)
  for (const list of lists) keepOwn(list, places, own, shard)
  return own.params
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

function keepOwn({ column, owners }: OwnedList, { once, lists }: ParameterPlaces, own: Copy, shard: string): void {
  // NULL in a list meets no row, wherever it is.
  const isOwn = (value: unknown): boolean => owners.get(value)?.has(shard) !== false
  const spare = new Map<string, unknown>()
  const foreign: { readonly key: number | string; readonly mark: string }[] = []
  for (const source of column.values) {
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
}

function copyOf(given: Params): Copy {
  const params: unknown[] | Record<string, unknown> = Array.isArray(given)
    ? [...(given as readonly unknown[])]
    : { ...(given as Readonly<Record<string, unknown>>) }
  return {
    params,
    get: (key) => Reflect.get(params, key),
    set: (key, value) => void Reflect.set(params, key, value),
  }
}
