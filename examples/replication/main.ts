// A product's page with its reviews, read from a replica. The replica lags behind, and nobody ever misses what they wrote themselves.
import { connect } from 'signalbox'
import { openDatabases } from './databases.ts'

interface Review {
  readonly customer: string
  readonly text: string
}

const schema = [
  'create table if not exists product (id integer primary key, name varchar(100))',
  'create table if not exists customer (id integer primary key, name varchar(100))',
  `create table if not exists review (
     id integer primary key, product_id integer not null references product (id),
     customer_id integer not null references customer (id), text varchar(200))`,
  'delete from review',
  'delete from customer',
  'delete from product',
  "insert into product (id, name) values (1, 'Teapot')",
  "insert into customer (id, name) values (1, 'Ada'), (2, 'Grace'), (3, 'Edsger')",
]

const databases = await openDatabases()
const client = await connect({
  databases: { default: { primary: databases.primary, replicas: [databases.replica] } },
  // Tokens carry what a request wrote to the next one, which another process may serve. Take a secret of your own.
  tokens: { keys: ['a secret of at least 16 bytes'] },
})

async function write(id: number, customer: number, text: string): Promise<void> {
  const insert = databases.text('insert into review (id, product_id, customer_id, text) values (?, 1, ?, ?)')
  await client.query(insert, [id, customer, text])
}

/** The page: no word about primaries and replicas, the same function for everybody. */
async function showPage(visitor: string): Promise<void> {
  const { rows, route } = await client.query<Review>(
    'select c.name as customer, r.text from review r join customer c on c.id = r.customer_id where r.product_id = 1 order by r.id',
  )
  console.log(`${visitor}: ${rows.length} reviews, from the ${route.role}, the newest by ${rows.at(-1)?.customer}`)
  console.log(`    because: ${route.reasons.at(-1)?.text}`)
}

try {
  await client.session(async () => {
    for (const statement of schema) await client.query(statement)
    await write(1, 2, 'It does not drip.')
    await write(2, 3, 'Could be simpler.')
  })
  await databases.copied(client)

  // Each request is a session.
  await client.session(async () => await showPage('Somebody who looks around'))
  const cookie = await client.session(async (session) => {
    await write(3, 1, 'I take it to work.')
    await showPage('Ada, who has just written')
    return await session.token()
  })
  await client.session(async () => await showPage('Somebody else at the same time'))
  await client.session(async () => await showPage('Ada again, with her token'), { token: cookie })

  await databases.copied(client)
  console.log('— the replica has the new review —')
  await client.session(async () => await showPage('Somebody who looks around'))
  // SQLite cannot say how far a copy is, so there a token means the primary until the application drops it.
  const token = databases.hasPositions ? cookie : undefined
  await client.session(async () => await showPage('Ada again'), { token })
} finally {
  await client.close()
  await databases.close()
}
