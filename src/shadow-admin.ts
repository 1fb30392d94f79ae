import { ConfigError, ShadowError, type ShadowConflict } from './errors.ts'
import type { Transaction } from './execution/transaction.ts'
import { show } from './option.ts'
import { NoWritesError } from './routing/write-guard.ts'
import {
  readLookOptions,
  readPromoteOptions,
  readTableOptions,
  type PromoteOptions,
  type ShadowLookOptions,
  type ShadowTableOptions,
} from './shadow-options.ts'
import {
  changedTables,
  firstOf,
  kindOf,
  promotionOf,
  type PromotionReport,
  type ShadowConflicts,
  type ShadowDiff,
  type ShadowReport,
  type TableDiff,
} from './shadow-reports.ts'
import { addedColumns, addingTexts } from './shadows/changes/added-columns.ts'
import { orderChanges } from './shadows/changes/change-order.ts'
import { textOfStep } from './shadows/changes/change-statements.ts'
import { promoteChanges, type PromotionTarget } from './shadows/changes/promote-changes.ts'
import { countChanges, readChanges, readConflicts } from './shadows/changes/read-changes.ts'
import { incomparable, type RowChange } from './shadows/changes/row-change.ts'
import { conflictReport, rowReport, type ChangedRow } from './shadows/changes/row-report.ts'
import type { ShadowReader, ShadowStore } from './shadows/changes/shadow-store.ts'
import type { ShadowTable } from './shadows/shadow-table.ts'
import type { Database } from './topology/topology.ts'

/** Changes that are put in order at a time, which is done in memory. */
const mostOrdered = 200_000

/** What an admin needs of its client. */
export interface ShadowAdminParts {
  readonly database: Database
  readonly store: (database: Database) => Promise<ShadowStore>
  readonly resolve: (alias: string) => Database
  readonly transact: <T>(to: string, readOnly: boolean, work: (tx: Transaction) => Promise<T>) => Promise<T>
  /** Connections that know the shadow as it was are closed. */
  readonly forget: () => Promise<void>
}

/** Looks after a shadow: what was changed on it, and what becomes of the changes. See docs/shadows.md. */
export class ShadowAdmin<A extends string = string> {
  readonly #parts: ShadowAdminParts

  /** @internal Made by `client.shadow()`. */
  constructor(parts: ShadowAdminParts) {
    this.#parts = parts
  }

