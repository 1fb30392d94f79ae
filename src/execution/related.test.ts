import { describe, expect, it } from 'vitest'
import { connect } from '../connect.ts'
import type { Client } from '../client.ts'
import type { Config } from '../config.ts'
import { simulateDrivers, type SimulatedServer } from '../testing/simulated-driver.ts'

const shop = 'postgres://bob@db.example/shop'
const reviews = 'mysql://bob@db.example/reviews'

async function setUp(
  config: Partial<Config> = {},
): Promise<{ client: Client; shop: SimulatedServer; reviews: SimulatedServer }> {
  const simulated = simulateDrivers()
  const client = await connect(
    { databases: { default: shop, reviews }, tables: { review: 'reviews' }, ...config } as Config,
    { drivers: simulated.drivers },
  )
  return { client, shop: simulated.server(shop), reviews: simulated.server(reviews) }
}

const answers = (server: SimulatedServer, rows: readonly unknown[]): void => server.answerWith(() => rows)

describe('related rows', () => {
  it('are asked for in the dialect of the database that answers, also where a router or the call chose it', async () => {
    const product = [{ product_id: 1 }]
    const routers = [{ route: () => 'reviews' }]
    for (const [config, call] of [
      [{ routers }, undefined],
      [{ routers, databases: { shop, reviews } }, undefined],
      [{}, { using: 'reviews' }],
    ] as const) {
      const simulated = await setUp(config)
      await simulated.client.related(product, { key: 'product_id', table: 'product' }, call)
      expect(simulated.reviews.steps.map(({ detail }) => detail)).toEqual(['select * from `product` where `id` in (?)'])
    }
  })

  it('have no home where nothing says so: an alias of the same name is none', async () => {
    const { client } = await setUp({ databases: { a: shop, product: reviews }, tables: {} })
    await expect(client.related([{ id: 1 }], { key: 'id', table: 'product' })).rejects.toMatchObject({
      code: 'SIGNALBOX_NO_ROUTE',
    })
  })

  it('are objects, whatever the call says', async () => {
    const { client, shop: server } = await setUp()
    const modes: unknown[] = []
    server.answerWith((_, request) => void modes.push(request?.rowMode))
    await client.related([{ id: 1 }], { key: 'id', table: 'product' }, { rowMode: 'array' })
    expect(modes).toEqual(['object'])
  })

  it('belong to a key that the database holds equal: its case, its padding, its trailing zeros', async () => {
    const { client, shop: server } = await setUp()
    const rows = [{ id: 'D9428888-122B-11E1-B85C-61CD3CBB3210' }, { id: 'ab' }, { id: 1.5 }, { id: 'lost' }]
    answers(server, [{ id: 'd9428888-122b-11e1-b85c-61cd3cbb3210' }, { id: 'ab   ' }, { id: '1.50' }])
    const found = await client.related(rows, { key: 'id', table: 'product' })
    expect(rows.map((row) => found.of(row)?.['id'])).toEqual([
      'd9428888-122b-11e1-b85c-61cd3cbb3210',
      'ab   ',
      '1.50',
      undefined,
    ])
    expect(found.missing).toEqual(['lost'])
  })

  it('do not belong to a key that only looks alike, where the database tells them apart', async () => {
    const { client, shop: server } = await setUp()
    answers(server, [{ id: 'A' }])
    const found = await client.related([{ id: 'a' }, { id: 'A' }], { key: 'id', table: 'product' })
    expect(found.of({ id: 'A' })).toEqual({ id: 'A' })
    expect(found.of({ id: 'a' })).toBeUndefined()
    expect(found.missing).toEqual(['a'])
  })

  it('are found by a column whatever its case; one that they lack is an error, not a row that is missing', async () => {
    const { client, reviews: server } = await setUp()
    answers(server, [{ id: 1 }])
    const found = await client.related([{ key: 1 }], { key: 'key', table: 'review', column: 'ID' })
    expect(found.missing).toEqual([])
    await expect(client.related([{ key: 1 }], { key: 'key', table: 'review', column: 'number' })).rejects.toMatchObject(
      { code: 'SIGNALBOX_PARAMETERS' },
    )
  })

  it('are asked for with few texts, so that each is prepared once', async () => {
    const { client, reviews: server } = await setUp()
    const keys = (count: number): { id: number }[] => Array.from({ length: count }, (_, id) => ({ id }))
    for (const count of [3, 4, 5, 8, 300, 500]) await client.related(keys(count), { key: 'id', table: 'review' })
    expect(server.steps.map(({ detail }) => detail.split('?').length - 1)).toEqual([4, 4, 8, 8, 500, 500])
  })

  it('have keys that can be compared', async () => {
    const { client } = await setUp()
    for (const id of [{ a: 1 }, [1], () => 1, new Date(Number.NaN)])
      await expect(client.related([{ id }], { key: 'id', table: 'product' })).rejects.toMatchObject({
        code: 'SIGNALBOX_PARAMETERS',
      })
    answers((await setUp()).shop, [])
    const none = await client.related<{ id: number | null }>([{ id: null }], { key: 'id', table: 'product' })
    expect(none).toMatchObject({ rows: [], missing: [], routes: [] })
  })
})
