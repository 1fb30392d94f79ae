// A shop on three shards with replicas, its catalogue in a database of its own, and a developer's shadow laid over that.
import { connect, defineConfig, formatRoute, hashShards, messageOf, shadowed, type Client } from 'signalbox'
import { augments, openDatabases, text } from './databases.ts'
import { readSuperstore } from './superstore.ts'

interface Product {
  readonly id: string
  readonly name: string
  readonly price: number
}

interface Sold {
  readonly product_id: string
  readonly pieces: number | string
}

// Orders are called purchases: "order" is a word of SQL. Prices are in cents. No foreign key reaches into another database.
const schema = [
  'create table product (id varchar(20) primary key, name varchar(100) not null, price integer not null)',
  `create table review (id integer primary key, product_id varchar(20) not null references product (id),
     customer_id varchar(20) not null, rating integer not null, text varchar(100) not null)`,
  'create table customer (id varchar(20) primary key, name varchar(100) not null)',
  `create table purchase (customer_id varchar(20) not null references customer (id), id integer not null,
     product_id varchar(20) not null, pieces integer not null, cents integer not null, primary key (customer_id, id))`,
]

const customer = 'PS-18760'
const mouse = 'TEC-AC-10003628'
const databases = await openDatabases()
const config = defineConfig({
  databases: {
    default: 'catalogue',
    catalogue: databases.catalogue,
    // Three shards, each a primary with a replica. MariaDB takes 'a' for 'A' in such a column, so the map does, too.
    sales: { shards: databases.shards, shardMap: hashShards({ key: 'caseless-text' }) },
  },
  // Products and reviews are in the default database; a customer's purchases are on the customer's shard.
  tables: {
    customer: { database: 'sales', shardKey: 'id' },
    purchase: { database: 'sales', shardKey: 'customer_id' },
  },
  // How long a read may wait for a replica that shows what its session wrote, before it takes the primary.
  replication: { waitMs: 10_000 },
})
type Shop = Client<'default' | 'catalogue' | 'sales'>

async function insert(shop: Shop, table: string, row: Readonly<Record<string, unknown>>): Promise<void> {
  const columns = Object.keys(row)
  const marks = columns.map(() => '?').join(', ')
  await shop.query(text(`insert into ${table} (${columns.join(', ')}) values (${marks})`), Object.values(row))
}

async function fill(shop: Shop): Promise<void> {
  for (const statement of schema) await shop.query(statement)
  for (const [table, rows] of Object.entries(readSuperstore())) {
    for (const row of rows) await insert(shop, table, row)
    console.log(`   ${rows.length} rows of ${table} → ${shop.homeOf(table).database}`)
  }
}

/** What was sold, with the names of the products: a statement for each of the two databases. */
async function showSold(shop: Shop, sql: string, params: readonly unknown[] = []): Promise<void> {
  const { rows, route } = await shop.query<Sold>(text(sql), params)
  const products = await shop.related<Sold, Product>(rows, { key: 'product_id', table: 'product' })
  console.log(`   ${sql}\n   → ${route.database}: ${route.shards.join(', ')}; the names are from the catalogue`)
  for (const row of rows) console.log(`     ${row.pieces} × ${products.of(row)?.name}`)
}

async function showCount(shop: Shop, when: string): Promise<void> {
  const sql = text('select count(*) as count from purchase where customer_id = ?')
  const { rows, route } = await shop.query<{ readonly count: number | string }>(sql, [customer])
  console.log(`   ${when}: ${rows[0]?.count} purchases, from the ${route.role} of ${route.shards.join()}`)
  console.log(`     because: ${route.reasons.at(-1)?.text}`)
}

/** The page of a product. It knows neither of shards nor of shadows. */
async function page(shop: Shop, id: string): Promise<string> {
  const product = (await shop.query<Product>(text('select * from product where id = ?'), [id])).rows[0]
  const sql = text('select text from review where product_id = ? order by id')
  const reviews = (await shop.query<{ readonly text: string }>(sql, [id])).rows
  return `${product?.name}, ${product?.price} cents; reviews: ${reviews.length}, the last: ${reviews.at(-1)?.text}`
}

/** A developer tries a price, and writes a review: both stay in the local database. */
async function develop(shop: Shop, dev: Shop, id: string): Promise<void> {
  if (augments) await dev.query(text('update product set price = price - 1000 where id = ?'), [id])
  await insert(dev, 'review', { id: 10_000, product_id: id, customer_id: 'DEV', rating: 5, text: 'Not for everybody.' })
  console.log(`   The developer sees: ${await page(dev, id)}\n   Production has:     ${await page(shop, id)}`)
  const refusal = await dev.query('delete from purchase').then(() => 'It was not refused!', messageOf)
  console.log(`   Purchases have no shadow, and production's take no writes:\n     ${refusal}`)
  if (!augments) return console.log('   On MariaDB the reviews are replaced by local ones, and there is no diff.')
  const statements = await dev.shadow('catalogue').diffSql()
  console.log(`   What the developer has changed, as statements:\n     ${statements.join('\n     ')}`)
}

const shop = await connect(config)
const tables = augments ? ({ '*': 'augment' } as const) : ({ review: 'replace' } as const)
const overlay = { catalogue: { local: databases.local, tables } }
// An application says: connect(process.env['DEV'] ? { ...shadowed(config, overlay), noWritesTo: ['sales'] } : config)
const dev = await connect({ ...shadowed(config, overlay), noWritesTo: ['sales'] })
try {
  console.log('1. Each row goes to the database of its table')
  await fill(shop)
  await databases.caughtUp()

  console.log('\n2. The purchases of one customer: the key leads to one shard')
  await showSold(shop, 'select product_id, pieces from purchase where customer_id = ?', [customer])

  console.log('\n3. The best-selling products: all shards are asked, and their groups put together')
  const best = 'select product_id, sum(pieces) as pieces from purchase group by product_id order by 2 desc limit 3'
  await showSold(shop, best)
  console.log(formatRoute(shop.explain(best)).replaceAll(/^/gm, '   '))

  console.log('\n4. Each request is a session: it reads from replicas, and never misses what it wrote')
  await shop.session(async () => await showCount(shop, 'Before'))
  await shop.session(async () => {
    await insert(shop, 'purchase', { customer_id: customer, id: 10_000, product_id: mouse, pieces: 2, cents: 5_998 })
    await showCount(shop, 'With a new one')
  })

  console.log('\n5. A developer works over the catalogue of production')
  await develop(shop, dev, mouse)
} finally {
  await dev.close()
  await shop.close()
  await databases.close()
}
