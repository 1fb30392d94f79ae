import { needs } from './find.ts'

/**
 * What is there before an example begins: code that makes the `client` and the `db` which it uses without saying where they come from.
 * Data source names in it stand for databases, as those of examples do. What the example does tells which shop it needs.
 */
export function worldOf(code: string): string {
  const parts: string[] = []
  const hasDb = needs('db', code)
  if (needs('client', code) || hasDb) parts.push("import { connect as open } from 'signalbox'", clientFor(code))
  if (hasDb) parts.push("import { kysely as kyselyOver } from 'signalbox/kysely'", 'const db = kyselyOver(client)')
  return parts.join('\n')
}

const sharded =
  /\bclient\.(?:shard|shardOf|moveRow|moveRows|shardStats|verifyShardMaps|distributedTransaction)\(|allShards|shardKey/

function clientFor(code: string): string {
  if (code.includes('moveOwner(')) return directoryShop
  if (code.includes('.shadow(')) return shadowedShop
  if (sharded.test(code)) return shardedShop(code.includes("log: 'default'") ? 'shop' : 'default')
  // Placeholders tell the engine.
  return plainShop(/[=(,] ?\?/.test(code) ? 'sqlite' : 'postgres')
}

function plainShop(engine: 'postgres' | 'sqlite'): string {
  const of = (name: string): string => (engine === 'postgres' ? `'postgres://world/${name}'` : `'sqlite:./${name}.db'`)
  return `const client = await open({
  databases: { default: 'shop', shop: ${of('shop')}, reviews: ${of('reviews')}, archive: ${of('archive')} },
  tables: { 'archived_*': 'archive' },
})
await client.query('select 1') // opens a connection, which is none of what an example with a time limit is about`
}

const shadowedShop = `const client = await open({
  databases: {
    default: 'dev',
    shop: 'sqlite:./shop.db',
    dev: { shadow: { base: 'shop', local: 'sqlite:./dev.db' }, tables: { product: 'augment', review: 'augment' } },
  },
})
await client.query('update product set price = price + 1')`

function shardedShop(name: 'default' | 'shop'): string {
  const table = (key: string): string => `{ database: '${name}', shardKey: '${key}' }`
  return `import { hashShards as byHash } from 'signalbox'
const client = await open({
  databases: {
    ${name}: { shards: { a: 'postgres://world/a', b: 'postgres://world/b' }, shardMap: byHash({ key: 'integer' }) },
    ${name === 'shop' ? 'default' : 'shop'}: 'postgres://world/control',
    archive: 'postgres://world/archive',
  },
  tables: {
    customer: ${table('id')},
    account: ${table('customer_id')},
    gift: ${table('customer_id')},
    purchase: ${table('customer_id')},
  },
})
await client.setUpTransactionLog({ log: '${name === 'shop' ? 'default' : 'archive'}' })
await client.query('insert into customer (id) values ($1)', [7])
await client.query('insert into purchase (customer_id, id, total) values ($1, $2, $3)', [7, 1, '9.90'])
for (const customer of [1, 2]) await client.query('insert into account (customer_id, amount) values ($1, $2)', [customer, 100])`
}

const directoryShop = `import { directoryShards as byDirectory } from 'signalbox'
const client = await open({
  databases: {
    default: {
      shards: { a: 'postgres://world/a', b: 'postgres://world/b' },
      shardMap: byDirectory({ key: 'integer', directory: 'archive', weights: { b: 0 } }),
    },
    archive: 'postgres://world/archive',
  },
  tables: { purchase: { database: 'default', shardKey: 'customer_id' } },
})
await client.setUpShardDirectory()
await client.query('insert into purchase (customer_id, id, total) values ($1, $2, $3)', [7, 1, '9.90'])`
