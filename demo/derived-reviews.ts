import type { Order, OrderLine, RetailData } from './retail-data.ts'

/** A review, attached to the order line that it is about by plain values: no foreign key reaches into another database. */
export interface Review {
  readonly lineId: number
  readonly productId: string
  readonly customerId: string
  readonly rating: number
  readonly text: string
  /** `derived`: computed by this demo; `written`: by somebody. */
  readonly origin: 'derived' | 'written'
  readonly writtenOn: string
}

/** One of so many order lines gets a review. */
const everyNth = 5

/**
 * The Superstore data has no reviews, so the demo computes some from what a customer would have noticed: how long the
 * delivery took, and the discount. The same data always gives the same reviews, and each says where it comes from.
 */
export function deriveReviews(data: RetailData): readonly Review[] {
  const orders = new Map(data.orders.map((order) => [order.id, order]))
  const reviews: Review[] = []
  for (const line of data.lines) {
    const order = orders.get(line.orderId)
    if (order === undefined || line.id % everyNth !== 0) continue
    reviews.push(deriveReview(line, order))
  }
  return reviews
}

function deriveReview(line: OrderLine, order: Order): Review {
  const days = Math.round((Date.parse(order.shippedOn) - Date.parse(order.orderedOn)) / 86_400_000)
  const { discountPercent } = line
  const mood = 5 - Math.floor(days / 2) + (discountPercent >= 20 ? 1 : 0) - (discountPercent === 0 ? 1 : 0)
  const speed = days === 0 ? 'shipped the same day' : `shipped after ${days} day${days === 1 ? '' : 's'}`
  const price = discountPercent === 0 ? 'full price' : `${discountPercent} % off`
  return {
    lineId: line.id,
    productId: line.productId,
    customerId: order.customerId,
    rating: Math.max(1, Math.min(5, mood)),
    text: `${speed}, ${price}`,
    origin: 'derived',
    writtenOn: order.shippedOn,
  }
}
