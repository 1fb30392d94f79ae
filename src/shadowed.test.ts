import { expect, it } from 'vitest'
import { connect } from './connect.ts'
import { defineConfig } from './define-config.ts'
import { shadowed } from './shadowed.ts'

const config = defineConfig({
  databases: {
    default: 'shop',
    shop: { primary: 'sqlite:./shop.db', replicas: ['sqlite:./copy.db'] },
    other: 'sqlite:./other.db',
  },
  tables: { review: 'other', 'product*': 'shop' },
})
const overlay = { local: 'sqlite:./dev.db', tables: { product: 'augment', log: 'replace' } } as const

it('lets aliases lead to the shadow, and the database go on as its base', async () => {
  const before = structuredClone(config)
  const over = shadowed(config, { default: overlay })
  expect(over).toEqual({
    ...config,
    databases: {
      default: 'shop',
      shop: { shadow: { base: 'shop_base', local: 'sqlite:./dev.db' }, tables: overlay.tables },
      shop_base: config.databases.shop,
      other: 'sqlite:./other.db',
    },
  })
  expect(config).toEqual(before)
  await using client = await connect(over)
  expect(client.explain('select * from product').database).toBe('shop')
  expect(client.explain('select * from review').database).toBe('other')
  expect(client.topology.databases.get('shop')?.shadow?.base).toBe('shop_base')
})

it('refuses an alias that is not declared, or a base whose alias is taken', () => {
  expect(() => shadowed(config, { shp: overlay } as never)).toThrow(
    'overlays.shp: There is no database "shp". Declared: "default", "shop", "other". Did you mean "shop"?',
  )
  expect(() => shadowed(shadowed(config, { shop: overlay }), { shop: overlay })).toThrow(
    'overlays.shop: The base would be called "shop_base", and there is one already.',
  )
})

it('says of each table of a statement where its rows come from', async () => {
  await using client = await connect(shadowed(config, { shop: overlay }))
  const shown = (sql: string): readonly string[] =>
    client.explain(sql).reasons.flatMap(({ rule, text }) => (rule === 'shadow' ? [text] : []))
  expect(shown('select * from product p join product_tag t on t.product_id = p.id, log')).toEqual([
    'product: rows of "shop_base", with the local ones of "shop" laid over them',
    'product_tag: rows of "shop_base" as they are',
    'log: local rows of "shop" alone',
  ])
  expect(shown('insert into log select name from product')).toEqual([
    'log: local rows of "shop" are changed',
    'product: rows of "shop_base", with the local ones of "shop" laid over them',
  ])
  expect(shown('update product set price = 1')).toEqual([
    'product: local rows of "shop" are changed; rows of "shop_base" that the statement meets are copied first',
  ])
  expect(shown('delete from product_tag')).toEqual([
    'product_tag: refused if "shop_base" has it, which is never written',
  ])
  expect(client.explain('select * from review').reasons.map(({ rule }) => rule)).not.toContain('shadow')
})

it('goes on keeping writes from the database itself', async () => {
  await using client = await connect(shadowed({ ...config, noWritesTo: ['default', 'other'] }, { shop: overlay }))
  const guarded = [...client.topology.databases.values()].filter(({ noWrites }) => noWrites !== undefined)
  expect(guarded.map(({ alias }) => alias).sort()).toEqual(['other', 'shop_base'])
})
