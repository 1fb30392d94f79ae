import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CheckReport } from '../../src/cli/check-report.ts'
import type { ServerReport, StatusReport } from '../../src/cli/status-report.ts'
import { connect, type Config, type DatabaseInput, type Dsn } from '../../src/index.ts'
import {
  startMariadbCluster,
  startPostgres,
  type ClusterDatabase,
  type TestCluster,
  type TestServer,
} from '../../src/testing/index.ts'
import { cliMain, folderOfEachTest, runCli, type CliAnswer, type CliWishes } from '../support/cli.ts'
import { freshDatabase, privateServer, sharedServer, testedEngines, privateCluster } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

const folder = folderOfEachTest()

async function signalbox(args: readonly string[], wishes: CliWishes = {}): Promise<CliAnswer> {
  return await runCli(args, { columns: 120, ...wishes })
}

async function configFile(databases: Config['databases'], more: Partial<Config> = {}): Promise<string> {
  const file = join(folder.path, `${Math.random()}.mjs`)
  await writeFile(file, `export default ${JSON.stringify({ ...more, databases })}`)
  return file
}

type Status = CliAnswer & { readonly report: StatusReport }

async function statusOf(shop: DatabaseInput): Promise<Status> {
  const answer = await signalbox(['status', '--json', '--config', await configFile({ shop })])
  return { ...answer, report: JSON.parse(answer.out) as StatusReport }
}

type Check = CliAnswer & { readonly report: CheckReport; readonly findings: readonly (readonly [string, string])[] }

async function checkOf(shop: DatabaseInput, args: readonly string[] = [], more: Partial<Config> = {}): Promise<Check> {
  const answer = await signalbox(['check', '--json', ...args, '--config', await configFile({ shop }, more)])
  const report = JSON.parse(answer.out) as CheckReport
  return { ...answer, report, findings: report.findings.map(({ severity, code }) => [severity, code] as const) }
}

function serversOf({ report }: Status): readonly ServerReport[] {
  return report.shards.flatMap(({ servers }) => servers)
}