  /**
   * Makes what the shadow keeps in its local database, which the first statement would do, too; and, where more tables were declared since,
   * what is missing. Other processes see those with their next connection.
   *
   * Throws `ShadowError` if a table with changes is now declared otherwise, or the base has what cannot be augmented.
   */
  async create(): Promise<ShadowReport> {
    refuseGuarded(this.#parts.database)
    const { tables, made } = await (await this.#store()).create()
    await this.#parts.forget()
    return {
      ...this.#names(),
      tables: tables.map(({ name, storage }) => ({ table: name, kind: kindOf(storage), isNew: made.includes(name) })),
    }
  }

  /**
   * What was added, changed and deleted on the shadow, table by table. A row that was changed back is no change. A replaced table
   * is compared with the base as it is now, an augmented one with the rows of the base as they were when they were first changed.
   *
   * @example
   * ```ts
   * const { tables } = await client.shadow('dev').diff()
   * for (const { table, rows } of tables)
   *   for (const { change, key, before, after, columns } of rows) console.log(table, change, key, columns, before, after)
   * ```
   */
  async diff(options: ShadowLookOptions = {}): Promise<ShadowDiff> {
    const { table, limit } = readLookOptions(options)
    const { texts } = await this.#store()
    const tables = await this.#reading(async (reader) => {
      const diffs: TableDiff[] = []
      for (const each of this.#tables(reader, table)) {
        const about = { table: each.name, kind: kindOf(each.storage), addedColumns: addedColumns(each) }
        const why = incomparable(each)
        if (why !== undefined) diffs.push({ ...about, added: 0, changed: 0, deleted: 0, rows: [], incomparable: why })
        else {
          const counts = await countChanges(reader, each, texts)
          diffs.push({ ...about, ...counts, rows: await firstOf(readChanges(reader, each, texts), limit, rowReport) })
        }
      }
      return diffs
    })
    return { ...this.#names(), tables: tables ?? [] }
  }

  /** As `diff`, row by row, for any number of them. */
  async *changes(options: ShadowTableOptions = {}): AsyncGenerator<ChangedRow, void, undefined> {
    const { table } = readTableOptions(options)
    const store = await this.#store()
    await using reader = await store.read()
    if (reader === undefined) return
    for (const each of this.#tables(reader, table))
      if (incomparable(each) === undefined)
        for await (const change of readChanges(reader, each, store.texts)) yield rowReport(change)
  }

  /**
   * The statements that make the base what the shadow shows, each with its `;`, in an order that foreign keys and unique columns allow: columns
   * that were added to augmented tables come first. Where rows refer to each other in a circle, keys must be checked at the end of the transaction.
   * A replaced table is left out unless it is named: rows of the base that it does not have would be deleted.
   *
   * Throws `ShadowError` for a table without a primary key, and for more than 200,000 changes.
   */
  async diffSql(options: ShadowTableOptions = {}): Promise<readonly string[]> {
    const { table } = readTableOptions(options)
    const { texts } = await this.#store()
    const read = await this.#reading(async (reader) => {
      const tables = this.#tables(reader, table, table === undefined)
      return { tables, changes: await this.#changesOf(reader, tables) }
    })
    return [
      ...(read?.tables ?? []).flatMap((each) => addingTexts(each, texts)),
      ...orderChanges(read?.changes ?? []).map((step) => textOfStep(step, texts)),
    ]
  }

  /**
   * Local rows that rest on a row of the base which has changed or gone since: as it was, ours, theirs; and rows that both have added. A
   * copy that was not changed here counts, too, since it shows an old state. Rows that both have changed alike do not.
   */
  async conflicts(options: ShadowLookOptions = {}): Promise<ShadowConflicts> {
    const { table, limit } = readLookOptions(options)
    const { texts } = await this.#store()
    let count = 0
    const found = await this.#reading(async (reader) => {
      const rows: ShadowConflict[] = []
      for (const each of this.#tables(reader, table, true)) {
        let given = 0
        for await (const conflict of readConflicts(reader, each, texts)) {
          count++
          if (given++ < limit) rows.push(conflictReport(conflict))
        }
      }
      return rows
    })
    return { ...this.#names(), count, rows: found ?? [] }
  }

