import type { Review } from './derived-reviews.ts'
import { dayOfColumn, moneyOfColumn, type CountColumn, type DayColumn, type MoneyColumn } from './dialect.ts'
import { reviewColumns, reviewRow } from './loading.ts'
import { dollars } from './money.ts'
import type { Question } from './question.ts'
import type { OrderLine, RetailData } from './retail-data.ts'
import type { Shop } from './shop.ts'

/** The customer whose orders are looked at; her first order line gets the review that is written. */
const customerName = 'Claire Gute'

/** What the questions are about, and what their answers are compared with. */
export interface QuestionContext {
  readonly data: RetailData
  readonly derived: readonly Review[]
  /** The text of the review to write. */
  readonly review: string
}

/** The questions of the demo, in the order in which they are asked: the fourth one writes. */
export function shopQuestions(context: QuestionContext): readonly Question[] {
  return [
    ordersOfCustomer(context),
    bestSellers(context),
    bestReviewed(context),
    writeReview(context),
    salesByRegion(context),
    severalNames(context),
    danglingReviews(context),
  ]
}

function ordersOfCustomer({ data }: QuestionContext): Question {
  interface LineRow {
    readonly ordered_on: DayColumn
    readonly order_id: string
    readonly product_id: string
    readonly quantity: number
    readonly sales: MoneyColumn
  }
  return {
    title: `What has ${customerName} ordered?`,
    remark: 'Customer, orders and lines share a database and are joined there; names come from the catalogue, by key.',
    ask: async (shop) => {
      const { rows } = await shop.query<LineRow>(
        `select o.ordered_on, o.id as order_id, l.product_id, l.quantity, l.sales
         from customer c join orders o on o.customer_id = c.id join order_line l on l.order_id = o.id
         where c.name = ? order by o.ordered_on, l.id`,
        [customerName],
      )
      const nameOf = await productNames(shop, rows)
      return {
        columns: ['ordered on', 'order', 'product', 'pieces', 'sales'],
        rows: rows.map((row) => [
          dayOfColumn(row.ordered_on),
          row.order_id,
          nameOf(row),
          row.quantity,
          dollars(moneyOfColumn(row.sales)),
        ]),
        verify: (checklist) => checklist.expect('order lines, as in the CSV file', rows.length, linesOf(data).length),
      }
    },
  }
}

function bestSellers({ data }: QuestionContext): Question {
  interface SalesRow {
    readonly product_id: string
    readonly pieces: CountColumn
    readonly sales: MoneyColumn
  }
  return {
    title: 'Which products sell best?',
    remark: 'The sales database adds up and sorts; only the five winners are looked up in the catalogue.',
    ask: async (shop) => {
      const { rows } = await shop.query<SalesRow>(
        `select product_id, sum(quantity) as pieces, sum(sales) as sales
         from order_line group by product_id order by sum(sales) desc limit 5`,
      )
      const nameOf = await productNames(shop, rows)
      const best = Math.max(
        ...Map.groupBy(data.lines, ({ productId }) => productId)
          .values()
          .map((lines) => lines.reduce((sum, { sales }) => sum + sales, 0)),
      )
      return {
        columns: ['product', 'pieces', 'sales'],
        rows: rows.map((row) => [nameOf(row), Number(row.pieces), dollars(moneyOfColumn(row.sales))]),
        verify: (checklist) =>
          checklist.holds(
            `no product of the CSV file sold for more than ${dollars(best)}`,
            rows[0] !== undefined && moneyOfColumn(rows[0].sales) === best,
          ),
      }
    },
  }
}

function bestReviewed({ derived }: QuestionContext): Question {
  const atLeast = 5
  interface RatingRow {
    readonly product_id: string
    readonly reviews: CountColumn
    readonly rating: number | string
  }
  return {
    title: `Which products have the best reviews, of those with ${atLeast} or more?`,
    remark: 'The reviews are derived: the demo computes them from discount and days until shipping.',
    ask: async (shop) => {
      const { rows } = await shop.query<RatingRow>(
        `select product_id, count(*) as reviews, avg(rating) as rating
         from review group by product_id having count(*) >= ? order by avg(rating) desc, product_id limit 5`,
        [atLeast],
      )
      const nameOf = await productNames(shop, rows)
      const best = Math.max(
        ...Map.groupBy(derived, ({ productId }) => productId)
          .values()
          .filter((reviews) => reviews.length >= atLeast)
          .map((reviews) => reviews.reduce((sum, { rating }) => sum + rating, 0) / reviews.length),
      )
      return {
        columns: ['product', 'reviews', 'rating'],
        rows: rows.map((row) => [nameOf(row), Number(row.reviews), Number(row.rating).toFixed(2)]),
        verify: (checklist) =>
          checklist.holds(
            `the best rating is ${best.toFixed(2)}, as computed before the reviews were stored`,
            Math.abs(Number(rows[0]?.rating) - best) < 0.0001,
          ),
      }
    },
  }
}

