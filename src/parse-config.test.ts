import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Config } from './config.ts'
import { SignalboxError } from './errors.ts'
import { hashShards } from './routing/shard-maps/hash-shards.ts'
import { parseConfig } from './parse-config.ts'

const shop = 'postgres://app:s3cret@db.example/shop'

function refusal(config: unknown): SignalboxError & Record<string, unknown> {
  try {
    parseConfig(config as Config)
  } catch (error) {
    expect(error).toBeInstanceOf(SignalboxError)
    return error as SignalboxError & Record<string, unknown>
  }
  throw new Error('The configuration was accepted.')
}

describe('a right configuration', () => {
  it('may be a bare data source name: one database called default', () => {
    const { topology } = parseConfig(shop)
    expect([...topology.databases.keys()]).toEqual(['default'])
    expect(topology.databases.get('default')?.engine).toBe('postgres')
  })

  it('follows aliases of aliases', () => {
    const { topology } = parseConfig({ databases: { default: 'main', main: 'shop', shop } })
    expect(topology.aliases.get('default')).toBe('shop')
    expect(topology.databases.size).toBe(1)
    expect(topology.version).toBe(1)
  })

  it('fills in defaults, and lets a database have its own limits', () => {
    const { topology, limits } = parseConfig({
      databases: { a: 'sqlite:a.db', b: { primary: 'sqlite:b.db', pool: { maxConnections: 3 } } },
      pool: { maxConnections: 7, acquireTimeoutMs: 50 },
    })
    expect(topology.databases.get('a')?.pool).toMatchObject({ maxConnections: 7, acquireTimeoutMs: 50 })
    expect(topology.databases.get('b')?.pool).toMatchObject({
      maxConnections: 3,
      acquireTimeoutMs: 50,
      connectTimeoutMs: 5_000,
    })
    expect(limits.analysisCacheSize).toBe(2_000)
  })

  it('takes a driver’s own pool or handle', () => {
    const handle = { prepare: () => null, exec: () => null, applyChangeset: () => true }
    const { topology } = parseConfig({ databases: { a: handle, b: { primary: handle } } })
    expect(topology.databases.get('a')?.engine).toBe('sqlite')
    expect(topology.databases.get('b')?.shards[0]?.primary.target()).toEqual({ from: 'handle', handle })
  })

  it('resolves views of views', () => {
    const { tables } = parseConfig({
      databases: { default: shop },
      views: { Top: ['best', 'x.y'], best: ['product', 'review'] },
    })
    expect(tables.tablesOfView({ name: 'top' })).toEqual([
      { name: 'product' },
      { name: 'review' },
      { schema: 'x', name: 'y' },
    ])
  })

  it('shows no password, however it is looked at', () => {
    const parsed = parseConfig({ databases: { default: shop } })
    const shown = `${inspect(parsed, { depth: 20, showHidden: true })}${JSON.stringify([...parsed.topology.databases])}`
    expect(shown).toContain('db.example')
    expect(shown).not.toContain('s3cret')
  })
})

