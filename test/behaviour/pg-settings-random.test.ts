import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { pgFor } from '../../src/adapters/pg.ts'
import { connect } from '../../src/index.ts'
import { Random } from '../../src/testing/history/random.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'

const seed = Number(process.env['FC_SEED'] ?? 20_261_121)
const [clients, steps] = [8, 120]
/** Division by zero; in a failed transaction; a write in a read-only one. */
const expected = new Set(['22012', '25P02', 'SIGNALBOX_READ_ONLY_TRANSACTION'])
const zones = ['UTC', 'Asia/Tokyo', 'America/Lima']
const text = "select current_setting('app.who', true) as who, current_setting('TimeZone') as zone, count(*) from item"

type Settings = Readonly<Record<'app.who' | 'timezone', string | undefined>>

/** What the settings of one client have to be, by what has been answered. */
class Model {
  now: Settings = { 'app.who': undefined, timezone: undefined }
  before: Settings | undefined
  savepoint: Settings | undefined
  isFailed = false
}

/** One client that does one thing after the other, and looks at its settings all the time. */
class Walker {
  readonly #client: pg.Client
  readonly #random: Random
  readonly #model = new Model()
  readonly #name: string
  looks = 0
  lost = 0

  constructor(client: pg.Client, random: Random, name: string) {
    this.#client = client
    this.#random = random
    this.#name = name
  }

  /** On, if need be, until a connection has been lost under somebody's hands, and not between two statements. */
  async walk(isEnough: () => boolean): Promise<void> {
    const model = this.#model
    for (let step = 0; step < steps || (step < steps * 10 && !isEnough()); step++) {
      try {
        await this.#step()
      } catch (error) {
        const { code, message } = error as { code?: string; message: string }
        const isLoss = /^57P0|^08|25P03/.test(code ?? '') || /terminat|connection/i.test(message)
        if (!isLoss && !expected.has(code ?? '')) throw error
        if (isLoss) this.lost++
        if (model.before !== undefined) model.isFailed = true
      }
    }
    if (model.before !== undefined) await this.#client.query('rollback').catch(() => undefined)
  }

  async #step(): Promise<void> {
    const model = this.#model
    const { before } = model
    const dice = this.#random.below(20)
    if (model.isFailed || (before !== undefined && dice < 2)) return await this.#end('rollback')
    if (dice < 4) return before === undefined ? await this.#begin() : await this.#end('commit')
    if (dice < 7) return await this.#set()
    if (dice === 7) return await this.#reset()
    if (dice === 8) await this.#client.query('select 1 / 0')
    if (dice === 9 && before !== undefined) return await this.#savepoint()
    if (dice === 10) {
      const both = (await this.#client.query(`select 1; ${text}`)) as unknown as readonly pg.QueryResult[]
      return this.#look(both[1]!.rows[0])
    }
    if (dice === 11) {
      const { rows } = await this.#client.query(
        `insert into log (who, zone) select current_setting('app.who', true), current_setting('TimeZone') returning *`,
      )
      return this.#look(rows[0])
    }
    if (dice === 12) {
      const rows: unknown[] = []
      await new Promise<void>((resolve, reject) => {
        const query = this.#client.query(new pg.Query(text))
        query.on('row', (row) => void rows.push(row)).on('end', () => resolve())
        query.on('error', reject)
      })
      return this.#look(rows[0])
    }
    this.#look((await this.#client.query(text)).rows[0])
  }

  async #begin(): Promise<void> {
    const model = this.#model
    await this.#client.query(this.#random.chance(0.5) ? 'begin read only' : 'begin')
    model.before = model.now
    model.savepoint = undefined
    if (this.#random.chance(0.5)) {
      await this.#client.query("set local app.who = 'nobody'")
      expect((await this.#client.query(text)).rows[0]).toMatchObject({ who: 'nobody' })
      await this.#set('app.who')
    }
  }

  async #end(verb: 'commit' | 'rollback'): Promise<void> {
    const model = this.#model
    const { before, isFailed } = model
    model.before = undefined
    model.isFailed = false
    if (verb === 'rollback' || isFailed) model.now = before!
    try {
      const { command } = await this.#client.query(verb)
      // The server's word for a COMMIT of what has failed.
      if (command === 'ROLLBACK') model.now = before!
    } catch (error) {
      // Whether it is committed is not known.
      if (verb === 'commit') model.now = before!
      throw error
    }
  }

  async #set(name: keyof Settings = this.#random.chance(0.7) ? 'app.who' : 'timezone'): Promise<void> {
    const value =
      name === 'timezone' ? zones[this.#random.below(zones.length)]! : `${this.#name}.${this.#random.below(3)}`
    if (this.#random.chance(0.5)) await this.#client.query(`set ${name} = '${value}'`)
    else await this.#client.query('select set_config($1, $2, false)', [name, value])
    this.#model.now = { ...this.#model.now, [name]: value }
  }

  async #reset(): Promise<void> {
    const isAll = this.#random.chance(0.3)
    await this.#client.query(isAll ? 'reset all' : 'reset timezone')
    this.#model.now = isAll ? new Model().now : { ...this.#model.now, timezone: undefined }
  }

  async #savepoint(): Promise<void> {
    const model = this.#model
    if (model.savepoint === undefined) {
      await this.#client.query('savepoint here')
      model.savepoint = model.now
    } else {
      await this.#client.query('rollback to here')
      model.now = model.savepoint
    }
  }

  #look(row: unknown): void {
    this.looks++
    const { who, zone } = row as { who: string | null; zone: string }
    const { now } = this.#model
    expect({ who: who ?? '', zone }).toEqual({ who: now['app.who'] ?? '', zone: now.timezone ?? 'Etc/GMT+5' })
  }
}

