// A shop whose product pages are written in one database, and published to another one that the public reads.
import { connect, messageOf, type Client } from 'signalbox'
import { openDatabases } from './databases.ts'

interface Product {
  readonly id: number
  readonly name: string
  readonly description: string
}

type Shop = Client<'default' | 'published'>

const tables = [
  'create table if not exists product (id integer primary key, name varchar(100) not null, description varchar(200))',
  `create table if not exists review (
     id integer primary key, product_id integer not null references product (id), rating integer, text varchar(200))`,
]

const products = [
  [1, 'Teapot', 'Holds a litre, and does not drip.'],
  [2, 'Signal lamp', 'Green, amber, red.'],
  [3, 'Umbrella', 'To be written.'],
]

const reviews = [
  [1, 1, 5, 'It really does not drip.'],
  [2, 2, 4, 'Bright, but the amber is rather orange.'],
]

/** The same tables in both databases; rows in that of the drafts alone. */
async function setUp(client: Shop, text: (sql: string) => string): Promise<void> {
  for (const database of ['default', 'published'] as const)
    for (const table of tables) await client.using(database).query(table)
  // What an earlier run has left.
  for (const database of ['default', 'published'] as const)
    for (const table of ['review', 'product']) await client.using(database).query(`delete from ${table}`)
  for (const row of products)
    await client.query(text('insert into product (id, name, description) values (?, ?, ?)'), row)
  for (const row of reviews)
    await client.query(text('insert into review (id, product_id, rating, text) values (?, ?, ?, ?)'), row)
}

/** The editors' list: every product, and whether the public sees it as it is here. */
async function listing(client: Shop): Promise<string> {
  const { rows } = await client.query<Product>('select id, name, description from product order by id')
  const marks = { same: 'published', different: 'changed since', missing: 'draft' }
  const presence = await client.presence(rows, { in: 'published', table: 'product' })
  return presence
    .map(({ row, state, columns }) => `  ${row.name.padEnd(12)} ${[marks[state], ...columns].join(': ')}`)
    .join('\n')
}

/** A product with its reviews, in one transaction of the public database: all of it is seen, or nothing. */
async function publish(client: Shop, id: number, text: (sql: string) => string): Promise<string> {
  const { tables: copied } = await client.copyRows({
    from: 'default',
    to: 'published',
    table: [
      { table: 'product', keys: [id] },
      { table: 'review', where: text('product_id = ?'), params: [id] },
    ],
    onConflict: 'replace',
  })
  return copied.map(({ table, inserted, replaced }) => `${table} +${inserted} ~${replaced}`).join(', ')
}

const databases = await openDatabases()
const { text } = databases
const client = await connect({ databases: { default: databases.drafts, published: databases.published } })
try {
  await setUp(client, text)
  console.log(`Before anything is published:\n${await listing(client)}`)
  console.log(`\nPublish 1: ${await publish(client, 1, text)}\nPublish 2: ${await publish(client, 2, text)}`)
  await client.query(text('update product set description = ? where id = ?'), ['Green, amber, red, and a bell.', 2])
  console.log(`\nAfter a draft was changed:\n${await listing(client)}`)
  console.log(`\nPublish 2: ${await publish(client, 2, text)}`)

  // A review without its product: the public database holds its foreign keys by itself.
  await client.query(text('insert into review (id, product_id, rating, text) values (?, ?, ?, ?)'), [3, 3, 1, 'Early.'])
  const early = client.copyRows({ from: 'default', to: 'published', table: 'review', keys: [3] })
  console.log(`\nA review of a draft:\n${await early.then(() => 'It was not refused!', messageOf)}`)

  // The page of product 1 is withdrawn; the draft stays.
  await client.using('published').query('delete from review where product_id = 1')
  await client.using('published').query('delete from product where id = 1')
  console.log(`\nAfter product 1 was withdrawn:\n${await listing(client)}`)

  // Product 2 is gone for good, here and there.
  await client.deleteFromAll({ databases: ['published', 'default'], table: 'review', keys: [2] })
  const gone = await client.deleteFromAll({ databases: ['published', 'default'], table: 'product', keys: [2] })
  const counts = gone.databases.map(({ database, deleted }) => `${database} ${deleted}`).join(', ')
  console.log(`\nDeleted everywhere: ${counts}\n${await listing(client)}`)
} finally {
  await client.close()
  await databases.close()
}
