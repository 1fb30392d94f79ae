import type { Result } from 'signalbox'
import type { Shop } from '../shop.ts'
import type { Observations } from './observations.ts'

interface Basket {
  readonly items: number
}

const looks = 4

/**
 * Puts one thing after the other into a basket, and looks after each. Only this shopper uses it, so what every look must
 * show is known. A request is a session; the token of each goes to the next, as a cookie would carry it.
 */
export class Shopper {
  readonly customerId: string
  /** Writes that were acknowledged. */
  acknowledged = 0
  /** Writes that failed: each may have taken effect, or not. */
  uncertain = 0
  readonly #shop: Shop
  readonly #observations: Observations
  #seen = 0
  #token: string | undefined

  constructor(customerId: string, shop: Shop, observations: Observations) {
    this.customerId = customerId
    this.#shop = shop
    this.#observations = observations
  }

  /** One request: a write, then reads. */
  async visit(): Promise<void> {
    await this.#shop.client.session(
      async (session) => {
        await this.#add()
        for (let look = 0; look < looks; look++) await this.#look()
        this.#token = await session.token()
      },
      { token: this.#token },
    )
  }

  async #add(): Promise<void> {
    const add = 'update basket set items = items + 1 where customer_id = ?'
    const total = this.acknowledged + this.uncertain
    const answer = await (total % 2 === 0
      ? this.#observations.note('write', async () => await this.#shop.query(add, [this.customerId]))
      : this.#observations.note('write', async () => await this.#addInTransaction(add), 'transaction'))
    if (answer === undefined) this.uncertain += 1
    else this.acknowledged += 1
  }

  async #addInTransaction(add: string): Promise<Result> {
    const { text } = this.#shop.dialect
    return await this.#shop.transaction(async (tx) => {
      await tx.query(text('select items from basket where customer_id = ? for update'), [this.customerId])
      return await tx.query(text(add), [this.customerId])
    })
  }

  async #look(): Promise<void> {
    const answer = await this.#observations.note('read', async () =>
      this.#shop.query<Basket>('select items from basket where customer_id = ?', [this.customerId]),
    )
    if (answer === undefined) return
    const items = answer.rows[0]?.items ?? -1
    if (items < Math.max(this.acknowledged, this.#seen)) this.#observations.stale += 1
    if (items > this.acknowledged + this.uncertain) this.#observations.doubled += 1
    this.#seen = Math.max(this.#seen, items)
  }
}
