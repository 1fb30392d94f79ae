import type { CallLimits } from '../execution/time-limit.ts'
import type { Lookup } from '../routing/lookups/lookup.ts'
import { marks } from '../statement/parameter-marks.ts'
import { quotedName } from '../statement/quotes.ts'
import type { LookupServers } from './lookup-servers.ts'
import { durably, entryTable, hasInserted, insertText } from './lookup-text.ts'
import type { Engine } from '../drivers/driver.ts'

/** Where a value leads to. */
export interface Entry {
  /** As `storedKey` gives it. */
  readonly key: string
  /** Names the write that put it there: no two have the same. */
  readonly holder: string
}

export interface FoundEntry extends Entry {
  readonly lookup: string
  readonly value: string
}

/** Under this name stand the lookups that have been filled, by their own names. */
const filledMark = 'signalbox filled'

const columns = ['lookup', 'value', 'shard_key', 'holder']

/** The entries of all lookups, each in its control database. Every change is one statement, which takes effect or not. */
export class Entries {
  readonly #servers: LookupServers

  constructor(servers: LookupServers) {
    this.#servers = servers
  }

  /** Whether there was none. */
  async insert(lookup: Lookup, value: string, { key, holder }: Entry, limits: CallLimits): Promise<boolean> {
    return await this.#insert(lookup, [lookup.name, value, key, holder], limits)
  }

  async read(lookup: Lookup, value: string, limits: CallLimits): Promise<FoundEntry | undefined> {
    const rows = await this.#find(lookup, [value], limits)
    return rows.find((row) => row.lookup === lookup.name)
  }

  /** Whether it was still the one of this holder. */
  async replace(
    lookup: Lookup,
    value: string,
    old: string,
    { key, holder }: Entry,
    limits: CallLimits,
  ): Promise<boolean> {
    const text = (engine: Engine): string => {
      const [m1, m2, m3, m4, m5] = marks(engine, 5)
      return `update ${entryTable} set shard_key = ${m1}, holder = ${m2} ${durably(engine)} and lookup = ${m3} and value = ${m4} and holder = ${m5}`
    }
    return await this.#changed(lookup, text, [key, holder, lookup.name, value, old], limits)
  }

  /** Whether it was still the one of this holder. */
  async remove(lookup: Lookup, value: string, holder: string, limits: CallLimits): Promise<boolean> {
    const text = (engine: Engine): string => {
      const [m1, m2, m3] = marks(engine, 3)
      return `delete from ${entryTable} where lookup = ${m1} and value = ${m2} and holder = ${m3}`
    }
    return await this.#changed(lookup, text, [lookup.name, value, holder], limits)
  }

  /** The keys of those values that have an entry; `undefined` if the lookup has not been filled. One question. */
  async keysOf(
    lookup: Lookup,
    values: readonly string[],
    limits: CallLimits,
  ): Promise<ReadonlyMap<string, string> | undefined> {
    const rows = await this.#find(lookup, values, limits)
    if (!rows.some((row) => row.lookup === filledMark)) return undefined
    return new Map(rows.filter((row) => row.lookup === lookup.name).map(({ value, key }) => [value, key]))
  }

  /** The entries of those values that have one. */
  async list(lookup: Lookup, values: readonly string[], limits: CallLimits): Promise<ReadonlyMap<string, FoundEntry>> {
    const rows = await this.#find(lookup, values, limits)
    return new Map(rows.filter((row) => row.lookup === lookup.name).map((row) => [row.value, row]))
  }

  /** From now on the entries of the lookup are asked. */
  async markFilled(lookup: Lookup, limits: CallLimits): Promise<void> {
    await this.#insert(lookup, [filledMark, lookup.name, '[]', ''], limits)
  }

  /** The entries behind a value, in the order of the values, at most `count`. */
  async after(
    lookup: Lookup,
    value: string | undefined,
    count: number,
    limits: CallLimits,
  ): Promise<readonly FoundEntry[]> {
    const engine = await this.#servers.engineOf(lookup.control)
    const [name, last] = marks(engine, 2)
    const behind = value === undefined ? '' : ` and value > ${last}`
    const sql = `${selectText(engine)} where lookup = ${name}${behind} order by value limit ${count}`
    const params = value === undefined ? [lookup.name] : [lookup.name, value]
    return (await this.#servers.query<FoundEntry>(placeOf(lookup), { sql, params, access: 'read' }, limits)).rows
  }

  async #insert(lookup: Lookup, params: readonly unknown[], limits: CallLimits): Promise<boolean> {
    const sql = insertText(await this.#servers.engineOf(lookup.control), entryTable, columns)
    return await hasInserted(this.#servers.query(placeOf(lookup), { sql, params, access: 'write' }, limits))
  }

  async #changed(
    lookup: Lookup,
    text: (engine: Engine) => string,
    params: readonly unknown[],
    limits: CallLimits,
  ): Promise<boolean> {
    const sql = text(await this.#servers.engineOf(lookup.control))
    const { rowCount } = await this.#servers.query(placeOf(lookup), { sql, params, access: 'write' }, limits)
    return rowCount === 1
  }

  /** The mark that the lookup is filled comes with them. */
  async #find(lookup: Lookup, values: readonly string[], limits: CallLimits): Promise<readonly FoundEntry[]> {
    const engine = await this.#servers.engineOf(lookup.control)
    const [mark, own, name, ...wanted] = marks(engine, values.length + 3)
    const sql = `${selectText(engine)} where (lookup = ${mark} and value = ${own}) or (lookup = ${name} and value in (${wanted.join(', ')}))`
    const params = [filledMark, lookup.name, lookup.name, ...values]
    return (await this.#servers.query<FoundEntry>(placeOf(lookup), { sql, params, access: 'read' }, limits)).rows
  }
}

function placeOf({ control }: Lookup): { readonly database: string } {
  return { database: control }
}

function selectText(engine: Engine): string {
  return `select lookup, value, shard_key as ${quotedName(engine, 'key')}, holder from ${entryTable}`
}