describe.each(engines)('a cluster of %s', (engine) => {
  let cluster: TestCluster
  let database: ClusterDatabase
  let shop: DatabaseInput

  beforeAll(async () => {
    cluster = await privateCluster(engine)
    database = await cluster.createDatabase()
  }, 60_000)
  afterAll(async () => {
    await cluster.stop()
  })
  beforeEach(() => {
    shop = { primary: database.dsnOf(cluster.primary), replicas: dsnsOf(cluster.replicas) }
  })

  function dsnsOf(servers: readonly TestServer[]): NonNullable<DatabaseInput['replicas']> {
    return servers.map((server) => database.dsnOf(server))
  }

  it('that is well is shown whole, as a table and as JSON', async () => {
    // A machine that is busy with other tests is no reason for a lag.
    shop = { ...shop, replication: { probeTimeoutMs: 5_000 } }
    await cluster.caughtUp()
    const status = await statusOf(shop)
    expect(status.report.problems).toEqual([])
    expect(status).toMatchObject({ code: 0, err: '', report: { ok: true } })
    expect(status.report.shards).toMatchObject([
      { database: 'shop', shard: 'main', engine, primary: 'shop/main/primary' },
    ])
    const servers = serversOf(status)
    expect(
      servers.map(({ server, role, declaredRole, state, out }) => ({ server, role, declaredRole, state, out })),
    ).toEqual(
      (['primary', 'replica-1', 'replica-2'] as const).map((name) => {
        const role = name === 'primary' ? 'primary' : 'replica'
        return { server: `shop/main/${name}`, role, declaredRole: role, state: 'up', out: null }
      }),
    )
    for (const { position, lagMs, bytesBehind, version, address } of servers) {
      expect(position).toMatch(engine === 'postgres' ? /^1:[\dA-F]+\/[\dA-F]+$/ : /^0-\d+-\d+$/)
      expect(lagMs).toBe(0)
      expect(bytesBehind).toBe(engine === 'postgres' ? 0 : null)
      expect(version).toMatch(/^\d+\.\d+/)
      expect(address).toContain(database.name)
    }
    const text = await signalbox(['status', '--config', await configFile({ shop })])
    expect(text.code).toBe(0)
    const lines = text.out.split('\n')
    expect(lines[0]).toMatch(/^DATABASE +SHARD +SERVER +ROLE +STATE +POSITION +LAG +BEHIND +CONNECTIONS +VERSION$/)
    expect(lines[1]).toMatch(/^shop +main +primary +primary +up +\d/)
    expect(lines[2]).toMatch(/^ +replica-1 +replica +up +\d+[:-].* +0 ms /)
    expect(text.out).toContain('3 of 3 servers can be used, 1 of 1 shard has a primary.')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120)
    expect(status.out + text.out).not.toContain(new URL(database.primary).password)
  })

  it('of which one server is declared is shown whole by what names the others, and what cannot be asked is a problem', async () => {
    const members = cluster.servers.map(({ host, port }) => ({ name: `${port}`, state: 'running', host, port }))
    const patroni = createServer((_, response) => void response.end(JSON.stringify({ members })))
    await new Promise<void>((resolve) => void patroni.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(patroni.address() as AddressInfo).port}`
    const found = { primary: database.dsnOf(cluster.primary), discovery: { patroni: url } } as const
    try {
      const status = await statusOf(found)
      expect(status).toMatchObject({ code: 0, report: { ok: true } })
      expect(serversOf(status).map(({ server, role, state }) => `${server} ${role} ${state}`)).toEqual([
        'shop/main/primary primary up',
        ...cluster.replicas.map(({ port }) => `shop/main/127.0.0.1:${port} replica up`),
      ])
      const text = await signalbox(['status', '--config', await configFile({ shop: found })])
      expect(text.out).toContain(`shop: 3 servers found by Patroni at ${url}`)
      const poolMaxConnections = engine === 'postgres' ? 13 : 11
      expect(await checkOf(found)).toMatchObject({
        code: 0,
        findings: [],
        report: { databases: [{ poolMaxConnections }] },
      })
    } finally {
      patroni.close()
    }
    const failing = await statusOf(found)
    expect(failing).toMatchObject({ code: 1, report: { problems: [{ code: 'discovery', server: null }] } })
  })

  it('that is well is checked without a finding, with each replica below its database', async () => {
    const { code, findings, report } = await checkOf(shop)
    expect(findings).toEqual([])
    expect(code).toBe(0)
    expect(report.processes).toBe(1)
    const replica = {
      reachable: true,
      failure: null,
      role: 'replica',
      writable: false,
      receiving: true,
      sameCluster: engine === 'postgres' ? true : null,
      poolMaxConnections: engine === 'postgres' ? 13 : 11,
    }
    const names = ['shop/main/replica-1', 'shop/main/replica-2']
    expect(report.databases[0]?.replicas).toMatchObject(names.map((server) => ({ ...replica, server })))
    const { out } = await signalbox(['check', '--config', await configFile({ shop })])
    expect(out).toMatch(/^shop +ok .* primary .*\n {2}replica-1 +ok .* replica .*\n {2}replica-2 +ok/m)
    expect(out).toContain('1 of 1 database reachable, 2 of 2 replicas, 0 problems, 0 warnings.')
  })

  it('is compared with the connections that all processes may open', async () => {
    const each = engine === 'postgres' ? 13 : 11
    const available = (await checkOf(shop)).report.databases[0]?.serverMaxConnections ?? 0
    const most = Math.floor(available / each)
    const warned = await checkOf(shop, ['--processes', String(most)])
    expect(warned.findings).toEqual(Array.from({ length: 3 }, () => ['warning', 'few-connections-left']))
    expect(warned.code).toBe(0)
    const over = await checkOf(shop, ['--processes', String(most + 1)])
    expect(over.code).toBe(1)
    expect(over.findings).toEqual(Array.from({ length: 3 }, () => ['error', 'too-few-connections']))
    expect(over.report.findings[1]?.message).toContain(
      `shop/main/replica-1 takes ${available} connections, and ${most + 1} processes of the application may open ${(most + 1) * each} (${each} each)`,
    )
  })

  it('with two servers that take writes has no primary', async () => {
    // Made from the same template, so that PostgreSQL takes it for a copy.
    await using alone = await privateServer(engine)
    const declared: DatabaseInput = { ...shop, replicas: [...dsnsOf(cluster.replicas), await newDatabase(alone)] }
    const { report, code, findings } = await checkOf(declared)
    expect(code).toBe(1)
    expect(findings).toEqual([['error', 'replica-takes-writes']])
    expect(report.findings[0]?.message).toMatch(
      /^shop\/main\/replica-3 is declared as a replica, but takes writes.*neither/,
    )
    expect(report.databases[0]?.replicas[2]).toMatchObject({ role: 'primary', writable: true, receiving: null })
    const status = await statusOf(declared)
    expect(status.code).toBe(1)
    expect(status.report.shards[0]?.primary).toBeNull()
    expect(serversOf(status)[3]).toMatchObject({ role: 'primary', declaredRole: 'replica', state: 'up' })
    expect(status.report.problems).toMatchObject([{ code: 'two-primaries', server: null }])
    const text = await signalbox(['status', '--config', await configFile({ shop: declared })])
    expect(text.out).toMatch(/replica-3 +primary\* +up/)
    expect(text.out).toMatch(/✗ "shop" \(shard main\) has more than one primary/)
  })

  it('shows how far a replica is behind, and when that is longer than anybody watched', async () => {
    const [replica] = cluster.replicas
    const client = await connect(database.primary)
    await cluster.pauseReplay(replica!)
    try {
      await client.query(`create table lagging_${engine} as select 1 as n`)
      const behind = await statusOf(shop)
      const [primary, late, other] = serversOf(behind)
      expect(late).toMatchObject({ role: 'replica', state: 'up', isLagLonger: true })
      expect(late?.lagMs).toBeGreaterThan(0)
      expect(late?.position).not.toBe(primary?.position)
      if (engine === 'postgres') expect(late?.bytesBehind).toBeGreaterThan(0)
      expect(other).toMatchObject({ lagMs: 0, isLagLonger: false })
      const text = await signalbox(['status', '--config', await configFile({ shop })])
      expect(text.out).toMatch(/replica-1 +replica +up +\S+ +≥ \d/)
      const frames = await signalbox(['status', '--watch', '0.3', '--json', '--config', await configFile({ shop })], {
        hasSeenEnough: ({ length }) => length === 3,
      })
      const last = JSON.parse(frames.out.trimEnd().split('\n').at(-1) ?? '') as StatusReport
      expect(last.shards[0]?.servers[1]?.isLagLonger).toBe(true)
      expect(last.shards[0]?.servers[1]?.lagMs).toBeGreaterThan(150)
      // What is too far behind for the application is out.
      const strict = await statusOf({ ...shop, replication: { maxLagMs: 1 } })
      expect(strict.code).toBe(1)
      expect(strict.report.problems[0]?.message).toMatch(/^shop\/main\/replica-1 gets no statements: \d+ ms behind/)
    } finally {
      await client.close()
      await cluster.resumeReplay(replica!)
      await cluster.caughtUp()
    }
  })

  it('that has lost a replica says so, again and again under --watch', async () => {
    const [lost] = cluster.replicas
    lost!.kill('SIGKILL')
    await lost!.exited()
    try {
      const { code, findings, report } = await checkOf(shop)
      expect(code).toBe(1)
      expect(findings).toEqual([['error', 'replica-unreachable']])
      expect(report.findings[0]?.message).toMatch(/^shop\/main\/replica-1 cannot be reached \(refused\)/)
      expect(report.databases[0]?.replicas.map(({ reachable }) => reachable)).toEqual([false, true])
      const status = await statusOf(shop)
      expect(status.code).toBe(1)
      expect(status.report.problems).toMatchObject([{ code: 'out', server: 'shop/main/replica-1' }])
      const [primary, dead, alive] = serversOf(status)
      expect(dead).toMatchObject({ role: null, state: expect.stringMatching(/down|probing/) as string, position: null })
      expect(dead?.out).toMatch(/ECONNREFUSED/)
      expect([primary?.out, alive?.out]).toEqual([null, null])
      const file = await configFile({ shop })
      const twice = (frames: readonly string[]): boolean => frames.length === 2
      const watched = await signalbox(['status', '--watch', '0.1', '--json', '--config', file], {
        hasSeenEnough: twice,
      })
      const lines = watched.out.trimEnd().split('\n')
      expect(lines.map((line) => (JSON.parse(line) as StatusReport).ok)).toEqual([false, false])
      expect(watched.code).toBe(1)
      const drawn = await signalbox(['status', '--watch', '0.1', '--config', file], {
        isInteractive: true,
        hasSeenEnough: twice,
      })
      expect(drawn.out.split('\u001B[H\u001B[J')).toHaveLength(3)
      const printed = await signalbox(['status', '--watch', '0.1', '--config', file], { hasSeenEnough: twice })
      expect(printed.out).not.toContain('\u001B')
      expect(printed.out.match(/^DATABASE/gm)).toHaveLength(2)
      expect(printed.out).toMatch(/replica-1 +\? +(?:down|probing) .*…$/m)
    } finally {
      await lost!.restart()
      await cluster.caughtUp()
    }
  })

  it('that has changed its primary is not as declared, and still well', async () => {
    const [first, second] = cluster.servers
    const declared: DatabaseInput = {
      primary: database.dsnOf(first!),
      replicas: dsnsOf(cluster.servers.filter((server) => server !== first)),
    }
    await cluster.promote(second!)
    const split = await statusOf(declared)
    expect(split.code).toBe(1)
    expect(split.report.shards[0]?.primary).toBeNull()
    expect(split.report.problems.map(({ code }) => code)).toContain('two-primaries')
    expect(serversOf(split).map(({ role }) => role)).toEqual(['primary', 'primary', 'replica'])
    await cluster.rejoin(first!)
    const status = await statusOf(declared)
    expect(status.report.problems).toEqual([])
    expect(status.code).toBe(0)
    expect(status.report.shards[0]?.primary).toBe('shop/main/replica-1')
    expect(serversOf(status).map(({ role }) => role)).toEqual(['replica', 'primary', 'replica'])
    const { findings } = await checkOf(declared)
    expect(findings).toEqual([
      ['error', 'read-only-primary'],
      ['error', 'replica-takes-writes'],
    ])
  }, 60_000)

  it('ends with Ctrl-C', async () => {
    // A machine that is busy with other tests is no reason for another exit code.
    const patient = { ...shop, replication: { probeTimeoutMs: 5_000 } }
    const file = await configFile({ shop: patient })
    const child = spawn(process.execPath, [cliMain, 'status', '--watch', '0.1', '--config', file], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (out.match(/^DATABASE/gm)?.length === 2) child.kill('SIGINT')
    })
    expect(await new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))).toEqual({
      code: 0,
      signal: null,
    })
  })
})

async function newDatabase(server: TestServer): Promise<Dsn> {
  return (await server.createDatabase()).dsn
}

describe.runIf(testedEngines.includes('postgres'))('a PostgreSQL server of another cluster', () => {
  it('is no replica, and does not keep the primary from its writes', async () => {
    await using own = await privateServer('postgres')
    await using stranger = await startPostgres()
    const declared = { primary: await newDatabase(own), replicas: [await newDatabase(stranger)] }
    const { code, findings, report } = await checkOf(declared)
    expect(code).toBe(1)
    expect(findings).toEqual([
      ['error', 'replica-takes-writes'],
      ['error', 'replica-of-another-cluster'],
    ])
    expect(report.databases[0]?.replicas[0]).toMatchObject({ role: 'primary', sameCluster: false })
    const status = await statusOf(declared)
    expect(status.code).toBe(1)
    expect(status.report.shards[0]?.primary).toBe('shop/main/primary')
    expect(status.report.problems).toMatchObject([{ code: 'out', server: 'shop/main/replica-1' }])
    expect(status.report.problems[0]?.message).toContain('belongs to cluster')
  }, 60_000)
})

describe.runIf(testedEngines.includes('mysql'))('check of MariaDB replicas', () => {
  it('finds an account that read_only does not stop, and a replica that receives nothing', async () => {
    await using cluster = await startMariadbCluster({ template: sharedServer('mysql').template, replicas: 1 })
    const database = await cluster.createDatabase()
    const [replica] = cluster.replicas
    const asAdmin = replica!.adminDsn(database.name) as Dsn
    const { code, findings, report } = await checkOf({ primary: database.primary, replicas: [asAdmin] })
    expect(findings).toEqual([['warning', 'replica-account-can-write']])
    expect(report.findings[0]?.message).toMatch(/read_only is set, by ALL PRIVILEGES/)
    expect(code).toBe(0)
    const client = await connect(asAdmin)
    await client.query('stop slave')
    await client.close()
    const stopped = await checkOf({ primary: database.primary, replicas: [...database.replicas] })
    expect(stopped.findings).toEqual([['warning', 'replica-not-receiving']])
  }, 60_000)
})

describe('status of databases without replicas', () => {
  it.each(testedEngines)('shows a database on %s, and one that is not there', async (engine) => {
    await using database = await freshDatabase(engine)
    if (engine === 'sqlite') await (await connect(database.dsn)).query('create table t (id integer)')
    const well = await signalbox(['status', '--url', database.dsn])
    expect(well.out).toMatch(/^default +main +primary +primary +up /m)
    expect(well.code).toBe(0)
    const databases = { shop: database.dsn, gone: `sqlite:${join(folder.path, 'gone.db')}` }
    const { code, out } = await signalbox(['status', '--json', '--config', await configFile(databases)])
    expect(code).toBe(1)
    const { shards, problems } = JSON.parse(out) as StatusReport
    expect(shards.map(({ primary }) => primary)).toEqual(['shop/main/primary', null])
    expect(problems.map(({ code: problem, database: alias }) => [problem, alias])).toEqual([
      ['no-primary', 'gone'],
      ['out', 'gone'],
    ])
    expect(shards[1]?.servers[0]?.out).toMatch(/no-such-file/)
  })

  it.each([
    [['--timeout', '0'], /whole number of milliseconds/],
    [['--watch', '0'], /number of seconds from 0.1/],
    [['--watch', 'soon'], /number of seconds/],
    [['--url', 'oracle://u:secret@h/x'], /SIGNALBOX_CONFIG_INVALID/],
  ])('answers %j with exit code 2', async (args, message) => {
    const { code, err } = await signalbox(['status', ...args])
    expect(code).toBe(2)
    expect(err).toMatch(message)
  })
})
