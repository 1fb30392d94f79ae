import { describe, expect, it } from 'vitest'
import { parseConfig } from '../parse-config.ts'
import type { Database } from '../topology/topology.ts'
import { hashShards } from './shard-maps/hash-shards.ts'
import { decideRole, type Surrounding } from './role.ts'

const databaseOf = (replicas: readonly `sqlite:${string}`[]): Database =>
  parseConfig({ databases: { default: { primary: 'sqlite:a.db', replicas } } }).topology.databases.get('default')!
const replicated = databaseOf(['sqlite:b.db'])
const alone = databaseOf([])

describe('the role of the server', () => {
  it.each<[Surrounding, 'primary' | 'replica', string]>([
    ['autocommit', 'replica', 'replica'],
    ['transaction', 'primary', 'transaction'],
    ['read-only transaction', 'replica', 'read-only-transaction'],
    ['reserved connection', 'primary', 'reserved'],
    ['primary', 'primary', 'primary-asked'],
    ['replica', 'replica', 'replica-asked'],
  ])('for a read in %s is %s', (surrounding, role, rule) => {
    const decided = decideRole(replicated, 'read', surrounding, undefined)
    expect([decided.role, decided.reason.rule]).toEqual([role, rule])
    expect(decideRole(replicated, 'write', surrounding, undefined).role).toBe('primary')
    expect(decideRole(replicated, 'session', surrounding, undefined).role).toBe('primary')
    expect(decideRole(alone, 'read', surrounding, undefined).role).toBe('primary')
  })

  it('is told of each shard, where there are several', () => {
    const shardMap = hashShards({ key: 'integer' })
    const shards = { a: 'sqlite:a.db', b: 'sqlite:b.db' } as const
    const { databases } = parseConfig({ databases: { default: { shards, shardMap } } }).topology
    const { reason } = decideRole(databases.get('default')!, 'read', 'autocommit', undefined)
    expect(reason.text).toBe('each shard of "default" has one server')
    expect(decideRole(alone, 'read', 'autocommit', undefined).reason.text).toBe('"default" has one server')
  })

  it('is the primary where a router says so, and is never a replica because a router says so', () => {
    const answer = { database: 'default', role: 'primary' } as const
    expect(decideRole(replicated, 'read', 'autocommit', answer).reason.rule).toBe('router')
    const wish = { database: 'default', role: 'replica' } as const
    expect(decideRole(replicated, 'write', 'autocommit', wish).role).toBe('primary')
    expect(decideRole(alone, 'read', 'autocommit', wish).reason.rule).toBe('no-replica')
  })
})
