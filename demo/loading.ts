import type { Transaction } from 'signalbox'
import type { Review } from './derived-reviews.ts'
import type { Dialect } from './dialect.ts'
import { Progress } from './progress.ts'
import type { RetailData } from './retail-data.ts'
import type { Shop } from './shop.ts'

type RowValues = readonly unknown[]

interface TableRows {
  readonly table: string
  readonly columns: readonly string[]
  readonly rows: readonly RowValues[]
}

/** Rows in one INSERT. A hundred keep the text short enough to be analysed and prepared once for all of them. */
const rowsAtOnce = 100

/** Fills the three databases, each in one transaction of its own. Returns the number of rows. */
export async function load(shop: Shop, data: RetailData, reviews: readonly Review[]): Promise<number> {
  const databases = [catalogueRows(data), salesRows(data, shop.dialect), [reviewRows(reviews)]]
  const total = databases.flat().reduce((sum, { rows }) => sum + rows.length, 0)
  using progress = new Progress(total)
  for (const contents of databases) {
    await shop.transaction(async (tx) => {
      for (const each of contents) await insert(tx, each, shop.dialect, progress)
    })
  }
  return total
}

async function insert(
  tx: Transaction,
  { table, columns, rows }: TableRows,
  dialect: Dialect,
  progress: Progress,
): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsAtOnce) {
    const chunk = rows.slice(start, start + rowsAtOnce)
    await tx.query(dialect.text(insertText(table, columns, chunk.length)), chunk.flat())
    progress.add(chunk.length, table)
  }
  progress.tableDone(table, tx.database ?? '', rows.length)
}

function insertText(table: string, columns: readonly string[], rows: number): string {
  const row = `(${columns.map(() => '?').join(', ')})`
  return `insert into ${table} (${columns.join(', ')}) values ${Array.from({ length: rows }, () => row).join(', ')}`
}

function catalogueRows({ products }: RetailData): readonly TableRows[] {
  return [
    {
      table: 'product',
      columns: ['id', 'name', 'names', 'category', 'sub_category'],
      rows: products.map(({ id, name, names, category, subCategory }) => [
        id,
        name,
        names.length,
        category,
        subCategory,
      ]),
    },
    {
      table: 'product_name',
      columns: ['product_id', 'position', 'name'],
      rows: products.flatMap(({ id, names }) => names.map((name, index) => [id, index + 1, name])),
    },
  ]
}

function salesRows({ customers, orders, lines }: RetailData, { moneyParameter }: Dialect): readonly TableRows[] {
  return [
    {
      table: 'customer',
      columns: ['id', 'name', 'segment'],
      rows: customers.map(({ id, name, segment }) => [id, name, segment]),
    },
    {
      table: 'orders',
      columns: ['id', 'customer_id', 'ordered_on', 'shipped_on', 'ship_mode', 'region'],
      rows: orders.map((order) => [
        order.id,
        order.customerId,
        order.orderedOn,
        order.shippedOn,
        order.shipMode,
        order.region,
      ]),
    },
    {
      table: 'order_line',
      columns: ['id', 'order_id', 'product_id', 'quantity', 'sales', 'discount_percent', 'profit'],
      rows: lines.map((line) => [
        line.id,
        line.orderId,
        line.productId,
        line.quantity,
        moneyParameter(line.sales),
        line.discountPercent,
        moneyParameter(line.profit),
      ]),
    },
  ]
}

function reviewRows(reviews: readonly Review[]): TableRows {
  return { table: 'review', columns: reviewColumns, rows: reviews.map(reviewRow) }
}

export const reviewColumns = ['line_id', 'product_id', 'customer_id', 'rating', 'text', 'origin', 'written_on'] as const

export function reviewRow(review: Review): RowValues {
  const { lineId, productId, customerId, rating, text, origin, writtenOn } = review
  return [lineId, productId, customerId, rating, text, origin, writtenOn]
}
