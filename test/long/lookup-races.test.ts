import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SignalboxError, type Config } from '../../src/index.ts'
import { Random } from '../../src/testing/history/random.ts'
import { sqlFor } from '../support/dialect.ts'
import {
  interceptedDrivers,
  lookupSteps,
  type Interception,
  type Interceptor,
  type LookupStep,
} from '../support/intercepted-drivers.ts'
import {
  assertInvariant,
  startLookupCustomers,
  type LookupClient,
  type LookupCustomers,
} from '../support/lookup-customers.ts'
import { testedEngines } from '../support/servers.ts'

/** What has become of the value before two want it. */
const pasts = [
  'is new',
  'is left of a write that came to nothing',
  'was that of a row that is gone',
  'was that of the same row',
] as const
type Past = (typeof pasts)[number]

const moments = ['before', 'after'] as const

/** As long as the second one waits for the first that is held up. */
const waitMs = 400

function impatient(config: Config): Config {
  const { customer, ...others } = config.tables as unknown as Record<string, { lookups: Record<string, object> }>
  const email = { ...customer?.lookups['email'], waitMs }
  return { ...config, tables: { ...others, customer: { ...customer, lookups: { email } } } } as unknown as Config
}

/** What a write that may fail comes to. */
async function outcomeOf(work: Promise<unknown>): Promise<'done' | SignalboxError> {
  try {
    await work
    return 'done'
  } catch (error) {
    if (error instanceof SignalboxError) return error
    throw error
  }
}

/** Two clients that want the same values: the first one's steps can be told what becomes of them. */
class Race implements AsyncDisposable {
  readonly shop: LookupCustomers
  readonly first: LookupClient
  readonly second: LookupClient
  /** Of the first client. */
  interceptor: Interceptor = {}
  #number = 0

  private constructor(shop: LookupCustomers, first: LookupClient, second: LookupClient, hands: { race?: Race }) {
    this.shop = shop
    this.first = first
    this.second = second
    hands.race = this
  }

  static async start(shop: LookupCustomers, leftOut?: LookupStep): Promise<Race> {
    const hands: { race?: Race } = {}
    const leave = (name: string): Interception => (name === leftOut ? 'leave out' : undefined)
    const first = await shop.connect((config) => config, {
      drivers: interceptedDrivers({
        before: async (step) => leave(step.name) ?? (await hands.race?.interceptor.before?.(step)),
        after: async (step) => await hands.race?.interceptor.after?.(step),
      }),
    })
    const second = await shop.connect(impatient, { drivers: interceptedDrivers({ before: ({ name }) => leave(name) }) })
    return new Race(shop, first, second, hands)
  }

  sql(text: string): string {
    return sqlFor(this.shop.engine, text)
  }

  /** A value with a past, that nobody has now. */
  async value(past: Past): Promise<string> {
    const value = `v${(this.#number += 1)}@example.org`
    const client = this.second
    if (past === 'is left of a write that came to nothing') {
      const failing = client.transaction(async (tx) => {
        await tx.query(this.insert, [9, value])
        throw new Error('rolled back')
      })
      await expect(failing).rejects.toThrow('rolled back')
    }
    if (past === 'was that of a row that is gone') {
      await client.query(this.insert, [9, value])
      await client.query('delete from customer where id = 9')
    }
    await client.query(this.insert, [2, past === 'was that of the same row' ? value : null])
    if (past === 'was that of the same row') await client.query('update customer set email = null where id = 2')
    return value
  }

  get insert(): string {
    return this.sql('insert into customer (id, email) values (?, ?)')
  }

  async write(client: LookupClient, id: number, value: string): Promise<'done' | SignalboxError> {
    const update = this.sql('update customer set email = ? where id = ?')
    return await outcomeOf(id === 2 ? client.query(update, [value, id]) : client.query(this.insert, [id, value]))
  }