describe('a wrong configuration is refused with path, value and what is allowed', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['no databases', { databases: {} }, 'SIGNALBOX_CONFIG_INVALID', /^databases: It is empty/],
    ['not an object', 7, 'SIGNALBOX_CONFIG_INVALID', /^config: 7 is not accepted/],
    ['a bare alias', 'shop', 'SIGNALBOX_CONFIG_INVALID', /no data source name.*postgres:\/\//],
    [
      'an unknown key',
      { databases: { a: shop }, table: {} },
      'SIGNALBOX_CONFIG_INVALID',
      /^table: There is no such option.*tables/,
    ],
    [
      'an unknown option',
      { databases: { a: shop }, pool: { max: 1 } },
      'SIGNALBOX_CONFIG_INVALID',
      /^pool\.max: There is no such option.*maxConnections/,
    ],
    [
      'a value out of range',
      { databases: { a: shop }, pool: { maxConnections: 0 } },
      'SIGNALBOX_CONFIG_INVALID',
      /^pool\.maxConnections: 0 is not accepted.*from 1 to 10000; default 10/,
    ],
    [
      'a value of the wrong type',
      { databases: { a: { primary: shop, pool: { fetchSize: '9' } } } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.a\.pool\.fetchSize: "9" is not accepted/,
    ],
    [
      'a fraction',
      { databases: { a: shop }, limits: { queryTimeoutMs: 0.5 } },
      'SIGNALBOX_CONFIG_INVALID',
      /^limits\.queryTimeoutMs: 0\.5/,
    ],
    [
      'an unknown scheme',
      { databases: { a: 'oracle://u:s3cret@h/d' } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.a: "oracle:\/\/u:\*\*\*@h\/d" cannot be used: the scheme is unknown/,
    ],
    [
      'a broken name',
      { databases: { a: 'postgres://u:s3cret@h:port/d' } },
      'SIGNALBOX_CONFIG_INVALID',
      /not a valid URL/,
    ],
    [
      'an unknown option in the name of a SQLite database',
      { databases: { shop: 'sqlite:./a.db?mod=ro' } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.shop: SQLite has no option "mod"\. Allowed: mode, journal, integers\.$/,
    ],
    [
      'a wrong value of such an option',
      { databases: { shop: { primary: { url: 'sqlite:./a.db?mode=write' } } } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.shop\.primary\.url: The option mode is "write"\. Allowed: rwc, rw, ro\.$/,
    ],
    [
      'a bare name with a wrong value',
      'sqlite::memory:?mode=ro',
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.default: A database in memory is always new/,
    ],
    [
      'an unknown key of a database',
      { databases: { a: { primary: shop, exclusiv: true } } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.a\.exclusiv/,
    ],
    [
      'exclusive that is no boolean',
      { databases: { a: { primary: shop, exclusive: 1 } } },
      'SIGNALBOX_CONFIG_INVALID',
      /true or false/,
    ],
    ['a missing primary', { databases: { a: {} } }, 'SIGNALBOX_CONFIG_INVALID', /^databases\.a\.primary: undefined/],
    [
      'a weight out of range',
      { databases: { a: { primary: { url: shop, weight: -1 } } } },
      'SIGNALBOX_CONFIG_INVALID',
      /weight: -1.*0 to 1000/,
    ],
    [
      'a schema that is no name',
      { databases: { a: { primary: shop, schema: '' } } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.a\.schema/,
    ],
    ['an alias with a colon', { databases: { 'a:b': shop } }, 'SIGNALBOX_CONFIG_INVALID', /without ":"/],
    [
      'an unknown alias',
      { databases: { default: 'shp', shop } },
      'SIGNALBOX_UNKNOWN_DATABASE',
      /no database "shp".*Did you mean "shop"/,
    ],
    [
      'an unknown home',
      { databases: { shop }, tables: { review: 'sohp' } },
      'SIGNALBOX_UNKNOWN_DATABASE',
      /^tables\.review: .*"shop"/,
    ],
    ['a circle of aliases', { databases: { a: 'b', b: 'c', c: 'a' } }, 'SIGNALBOX_ALIAS_CYCLE', /a → b → c → a/],
    ['an alias of itself', { databases: { a: 'a' } }, 'SIGNALBOX_ALIAS_CYCLE', /a → a/],
    [
      'a replica of another engine',
      { databases: { a: { primary: shop, replicas: ['sqlite:x.db'] } } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.a\.replicas\[0\]: It is sqlite, and the primary is postgres/,
    ],
    [
      'replicas that are no list',
      { databases: { a: { primary: shop, replicas: shop } } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.a\.replicas: .*a list of servers/,
    ],
    [
      'an unknown balancer',
      { databases: { a: shop }, replication: { balancer: 'fastest' } },
      'SIGNALBOX_CONFIG_INVALID',
      /^replication\.balancer: "fastest" .*"least-outstanding", "round-robin"/,
    ],
    [
      'an unknown option of replication',
      { databases: { a: { primary: shop, replication: { waitMS: 1 } } } },
      'SIGNALBOX_CONFIG_INVALID',
      /^databases\.a\.replication\.waitMS: There is no such option.*waitMs/,
    ],
    [
      'a short key of tokens',
      { databases: { a: shop }, tokens: { keys: ['secret'] } },
      'SIGNALBOX_CONFIG_INVALID',
      /^tokens\.keys: (?!.*secret\b.*secret).*at least 16 bytes/,
    ],
    [
      'a log of transactions that is sharded',
      { databases: { a: { shards: { x: shop, y: shop } } }, transactionLog: 'a' },
      'SIGNALBOX_CONFIG_INVALID',
      /^transactionLog: "a" is not accepted.*not sharded/,
    ],
    [
      'a log of transactions on SQLite',
      { databases: { a: 'sqlite:a.db' }, transactionLog: 'a' },
      'SIGNALBOX_UNSUPPORTED',
      /"a" is on SQLite/,
    ],
    [
      'an unknown log of transactions',
      { databases: { shop }, transactionLog: { database: 'shp' } },
      'SIGNALBOX_UNKNOWN_DATABASE',
      /^transactionLog: .*"shop"/,
    ],
    [
      'a log of transactions without its database',
      { databases: { shop }, transactionLog: { table: 'x' } },
      'SIGNALBOX_CONFIG_INVALID',
      /^transactionLog: It is not said where/,
    ],
    [
      'a table of the log that is no name',
      { databases: { shop }, transactionLog: { database: 'shop', table: 'a; b' } },
      'SIGNALBOX_CONFIG_INVALID',
      /^transactionLog\.table/,
    ],
    [
      'recoveries that come too often',
      { databases: { shop }, transactionLog: { database: 'shop', recoverEveryMs: 999 } },
      'SIGNALBOX_CONFIG_INVALID',
      /^transactionLog\.recoverEveryMs: 999 .*1000 to 86400000, or 0.*60000/,
    ],
    [
      'an age that is none',
      { databases: { shop }, transactionLog: { database: 'shop', olderThanMs: -1 } },
      'SIGNALBOX_CONFIG_INVALID',
      /^transactionLog\.olderThanMs: -1 .*0 to 86400000; default 60000/,
    ],
    [
      'an unknown option of the log',
      { databases: { shop }, transactionLog: { database: 'shop', every: 1 } },
      'SIGNALBOX_CONFIG_INVALID',
      /^transactionLog\.every: There is no such option/,
    ],
    [
      'no shards',
      { databases: { a: { shards: {} } } },
      'SIGNALBOX_CONFIG_INVALID',
      /databases\.a\.shards: It is empty/,
    ],
    [
      'a primary besides shards',
      { databases: { a: { primary: shop, shards: { x: shop } } } },
      'SIGNALBOX_CONFIG_INVALID',
      /databases\.a\.primary/,
    ],
    [
      'shards of two engines',
      { databases: { a: { shards: { x: shop, y: 'mysql://u:s3cret@h/d' } } } },
      'SIGNALBOX_CONFIG_INVALID',
      /databases\.a\.shards\.y: It is mysql, and the first shard is postgres/,
    ],
    [
      'the name of a shard',
      { databases: { a: { shards: { 'x/y': shop } } } },
      'SIGNALBOX_CONFIG_INVALID',
      /databases\.a\.shards\.x\/y: The name is not accepted/,
    ],
    [
      'a shard map that is none',
      { databases: { a: { shards: { x: shop }, shardMap: 'hash' } } },
      'SIGNALBOX_CONFIG_INVALID',
      /databases\.a\.shardMap: "hash" is not accepted/,
    ],
    [
      'a table of several shards of which nothing is said',
      { databases: { a: { shards: { x: shop, y: shop } } }, tables: { t: 'a' } },
      'SIGNALBOX_CONFIG_INVALID',
      /tables\.t: "a" has several shards/,
    ],
    [
      'a shard key of too many columns',
      {
        databases: { a: { shards: { x: shop }, shardMap: hashShards({ key: 'integer' }) } },
        tables: { t: { database: 'a', shardKey: ['b', 'c'] } },
      },
      'SIGNALBOX_CONFIG_INVALID',
      /tables\.t\.shardKey: It names 2 columns, and the key of the shard map of "a" has 1/,
    ],
    [
      'a reference table with a shard key',
      {
        databases: { a: { shards: { x: shop }, shardMap: hashShards({ key: 'integer' }) } },
        tables: { t: { database: 'a', kind: 'reference', shardKey: 'b' } },
      },
      'SIGNALBOX_CONFIG_INVALID',
      /tables\.t\.shardKey: A table of the kind "reference" has none/,
    ],
    [
      'a reference table without shards',
      { databases: { a: shop }, tables: { t: { database: 'a', kind: 'reference' } } },
      'SIGNALBOX_CONFIG_INVALID',
      /tables\.t\.kind: "a" has no shards/,
    ],
    [
      'a sharded table without a shard map',
      { databases: { a: shop }, tables: { t: { database: 'a', shardKey: 'id' } } },
      'SIGNALBOX_CONFIG_INVALID',
      /tables\.t\.shardKey: "a" has no shard map/,
    ],
    [
      'a kind that there is not',
      { databases: { a: shop }, tables: { t: { database: 'a', kind: 'global' } } },
      'SIGNALBOX_CONFIG_INVALID',
      /tables\.t\.kind: "global"/,
    ],
    [
      'a home that is no alias',
      { databases: { a: shop }, tables: { t: { database: 7 } } },
      'SIGNALBOX_CONFIG_INVALID',
      /tables\.t\.database: 7/,
    ],
    [
      'views in a circle',
      { databases: { a: shop }, views: { v: ['w'], w: ['v'] } },
      'SIGNALBOX_CONFIG_INVALID',
      /v → w → v/,
    ],
    [
      'views that are no lists',
      { databases: { a: shop }, views: { v: 'w' } },
      'SIGNALBOX_CONFIG_INVALID',
      /views\.v: "w"/,
    ],
    ['routers that are no list', { databases: { a: shop }, routers: {} }, 'SIGNALBOX_CONFIG_INVALID', /^routers/],
    [
      'a router without methods',
      { databases: { a: shop }, routers: [{}] },
      'SIGNALBOX_CONFIG_INVALID',
      /routers\[0\].*allowRelation/,
    ],
    [
      'a router whose method is none',
      { databases: { a: shop }, routers: [{ route: 1 }] },
      'SIGNALBOX_CONFIG_INVALID',
      /routers\[0\]\.route: 1/,
    ],
    [
      'a shared server of PostgreSQL',
      { databases: { a: shop }, databasesShareServer: [['a']] },
      'SIGNALBOX_CONFIG_INVALID',
      /databasesShareServer\[0\]: "a" is no MySQL/,
    ],
    [
      'a shared server of which one database alone has replicas',
      {
        databases: {
          a: { primary: 'mysql://u:s3cret@h/a', replicas: ['mysql://u:s3cret@r/a'] },
          b: 'mysql://u:s3cret@h/b',
        },
        databasesShareServer: [['a', 'b']],
      },
      'SIGNALBOX_CONFIG_INVALID',
      /databasesShareServer\[0\]: "a" has replicas and "b" has none/,
    ],
    [
      'shared servers that are no list',
      { databases: { a: shop }, databasesShareServer: 'a' },
      'SIGNALBOX_CONFIG_INVALID',
      /^databasesShareServer/,
    ],
  ])('%s', (_, config, code, message) => {
    const error = refusal(config)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(inspect(error)).not.toContain('s3cret')
  })
})
