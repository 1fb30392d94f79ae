import { setTimeout as delay } from 'node:timers/promises'
import type { RetailData } from '../retail-data.ts'
import type { Shop } from '../shop.ts'
import type { Observations } from './observations.ts'
import { Shopper } from './shopper.ts'

const shopperCount = 8
const browserCount = 12
/** Between two requests of a visitor, in ms; the servers share one machine with the load. */
const thinking = { least: 5, most: 25 }

/** The mixed load: shoppers who write and read it back, and visitors who only look. */
export class Visitors {
  readonly shoppers: readonly Shopper[]
  readonly #shop: Shop
  readonly #data: RetailData
  readonly #observations: Observations

  constructor(shop: Shop, data: RetailData, observations: Observations) {
    this.#shop = shop
    this.#data = data
    this.#observations = observations
    this.shoppers = data.customers.slice(0, shopperCount).map(({ id }) => new Shopper(id, shop, observations))
  }

  get count(): number {
    return this.shoppers.length + browserCount
  }

  /** Empty baskets. */
  async prepare(): Promise<void> {
    await this.#shop.query('create table basket (customer_id varchar(20) primary key, items integer not null)')
    for (const { customerId } of this.shoppers) {
      await this.#shop.query('insert into basket (customer_id, items) values (?, 0)', [customerId])
    }
  }

  /** Everybody at the same time, until `over` fires; requests that are under way then end as usual. */
  async run(over: AbortSignal): Promise<void> {
    const browsers = Array.from({ length: browserCount }, () => async () => await this.#browse())
    const visits = [...this.shoppers.map((shopper) => async () => await shopper.visit()), ...browsers]
    await Promise.all(
      visits.map(async (visit) => {
        while (!over.aborted) {
          await visit()
          await delay(thinking.least + Math.random() * (thinking.most - thinking.least))
        }
      }),
    )
  }

  /** A request that only reads: the products of a category, what customers say of one, and one order. */
  async #browse(): Promise<void> {
    const { subCategory, id } = anyOf(this.#data.products)
    const order = anyOf(this.#data.orders)
    const look = async (sql: string, params: readonly string[]): Promise<void> => {
      await this.#observations.note('read', async () => await this.#shop.query(sql, params))
    }
    await this.#shop.client.session(async () => {
      await look('select id, name from product where sub_category = ? order by name limit 20', [subCategory])
      await look('select rating, text from review where product_id = ?', [id])
      const lines = `select p.name, l.quantity, l.sales from order_line l
        join product p on p.id = l.product_id where l.order_id = ?`
      await look(lines, [order.id])
    })
  }
}

function anyOf<T>(list: readonly T[]): T {
  const one = list[Math.floor(Math.random() * list.length)]
  if (one === undefined) throw new Error('There is nothing to choose from.')
  return one
}
