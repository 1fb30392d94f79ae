// What all of these examples share: the servers, the client of Signalbox, and two requests. How they ask is up to each query tool.
import { connect, onQuery, type Client, type Dsn } from 'signalbox'

export interface Product {
  readonly id: number
  readonly name: string
  readonly stock: number
}

export interface Review {
  readonly id: number
  readonly productId: number
  readonly text: string
}

/** What a shop asks of its query tool. */
export interface Queries {
  readonly addProduct: (product: Product) => Promise<unknown>
  readonly product: (id: number) => Promise<Product | null | undefined>
  /** Takes one from the stock, in a transaction that locks the row. */
  readonly sell: (id: number) => Promise<unknown>
  readonly addReview: (review: Review) => Promise<unknown>
  readonly reviews: (productId: number) => Promise<readonly Review[]>
}

interface Servers {
  readonly primary: Dsn
  readonly replica: Dsn
  readonly reviews: Dsn
  readonly stop: () => Promise<void>
}

/** Servers of your own (PRIMARY_URL, REPLICA_URL, REVIEWS_URL), or else a primary and its replica just for this run, of MariaDB if ENGINE says so. */
async function openServers(): Promise<Servers> {
  const { PRIMARY_URL: primary, REPLICA_URL: replica, REVIEWS_URL: reviews } = process.env
  if (primary !== undefined && replica !== undefined && reviews !== undefined)
    return { primary: primary as Dsn, replica: replica as Dsn, reviews: reviews as Dsn, stop: async () => {} }
  const { startMariadbCluster, startPostgresCluster } = await import('signalbox/testing')
  const start = process.env.ENGINE === 'mariadb' ? startMariadbCluster : startPostgresCluster
  const cluster = await start({ replicas: 1 })
  const [shop, other] = [await cluster.createDatabase('shop'), await cluster.createDatabase('reviews')]
  // The replica shows everything a second late.
  await cluster.delayReplay(cluster.replicas[0]!, 1_000)
  return { primary: shop.primary, replica: shop.replicas[0]!, reviews: other.primary, stop: () => cluster.stop() }
}

const schema = [
  'create table if not exists product (id integer primary key, name varchar(100) not null, stock integer not null)',
  'create table if not exists review (id integer primary key, product_id integer not null, text varchar(200) not null)',
  'delete from review',
  'delete from product',
  "insert into product values (1, 'Teapot', 3)",
]

/** Opens the shop, and hands the client to `tool`, which wires the query tool to it; then come the visitors. */
export async function runShop(tool: (client: Client) => Promise<{ queries: Queries; close: () => Promise<void> }>) {
  const servers = await openServers()
  const client = await connect({
    databases: { default: { primary: servers.primary, replicas: [servers.replica] }, reviews: servers.reviews },
    tables: { review: 'reviews' },
    tokens: { keys: ['a secret of at least 16 bytes'] },
  })
  try {
    for (const statement of schema) await client.query(statement)
    await replicaCaughtUp(client)
    const { queries, close } = await tool(client)
    try {
      await visit(client, queries)
    } finally {
      await close()
    }
  } finally {
    await client.close()
    await servers.stop()
  }
}

async function visit(client: Client, { addProduct, product, sell, addReview, reviews }: Queries): Promise<void> {
  // Each request is a session.
  await client.session(async () => {
    await replicaCaughtUp(client)
    await tell('somebody looks at the teapot', async () => await product(1))
  })
  await client.session(async () => {
    await tell('a lamp is added', async () => await addProduct({ id: 2, name: 'Signal lamp', stock: 5 }))
    await tell('who added it looks at it', async () => (await product(2)) ?? 'it is not there!')
    await tell('one is sold', async () => await sell(2))
    await tell('a review is written', async () => await addReview({ id: 1, productId: 2, text: 'Bright.' }))
    await tell('reviews are read', async () => await reviews(2))
    await replicaCaughtUp(client)
    await tell('the replica has the lamp by now', async () => `${(await product(2))?.stock} left`)
  })
}

/** Prints where the statements of a step ran, and what came of it. */
async function tell(step: string, work: () => Promise<unknown>): Promise<void> {
  const places = new Set<string>()
  const stop = onQuery(({ sql, route: { database, role } }) => {
    if (/product|review/.test(sql)) places.add(`${database}, ${role}`)
  })
  const result = await work()
  stop()
  console.log(`${step}: ${[...places].join(' and ')}`, typeof result === 'string' ? `(${result})` : '')
}

/** The replica shows all that the session has written, or, outside of sessions, the client. */
async function replicaCaughtUp(client: Client): Promise<void> {
  const isRead = async (): Promise<boolean> => (await client.query('select 1 from product')).route.role === 'replica'
  while (!(await isRead())) await new Promise((resolve) => setTimeout(resolve, 50))
}
