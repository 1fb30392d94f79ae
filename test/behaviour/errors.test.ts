import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { sql as rawSql } from 'kysely'
import { describe, expect, it } from 'vitest'
import {
  connect,
  directoryShards,
  errorCodes,
  hashShards,
  listShards,
  ids,
  QueryError,
  SignalboxError,
  splitStatements,
  type Client,
  type Config,
  type DistributedEvent,
  type Dsn,
  type ErrorClass,
  type ErrorCode,
} from '../../src/index.ts'
import { kysely } from '../../src/adapters/kysely.ts'
import { comparatorOf } from '../../src/execution/merge/comparator.ts'
import { simulateDrivers, startFaultProxy, startPostgres, type FaultProxy } from '../../src/testing/index.ts'
import { freshDatabase, privateServer, sharedServer, testedEngines } from '../support/servers.ts'

const memory = 'sqlite::memory:'
const twoDatabases = { databases: { default: memory, other: memory }, tables: { review: 'other' } } as const

async function withClient(config: Config | string, run: (client: Client) => unknown): Promise<void> {
  await using client = await connect(config as Config)
  await run(client)
}

/** A client of two shards, with one customer on each. */
async function onShards(run: (client: Client) => unknown): Promise<void> {
  await withClient(
    {
      databases: {
        default: {
          shards: { a: memory, b: memory },
          shardMap: listShards({ key: 'integer', lists: { a: [1], b: [2] } }),
        },
      },
      tables: { customer: { database: 'default', shardKey: 'id' } },
    },
    run,
  )
}

/** The same with shards that a directory tells. */
async function withOwners(run: (client: Client) => Promise<unknown>): Promise<void> {
  await withClient(
    {
      databases: {
        default: {
          shards: { a: memory, b: memory },
          shardMap: directoryShards({ key: 'integer', directory: 'control' }),
        },
        control: memory,
      },
      tables: { customer: { database: 'default', shardKey: 'id' } },
    },
    run,
  )
}

/** Copies a table of a file to another one. */
async function copying(here: string, there: string, ...rows: readonly string[]): Promise<void> {
  await withClient({ databases: { here: memory, there: memory } }, async (client) => {
    for (const text of [here, ...rows]) await client.using('here').query(text)
    for (const { sql } of await splitStatements(there, 'sqlite')) await client.using('there').query(sql)
    await client.copyRows({ from: 'here', to: 'there', table: 'product' })
  })
}

/** Deletes from two files, of which the second refuses to commit: a foreign key of it is checked at the end. */
async function deletingFromTwo(): Promise<void> {
  await withClient({ databases: { here: memory, there: memory } }, async (client) => {
    for (const name of ['here', 'there'] as const) {
      await client.using(name).query('create table product (id integer primary key)')
      await client.using(name).query('insert into product values (1)')
    }
    await client
      .using('there')
      .query('create table review (product_id integer references product (id) deferrable initially deferred)')
    await client.using('there').query('insert into review values (1)')
    await client.deleteFromAll({ databases: ['here', 'there'], table: 'product', keys: [1] })
  })
}

/** A client of two shards, where e-mail addresses are looked up. */
async function withLookup(run: (client: Client) => unknown): Promise<void> {
  const control = await freshDatabase('sqlite')
  const shards = [await freshDatabase('sqlite'), await freshDatabase('sqlite')]
  const config = {
    databases: {
      default: {
        shards: { a: shards[0]!.dsn, b: shards[1]!.dsn },
        shardMap: listShards({ key: 'integer', lists: { a: [1], b: [2] } }),
      },
      control: control.dsn,
    },
    tables: {
      customer: {
        database: 'default',
        shardKey: 'id',
        lookups: { email: { in: 'control', type: 'text', waitMs: 50 } },
      },
    },
  } as unknown as Config
  try {
    await withClient(config, async (client) => {
      await client.query('create table customer (id integer primary key, email text unique)')
      await client.lookups.setUp()
      await run(client)
    })
  } finally {
    for (const database of [control, ...shards]) await database.drop()
  }
}

