import { describe, expect, it } from 'vitest'
import { parseConfig } from '../parse-config.ts'
import type { FoundServer } from '../topology/discovery.ts'
import { FoundServers, mostFound, replicasWith } from './found-servers.ts'

const { shards } = parseConfig({
  databases: {
    shop: {
      primary: 'postgres://app:p%40ss@db1/shop?sslmode=disable',
      replicas: [{ url: 'postgres://app:x@db2:5433/shop', weight: 2, tags: ['search'] }],
    },
  },
}).topology.databases.get('shop')!
const shard = shards[0]!
const replicas = (found: readonly FoundServer[]) => replicasWith(shard, found, 'shop/main')

describe('servers that were found', () => {
  it('are reached as the primary is, at their own host and port', () => {
    const [, added] = replicas([{ host: '10.0.0.3', port: 5_433, tags: ['eu'], weight: 3 }])
    expect(added).toMatchObject({ id: 'shop/main/10.0.0.3:5433', role: 'replica', weight: 3, tags: ['eu'] })
    expect(added!.target()).toEqual({ from: 'dsn', dsn: 'postgres://app:p%40ss@10.0.0.3:5433/shop?sslmode=disable' })
    expect(JSON.stringify(added)).not.toContain('p%40ss')
    expect(replicas([{ host: '::1', port: 1 }])[1]!.address).toContain('[::1]:1')
  })

  it('that the configuration names are not added, and keep their own weight; tags come together', () => {
    const found = [
      { host: 'db1', port: 5_432 },
      { host: 'DB2', port: 5_433, tags: ['eu'], weight: 9 },
    ]
    expect(replicas(found).map(({ id, weight, tags }) => [id, weight, tags])).toEqual([
      ['shop/main/replica-1', 2, ['search', 'eu']],
    ])
  })

  it('that take no reads have no weight', () => {
    const found = [
      { host: 'db2', port: 5_433, reads: false },
      { host: 'db3', port: 5_432, reads: false },
    ]
    expect(replicas(found).map(({ weight }) => weight)).toEqual([0, 0])
  })

  it('are limited in number', () => {
    const many = Array.from({ length: 200 }, (_, index) => ({ host: `h${index}`, port: 1 }))
    expect(replicas(many)).toHaveLength(1 + mostFound)
  })

  it('are kept until three looks in a row have missed them', () => {
    const found = new FoundServers()
    const [a, b] = [
      { host: 'a', port: 1 },
      { host: 'b', port: 1 },
    ]
    const looks = [[a, b], [a], [a], [b, a], [a], [a], [a]]
    expect(looks.map((look) => found.update(look).length)).toEqual([2, 2, 2, 2, 2, 2, 1])
  })
})
