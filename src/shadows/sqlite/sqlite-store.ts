import { existsSync } from 'node:fs'
import type { Driver, Lease, PoolOptions } from '../../drivers/driver.ts'
import { parseSqliteDsn } from '../../drivers/sqlite/dsn.ts'
import type { ShadowPlace } from '../open-shadow.ts'
import { LeaseReader } from '../changes/lease-reader.ts'
import type { CreatedShadow, ShadowReader, ShadowStore } from '../changes/shadow-store.ts'
import { localName, originalName, type ShadowTable } from '../shadow-table.ts'
import { alterShadow } from './alter-shadow.ts'
import { columnTable } from './column-record.ts'
import { recordTable } from './create-shadow.ts'
import { knownName } from './known-keys.ts'
import { quote } from './quote.ts'
import type { Ask } from './read-tables.ts'
import { resetAllSql, resetOne, type Send } from './reset-shadow.ts'
import { attachBase, keptTables, readRecord } from './sqlite-shadow.ts'
import { sqliteTexts } from './sqlite-texts.ts'

/** What a shadow keeps in a SQLite file. Each call opens the file for itself: what is done here is rare, and sees it without its overlay. */
export class SqliteShadowStore implements ShadowStore {
  readonly engine = 'sqlite'
  readonly texts = sqliteTexts
  readonly #driver: Driver
  readonly #place: ShadowPlace
  readonly #options: PoolOptions
  readonly #localFile: string
  readonly #attach: string

  constructor(driver: Driver, place: ShadowPlace, options: PoolOptions, files: { local: string; base: string }) {
    this.#driver = driver
    this.#place = place
    this.#options = options
    this.#localFile = parseSqliteDsn(files.local).file
    this.#attach = attachBase(parseSqliteDsn(files.base).file)
  }

  async create(): Promise<CreatedShadow> {
    const { alias, shadow } = this.#place
    return await this.#changed(async (ask, send) => await alterShadow(ask, send, alias, shadow))
  }

  async read(): Promise<ShadowReader | undefined> {
    if (!existsSync(this.#localFile)) return undefined
    const pool = await this.#driver.open(this.#place.local, { ...this.#options, setup: [this.#attach] })
    return await LeaseReader.open(pool, { readOnly: true }, async (lease) => {
      const ask = askOn(lease)
      const recorded = await readRecord(ask)
      return recorded && (await keptTables(ask, recorded))
    })
  }

  async reset(table: ShadowTable | undefined): Promise<void> {
    if (!existsSync(this.#localFile)) return
    await this.#changed(async (ask, send) => {
      const recorded = await readRecord(ask)
      const tables = recorded === undefined ? [] : await keptTables(ask, recorded)
      if (table === undefined) await send(resetAllSql(tables))
      else await resetOne(table, tables, this.#place.alias, ask, send)
    })
  }

  async drop(): Promise<void> {
    if (!existsSync(this.#localFile)) return
    await this.#changed(async (ask, send) => {
      const recorded = await readRecord(ask)
      if (recorded === undefined) return
      const names = [...recorded].flatMap(([name, storage]) =>
        storage === 'replace' ? [name] : [localName(name), originalName(name), knownName(name)],
      )
      await send([...names, recordTable, columnTable].map((name) => `DROP TABLE IF EXISTS main.${quote(name)}`))
    })
  }

  /** One transaction that checks no foreign keys: what is done here keeps them, or drops their tables. */
  async #changed<T>(work: (ask: Ask, send: Send) => Promise<T>): Promise<T> {
    const setup = [this.#attach, 'PRAGMA foreign_keys = OFF']
    const pool = await this.#driver.open(this.#place.local, { ...this.#options, setup })
    try {
      const lease = await pool.lease({ access: 'write' })
      try {
        await lease.begin({})
        const result = await work(askOn(lease), async (statements) => {
          for (const sql of statements) await lease.query({ sql, params: [], access: 'write' })
        })
        await lease.commit()
        return result
      } finally {
        await lease.release('destroy')
      }
    } finally {
      await pool.close()
    }
  }
}

function askOn(lease: Lease): Ask {
  return async (sql) =>
    (await lease.query({ sql, params: [], access: 'read' })).rows as readonly Readonly<Record<string, unknown>>[]
}
