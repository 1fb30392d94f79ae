// A developer tries changes over production: the rows are production's, the changes stay in a local database.
import { connect, messageOf, type Client } from 'signalbox'
import { openDatabases, type Databases } from './databases.ts'

interface Product {
  readonly id: number
  readonly name: string
  readonly price: number
}

interface Review {
  readonly product_id: number
  readonly text: string
}

const tables = [
  'create table if not exists product (id integer primary key, name varchar(100) not null unique, price integer not null)',
  'create table if not exists customer (id integer primary key, name varchar(100))',
  `create table if not exists purchase (
     id integer primary key, product_id integer not null references product (id), customer_id integer not null references customer (id))`,
  'create table if not exists review (id integer primary key, product_id integer not null, text varchar(200))',
]

const rows = {
  product: [
    [1, 'Teapot', 20],
    [2, 'Signal lamp', 30],
    [3, 'Umbrella', 15],
  ],
  customer: [
    [1, 'Ada'],
    [2, 'Grace'],
  ],
  purchase: [
    [1, 1, 1],
    [2, 2, 2],
  ],
  review: [[1, 1, 'It really does not drip.']],
}

/** What production is like, before the developer comes. */
async function fillProduction(client: Client<'default'>, { text }: Databases): Promise<void> {
  for (const table of tables) await client.query(table)
  const [found] = (await client.query<{ count: number | string }>('select count(*) as count from product')).rows
  if (Number(found?.count) > 0) return
  for (const [table, values] of Object.entries(rows))
    for (const row of values)
      await client.query(text(`insert into ${table} values (${row.map(() => '?').join(', ')})`), row)
}

async function listing(client: Client<'default'>): Promise<string> {
  const products = await client.query<Product>('select id, name, price from product order by id')
  const reviews = await client.query<Review>('select product_id, text from review order by id')
  const lines = products.rows.map(({ id, name, price }) => {
    const its = reviews.rows.filter((review) => review.product_id === id).map((review) => `“${review.text}”`)
    return `  ${[`${name}, ${price} €`, ...its].join(' ')}`
  })
  return lines.join('\n')
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  return await attempt.then(() => 'It was not refused!', messageOf)
}

const databases = await openDatabases()
const { production, local, augments, text } = databases
const shop = await connect(production)
const dev = await connect({
  databases: {
    default: 'dev',
    dev: {
      shadow: { base: 'production', local },
      // Production's products and orders, changed here; reviews of the developer's own; customers as they are.
      tables: augments ? { product: 'augment', purchase: 'augment', review: 'replace' } : { review: 'replace' },
    },
    production,
  },
})
try {
  await fillProduction(shop, databases)
  // What an earlier run has changed. MariaDB has only the reviews, which are deleted below.
  if (augments) await dev.shadow('dev').reset()

  console.log(`Production:\n${await listing(shop)}`)
  await dev.query('delete from review')
  await dev.query(text('insert into review (id, product_id, text) values (?, ?, ?)'), [1, 2, 'Only I can read this.'])
  if (augments) {
    await dev.query('delete from purchase where product_id = 1')
    await dev.query('delete from product where id = 1')
    await dev.query('update product set price = price * 2 where id = 2')
    await dev.query(text('insert into product (id, name, price) values (?, ?, ?)'), [4, 'Whistle', 5])
    console.log(
      `\nA name that a row of production has:\n${await refusal(dev.query(text('insert into product values (?, ?, ?)'), [5, 'Umbrella', 1]))}`,
    )
  }
  console.log(`\nWhat the developer sees:\n${await listing(dev)}`)
  console.log(`\nWhat production has still:\n${await listing(shop)}`)
  console.log(`\nA table that is shown as it is:\n${await refusal(dev.query("update customer set name = 'x'"))}`)
} finally {
  await dev.close()
  await shop.close()
  await databases.close()
}
