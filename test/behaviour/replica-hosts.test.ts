import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { replicaHostsSource } from '../../src/discovery/replica-hosts.ts'
import { connect } from '../../src/index.ts'
import { startMariadbCluster, type TestCluster } from '../../src/testing/index.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

/** What a source says that asks by a client of this account. */
async function find(dsn: string) {
  await using client = await connect(dsn)
  const source = replicaHostsSource(async (sql, { timeoutMs }) => (await client.query(sql, [], { timeoutMs })).rows)
  return await source.find({ timeoutMs: 5000 })
}

describe.runIf(testedEngines.includes('mysql'))('the replicas that MariaDB knows', () => {
  let cluster: TestCluster

  beforeAll(async () => {
    const { template } = sharedServer('mysql')
    cluster = await startMariadbCluster({ template, replicas: 2 })
  })
  afterAll(() => cluster?.stop())

  it('serve the reads of a client that was told the primary alone', async () => {
    const { primary } = await cluster.createDatabase()
    await using client = await connect({
      databases: { default: { primary, discovery: { replicaHosts: true, intervalMs: 100 } } },
    })
    const seen = new Set<number>()
    const read = async () => {
      const { rows } = await client.query<{ port: number }>('select @@port as port')
      for (const { port } of rows) seen.add(port)
      return [...seen]
    }
    const ports = cluster.replicas.map(({ port }) => port)
    await expect.poll(read, { timeout: 10_000 }).toEqual(expect.arrayContaining(ports))
  })

  it('are found where the primary sees them, or where they say they are', async () => {
    const [one, other] = cluster.replicas
    expect(new Set((await find(cluster.primary.dsn())).map(({ host, port }) => `${host}:${port}`))).toEqual(
      new Set([`127.0.0.1:${one?.port}`, `127.0.0.1:${other?.port}`]),
    )
    await one?.restart({ 'report-host': 'db2.example.com', 'report-port': '3307' })
    await cluster.caughtUp()
    expect(new Set((await find(cluster.primary.dsn())).map(({ host, port }) => `${host}:${port}`))).toEqual(
      new Set(['db2.example.com:3307', `127.0.0.1:${other?.port}`]),
    )
  })

  it('are told to an account with the privilege that the documentation names, and to no other', async () => {
    const { host, port } = cluster.primary
    await using admin = await connect(cluster.primary.adminDsn())
    await admin.query("create user plain@'%' identified by 'secret'")
    await admin.query("grant replication slave, binlog monitor on *.* to plain@'%'")
    const dsn = `mysql://plain:secret@${host}:${port}/information_schema`
    await expect(find(dsn)).rejects.toThrow(
      /SHOW REPLICA HOSTS: .*Grant it to the application: REPLICATION MASTER ADMIN/,
    )
    await admin.query("grant replication master admin on *.* to plain@'%'")
    expect(await find(dsn)).toHaveLength(2)
  })
})
