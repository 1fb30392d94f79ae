import type { TestServer } from 'signalbox/testing'
import { Checklist } from '../checklist.ts'
import { deriveReviews } from '../derived-reviews.ts'
import { dialects } from '../dialect.ts'
import { load } from '../loading.ts'
import type { ReplicationDemoOptions } from '../options.ts'
import { count, Page, paint } from '../page.ts'
import { readRetailData } from '../retail-data.ts'
import { createIndexes, createTables } from '../schema.ts'
import { Chart } from './chart.ts'
import { runIncidents, type Account } from './incidents.ts'
import { Observations } from './observations.ts'
import { openReplicatedShop, type ReplicatedShop } from './replicated-shop.ts'
import { Findings } from './findings.ts'
import { Visitors } from './visitors.ts'

const sliceMs = 500

/**
 * A shop on a primary with replicas, whose servers die, hang and change their roles under load. Returns the number of
 * promises that did not hold; throws as `runDemo` does.
 */
export async function runReplicationDemo(options: ReplicationDemoOptions, signal: AbortSignal): Promise<number> {
  const begun = performance.now()
  const page = new Page()
  const checklist = new Checklist(page)
  const dialect = dialects[options.engine]
  page.line(paint('bold', `Signalbox: one shop, a ${dialect.title} primary with ${options.replicas} replicas`))

  await using cleanup = new AsyncDisposableStack()
  page.section('The servers')
  page.quiet(`starting ${options.replicas + 1} servers …`)
  const replicated = await openReplicatedShop({ ...options, dialect, signal, cleanup })
  const { shop, cluster } = replicated
  signal.throwIfAborted()
  page.table(
    ['server', 'role', 'where'],
    cluster.servers.map((server) => [nameOf(cluster.servers, server), roleOf(replicated, server), addressOf(server)]),
  )
  page.quiet('Replication is synchronous to any one of them: an acknowledged write outlives its primary.')

  page.section('Loading')
  const data = await readRetailData()
  for (const statement of createTables(dialect)) await shop.query(statement)
  await load(shop, data, deriveReviews(data))
  for (const statement of createIndexes) await shop.query(statement)
  const observations = new Observations(cluster.servers.length, (address) => numberOf(cluster.servers, address))
  const visitors = new Visitors(shop, data, observations)
  await visitors.prepare()
  await cluster.caughtUp()

  page.section(`${visitors.count} visitors for ${options.seconds} seconds`)
  page.quiet(`${visitors.shoppers.length} fill their baskets and read them back, the others look around.`)
  const findings = new Findings({ replicated, observations, visitors, data })
  const account = await runLoad(replicated, options.seconds, visitors, findings, signal)

  page.section('What the application noticed')
  findings.show(page, account, (server) => nameOf(cluster.servers, server))
  page.section('What must hold')
  await findings.check(checklist, account, (server) => nameOf(cluster.servers, server))
  const { checked, failed } = checklist
  page.line(`${count(checked)} facts checked, ${failed === 0 ? 'all as promised' : `${failed} NOT as promised`}.`)
  page.line(`Done in ${((performance.now() - begun) / 1000).toFixed(1)} s.`)
  return failed
}

/** The visitors go on until the last incident is over. */
async function runLoad(
  replicated: ReplicatedShop,
  seconds: number,
  visitors: Visitors,
  findings: Findings,
  signal: AbortSignal,
): Promise<Account> {
  const { cluster } = replicated
  const { servers } = cluster
  const name = (server: TestServer): string => nameOf(servers, server)
  const stateOf = (server: number): string => stateFor(replicated, servers[server])
  const chart = new Chart({ names: servers.map(name), stateOf })
  const ticker = setInterval(() => chart.add(findings.takeSlice()), sliceMs)
  const over = new AbortController()
  const load = visitors.run(AbortSignal.any([signal, over.signal]))
  try {
    return await runIncidents({
      cluster,
      seconds,
      nameOf: name,
      tell: (text) => chart.incident(text),
      readsOf: (server) => findings.readsOf(server),
      hasPrimary: () => replicated.shop.client.status()[0]?.primary.kind === 'primary',
      signal,
    })
  } finally {
    over.abort()
    await load
    clearInterval(ticker)
  }
}

function nameOf(servers: readonly TestServer[], server: TestServer): string {
  return String.fromCharCode('A'.charCodeAt(0) + servers.indexOf(server))
}

/** An address ends with the port and the name of the database. */
function numberOf(servers: readonly TestServer[], address: string): number {
  return servers.findIndex(({ port }) => address.includes(`:${port}/`))
}

function addressOf({ host, port }: TestServer): string {
  return `${host}:${port}`
}

function roleOf({ cluster }: ReplicatedShop, server: TestServer): string {
  return server === cluster.primary ? 'primary' : 'replica'
}

/** What the client knows of it. */
function stateFor(replicated: ReplicatedShop, server: TestServer | undefined): string {
  const [view] = replicated.shop.client.status()
  const known = view?.servers.find(({ address }) => server !== undefined && address.includes(`:${server.port}/`))
  if (known === undefined || server === undefined) return ''
  return known.out === undefined ? known.role : 'out'
}
