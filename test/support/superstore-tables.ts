import { readRetailData, type Order, type RetailData } from '../../demo/retail-data.ts'
import type { StoredTable } from './sharded-tables.ts'

/** The sharded ones, all by their customer. The others have a copy on each shard. */
export const superstoreShardKeys = {
  customer: 'id',
  purchase: 'customer_id',
  purchase_line: 'customer_id',
  purchase_return: 'customer_id',
} as const

/**
 * The Superstore data as the tables of a shop. It has no e-mail addresses, no returns, and no customers without a purchase:
 * these are made up, the same in every run.
 */
export async function superstoreTables(): Promise<readonly StoredTable[]> {
  const data = await readRetailData()
  const ordersById = new Map(data.orders.map((order) => [order.id, order]))
  return [
    ...places(data),
    {
      name: 'product',
      columns: { id: 'text', name: 'name', category: 'text', sub_category: 'text' },
      primaryKey: 'id',
      rows: data.products.map(({ id, name, category, subCategory }) => [id, name, category, subCategory]),
    },
    customers(data),
    {
      name: 'purchase',
      columns: {
        customer_id: 'text',
        id: 'text',
        placed: 'day',
        shipped: 'day',
        ship_mode: 'text',
        city: 'name',
        state: 'text',
      },
      primaryKey: 'id',
      indexes: ['customer_id, placed'],
      rows: data.orders.map(({ customerId, id, orderedOn, shippedOn, shipMode, city, state }) => [
        customerId,
        id,
        orderedOn,
        shippedOn,
        shipMode,
        city,
        state,
      ]),
    },
    {
      name: 'purchase_line',
      columns: {
        customer_id: 'text',
        purchase_id: 'text',
        id: 'integer',
        product_id: 'text',
        quantity: 'integer',
        sales: 'price',
        discount: 'integer',
        profit: 'price',
      },
      primaryKey: 'id',
      indexes: ['customer_id, purchase_id, product_id', 'purchase_id', 'product_id'],
      rows: data.lines.map(({ orderId, id, productId, quantity, sales, discountPercent, profit }) => [
        ordersById.get(orderId)!.customerId,
        orderId,
        id,
        productId,
        quantity,
        sales,
        discountPercent,
        profit,
      ]),
    },
    returns(data),
  ]
}

function places({ orders }: RetailData): readonly StoredTable[] {
  const states = new Map(orders.map(({ state, region }) => [state, region]))
  return [
    {
      name: 'region',
      columns: { name: 'text' },
      primaryKey: 'name',
      rows: [...new Set(states.values()), 'Overseas'].toSorted().map((name) => [name]),
    },
    {
      name: 'state',
      columns: { name: 'text', region: 'text' },
      primaryKey: 'name',
      rows: [...states, ['Alaska', 'West'] as const].map(([name, region]) => [name, region]),
    },
  ]
}

const prospects = ['Ada Quist', 'Émile Åberg', 'Zoë van Dijk', 'Çelik Öztürk', 'ada Quist', 'Nobody', 'Zz Top']

function customers(data: RetailData): StoredTable {
  const rows = data.customers.map(({ id, name, segment }, at) => [id, name, segment, at % 9 === 0 ? null : mail(name)])
  const others = prospects.map((name, at) => [
    `XX-0000${at}`,
    name,
    at % 2 === 0 ? 'Consumer' : 'Corporate',
    at % 3 === 0 ? null : mail(name),
  ])
  return {
    name: 'customer',
    columns: { id: 'text', name: 'name', segment: 'text', email: 'name' },
    nullable: ['email'],
    primaryKey: 'id',
    rows: [...rows, ...others],
  }
}

function mail(name: string): string {
  return `${name.toLowerCase().replaceAll(' ', '.')}@example.com`
}

const reasons = ['too late', 'broken', 'not as described', null]

/** Every eleventh purchase comes back, some weeks after it was sent. */
function returns({ orders }: RetailData): StoredTable {
  const backOn = ({ shippedOn }: Order, at: number): string =>
    new Date(Date.parse(shippedOn) + (7 + (at % 30)) * 86_400_000).toISOString().slice(0, 10)
  return {
    name: 'purchase_return',
    columns: { customer_id: 'text', purchase_id: 'text', returned: 'day', reason: 'text' },
    nullable: ['reason'],
    primaryKey: 'purchase_id',
    indexes: ['customer_id, purchase_id'],
    rows: orders
      .filter((_, at) => at % 11 === 0)
      .map((order, at) => [order.customerId, order.id, backOn(order, at), reasons[at % reasons.length]!]),
  }
}
