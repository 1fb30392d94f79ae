import type { Driver, DriverPool, PoolOptions } from '../../drivers/driver.ts'
import type { Analysis } from '../../statement/analysis.ts'
import { LeaseReader } from '../changes/lease-reader.ts'
import type { CreatedShadow, ShadowReader, ShadowStore } from '../changes/shadow-store.ts'
import type { ShadowPlace } from '../open-shadow.ts'
import type { ShadowTable } from '../shadow-table.ts'
import { serverName } from './creation.ts'
import { keptSchemas } from './names.ts'
import { openPostgresShadow, postgresBase } from './postgres-shadow.ts'
import type { PostgresTable } from './postgres-table.ts'
import { postgresTexts } from './postgres-texts.ts'
import { askOn, type Ask } from './read-base.ts'
import type { Run } from './make-shadow.ts'
import { resetAllSql, resetOne, type ResetPlace } from './reset-shadow.ts'
import { isMade, keptTables, recordedTables, shadowPlaces } from './shadow-record.ts'

/** What a shadow keeps in a PostgreSQL database. Each call opens connections for itself: what is done here is rare. */
export class PostgresShadowStore implements ShadowStore {
  readonly engine = 'postgres'
  readonly texts = postgresTexts
  readonly #driver: Driver
  readonly #place: ShadowPlace
  readonly #options: PoolOptions
  readonly #parts: { readonly base: string; readonly analyze: (sql: string) => Analysis }

  constructor(
    driver: Driver,
    place: ShadowPlace,
    options: PoolOptions,
    parts: { readonly base: string; readonly analyze: (sql: string) => Analysis },
  ) {
    this.#driver = driver
    this.#place = place
    this.#options = options
    this.#parts = parts
  }

  async create(): Promise<CreatedShadow> {
    const { alias, shadow } = this.#place
    const { base, analyze } = this.#parts
    return await this.#withPool(async (pool) => {
      const readable = postgresBase(this.#driver, base, this.#options)
      const parts = { alias, shadow, analyze, alters: true }
      const { catalogue, made } = await openPostgresShadow(pool, readable, parts)
      return { tables: catalogue.tables.map(({ name, storage }) => ({ name, storage })), made }
    })
  }

  async read(): Promise<ShadowReader | undefined> {
    const pool = await this.#driver.open(this.#place.local, this.#options)
    return await LeaseReader.open(pool, { isolation: 'repeatable read', readOnly: true }, async (lease) => {
      const ask = askOn(lease)
      return (await isMade(ask)) ? keptTables(await recordedTables(ask)) : undefined
    })
  }

  async reset(table: ShadowTable | undefined): Promise<void> {
    await this.#changed(async (place, ask, run) => {
      const own = place.tables.find(({ name }) => name === table?.name)
      if (table === undefined) for (const sql of resetAllSql(place)) await run(sql)
      else if (own !== undefined) await resetOne(own, place, ask, run)
    })
  }

  async drop(): Promise<void> {
    await this.#changed(async ({ tables }, ask, run) => {
      const replaced = new Set(tables.filter(({ storage }) => storage === 'replace').map(({ name }) => name))
      const made = await shadowPlaces(ask)
      for (const { name, facts } of await recordedTables(ask))
        await run(`DROP ${replaced.has(name) ? 'TABLE' : 'VIEW'} IF EXISTS ${facts.shown} CASCADE`)
      for (const each of made.schemas)
        for (const schema of keptSchemas(each === made.main ? undefined : each))
          await run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      await run(`DROP SERVER IF EXISTS ${serverName} CASCADE`)
      for (const name of made.sequences) await run(`DROP SEQUENCE IF EXISTS ${name} CASCADE`)
    })
  }

  /** One transaction on what is kept; does nothing if there is nothing. */
  async #changed(work: (place: ResetPlace, ask: Ask, run: Run) => Promise<void>): Promise<void> {
    await this.#withPool(async (pool) => {
      await onLease(pool, 'write', async (ask, run) => {
        if (!(await isMade(ask))) return
        const tables: readonly PostgresTable[] = keptTables(await recordedTables(ask))
        await work({ alias: this.#place.alias, tables }, ask, run)
      })
    })
  }

  async #withPool<T>(work: (pool: DriverPool) => Promise<T>): Promise<T> {
    const pool = await this.#driver.open(this.#place.local, this.#options)
    try {
      return await work(pool)
    } finally {
      await pool.close()
    }
  }
}

async function onLease<T>(
  pool: DriverPool,
  access: 'read' | 'write',
  work: (ask: Ask, run: Run) => Promise<T>,
): Promise<T> {
  const lease = await pool.lease({ access })
  try {
    await lease.begin({})
    const result = await work(askOn(lease), async (sql) => {
      await lease.query({ sql, params: [], access: 'write', prepare: false })
    })
    await lease.commit()
    return result
  } finally {
    await lease.release('destroy')
  }
}