  /**
   * Throws away what was changed, in one table or in all of them: the base's rows are shown again. Copies that other changed rows refer to
   * are made again from the base as it is now.
   *
   * Throws `ShadowError`, and changes nothing, if rows of other tables would refer to ones that are gone.
   */
  async reset(options: ShadowTableOptions = {}): Promise<void> {
    const { table } = readTableOptions(options)
    refuseGuarded(this.#parts.database)
    const store = await this.#store()
    const one = table === undefined ? undefined : await this.#reading(async (reader) => this.#tables(reader, table)[0])
    if (table === undefined || one !== undefined) await store.reset(one)
  }

  /** Throws away everything that the shadow keeps in its local database. The next statement begins anew. */
  async drop(): Promise<void> {
    refuseGuarded(this.#parts.database)
    await this.#parts.forget()
    await (await this.#store()).drop()
  }

  /**
   * Makes the changes on another database, in one transaction: all of them or none. Each row is compared first with what it rests
   * on; one that has changed there is a conflict, for which `onConflict` says what becomes of it: nothing at all is promoted (`fail`); it gets
   * the values that were changed here (`ours`); it stays as it is there (`theirs`). What the row has there already is left alone, so that
   * promoting twice does no harm. The shadow stays as it is; `reset()` it once the base shows the changes.
   *
   * `preview` compares, and changes nothing. Triggers and constraints are tried by the promotion alone.
   *
   * Throws `ShadowError` if the other database lacks a column that was added here, `ShadowConflictError`, the error of a constraint, `ShadowError` for more than 200,000 changes, `ConfigError`.
   *
   * @example
   * ```ts
   * const shadow = client.shadow('dev')
   * const { conflicts, tables } = await shadow.promote({ to: 'shop', preview: true })
   * if (conflicts.length === 0) await shadow.promote({ to: 'shop' })
   * console.log(tables)
   * ```
   */
  async promote(options: PromoteOptions<A>): Promise<PromotionReport> {
    const { to, tables, onConflict: policy, preview } = readPromoteOptions(options)
    this.#checkTarget(to)
    const { texts } = await this.#store()
    const read = await this.#reading(async (reader) => {
      const all = this.#tables(reader)
      const named = tables?.map((name) => this.#tables(reader, name)[0]!)
      const chosen = named ?? all.filter(({ storage }) => storage === 'augment')
      const leftOut = await changedTables(
        reader,
        all.filter((table) => !chosen.includes(table)),
        texts,
      )
      return { tables: reader.tables, chosen, changes: await this.#changesOf(reader, chosen), leftOut }
    })
    const { alias: shadow } = this.#parts.database
    const about = { shadow, to, preview }
    if (read === undefined) return { ...about, ...promotionOf(undefined), leftOut: [] }
    const { tables: known, chosen } = read
    const terms = { shadow, to, texts, policy, preview, tables: known, chosen }
    const promoted = await this.#parts.transact(to, preview, async (tx) => {
      const target: PromotionTarget = { query: async ({ sql, params }) => await tx.query(sql, params) }
      if (!preview) await target.query({ sql: texts.deferKeys, params: [] })
      return await promoteChanges(read.changes, target, terms)
    })
    return { ...about, ...promotionOf(promoted), leftOut: read.leftOut }
  }

  #checkTarget(to: string): void {
    const { database, resolve } = this.#parts
    const target = resolve(to)
    const refuse = (why: string): never => {
      throw new ConfigError('options.to', why, `a database of ${database.engine} with one shard`)
    }
    if (target.alias === database.alias) refuse(`${show(to)} is the shadow itself.`)
    if (target.engine !== database.engine) refuse(`${show(to)} is ${target.engine}.`)
    refuseGuarded(target)
    if (target.shards.length > 1) refuse(`${show(to)} has ${target.shards.length} shards.`)
  }

  async #store(): Promise<ShadowStore> {
    return await this.#parts.store(this.#parts.database)
  }

  #names(): { readonly shadow: string; readonly base: string } {
    const { alias, shadow } = this.#parts.database
    return { shadow: alias, base: shadow?.base ?? '' }
  }

  /** `undefined`: the shadow keeps nothing yet. */
  async #reading<T>(work: (reader: ShadowReader) => T | Promise<T>): Promise<T | undefined> {
    await using reader = await (await this.#store()).read()
    return reader === undefined ? undefined : await work(reader)
  }

  /** The tables that have rows of their own, or the named one. */
  #tables({ tables }: ShadowReader, name?: string, augmentedAlone = false): readonly ShadowTable[] {
    const own = tables.filter(({ storage }) => storage === 'augment' || (storage === 'replace' && !augmentedAlone))
    if (name === undefined) return own
    const found = own.find((table) => table.name.toLowerCase() === name.toLowerCase())
    if (found !== undefined) return [found]
    throw new ConfigError(
      'options.table',
      `"${this.#parts.database.alias}" keeps no changes of ${show(name)}.`,
      own.map((table) => table.name).join(', ') || 'no table is augmented or replaced',
    )
  }

  async #changesOf(reader: ShadowReader, tables: readonly ShadowTable[]): Promise<readonly RowChange[]> {
    const { texts } = await this.#store()
    const { alias } = this.#parts.database
    const changes: RowChange[] = []
    for (const table of tables) {
      const why = incomparable(table)
      if (why !== undefined)
        throw new ShadowError(`The rows of ${table.name} on "${alias}" cannot be compared with the base's: ${why}.`)
      for await (const change of readChanges(reader, table, texts)) {
        if (changes.push(change) <= mostOrdered) continue
        throw new ShadowError(
          `"${alias}" has more than ${mostOrdered} changes, which are too many to put them in order. Take the tables one by one.`,
        )
      }
    }
    return changes
  }
}

function refuseGuarded({ alias, noWrites }: Database): void {
  if (noWrites !== undefined) throw new NoWritesError(`"${alias}" takes no writes: ${noWrites}. Nothing was sent.`)
}
