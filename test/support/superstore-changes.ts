import type { Client } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { sqlFor } from './dialect.ts'
import { refused, type Outcome } from './outcome.ts'
import type { Asked } from './superstore-questions.ts'

type CallOptions = NonNullable<Parameters<Client['query']>[2]>

/** What is sent. */
export interface Change extends Asked {
  readonly options?: CallOptions
}

/** A statement that changes rows. */
export interface ShopChange extends Change {
  readonly asks: string
  /** Whose rows are compared afterwards, and by which columns they are sorted for that. */
  readonly table: string
  readonly key: string
  /** Where it is refused: another one that does the same. */
  readonly instead?: Change & { readonly how: string }
  /** Where it is refused, and no other statement does the same: several do. */
  readonly steps?: {
    readonly how: string
    readonly carryOut: (client: Client<'default'>, engine: Engine) => Promise<void>
  }
}

const withoutKey: Outcome = refused('no shard key pins them')

const onDuplicate: Readonly<Record<Engine, string>> = {
  postgres: 'on conflict (id) do update set email = excluded.email',
  mysql: 'on duplicate key update email = values(email)',
  sqlite: 'on conflict (id) do update set email = excluded.email',
}

/** What the shop does, in this order. */
export const shopChanges: readonly ShopChange[] = [
  {
    asks: 'a new customer',
    sql: 'insert into customer (id, name, segment, email) values (?, ?, ?, ?)',
    params: ['NN-10001', 'Nina Neu', 'Consumer', null],
    table: 'customer',
    key: 'id',
    outcome: 'one shard',
  },
  {
    asks: 'a customer, new or known',
    sql: (engine) => `insert into customer (id, name, segment, email) values (?, ?, ?, ?) ${onDuplicate[engine]}`,
    params: ['NN-10001', 'Nina Neu', 'Consumer', 'nina@example.com'],
    table: 'customer',
    key: 'id',
    outcome: 'one shard',
  },
  {
    asks: 'several new customers at once',
    sql: 'insert into customer (id, name, segment) values (?, ?, ?), (?, ?, ?), (?, ?, ?), (?, ?, ?)',
    params: [
      'NN-10002',
      'Ole',
      'Consumer',
      'NN-10003',
      'Pia',
      'Corporate',
      'NN-10004',
      'Quy',
      'Consumer',
      'NN-10005',
      'Rui',
      'Consumer',
    ],
    table: 'customer',
    key: 'id',
    outcome: 'every shard',
  },
  {
    asks: 'the lines of a purchase',
    sql: `insert into purchase_line (customer_id, purchase_id, id, product_id, quantity, sales, discount, profit)
      values (?, ?, ?, ?, 2, 20, 0, 5), (?, ?, ?, ?, 1, 7, 10, -1)`,
    params: [
      'NN-10001',
      'CA-2018-000001',
      10_001,
      'OFF-LA-10000240',
      'NN-10001',
      'CA-2018-000001',
      10_002,
      'FUR-CH-10000454',
    ],
    table: 'purchase_line',
    key: 'id',
    outcome: 'one shard',
  },
  {
    asks: 'a customer moves to another segment',
    sql: 'update customer set segment = ? where id = ?',
    params: ['Corporate', 'CG-12520'],
    table: 'customer',
    key: 'id',
    outcome: 'one shard',
  },
  {
    asks: 'a purchase is sent, by its own number',
    sql: 'update purchase set shipped = ? where id = ?',
    params: ['2018-01-02', 'US-2015-108966'],
    table: 'purchase',
    key: 'id',
    outcome: withoutKey,
    instead: {
      how: 'with the key of its customer',
      sql: 'update purchase set shipped = ? where id = ? and customer_id = ?',
      params: ['2018-01-02', 'US-2015-108966', 'SO-20335'],
      outcome: 'one shard',
    },
  },
  {
    asks: 'a segment gets another name',
    sql: "update customer set segment = 'Small Office' where segment = 'Home Office'",
    table: 'customer',
    key: 'id',
    outcome: withoutKey,
    instead: {
      how: '{ allShards: true }',
      sql: "update customer set segment = 'Small Office' where segment = 'Home Office'",
      options: { allShards: true },
      outcome: 'every shard',
    },
  },
  {
    asks: 'the returns of two customers are forgotten',
    sql: 'delete from purchase_return where customer_id in (?, ?)',
    params: ['ZD-21925', 'CG-12520'],
    table: 'purchase_return',
    key: 'purchase_id',
    outcome: refused('would change rows on the shards'),
    instead: {
      how: '{ allShards: true }',
      sql: 'delete from purchase_return where customer_id in (?, ?)',
      params: ['ZD-21925', 'CG-12520'],
      options: { allShards: true },
      outcome: 'every shard',
    },
  },
  {
    asks: 'lines of returned purchases lose their profit',
    sql: `update purchase_line set profit = 0 where exists (select 1 from purchase_return r
      where r.customer_id = purchase_line.customer_id and r.purchase_id = purchase_line.purchase_id and r.reason = 'broken')`,
    table: 'purchase_line',
    key: 'id',
    outcome: withoutKey,
    instead: {
      how: '{ allShards: true }',
      sql: `update purchase_line set profit = 0 where exists (select 1 from purchase_return r
        where r.customer_id = purchase_line.customer_id and r.purchase_id = purchase_line.purchase_id and r.reason = 'broken')`,
      options: { allShards: true },
      outcome: 'every shard',
    },
  },
  {
    asks: 'a product gets another name',
    sql: "update product set name = 'Labels for Typewriters' where id = ?",
    params: ['OFF-LA-10000240'],
    table: 'product',
    key: 'id',
    outcome: 'every shard',
  },
  {
    asks: "a customer's id is corrected",
    sql: 'update customer set id = ? where id = ?',
    params: ['NN-20005', 'NN-10005'],
    table: 'customer',
    key: 'id',
    outcome: { code: 'SIGNALBOX_CROSS_SHARD', construct: 'gives rows of customer another id, which is its shard key' },
    steps: {
      how: 'insert the row with the new id, delete the old one',
      async carryOut(client, engine) {
        const { rows } = await client.query<{ name: string; segment: string }>(
          sqlFor(engine, 'select name, segment from customer where id = ?'),
          ['NN-10005'],
        )
        const insert = sqlFor(engine, 'insert into customer (id, name, segment) values (?, ?, ?)')
        await client.query(insert, ['NN-20005', rows[0]!.name, rows[0]!.segment])
        await client.query(sqlFor(engine, 'delete from customer where id = ?'), ['NN-10005'])
      },
    },
  },
  {
    asks: 'customers who never bought anything are taken out',
    sql: 'delete from customer where not exists (select 1 from purchase p where p.customer_id = customer.id)',
    table: 'customer',
    key: 'id',
    outcome: withoutKey,
    instead: {
      how: '{ allShards: true }',
      sql: 'delete from customer where not exists (select 1 from purchase p where p.customer_id = customer.id)',
      options: { allShards: true },
      outcome: 'every shard',
    },
  },
]