describe.runIf(testedEngines.includes('postgres'))('settings of virtual clients, at random', () => {
  it(`are each client’s own, while connections are lost (seed ${seed})`, { timeout: 120_000 }, async () => {
    await using cluster = await privateCluster('postgres', { replicas: 1 })
    const { primary, replicas } = await cluster.createDatabase()
    const zoned = (dsn: string): string => `${dsn}?options=-c%20TimeZone=Etc/GMT%2B5&application_name=tested`
    await using client = await connect({
      databases: { default: { primary: zoned(primary), replicas: replicas.map(zoned) } },
      pool: { maxConnections: 3 },
      replication: { waitMs: 10_000, holdMs: 30_000 },
    })
    await client.query('create table item (id integer primary key)')
    await client.query('create table log (who text, zone text)')
    const module = pgFor(client)
    const killers = await Promise.all(
      [primary, ...replicas].map(async (dsn) => {
        const killer = new pg.Client(dsn)
        await killer.connect()
        return killer
      }),
    )
    const random = new Random(seed)
    const walkers = await Promise.all(
      Array.from({ length: clients }, async (_, n) => {
        const virtual = new module.Client()
        virtual.on('error', () => undefined)
        await virtual.connect()
        return new Walker(virtual, Random.ofPart(seed, n), `client ${n}`)
      }),
    )
    const over = new AbortController()
    const kills = (async () => {
      while (!over.signal.aborted) {
        const killer = killers[random.below(killers.length)]!
        // Every other time one that is at something, which no one can do again behind the back of its user.
        const busy = random.chance(0.5) ? "state <> 'idle' desc," : ''
        await killer.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tested' order by ${busy} random() limit 1`,
        )
        await new Promise((resolve) => setTimeout(resolve, 50 + random.below(200)))
      }
    })()
    let ordinary = 0
    const others = (async () => {
      while (!over.signal.aborted) {
        const { rows } = await client.query<{ who: string | null; zone: string }>(text).catch(() => ({ rows: [] }))
        for (const { who, zone } of rows) expect({ who: who ?? '', zone }).toEqual({ who: '', zone: 'Etc/GMT+5' })
        ordinary += rows.length
      }
    })()
    const lost = (): number => walkers.reduce((sum, walker) => sum + walker.lost, 0)
    try {
      await Promise.all(walkers.map(async (walker) => await walker.walk(() => lost() > 0)))
    } finally {
      over.abort()
      await Promise.all([kills, others])
      await Promise.all(killers.map(async (killer) => await killer.end()))
    }
    expect(walkers.reduce((sum, { looks }) => sum + looks, 0)).toBeGreaterThan(clients * steps * 0.3)
    expect(lost()).toBeGreaterThan(0)
    expect(ordinary).toBeGreaterThan(20)
  })
})