/** A client whose server answers a query with an error of a class. */
async function withServerError(errorClass: ErrorClass): Promise<void> {
  const simulated = simulateDrivers()
  simulated.server(memory).answerWith(() => {
    throw new QueryError(errorClass, 'simulated')
  })
  await using client = await connect(memory, { drivers: simulated.drivers })
  await client.query('select 1')
}

/** How each error is provoked, without any tool but the public interface; servers are real unless the class says otherwise. */
const provocations: Readonly<Record<ErrorCode, () => unknown>> = {
  SIGNALBOX_CONFIG_INVALID: () => connect({ databases: {} }),
  SIGNALBOX_ALIAS_CYCLE: () => connect({ databases: { a: 'b', b: 'a' } }),
  SIGNALBOX_UNKNOWN_DATABASE: () => withClient(memory, (client) => client.using('defualt')),
  SIGNALBOX_SHADOW: async () => {
    await using base = await freshDatabase('sqlite')
    await using local = await freshDatabase('sqlite')
    await withClient(base.dsn, (client) => client.query('create table product (id integer primary key)'))
    const dev = { shadow: { base: 'shop', local: local.dsn } }
    await withClient({ databases: { shop: base.dsn, dev } }, (client) =>
      client.using('dev').query('delete from product'),
    )
  },
  SIGNALBOX_SHADOW_CONFLICT: async () => {
    await using base = await freshDatabase('sqlite')
    await using local = await freshDatabase('sqlite')
    const dev = { shadow: { base: 'shop', local: local.dsn }, tables: { product: 'augment' } } as const
    await withClient({ databases: { shop: base.dsn, dev } }, async (client) => {
      const shop = client.using('shop')
      await shop.query('create table product (id integer primary key, price integer)')
      await shop.query('insert into product values (1, 10)')
      await client.using('dev').query('update product set price = 11')
      await shop.query('update product set price = 12')
      await client.shadow('dev').promote({ to: 'shop' })
    })
  },
  SIGNALBOX_NO_ROUTE: () => withClient({ databases: { a: memory, b: memory } }, (client) => client.query('select 1')),
  SIGNALBOX_ROUTER_ANSWER: () =>
    withClient({ databases: { a: memory }, routers: [{ route: () => 7 as never }] }, (client) =>
      client.query('select 1'),
    ),
  SIGNALBOX_HINT: () => withClient(memory, (client) => client.query('/* signalbox: usin=default */ select 1')),
  SIGNALBOX_CROSS_DATABASE_QUERY: () =>
    withClient(twoDatabases, (client) => client.query('select * from product, review')),
  SIGNALBOX_CROSS_DATABASE_TRANSACTION: () =>
    withClient(twoDatabases, (client) =>
      client.transaction(async (tx) => {
        await tx.query('create table product (id integer)')
        await tx.query('delete from review')
      }),
    ),
  SIGNALBOX_CROSS_ENGINE: () =>
    withClient(
      { databases: { default: memory, other: 'postgres://nobody@127.0.0.1:1/none' }, tables: { review: 'other' } },
      (client) =>
        kysely<{ review: { id: number } }>(client)
          .selectFrom('review')
          .select(rawSql<number>`julianday('now')`.as('now'))
          .execute(),
    ),
  SIGNALBOX_TABLE_NOT_ALLOWED: () =>
    withClient({ databases: { default: { primary: memory, exclusive: true } } }, (client) =>
      client.query('select * from product'),
    ),
  SIGNALBOX_TRANSACTION_CONTROL: () => withClient(memory, (client) => client.query('begin')),
  SIGNALBOX_TRANSACTION_CLOSED: () =>
    withClient(memory, async (client) => {
      const tx = client.begin()
      await tx.commit()
      await tx.query('select 1')
    }),
  SIGNALBOX_READ_ONLY_TRANSACTION: () =>
    withClient(memory, (client) => client.transaction((tx) => tx.query('delete from product'), { readOnly: true })),
  SIGNALBOX_COMMIT_UNKNOWN: loseTheCommit,
  SIGNALBOX_ON_COMMIT_FAILED: () =>
    withClient(memory, (client) =>
      client.transaction(async (tx) => {
        tx.onCommit(() => {
          throw new Error('no mail')
        })
        await tx.query('select 1')
      }),
    ),
  SIGNALBOX_DRIVER_MISSING: async () => {
    const { DriverMissingError } = await import('../../src/errors.ts')
    // The package is installed here; the drivers throw exactly this when its import fails (see their own tests).
    throw new DriverMissingError('pg', 'The database "shop"', new Error('Cannot find package'))
  },
  SIGNALBOX_CURSOR: () => withClient(memory, (client) => client.page('select 1 as x order by x', [], { after: 'x' })),
  SIGNALBOX_PAGE_ORDER: () =>
    withClient(memory, (client) =>
      client.page('select 1 as x from (select 1 union all select 2) t order by x', [], { size: 1 }),
    ),
  SIGNALBOX_PARAMETERS: () => withClient(memory, (client) => client.query('select ? as x', [Symbol('no value')])),
  SIGNALBOX_LOOKUP_WRITE: () =>
    withLookup((client) => client.query("update customer set email = lower('X') where id = 1")),
  SIGNALBOX_LOOKUP_BUSY: () =>
    withLookup(async (client) => {
      await using tx = client.begin()
      await tx.query("insert into customer (id, email) values (1, 'x')")
      await client.query("insert into customer (id, email) values (2, 'x')")
    }),
  SIGNALBOX_UNSUPPORTED: () =>
    onShards(async (client) => {
      const changes = client.stream("update customer set name = 'x' where id in (1, 2)", [], { allShards: true })
      for await (const row of changes) void row
    }),
  SIGNALBOX_TIMEOUT: () => onEngine('postgres', (client) => client.query('select pg_sleep(30)', [], { timeoutMs: 30 })),
  SIGNALBOX_ABORTED: () =>
    withClient(memory, (client) => client.query('select 1', [], { signal: AbortSignal.abort() })),
  SIGNALBOX_POOL_EXHAUSTED: () =>
    withClient({ databases: { default: { primary: memory, pool: { acquireTimeoutMs: 20 } } } }, async (client) => {
      await using tx = client.begin()
      await tx.query('select 1')
      await client.query('create table t (id integer)')
    }),
  SIGNALBOX_NO_PRIMARY: () => {
    const dead = 'postgres://nobody@127.0.0.1:1/none'
    const replication = { holdMs: 50, probeTimeoutMs: 50 }
    return withClient({ databases: { default: { primary: dead, replicas: [dead], replication } } }, (client) =>
      client.query('delete from product'),
    )
  },
  SIGNALBOX_TWO_PRIMARIES: async () => {
    const [one, other] = [await freshDatabase('postgres'), await freshDatabase('postgres')]
    try {
      await withClient({ databases: { default: { primary: one.dsn, replicas: [other.dsn] } } }, async (client) => {
        // Who takes writes is known when the servers have been asked; until then the configuration counts.
        for (;;) await client.query('create table if not exists t (id integer)')
      })
    } finally {
      await one.drop()
      await other.drop()
    }
  },
  SIGNALBOX_NO_REPLICA: () =>
    withClient(
      { databases: { default: { primary: memory, replicas: [memory] } }, replication: { tagFallback: 'error' } },
      (client) => client.query('select 1', [], { tags: ['search'] }),
    ),
  SIGNALBOX_DISCOVERY: async () => {
    const { patroniSource } = await import('../../src/discovery/patroni.ts')
    await patroniSource(['http://127.0.0.1:1']).find({ timeoutMs: 1000 })
  },
  SIGNALBOX_TOKEN_KEYS: () =>
    withClient({ databases: { default: { primary: memory, replicas: [memory] } } }, (client) =>
      client.session((session) => session.token()),
    ),
  SIGNALBOX_CLOCK: () => {
    const times = [1_600_000_000_011, 1_600_000_000_000]
    const made = ids.snowflake({ node: 1, now: () => times.shift() ?? 0 })
    made.next()
    made.next()
  },
  SIGNALBOX_CLIENT_CLOSED: () =>
    withClient(memory, async (client) => {
      await client.close()
      await client.query('select 1')
    }),
  SIGNALBOX_CONNECTION_LOST: () =>
    withClient('postgres://nobody@127.0.0.1:1/none', (client) => client.query('select 1')),
  SIGNALBOX_READ_ONLY_SERVER: async () => {
    await using database = await freshDatabase('sqlite')
    await withClient(database.dsn, (client) => client.query('create table item (id integer)'))
    await withClient(`${database.dsn}?mode=ro`, (client) => client.query('insert into item (id) values (1)'))
  },
  SIGNALBOX_SHUTTING_DOWN: shutDownWhileRunning,
  // The moment between start and readiness is too short to be hit on purpose.
  SIGNALBOX_STARTING_UP: () => withServerError('starting-up'),
  SIGNALBOX_SERIALIZATION: () =>
    onEngine('postgres', async (client) => {
      await client.query('create table item (id integer primary key)')
      await client.query('insert into item (id) values (1), (2)')
      const one = client.begin({ isolation: 'serializable' })
      const two = client.begin({ isolation: 'serializable' })
      for (const tx of [one, two]) await tx.query('select sum(id) from item')
      await one.query('insert into item (id) values (3)')
      await two.query('insert into item (id) values (4)')
      await one.commit()
      await two.commit()
    }),
  SIGNALBOX_NO_WRITES: () =>
    withClient({ databases: { default: memory }, noWritesTo: ['default'] }, (client) =>
      client.query('create table item (id integer)'),
    ),
  SIGNALBOX_CONSTRAINT: () =>
    withClient(memory, async (client) => {
      await client.query('create table item (id integer primary key)')
      await client.query('insert into item (id) values (1), (1)')
    }),
  SIGNALBOX_SYNTAX: () => withClient(memory, (client) => client.query('select * from nothing')),
  SIGNALBOX_QUERY_FAILED: () => onEngine('postgres', (client) => client.query('select 1 / $1::integer', [0])),
  SIGNALBOX_SHARD_KEY_MISSING: () => onShards((client) => client.query("update customer set name = 'x'")),
  SIGNALBOX_CROSS_SHARD: () => onShards((client) => client.query('update customer set id = 2 where id = 1')),
  SIGNALBOX_WRONG_SHARD: () =>
    onShards((client) => client.query('select * from customer where id = 2', [], { shardKey: 1 })),
  SIGNALBOX_CANNOT_SCATTER: () =>
    onShards((client) => client.query('select row_number() over (order by id) from customer')),
  SIGNALBOX_PARTIAL_WRITE: () =>
    onShards(async (client) => {
      await client.query('create table customer (id integer)', [], { shardKey: 2 })
      await client.query('create table customer (id integer)')
    }),
  SIGNALBOX_MOVE_ROW: () =>
    onShards(async (client) => {
      await client.query('create table customer (id integer, name text)')
      await client.moveRow({ table: 'customer', key: { id: 1 }, set: { id: 1, name: 'x' } })
    }),
  SIGNALBOX_IN_DOUBT: loseTheDecision,
  SIGNALBOX_TRANSACTION_GIVEN_UP: () =>
    distributed(async (client, id) => {
      const insert = "insert into signalbox_transaction (id, decision, branches) values ($1, 'abort', '[]')"
      await client.using('log').query(insert, [id])
    }),
  SIGNALBOX_OWNER_UNKNOWN: () => withOwners(async (client) => await Promise.resolve(client.shardOf(7))),
  SIGNALBOX_OWNER_MOVED: () =>
    withOwners(async (client) => {
      await client.setUpShardDirectory()
      await client.query('create table customer (id integer primary key)')
      await client.query('insert into customer (id) values (7)')
      await client.shard(7, async () => await client.query("update signalbox_owned_key set state = 'moved'"))
      await client.transaction(async (tx) => await tx.query('delete from customer where id = 7'))
    }),
  SIGNALBOX_DIRECTORY: () => withOwners(async (client) => await client.query('select * from customer where id = 7')),
  SIGNALBOX_MERGE: () => comparatorOf([{ of: () => 0.1, type: 'decimal', descending: false, nulls: 'last' }]).keyOf({}),
  SIGNALBOX_SHARD_MAP_CHANGED: async () => {
    await using file = await freshDatabase('sqlite')
    for (const buckets of [64, 128])
      await withClient(
        { databases: { default: { shards: { a: file.dsn }, shardMap: hashShards({ key: 'integer', buckets }) } } },
        (client) => client.verifyShardMaps(),
      )
  },
  SIGNALBOX_COPY: () =>
    copying('create table product (id integer primary key)', 'create table other (id integer primary key)'),
  SIGNALBOX_COPY_VALUE: () =>
    copying(
      'create table product (id integer primary key, n integer)',
      'create table product (id integer primary key, n int)',
      "insert into product values (1, 'seven')",
    ),
  SIGNALBOX_COPY_CONFLICT: () =>
    copying(
      'create table product (id integer primary key, name text)',
      'create table product (id integer primary key, name text unique)',
      "insert into product values (1, 'same'), (2, 'same')",
    ),
  SIGNALBOX_COPY_MISMATCH: () =>
    copying(
      'create table product (id integer primary key, name text)',
      "create table product (id integer primary key, name text); create trigger spoil after insert on product begin update product set name = 'spoilt'; end",
      "insert into product values (1, 'fine')",
    ),
  SIGNALBOX_DELETE_INCOMPLETE: () => deletingFromTwo(),
  SIGNALBOX_SHARD_KEY: () => hashShards({ key: 'integer' }).bind(['a', 'b']).shardOf(null),
  SIGNALBOX_TEST_SERVER: () => startPostgres({ binaries: '/nowhere' }),
}