  async clear(): Promise<void> {
    this.interceptor = {}
    await this.second.query('delete from customer', [], { allShards: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.first.close()
    await this.second.close()
  }
}

// The keys 2, 4 and 9 are on three shards.
/** The first one is held up at a step while the second one writes the same value; then it goes on. */
async function holdUp(race: Race, step: LookupStep, moment: 'before' | 'after', past: Past): Promise<string[]> {
  const value = await race.value(past)
  const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let isHeld = false
  const hold = async (name: string): Promise<undefined> => {
    if (isHeld || name !== step) return
    isHeld = true
    reached.resolve()
    await goOn.promise
  }
  race.interceptor = {
    ...(moment === 'before' ? { before: async ({ name }) => await hold(name) } : {}),
    ...(moment === 'after' ? { after: async ({ name }) => await hold(name) } : {}),
  }
  const first = race.write(race.first, 2, value)
  await Promise.race([reached.promise, first])
  const second = await race.write(race.second, 4, value)
  goOn.resolve()
  const outcomes = [await first, second]
  return outcomes.map((outcome) => (outcome === 'done' ? outcome : outcome.code))
}

describe.each(testedEngines)('two who want the same value, on %s', (engine) => {
  let shop: LookupCustomers
  let race: Race
  beforeAll(async () => {
    shop = await startLookupCustomers(engine)
    race = await Race.start(shop)
  })
  afterAll(async () => await shop[Symbol.asyncDispose]())

  describe.each(pasts)('which %s', (past) => {
    it('the first held up at each step: one has it at most, and whoever fails is told so', async () => {
      let both = 0
      for (const step of lookupSteps) {
        for (const moment of moments) {
          const outcomes = await holdUp(race, step, moment, past)
          const owners = await assertInvariant(shop)
          const where = `${moment} ${step}: ${outcomes.join(', ')}`
          expect(owners.size, where).toBe(outcomes.filter((outcome) => outcome === 'done').length)
          expect(
            outcomes.filter(
              (outcome) => !/^(?:done|SIGNALBOX_(?:CONSTRAINT|LOOKUP_BUSY|SERIALIZATION))$/.test(outcome),
            ),
            where,
          ).toEqual([])
          both += owners.size
          await race.clear()
        }
      }
      // Somebody gets it nearly always.
      expect(both).toBeGreaterThan(lookupSteps.length)
    })

    it('the first cut off at each step: its row is there with its entry, or the value is free', async () => {
      for (const step of lookupSteps) {
        for (const moment of moments) {
          const value = await race.value(past)
          let isCut = false
          race.interceptor = {
            before: ({ name }) => {
              if (isCut || name !== step) return undefined
              isCut = true
              return moment === 'before' ? 'lose before' : 'lose after'
            },
          }
          const first = await race.write(race.first, 2, value)
          const where = `${moment} ${step}: ${first === 'done' ? first : first.code}`
          expect(first === 'done' || /LOST|UNKNOWN/.test(first.code), where).toBe(true)
          const had = await assertInvariant(shop)
          if (first === 'done') expect(had.get(value), where).toBe(2)
          const second = await race.write(shop.client, 4, value)
          expect(second === 'done' ? second : second.code, where).toBe(had.has(value) ? 'SIGNALBOX_CONSTRAINT' : 'done')
          await assertInvariant(shop)
          await race.clear()
        }
      }
    })
  })
})

describe('each step is needed', () => {
  it.each(['insert entry', 'fence', 'look for row', 'replace entry', 'claim'] as const)('%s', async (leftOut) => {
    await using shop = await startLookupCustomers('sqlite')
    await using race = await Race.start(shop, leftOut)
    for (const past of pasts) {
      for (const step of lookupSteps) {
        for (const moment of moments) {
          await holdUp(race, step, moment, past)
          const isRight = await assertInvariant(shop).then(
            () => true,
            () => false,
          )
          if (!isRight) return
          await race.clear()
        }
      }
    }
    expect.fail('nothing went wrong without it')
  })
})

describe.each(testedEngines)('many who want few values, on %s', (engine) => {
  it('keep the invariant, whatever is rolled back or cut off', async () => {
    await using shop = await startLookupCustomers(engine)
    const seed = Number(process.env['FC_SEED'] ?? 20_261_121)
    const cuts = Random.ofPart(seed, 99)
    const drivers = interceptedDrivers({
      before: ({ name }) =>
        name !== 'other' && cuts.chance(0.02) ? (cuts.chance(0.5) ? 'lose before' : 'lose after') : undefined,
    })
    const clients = [shop.client, await shop.connect(impatient), await shop.connect(impatient, { drivers })]
    const sql = (text: string): string => sqlFor(engine, text)
    const upsert =
      engine === 'mysql'
        ? 'insert into customer (id, email, name) values (?, ?, ?) on duplicate key update name = values(name)'
        : sql(
            'insert into customer (id, email, name) values (?, ?, ?) on conflict (id) do update set name = excluded.name',
          )
    const counts = new Map<string, number>()
    const worker = async (number: number): Promise<void> => {
      const random = Random.ofPart(seed, number)
      for (let turn = 0; turn < 50; turn += 1) {
        const client = clients[random.below(clients.length)]!
        const id = 1 + random.below(6)
        const email = `v${random.below(4)}@example.org`
        const kinds: readonly (() => Promise<unknown>)[] = [
          () => client.query(sql('insert into customer (id, email) values (?, ?)'), [id, email]),
          () => client.query(upsert, [id, email, `turn ${turn}`]),
          () => client.query(sql('update customer set email = ? where id = ?'), [email, id]),
          () => client.query(sql('update customer set email = null where id = ?'), [id]),
          () => client.query(sql('delete from customer where email = ?'), [email]),
          () => client.query(sql('select id from customer where email = ?'), [email]),
          () =>
            client.transaction(async (tx) => {
              await tx.query(sql('delete from customer where id = ?'), [id])
              await tx.query(sql('insert into customer (id, email) values (?, ?)'), [id, email])
              if (random.chance(0.5)) throw new QuietError()
            }),
        ]
        const outcome = await outcomeOf(
          kinds[random.below(kinds.length)]!().catch((error: unknown) => {
            if (!(error instanceof QuietError)) throw error
          }),
        )
        const code = outcome === 'done' ? outcome : outcome.code
        counts.set(code, (counts.get(code) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: 8 }, async (_, number) => await worker(number)))
    await assertInvariant(shop)
    expect(counts.get('done')).toBeGreaterThan(100)
    expect(counts.get('SIGNALBOX_CONSTRAINT')).toBeGreaterThan(5)
    const expected = /^(?:done|SIGNALBOX_(?:CONSTRAINT|LOOKUP_BUSY|SERIALIZATION|CONNECTION_LOST|COMMIT_UNKNOWN))$/
    expect([...counts.keys()].filter((code) => !expected.test(code))).toEqual([])
    // Whatever was left behind, each value can be had.
    await shop.client.query('delete from customer', [], { allShards: true })
    for (let value = 0; value < 4; value += 1)
      await shop.client.query(sql('insert into customer (id, email) values (?, ?)'), [
        value + 1,
        `v${value}@example.org`,
      ])
    expect((await assertInvariant(shop)).size).toBe(4)
  }, 120_000)
})

/** An error of the application's. */
class QuietError extends Error {}
