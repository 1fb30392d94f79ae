import { beforeAll, describe, expect, it } from 'vitest'
import { connect, type Client } from '../index.ts'
import type { ShardCheckReport } from './check-report.ts'
import type { ServerFacts } from './inventory.ts'
import type { Probe } from './probe.ts'
import { checkServers } from './server-check.ts'

let client: Client
beforeAll(async () => {
  client = await connect({
    databases: {
      pg: 'postgres://u:secret@h/a',
      other: 'postgres://u:secret@h/b',
      my: 'mysql://u:secret@h/c',
      your: 'mysql://u:secret@h/d',
      file: 'sqlite:./a.db',
      still: 'sqlite:./b.db?mode=ro',
    },
  })
  return async () => await client.close()
})

function probed(alias: string, facts: Partial<ServerFacts> = {}, report: Partial<ShardCheckReport> = {}): Probe {
  const database = client.topology.databases.get(alias)
  const [shard] = database?.shards ?? []
  if (database === undefined || shard === undefined) throw new Error(`no database ${alias}`)
  const all: ServerFacts = {
    product: 'x',
    version: '1',
    role: 'primary',
    writable: true,
    maxConnections: 100,
    serverId: alias,
    dataId: alias,
    ...facts,
  }
  return {
    database,
    shard,
    report: {
      shard: shard.name,
      address: '',
      reachable: true,
      failure: null,
      product: all.product,
      version: all.version,
      role: all.role,
      writable: all.writable,
      connectMs: 1,
      latencyMs: 1,
      serverMaxConnections: all.maxConnections,
      poolMaxConnections: 12,
      tableCount: 0,
      replicas: [],
      ...report,
    },
    facts: all,
    replication: undefined,
    replicas: [],
    tables: [],
    tablesFailure: undefined,
  }
}

describe('checkServers', () => {
  it('finds nothing where all is well', () => {
    expect(checkServers([probed('pg'), probed('my'), probed('file', { maxConnections: null })], [], 1)).toEqual([])
  })

  it.each([
    ['pg', { writable: false, role: 'replica' }, 'read-only-primary', /in recovery/],
    ['pg', { writable: false }, 'read-only-primary', /default_transaction_read_only/],
    ['my', { writable: false, role: 'replica' }, 'read-only-primary', /read_only/],
    ['file', { writable: false }, 'read-only-file', /mode=ro/],
  ] as const)('tells that %s with %j takes no writes', (alias, facts, code, message) => {
    const findings = checkServers([probed(alias, facts)], [], 1)
    expect(findings.map((finding) => finding.code)).toEqual([code])
    expect(findings[0]?.message).toMatch(message)
  })

  it('expects no writes where the data source name says mode=ro', () => {
    expect(checkServers([probed('still', { writable: false })], [], 1)).toEqual([])
  })

  it('adds up the connections of all databases of a server', () => {
    const one = { serverId: 'same', maxConnections: 20 }
    expect(checkServers([probed('pg', { ...one, serverId: 'else' }), probed('other', one)], [], 1)).toEqual([])
    const [finding, ...more] = checkServers([probed('pg', one), probed('other', one)], [], 1)
    expect(more).toEqual([])
    expect(finding).toMatchObject({ severity: 'error', code: 'too-few-connections' })
    expect(finding?.message).toMatch(/"pg", "other" takes 20 .* may open 24/)
  })

  it('does not count a pool of the application’s own', () => {
    expect(checkServers([probed('pg', { maxConnections: 5 }, { poolMaxConnections: null })], [], 1)).toEqual([])
  })

  it('tells two servers that should be one', () => {
    const group = [['my', 'your']]
    expect(checkServers([probed('my', { serverId: 's' }), probed('your', { serverId: 's' })], group, 1)).toEqual([])
    const findings = checkServers([probed('my'), probed('your')], group, 1)
    expect(findings).toMatchObject([{ severity: 'error', code: 'not-one-server', database: 'your' }])
  })

  it('tells tables that could not be read', () => {
    const failure = { kind: 'other', code: null, engineCode: null, message: 'permission denied' } as const
    const findings = checkServers([{ ...probed('pg'), tables: undefined, tablesFailure: failure }], [], 1)
    expect(findings).toMatchObject([{ severity: 'error', code: 'tables-unreadable', database: 'pg' }])
    expect(findings[0]?.message).toContain('permission denied')
  })
})