async function onEngine(engine: 'postgres' | 'mysql', run: (client: Client) => unknown): Promise<void> {
  await using database = await freshDatabase(engine)
  await using client = await connect(database.dsn)
  await run(client)
}

async function shutDownWhileRunning(): Promise<void> {
  await using server = await privateServer('postgres')
  await using client = await connect(server.dsn())
  const running = client.query('select pg_sleep(30)').catch((error: unknown) => error)
  await using observer = await connect(server.dsn())
  const seen = "select count(*) as n from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'"
  await expect.poll(async () => Number((await observer.query<{ n: string }>(seen)).rows[0]?.n)).toBe(1)
  server.kill('SIGINT')
  throw await running
}

async function loseTheCommit(): Promise<void> {
  await using server = await privateServer('postgres')
  await using proxy = await startFaultProxy({ host: server.host, port: server.port })
  const primary = proxy.through(server.dsn()) as Dsn
  await using client = await connect({
    databases: { default: { primary, replication: { holdMs: 200, commitFate: 'ask' } } },
  })
  await client.query('create table item (id integer)')
  const tx = client.begin()
  await tx.query('insert into item (id) values (1)')
  proxy.apply({ kind: 'cut-on', pattern: 'COMMIT', moment: 'answered' })
  // Nor can anybody be asked what has become of it.
  proxy.refuse()
  await tx.commit()
}

