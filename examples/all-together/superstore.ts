import { readFileSync } from 'node:fs'

type Row = Readonly<Record<string, string | number>>

/** The rows of the shop's tables, made of the order lines in `superstore.tsv`. */
export function readSuperstore(): Readonly<Record<'product' | 'customer' | 'purchase' | 'review', readonly Row[]>> {
  const file = readFileSync(new URL('superstore.tsv', import.meta.url), 'utf8')
  const product = new Map<string, Row>()
  const customer = new Map<string, Row>()
  const purchase: Row[] = []
  const review: Row[] = []
  for (const line of file.trimEnd().split('\n').slice(1)) {
    const [row, , ordered = '', shipped = '', customer_id = '', buyer = '', product_id = '', name = '', ...amounts] =
      line.split('\t')
    const [id = 0, pieces = 0, sales = 0, discount = 0] = [row, ...amounts].map(Number)
    product.set(product_id, { id: product_id, name, price: Math.round((sales / pieces / (1 - discount)) * 100) })
    customer.set(customer_id, { id: customer_id, name: buyer })
    purchase.push({ customer_id, id, product_id, pieces, cents: Math.round(sales * 100) })
    // The data has no reviews: every fourth order line gets one that says how long it took.
    const days = (Date.parse(shipped) - Date.parse(ordered)) / 86_400_000
    if (purchase.length % 4 === 0)
      review.push({ id, product_id, customer_id, rating: Math.max(1, 5 - days), text: `Shipped after ${days} days.` })
  }
  return { product: [...product.values()], customer: [...customer.values()], purchase, review }
}
