import { connect, type Client, type DistributedWork, type Dsn } from '../../src/index.ts'
import type { TestServer } from '../../src/testing/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { sqlFor } from './dialect.ts'
import { accountsConfig } from './distributed-accounts.ts'

/** The customers of the accounts, one on each shard. */
export const customers = [1, 2, 3]

/** Accounts of 0 on three shards of one server, and a log beside them. */
export interface AccountShards extends AsyncDisposable {
  readonly dsns: Record<'a' | 'b' | 'c' | 'control', Dsn>
  readonly client: Client<'default' | 'control'>
  /** Sets the amount (first parameter) of a customer. */
  readonly set: string
  /** Adds a customer with an amount. */
  readonly add: string
  /** What everybody sees, by customer. */
  readonly amounts: () => Promise<readonly number[]>
  /** A distributed transaction. */
  readonly run: <T>(work: DistributedWork<T>) => Promise<T>
}

/** What `startAccountShards` needs of its server. */
export const preparing = (engine: Engine): Readonly<Record<string, string>> =>
  engine === 'postgres' ? { max_prepared_transactions: '20' } : {}

export async function startAccountShards(engine: Engine, server: TestServer): Promise<AccountShards> {
  const made = async (): Promise<Dsn> => (await server.createDatabase()).dsn
  const dsns = { a: await made(), b: await made(), c: await made(), control: await made() }
  const client = await connect(accountsConfig(dsns))
  const add = sqlFor(engine, 'insert into account (customer_id, amount) values (?, ?)')
  await client.query('create table account (customer_id integer primary key, amount integer not null)')
  await client.query('create table country (code varchar(8) primary key)')
  for (const customer of customers) await client.query(add, [customer, 0])
  await client.setUpTransactionLog({ log: 'control' })
  return {
    dsns,
    client,
    add,
    set: sqlFor(engine, 'update account set amount = ? where customer_id = ?'),
    async amounts() {
      const text = 'select amount, customer_id from account order by customer_id'
      return (await client.query<{ amount: number }>(text)).rows.map(({ amount }) => amount)
    },
    run: async (work) => await client.distributedTransaction(work, { log: 'control' }),
    [Symbol.asyncDispose]: async () => await client.close(),
  }
}

/** The error of something that should fail. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => 'no error',
    (error: unknown) => error,
  )
}
