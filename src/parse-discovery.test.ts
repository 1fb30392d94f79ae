import { describe, expect, it } from 'vitest'
import { ConfigError } from './errors.ts'
import { parseConfig } from './parse-config.ts'
import type { Discovery } from './topology/discovery.ts'

const primary = 'postgres://app:secret@db1/shop'

function parse(discovery: unknown, over: object = {}): Discovery | undefined {
  const databases = { shop: { primary, discovery, ...over } } as never
  return parseConfig({ databases }).topology.databases.get('shop')?.discovery
}

describe('what finds the servers of a database', () => {
  it('is one source, with its interval and time limit', () => {
    expect(parse({ patroni: 'http://a:8008' })).toEqual({
      source: { kind: 'patroni', urls: ['http://a:8008'] },
      intervalMs: 5_000,
      timeoutMs: 1_000,
    })
    expect(parse({ dns: { name: 'db' }, intervalMs: 100 })).toMatchObject({
      source: { kind: 'dns', name: 'db', port: 5_432, srv: false, family: undefined },
      intervalMs: 100,
    })
    expect(parse({ dns: { name: 'db', family: 4 } })?.source).toMatchObject({ family: 4 })
    expect(parse({ dns: { name: 'db' } }, { primary: 'mariadb://u@h/d' })?.source).toMatchObject({ port: 3_306 })
    expect(parse({ replicaHosts: true }, { primary: 'mysql://u@h/d' })?.source).toEqual({ kind: 'replica-hosts' })
    expect(parse({ find: () => [] })?.source.kind).toBe('function')
    expect(parse(undefined)).toBeUndefined()
  })

  it.each([
    ['databases.shop.discovery', {}],
    ['databases.shop.discovery', { patroni: 'http://a:8008', find: () => [] }],
    ['databases.shop.discovery', 'patroni'],
    ['databases.shop.discovery.consul', { consul: 'x' }],
    ['databases.shop.discovery.patroni', { patroni: [] }],
    ['databases.shop.discovery.patroni', { patroni: 'etcd://a' }],
    ['databases.shop.discovery.dns.name', { dns: {} }],
    ['databases.shop.discovery.dns.port', { dns: { name: 'a', port: 0 } }],
    ['databases.shop.discovery.dns.srv', { dns: { name: 'a', srv: 1 } }],
    ['databases.shop.discovery.dns.family', { dns: { name: 'a', family: 5 } }],
    ['databases.shop.discovery.replicaHosts', { replicaHosts: true }],
    ['databases.shop.discovery.find', { find: 'x' }],
    ['databases.shop.discovery.intervalMs', { find: () => [], intervalMs: 99 }],
  ])('is refused at %s: %j', (path, discovery) => {
    expect(() => parse(discovery)).toThrow(
      expect.objectContaining({ constructor: ConfigError, message: expect.stringContaining(path) }),
    )
  })

  it('says how a name is written, when it stands alone', () => {
    expect(() => parse({ dns: 'db' })).toThrow('{ name: "db" }')
  })

  it('needs a primary with a data source name that others can be reached by', () => {
    expect(() => parse({ find: () => [] }, { primary: 'sqlite:./a.db' })).toThrow('The primary is a file')
    const pool = { connect() {}, query() {}, totalCount: 0 }
    expect(() => parse({ find: () => [] }, { primary: pool })).toThrow('The primary is a handle')
  })

  it('shows no password of a URL that is refused', () => {
    expect(() => parse({ patroni: 'ftp://u:hunter2@a' })).not.toThrow('hunter2')
  })
})
