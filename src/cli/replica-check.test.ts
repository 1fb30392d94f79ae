import { beforeAll, describe, expect, it } from 'vitest'
import { connect, type Client } from '../index.ts'
import type { ReplicaReport, ShardCheckReport } from './check-report.ts'
import { checkConnections } from './connection-check.ts'
import type { ServerFacts } from './inventory.ts'
import type { Probe } from './probe.ts'
import { checkReplicas } from './replica-check.ts'
import { privilegeDespiteReadOnly, type ReplicationFacts } from './replication-facts.ts'

let client: Client
beforeAll(async () => {
  client = await connect({
    databases: {
      pg: { primary: 'postgres://u:secret@h/a', replicas: ['postgres://u:secret@i/a'] },
      my: { primary: 'mysql://u:secret@h/c', replicas: ['mysql://u:secret@i/c'] },
      file: { primary: 'sqlite:./a.db', replicas: ['sqlite:./b.db'] },
    },
  })
  return async () => await client.close()
})

const facts: ServerFacts = {
  product: 'x',
  version: '1',
  role: 'primary',
  writable: true,
  maxConnections: 100,
  serverId: 'one',
  dataId: 'one',
}
const replication: ReplicationFacts = { cluster: 'c', receiving: null, writesBy: null }

interface Differences {
  readonly primary?: Partial<ServerFacts>
  readonly replica?: Partial<ServerFacts>
  readonly replication?: Partial<ReplicationFacts>
  readonly report?: Partial<ReplicaReport>
}

function probed(alias: string, differences: Differences = {}): Probe {
  const database = client.topology.databases.get(alias)
  const [shard] = database?.shards ?? []
  const [server] = shard?.replicas ?? []
  if (database === undefined || shard === undefined || server === undefined)
    throw new Error(`no replicated database ${alias}`)
  const report = { failure: null, receiving: true, sameCluster: true, poolMaxConnections: 20, ...differences.report }
  return {
    database,
    shard,
    report: { poolMaxConnections: 20 } as ShardCheckReport,
    facts: { ...facts, ...differences.primary },
    replication,
    tables: [],
    tablesFailure: undefined,
    replicas: [
      {
        server,
        report: report as ReplicaReport,
        facts: { ...facts, role: 'replica', writable: false, serverId: 'two', ...differences.replica },
        replication: { ...replication, receiving: true, ...differences.replication },
      },
    ],
  }
}

describe('checkReplicas', () => {
  it.each(['pg', 'my', 'file'])('finds nothing where all is well with %s', (alias) => {
    expect(checkReplicas(probed(alias))).toEqual([])
  })

  it('expects of SQLite files no more than that they are there', () => {
    expect(checkReplicas(probed('file', { replica: { role: 'primary' } }))).toEqual([])
  })

  const writes = { role: 'primary', writable: true } as const
  const refused = { kind: 'refused', code: null, engineCode: null, message: 'no' } as const
  it.each([
    ['pg', { report: { failure: refused } }, 'replica-unreachable', /replica-1 cannot be reached \(refused\): no/],
    ['pg', { replica: writes }, 'replica-takes-writes', /not in recovery.*So does the primary/],
    ['my', { replica: writes, primary: { role: 'replica' } }, 'replica-takes-writes', /read_only is off.*promoted/],
    ['my', { replica: { ...writes, serverId: 'one' } }, 'replica-takes-writes', /It is the server of the primary/],
    [
      'pg',
      { report: { sameCluster: false }, replication: { cluster: 'd' } },
      'replica-of-another-cluster',
      /: d, .* c\./,
    ],
    ['my', { report: { receiving: false } }, 'replica-not-receiving', /SHOW REPLICA STATUS/],
    ['my', { replication: { writesBy: 'SUPER' } }, 'replica-account-can-write', /by SUPER/],
  ] as const)('finds with %s %j: %s', (alias, differences, code, message) => {
    const findings = checkReplicas(probed(alias, differences))
    expect(findings.map((finding) => finding.code)).toEqual([code])
    expect(findings[0]?.message).toMatch(message)
  })
})

describe('checkConnections', () => {
  const codes = (processes: number, differences: Differences = {}): readonly string[] =>
    checkConnections([probed('pg', differences)], processes).map(({ severity, code }) => `${severity} ${code}`)

  it('warns above 80 %, and fails above 100 %, for each server', () => {
    expect(codes(4)).toEqual([])
    expect(codes(5)).toEqual(['warning few-connections-left', 'warning few-connections-left'])
    expect(codes(6)).toEqual(['error too-few-connections', 'error too-few-connections'])
  })

  it('adds up what one server has in several roles', () => {
    expect(codes(2, { replica: { serverId: 'one' } })).toEqual([])
    expect(codes(3, { replica: { serverId: 'one' } })).toEqual(['error too-few-connections'])
  })

  it('counts no pool of the application’s own', () => {
    expect(codes(6, { report: { poolMaxConnections: null } })).toEqual(['error too-few-connections'])
  })
})

describe('privilegeDespiteReadOnly', () => {
  const mariadb = (version: string) => ({ product: 'MariaDB', version })

  it.each([
    [['GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION'], mariadb('10.11.19'), 'ALL PRIVILEGES'],
    [['GRANT SELECT, READ_ONLY ADMIN, PROCESS ON *.* TO `a`@`%`'], mariadb('11.4.2'), 'READ_ONLY ADMIN'],
    [['GRANT SELECT, SUPER ON *.* TO `a`@`%`'], mariadb('10.6.4'), 'SUPER'],
    [['GRANT SELECT, SUPER ON *.* TO `a`@`%`'], mariadb('10.11.19'), null],
    [['GRANT SUPER ON *.* TO `a`@`%`'], { product: 'MySQL', version: '8.0.36' }, 'SUPER'],
    [['GRANT CONNECTION_ADMIN ON *.* TO `a`@`%`'], { product: 'MySQL', version: '8.0.36' }, 'CONNECTION_ADMIN'],
    [['GRANT USAGE ON *.* TO `a`@`%`', 'GRANT ALL PRIVILEGES ON `shop`.* TO `a`@`%`'], mariadb('10.6.4'), null],
  ])('finds in %j of %j: %s', (grants, product, privilege) => {
    expect(privilegeDespiteReadOnly(grants, product)).toBe(privilege)
  })
})
