import type { ShadowTable } from '../shadow-table.ts'
import { valuesOf, valueText, type RowChange, type RowValues } from './row-change.ts'

/** One statement of one row. `park`: the columns of a unique key become NULL, since another row needs the value first. */
export type ChangeStep =
  | { readonly kind: 'row'; readonly change: RowChange }
  | { readonly kind: 'park'; readonly change: RowChange; readonly columns: readonly string[] }

/** That a change comes behind another one. */
interface Wait {
  readonly on: number
  /** Of a unique value that the other one frees: the columns that may be parked, where both wait for each other. */
  readonly unique?: readonly string[]
}

/**
 * The changes in an order in which a database accepts them one by one: rows come before those that refer to them, and go
 * after them; a value of a unique key is given up before another row gets it. What needs no order stays in the order of the tables,
 * deleted rows last. Rows that refer to each other in a circle cannot be ordered: their keys must be checked later. Pure.
 */
export function orderChanges(changes: readonly RowChange[]): readonly ChangeStep[] {
  const sorted = byTables(changes)
  const waits = waitsOf(sorted)
  const steps: ChangeStep[] = []
  const state: ('open' | 'done' | undefined)[] = []
  const parked = new Set<string>()
  const park = (at: number, columns: readonly string[]): void => {
    const change = sorted[at]!
    const name = `${at} ${columns.join(' ')}`
    if (parked.has(name)) return
    parked.add(name)
    steps.push({ kind: 'park', change, columns })
  }
  for (let start = 0; start < sorted.length; start++) {
    // By hand in place of recursion: rows can wait for each other in chains of any length.
    const path = state[start] === undefined ? [{ at: start, next: 0 }] : []
    if (path.length > 0) state[start] = 'open'
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const wait = waits[top.at]?.[top.next++]
      if (wait === undefined) {
        steps.push({ kind: 'row', change: sorted[top.at]! })
        state[top.at] = 'done'
        path.pop()
      } else if (state[wait.on] === undefined) {
        state[wait.on] = 'open'
        path.push({ at: wait.on, next: 0 })
      } else if (state[wait.on] === 'open' && wait.unique !== undefined) park(wait.on, wait.unique)
    }
  }
  return steps
}

/** Those that add or change rows, parents first, then those that delete, children first. */
function byTables(changes: readonly RowChange[]): readonly RowChange[] {
  const places = new Map(parentsFirst(changes).map((table, place) => [table.name, place]))
  const place = ({ table }: RowChange): number => places.get(table.name) ?? 0
  const [kept, deleted] = [changes.filter(({ after }) => after !== undefined), changes.filter(({ after }) => !after)]
  return [...kept.toSorted((a, b) => place(a) - place(b)), ...deleted.toSorted((a, b) => place(b) - place(a))]
}

function parentsFirst(changes: readonly RowChange[]): readonly ShadowTable[] {
  const tables = new Map(changes.map(({ table }) => [table.name.toLowerCase(), table]))
  const found = new Set<ShadowTable>()
  const seen = new Set<ShadowTable>()
  const visit = (table: ShadowTable): void => {
    if (seen.has(table)) return
    seen.add(table)
    for (const key of table.foreignKeys) {
      const parent = tables.get(key.table.toLowerCase())
      if (parent !== undefined) visit(parent)
    }
    found.add(table)
  }
  for (const table of tables.values()) visit(table)
  return [...found]
}

function waitsOf(changes: readonly RowChange[]): readonly (readonly Wait[])[] {
  const waits: Wait[][] = changes.map(() => [])
  waitForUnique(changes, waits)
  waitForParents(changes, waits)
  return waits
}

function waitForUnique(changes: readonly RowChange[], waits: readonly Wait[][]): void {
  const freed = new Map<string, number>()
  const each = (visit: (at: number, name: string, columns: readonly string[], isTaken: boolean) => void): void => {
    for (const [at, { table, before, after }] of changes.entries())
      for (const [place, key] of table.uniqueKeys.entries()) {
        const columns = key.map(({ name }) => name)
        const folds = key.map(({ collation }) => collation)
        const [was, is] = [before, after].map((row) => row && textOf(valuesOf(table, row, columns), folds))
        if (was === is) continue
        if (was !== undefined) visit(at, `${table.name} ${place} ${was}`, columns, false)
        if (is !== undefined) visit(at, `${table.name} ${place} ${is}`, columns, true)
      }
  }
  each((at, name, _, isTaken) => {
    if (!isTaken) freed.set(name, at)
  })
  each((at, name, columns, isTaken) => {
    const on = isTaken ? freed.get(name) : undefined
    if (on !== undefined) waits[at]?.push({ on, unique: columns })
  })
}

function waitForParents(changes: readonly RowChange[], waits: readonly Wait[][]): void {
  const referenced = referencedKeys(changes)
  const [made, gone] = [new Map<string, number>(), new Map<string, number>()]
  for (const [at, { table, before, after }] of changes.entries())
    for (const columns of referenced.get(table.name.toLowerCase()) ?? []) {
      const [was, is] = [before, after].map((row) => row && textOf(valuesOf(table, row, columns)))
      const name = keyName(table.name, columns)
      if (was === is) continue
      if (is !== undefined) made.set(`${name} ${is}`, at)
      if (was !== undefined) gone.set(`${name} ${was}`, at)
    }
  for (const [at, { table, before, after }] of changes.entries())
    for (const key of table.foreignKeys) {
      const [was, is] = [before, after].map((row) => row && textOf(valuesOf(table, row, key.columns)))
      if (was === is) continue
      const name = keyName(key.table, key.referenced)
      const parent = made.get(`${name} ${is ?? ''}`)
      const left = gone.get(`${name} ${was ?? ''}`)
      if (is !== undefined && parent !== undefined && parent !== at) waits[at]?.push({ on: parent })
      if (was !== undefined && left !== undefined && left !== at) waits[left]?.push({ on: at })
    }
}

/** By the table: the columns that foreign keys refer to. */
function referencedKeys(changes: readonly RowChange[]): ReadonlyMap<string, readonly (readonly string[])[]> {
  const found = new Map<string, Map<string, readonly string[]>>()
  for (const table of new Set(changes.map((change) => change.table)))
    for (const { table: parent, referenced } of table.foreignKeys) {
      const name = parent.toLowerCase()
      const keys = found.get(name) ?? new Map<string, readonly string[]>()
      found.set(name, keys.set(keyName(parent, referenced), referenced))
    }
  return new Map([...found].map(([name, keys]) => [name, [...keys.values()]]))
}

function keyName(table: string, columns: readonly string[]): string {
  return `${table} (${columns.join(', ')})`.toLowerCase()
}

/** `undefined` if a part is NULL, which is the same as nothing. */
function textOf(values: RowValues, collations: readonly (string | undefined)[] = []): string | undefined {
  if (values.some((value) => value === null || value === undefined)) return undefined
  const texts = values.map((value, place) => {
    const text = valueText(value)
    return collations[place]?.toUpperCase() === 'NOCASE' ? text.toLowerCase() : text
  })
  return JSON.stringify(texts)
}
