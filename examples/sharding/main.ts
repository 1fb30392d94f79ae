// Customers with their orders and reviews on three shards. The statements are those of one database.
import { connect, hashShards, SignalboxError } from 'signalbox'
import { openDatabases } from './databases.ts'

const databases = await openDatabases()
const client = await connect({
  databases: { default: { shards: databases.shards, shardMap: hashShards({ key: 'integer' }) } },
  tables: {
    customer: { database: 'default', shardKey: 'id' },
    // They live with their customer, so that they can be joined. Orders are called purchases: "order" is a word of SQL.
    purchase: { database: 'default', shardKey: 'customer_id' },
    review: { database: 'default', shardKey: 'customer_id' },
    // Small, and joined everywhere: a full copy on each shard.
    product: { database: 'default', kind: 'reference' },
  },
})

const schema = [
  'create table product (id integer primary key, name varchar(40), price integer)',
  'create table customer (id integer primary key, name varchar(40))',
  'create table purchase (customer_id integer, id integer, product_id integer, pieces integer, primary key (customer_id, id))',
  'create table review (customer_id integer, product_id integer, rating integer, primary key (customer_id, product_id))',
]

/** Runs a statement, and shows where it ran and what it gave. */
async function show(title: string, sql: string, params: readonly unknown[] = []): Promise<void> {
  const { rows, route } = await client.query(databases.text(sql), params)
  console.log(`\n${title}\n  ${sql}\n  → ${route.shards.join(', ')}`)
  for (const row of rows) console.log(`    ${JSON.stringify(row)}`)
}

async function refused(title: string, sql: string): Promise<void> {
  try {
    await client.query(sql)
  } catch (error) {
    if (!(error instanceof SignalboxError)) throw error
    console.log(`\n${title}\n  ${sql}\n  ✗ ${error.code}: ${error.message}`)
  }
}

try {
  // One session: what it writes, it reads, also from replicas.
  await client.session(async () => {
    for (const statement of schema) await client.query(statement)
    await client.query(
      "insert into product (id, name, price) values (1, 'Teapot', 30), (2, 'Signal lamp', 45), (3, 'Umbrella', 20)",
    )
    const insertCustomer = databases.text('insert into customer (id, name) values (?, ?)')
    const insertPurchase = databases.text(
      'insert into purchase (customer_id, id, product_id, pieces) values (?, ?, ?, ?)',
    )
    const insertReview = databases.text('insert into review (customer_id, product_id, rating) values (?, ?, ?)')
    for (let id = 1; id <= 30; id++) {
      await client.query(insertCustomer, [id, `customer ${id}`])
      for (let number = 1; number <= id % 4; number++) await client.query(insertPurchase, [id, number, number, id])
      if (id % 4 > 0) await client.query(insertReview, [id, 1, 1 + (id % 5)])
    }

    await show('By the key: one shard', 'select name from customer where id = ?', [7])
    const joined =
      'select c.name, o.id, o.pieces from customer c join purchase o on o.customer_id = c.id where c.id = ? order by o.id'
    await show('Joined on the key: the same shard', joined, [7])
    await show('Without the key: all shards, in one order', 'select id, name from customer order by id desc limit 3')
    await show(
      'Groups of all shards, with a reference table',
      'select p.name, count(*) as orders, sum(o.pieces * p.price) as total from purchase o ' +
        'join product p on p.id = o.product_id group by p.name order by total desc',
    )
    await show(
      'An average of all shards, which no shard could know',
      'select count(*) as reviews, avg(rating) as rating from review where product_id = 1',
    )
    await refused('A change without the key', "update customer set name = 'nobody'")
    await refused('What cannot be put together from parts', 'select row_number() over (order by id) from customer')
    await client.shard(
      7,
      async () => await show('Of the shard of customer 7', 'select count(*) as customers from customer'),
    )
  })
} finally {
  await client.close()
  await databases.close()
}