function writeReview({ data, review }: QuestionContext): Question {
  interface ReviewRow {
    readonly line_id: number
    readonly customer_id: string
    readonly product_id: string
    readonly rating: number
    readonly text: string
    readonly origin: string
  }
  return {
    title: `${customerName} writes a review. Is it there?`,
    remark: 'Written in a transaction; author and product are plain values, looked up in two other databases.',
    ask: async (shop) => {
      const written = reviewToWrite(data, review)
      const marks = reviewColumns.map(() => '?').join(', ')
      await shop.transaction(async (tx) => {
        const sql = `insert into review (${reviewColumns.join(', ')}) values (${marks})`
        await tx.query(shop.dialect.text(sql), reviewRow(written))
      })
      const { rows } = await shop.query<ReviewRow>(
        `select line_id, customer_id, product_id, rating, text, origin
         from review where product_id = ? order by line_id`,
        [written.productId],
      )
      const nameOf = await productNames(shop, rows)
      const authors = await shop.related<ReviewRow, { name: string }>(rows, 'customer_id', 'customer', ['name'])
      const found = rows.filter(({ origin }) => origin === 'written')
      return {
        columns: ['author', 'product', 'rating', 'text', 'origin'],
        rows: rows.map((row) => [authors.of(row)?.name ?? 'unknown', nameOf(row), row.rating, row.text, row.origin]),
        verify: (checklist) =>
          checklist.holds(
            'the review is there once, as it was written',
            found.length === 1 && found[0]?.text === review,
          ),
      }
    },
  }
}

function salesByRegion({ data }: QuestionContext): Question {
  interface RegionRow {
    readonly region: string
    readonly orders: CountColumn
    readonly sales: MoneyColumn
    readonly profit: MoneyColumn
  }
  return {
    title: 'What do the regions bring in?',
    remark: 'A join within one database is an ordinary join. Amounts are exact, and so are their sums.',
    ask: async (shop) => {
      const { rows } = await shop.query<RegionRow>(
        `select o.region, count(distinct o.id) as orders, sum(l.sales) as sales, sum(l.profit) as profit
         from orders o join order_line l on l.order_id = o.id group by o.region order by sum(l.sales) desc`,
      )
      const total = rows.reduce((sum, { sales }) => sum + moneyOfColumn(sales), 0)
      const expected = data.lines.reduce((sum, { sales }) => sum + sales, 0)
      return {
        columns: ['region', 'orders', 'sales', 'profit'],
        rows: rows.map((row) => [
          row.region,
          Number(row.orders),
          dollars(moneyOfColumn(row.sales)),
          dollars(moneyOfColumn(row.profit)),
        ]),
        verify: (checklist) =>
          checklist.holds(`the regions add up to ${dollars(expected)}, as the CSV file does`, total === expected),
      }
    },
  }
}

function severalNames({ data }: QuestionContext): Question {
  return {
    title: 'Which product ids have more than one name?',
    remark:
      'The data is not clean. The catalogue keeps every name, shows the most frequent, and marks such products *.',
    ask: async (shop) => {
      const { rows } = await shop.query<{ id: string; name: string; other_name: string }>(
        `select p.id, p.name, n.name as other_name from product p join product_name n on n.product_id = p.id
         where p.names > 1 and n.position > 1 order by p.id`,
      )
      const expected = data.products.filter(({ names }) => names.length > 1).length
      return {
        columns: ['product id', 'shown as', 'also called'],
        rows: rows.slice(0, 5).map((row) => [row.id, row.name, row.other_name]),
        verify: (checklist) =>
          checklist.expect('product ids have a second name (five are shown)', rows.length, expected),
      }
    },
  }
}

function danglingReviews({ derived }: QuestionContext): Question {
  interface ReviewRow {
    readonly line_id: number
    readonly rating: number
  }
  return {
    title: 'Does every review belong to a line that was really ordered?',
    remark: 'No foreign key guards a reference into another database, but related() says which rows are missing.',
    ask: async (shop) => {
      const { rows } = await shop.query<ReviewRow>('select line_id, rating from review order by line_id')
      const lines = await shop.related<ReviewRow, { product_id: string }>(rows, 'line_id', 'order_line', ['product_id'])
      return {
        columns: ['reviews', 'lines found', 'missing'],
        rows: [[rows.length, lines.rows.length, lines.missing.length]],
        verify: (checklist) => {
          checklist.expect('reviews, with the one just written', rows.length, derived.length + 1)
          checklist.expect('of them without their order line', lines.missing.length, 0)
        },
      }
    },
  }
}

/** The names of the products that rows refer to, fetched from the catalogue with one statement. */
async function productNames<Row extends { readonly product_id: string }>(
  shop: Shop,
  rows: readonly Row[],
): Promise<(row: Row) => string> {
  interface ProductRow {
    readonly name: string
    readonly names: number
  }
  const products = await shop.related<Row, ProductRow>(rows, 'product_id', 'product', ['name', 'names'])
  return (row) => {
    const product = products.of(row)
    if (product === undefined) return 'unknown product'
    return product.names > 1 ? `${product.name} *` : product.name
  }
}

function reviewToWrite(data: RetailData, text: string): Review {
  const [line] = linesOf(data)
  const order = data.orders.find(({ id }) => id === line?.orderId)
  if (line === undefined || order === undefined) throw new Error(`${customerName} has ordered nothing.`)
  return {
    lineId: line.id,
    productId: line.productId,
    customerId: order.customerId,
    rating: 5,
    text,
    origin: 'written',
    writtenOn: '2018-01-01',
  }
}

function linesOf(data: RetailData): readonly OrderLine[] {
  const customer = data.customers.find(({ name }) => name === customerName)
  const orders = new Set(data.orders.filter(({ customerId }) => customerId === customer?.id).map(({ id }) => id))
  return data.lines.filter(({ orderId }) => orders.has(orderId))
}
