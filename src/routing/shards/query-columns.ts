import type { ColumnPath, FromItem, Output, SelectTree } from '../../statement/query-tree/query-tree.ts'
import type { ShardedAppearance } from './key-pins.ts'

/**
 * The columns of sharded tables that a column of a query has the value of, in every row: by the place of the table. All
 * names are as the engine compares them, those of shard keys too.
 */
export type Column = ReadonlyMap<number, string> | undefined

/** A column of a query; or all columns of a table, whose names are not known: `place` is undefined for a reference table. */
export type ColumnEntry =
  | { readonly kind: 'one'; readonly name: string | undefined; readonly column: Column }
  | { readonly kind: 'all'; readonly place: ShardedAppearance | undefined }

/** In their order; `unknown` where nothing can be said of any. */
export type Columns = readonly ColumnEntry[] | 'unknown'

/** An item of a FROM, with its columns. */
export interface ItemColumns {
  readonly item: FromItem
  readonly columns: Columns
}

/** The columns with other names, as far as these reach. */
export function renamed(columns: Columns, names: readonly string[] | undefined): Columns {
  if (names === undefined || columns === 'unknown') return columns
  const isListed = columns.length >= names.length && columns.every(({ kind }) => kind === 'one')
  if (!isListed) return 'unknown'
  return columns.map((entry, i) => (entry.kind === 'one' ? { ...entry, name: names[i] ?? entry.name } : entry))
}

/** What the columns of a query are. */
export function outputColumns({ outputs, mergesColumns }: SelectTree, items: readonly ItemColumns[]): Columns {
  const all: ColumnEntry[] = []
  for (const output of outputs) {
    const columns = ofOutput(output, mergesColumns, items)
    if (columns === 'unknown') return 'unknown'
    all.push(...columns)
  }
  return all
}

function ofOutput(output: Output, merges: boolean, items: readonly ItemColumns[]): Columns {
  if (output.kind === 'column') {
    const column = output.path === undefined ? undefined : columnOf(output.path, merges, items)
    return [{ kind: 'one', name: output.name, column }]
  }
  if (output.qualifier !== undefined) return itemCalled(output.qualifier, items)?.columns ?? 'unknown'
  if (merges) return 'unknown'
  const lists = items.map(({ columns }) => columns)
  return lists.some((columns) => columns === 'unknown')
    ? 'unknown'
    : lists.flatMap((columns) => columns as readonly ColumnEntry[])
}

/** What is known of a column of some items. */
export function columnOf({ qualifier, column }: ColumnPath, merges: boolean, items: readonly ItemColumns[]): Column {
  if (qualifier !== undefined) return named(itemCalled(qualifier, items)?.columns ?? 'unknown', column)
  const [only] = items
  if (items.length === 1 && only !== undefined) return named(only.columns, column)
  if (merges) return undefined
  // The statement would be ambiguous if another item had such a column too.
  const having = items.filter(({ columns }) => surelyHas(columns, column))
  return having.length === 1 ? named(having[0]!.columns, column) : undefined
}

function itemCalled(name: string, items: readonly ItemColumns[]): ItemColumns | undefined {
  const found = items.filter(({ item }) => item.name === name)
  return found.length === 1 ? found[0] : undefined
}

function named(columns: Columns, name: string): Column {
  if (columns === 'unknown') return undefined
  const same = columns.filter((entry) => entry.kind === 'one' && entry.name === name)
  const open = columns.filter(({ kind }) => kind === 'all')
  const unnamed = columns.some((entry) => entry.kind === 'one' && entry.name === undefined)
  const [entry, other] = [...same, ...open]
  if (entry === undefined || other !== undefined) return undefined
  if (entry.kind === 'one') return entry.column
  return entry.place === undefined || unnamed ? undefined : new Map([[entry.place.index, name]])
}

function surelyHas(columns: Columns, name: string): boolean {
  if (columns === 'unknown') return false
  return columns.some((entry) =>
    entry.kind === 'one' ? entry.name === name : entry.place?.shardKey.includes(name) === true,
  )
}

/** The columns of a set operation: what is said of one has to be right for the rows of each member. */
export function memberColumns(
  members: readonly { readonly places: ReadonlySet<number>; readonly columns: Columns }[],
): Columns {
  const [first] = members
  if (first === undefined || first.columns === 'unknown') return 'unknown'
  const lists = members.map(({ columns }) => columns)
  const isListed = lists.every(
    (list) => list !== 'unknown' && list.length === first.columns.length && list.every(({ kind }) => kind === 'one'),
  )
  if (!isListed) return 'unknown'
  return first.columns.map((entry, position): ColumnEntry => {
    const merged = new Map<number, string>()
    for (const { places } of members) {
      for (const place of places) {
        const of = members
          .filter((other) => other.places.has(place))
          .map(({ columns }) => columnAt(columns, position)?.get(place))
        const [name] = of
        if (name !== undefined && of.every((each) => each === name)) merged.set(place, name)
      }
    }
    return { kind: 'one', name: entry.kind === 'one' ? entry.name : undefined, column: merged }
  })
}

function columnAt(columns: Columns, position: number): Column {
  const entry = columns === 'unknown' ? undefined : columns[position]
  return entry?.kind === 'one' ? entry.column : undefined
}

/**
 * Whether rows that are equal in these columns have one shard key. Each root is a list of places whose key is the same in every row; with
 * several roots a row has that of any of them, so that one column must be the key of all.
 */
export function keepKey(columns: Columns, roots: readonly (readonly ShardedAppearance[])[]): boolean {
  const [first] = roots[0] ?? []
  if (columns === 'unknown' || first === undefined) return false
  return first.shardKey.every((_, part) =>
    columns.some((entry) =>
      roots.every((places) =>
        places.some(({ index, shardKey }) =>
          entry.kind === 'all' ? entry.place?.index === index : entry.column?.get(index) === shardKey[part],
        ),
      ),
    ),
  )
}