/** A distributed transaction on two databases; `between` what it writes and its end. */
async function distributed(between: (client: Client, id: string, proxy: FaultProxy) => Promise<void>): Promise<void> {
  await using server = await privateServer('postgres', { max_prepared_transactions: '5' })
  await using proxy = await startFaultProxy({ host: server.host, port: server.port })
  const [a, b, log] = [await server.createDatabase(), await server.createDatabase(), await server.createDatabase()]
  await using client = await connect({
    databases: { default: a.dsn, other: b.dsn, log: proxy.through(log.dsn) as Dsn },
    tables: { review: 'other' },
  })
  await client.setUpTransactionLog({ log: 'log' })
  for (const table of ['product', 'review']) await client.query(`create table ${table} (id integer)`)
  await client.distributedTransaction(
    async (tx) => {
      for (const table of ['product', 'review']) await tx.query(`insert into ${table} (id) values (1)`)
      await between(client, tx.id, proxy)
    },
    { log: 'log' },
  )
}

async function loseTheDecision(): Promise<void> {
  await distributed(async (_client, _id, proxy) => {
    proxy.apply({ kind: 'cut-on', pattern: 'insert into', moment: 'answered' })
    await Promise.resolve()
    // Nor does anybody answer who could be asked what stands there.
    subscribe('signalbox:distributed-transaction', function refuse(event) {
      if ((event as DistributedEvent).step !== 'all-prepared') return
      unsubscribe('signalbox:distributed-transaction', refuse)
      proxy.refuse()
    })
  })
}

