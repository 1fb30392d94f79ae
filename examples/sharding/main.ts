// Customers and their orders on three shards. The statements are those of one database.
import { connect, hashShards, SignalboxError } from 'signalbox'
import { openDatabases } from './databases.ts'

const databases = await openDatabases()
const client = await connect({
  databases: { default: { shards: databases.shards, shardMap: hashShards({ key: 'integer' }) } },
  tables: {
    customer: { database: 'default', shardKey: 'id' },
    // Lives with its customer, so that the two can be joined.
    purchase: { database: 'default', shardKey: 'customer_id' },
    // Small, and joined everywhere: a full copy on each shard.
    country: { database: 'default', kind: 'reference' },
  },
})

const schema = [
  'create table country (code varchar(2) primary key, name varchar(40))',
  'create table customer (id integer primary key, name varchar(40), country varchar(2))',
  'create table purchase (customer_id integer, id integer, total integer, primary key (customer_id, id))',
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
      "insert into country (code, name) values ('nl', 'Netherlands'), ('no', 'Norway'), ('ie', 'Ireland')",
    )
    const insertCustomer = databases.text('insert into customer (id, name, country) values (?, ?, ?)')
    const insertPurchase = databases.text('insert into purchase (customer_id, id, total) values (?, ?, ?)')
    for (let id = 1; id <= 30; id++) {
      await client.query(insertCustomer, [id, `customer ${id}`, ['nl', 'no', 'ie'][id % 3]])
      for (let number = 1; number <= id % 4; number++) await client.query(insertPurchase, [id, number, id * number])
    }

    await show('By the key: one shard', 'select name from customer where id = ?', [7])
    const joined =
      'select c.name, p.id, p.total from customer c join purchase p on p.customer_id = c.id where c.id = ? order by p.id'
    await show('Joined on the key: the same shard', joined, [7])
    await show('Without the key: all shards, in one order', 'select id, name from customer order by id desc limit 3')
    await show(
      'Groups of all shards, with a reference table',
      'select k.name, count(*) as orders, sum(p.total) as total from customer c join purchase p on p.customer_id = c.id ' +
        'join country k on k.code = c.country group by k.name order by total desc',
    )
    await refused('A change without the key', "update customer set country = 'ie'")
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
