// A shop whose reviews live in a database of their own: products, customers and orders in one, reviews in the other.
import { connect, formatRoute, messageOf, type Client } from 'signalbox'
import { openDatabases, type Databases } from './databases.ts'

interface Product {
  readonly id: number
  readonly name: string
  readonly description: string
  /** PostgreSQL's counts are bigints, which its driver gives as text. */
  readonly orders: number | string
}

interface Customer {
  readonly id: number
  readonly name: string
}

interface Review {
  readonly product_id: number
  readonly customer_id: number
  readonly rating: number
  readonly text: string
}

type ShopClient = Client<'default' | 'reviews'>

// Orders are called purchases: "order" is a word of SQL. Those have foreign keys. In a review product_id and customer_id are plain
// integers: a foreign key cannot reach into another database.
const tables = [
  'create table if not exists product (id integer primary key, name varchar(100), description varchar(200))',
  'create table if not exists customer (id integer primary key, name varchar(100))',
  `create table if not exists purchase (
     id integer primary key, product_id integer not null references product (id),
     customer_id integer references customer (id) on delete set null)`,
  `create table if not exists review (
     id integer primary key, product_id integer not null, customer_id integer not null, rating integer, text varchar(200))`,
]

const products = [
  [1, 'Teapot', 'Holds a litre, and does not drip.'],
  [2, 'Signal lamp', 'Green, amber, red.'],
  [3, 'Umbrella', 'For two.'],
]

const customers = [
  [1, 'Ada'],
  [2, 'Grace'],
  [3, 'Somebody who will leave'],
]

const purchases = [
  [1, 1, 1],
  [2, 2, 2],
  [3, 1, 3],
]

const reviews = [
  [1, 1, 1, 5, 'It really does not drip.'],
  [2, 1, 3, 2, 'Too small for my family.'],
  [3, 2, 2, 4, 'Bright, but the amber is rather orange.'],
]

/** Creates and fills the tables. No statement says where it runs: the table that it names decides. */
async function setUp(client: ShopClient, { text }: Databases): Promise<void> {
  for (const table of tables) await client.query(table)
  const [found] = (await client.query<{ count: number | string }>('select count(*) as count from product')).rows
  if (Number(found?.count) > 0) return
  // Two transactions, because there are two databases.
  await client.transaction(async (tx) => {
    for (const row of products)
      await tx.query(text('insert into product (id, name, description) values (?, ?, ?)'), row)
    for (const row of customers) await tx.query(text('insert into customer (id, name) values (?, ?)'), row)
    for (const row of purchases)
      await tx.query(text('insert into purchase (id, product_id, customer_id) values (?, ?, ?)'), row)
  })
  await client.transaction(async (tx) => {
    const insert = text('insert into review (id, product_id, customer_id, rating, text) values (?, ?, ?, ?, ?)')
    for (const row of reviews) await tx.query(insert, row)
  })
  // Nothing can stop this one although there is a review by customer 3: the listing has to live with it.
  await client.query(text('delete from customer where id = ?'), [3])
}

/** The listing page: all products, each with its orders and its reviews, and who wrote those. Three statements, however many rows. */
async function listing(client: ShopClient): Promise<string> {
  // Products and orders are in one database, so they can be joined.
  const products = await client.query<Product>(
    'select p.id, p.name, p.description, count(o.id) as orders from product p left join purchase o on o.product_id = p.id ' +
      'group by p.id, p.name, p.description order by p.id',
  )
  const reviews = await client.related<Product, Review>(products.rows, {
    key: 'id',
    table: 'review',
    column: 'product_id',
  })
  const customers = await client.related<Review, Customer>(reviews.rows, { key: 'customer_id', table: 'customer' })

  const lines: string[] = []
  for (const product of products.rows) {
    lines.push(`${product.name}: ${product.description} Ordered ${product.orders} times.`)
    const its = reviews.allOf(product)
    if (its.length === 0) lines.push('  no reviews yet')
    for (const review of its) {
      const customer = customers.of(review)?.name ?? `unknown customer ${review.customer_id}`
      lines.push(`  ${'★'.repeat(review.rating).padEnd(5, '☆')} ${review.text} (${customer})`)
    }
  }
  lines.push('', `Customers that reviews name and nobody knows: ${customers.missing.join(', ') || 'none'}`)
  return lines.join('\n')
}

/** What cannot be right is refused, and nothing is sent. */
async function refusal(attempt: Promise<unknown>): Promise<string> {
  return await attempt.then(() => 'It was not refused!', messageOf)
}

const databases = await openDatabases()
const client = await connect({
  databases: {
    default: databases.shop,
    // exclusive: no other table may be used or created there.
    reviews: { primary: databases.reviews, exclusive: true },
  },
  tables: { review: 'reviews' },
})
try {
  await setUp(client, databases)
  console.log(await listing(client))
  console.log(`\nWhere a review goes:\n${formatRoute(client.explain('select text from review where id = 1'))}`)
  const join = 'select p.name, r.text from product p join review r on r.product_id = p.id'
  console.log(`\nA join across the two:\n${await refusal(client.query(join))}`)
  const intruder = 'create table product (id integer primary key)'
  console.log(`\nAnother table in the reviews database:\n${await refusal(client.using('reviews').query(intruder))}`)
} finally {
  await client.close()
  await databases.close()
}