// Which engines a provocation needs, so that a narrowed run leaves out these and no others.
const needsPostgres: ReadonlySet<string> = new Set([
  'SIGNALBOX_COMMIT_UNKNOWN',
  'SIGNALBOX_IN_DOUBT',
  'SIGNALBOX_TRANSACTION_GIVEN_UP',
  'SIGNALBOX_TIMEOUT',
  'SIGNALBOX_SHUTTING_DOWN',
  'SIGNALBOX_SERIALIZATION',
  'SIGNALBOX_QUERY_FAILED',
  'SIGNALBOX_TWO_PRIMARIES',
])

describe('every error can be provoked, and carries its code', () => {
  const codes = Object.keys(errorCodes).filter((code) => testedEngines.includes('postgres') || !needsPostgres.has(code))

  it.each(codes)('%s', async (code) => {
    const provoke = provocations[code as ErrorCode]
    const error = await (async () => await provoke())().then(
      () => new Error('Nothing was thrown.'),
      (caught: unknown) => caught,
    )
    expect(error).toBeInstanceOf(SignalboxError)
    expect(error).toMatchObject({ code })
    expect((error as SignalboxError).message).not.toBe('')
  })
})

describe.runIf(testedEngines.includes('postgres'))('no error shows a password', () => {
  it('whatever is wrong with the server behind a data source name', async () => {
    const { host, port } = sharedServer('postgres')
    const secret = 'p4ss-w0rd-that-leaks'
    for (const dsn of [
      `postgres://signalbox:${secret}@${host}:${port}/none`,
      `postgres://nobody:${secret}@${host}:${port}/postgres`,
      `postgres://nobody:${secret}@127.0.0.1:1/postgres`,
      `mysql://nobody:${secret}@127.0.0.1:1/none`,
    ]) {
      await using client = await connect(dsn)
      const error = await client.query('select 1').catch((caught: unknown) => caught)
      expect(error, dsn).toBeInstanceOf(SignalboxError)
      expect(
        `${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}${String((error as Error).stack)}`,
      ).not.toContain(secret)
      expect(inspect(client, { depth: 10, showHidden: true })).not.toContain(secret)
      expect(JSON.stringify(client.topology)).not.toContain(secret)
      expect(inspect(client.using(dsn as 'default'), { depth: 10 })).not.toContain(secret)
    }
  })
})
