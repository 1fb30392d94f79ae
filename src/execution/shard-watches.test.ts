import { expect, it, onTestFinished, vi } from 'vitest'
import type { Config } from '../config.ts'
import { connect } from '../connect.ts'
import { parseConfig } from '../parse-config.ts'
import { simulateDrivers, type SimulatedDrivers } from '../testing/simulated-driver.ts'
import { TopologyStore } from '../topology/topology-store.ts'
import type { Server } from '../topology/topology.ts'
import { PoolRegistry } from './pool-registry.ts'
import { ShardWatches } from './shard-watches.ts'

const patience = { timeout: 5_000 }

/** The watches of the one shard of the default database; closed with the test. */
function watched(config: Config, drivers: SimulatedDrivers['drivers']) {
  const { topology } = parseConfig(config)
  const database = topology.databases.get('default')!
  const shard = database.shards[0]!
  const pools = new PoolRegistry(drivers)
  const watches = new ShardWatches(pools, drivers, new TopologyStore(topology))
  onTestFinished(() => watches.close(0))
  return { database, shard, pools, watches }
}

it('A position is not believed any more after the loss of a connection, be it one of the probes alone', async () => {
  const simulated = simulateDrivers()
  const dsn = 'postgres://u@r/d'
  const replication = { probeIntervalMs: 600_000, maxLagMs: 0 }
  const databases = { default: { primary: 'postgres://u@p/d', replicas: [dsn] } }
  const { database, shard, pools, watches } = watched({ databases, replication }, simulated.drivers)
  const [replica] = shard.replicas
  const position = { kind: 'lsn', timeline: 1, lsn: 7n } as const
  const server = simulated.server(dsn)
  server.setStatus({ writable: false, position })
  expect(watches.known(database, shard).usable(replica!)).toBe(true)
  expect(server.steps).toEqual([])

  await watches.of(database, shard).refresh(replica!)
  expect(watches.positionOf(database, shard, replica!)).toEqual(position)
  expect(watches.known(database, shard).positionOf(replica!)).toEqual(position)
  // No statement has used a connection of its own, or they were idle for so long that they were closed.
  expect(pools.opened(replica!)).toBeUndefined()
  server.loseConnections()
  expect(watches.lossesOf(replica!)).toBe(1)
  expect(watches.positionOf(database, shard, replica!)).toBeUndefined()

  // It is asked again at once, and not only when its turn comes, which is in ten minutes here.
  await vi.waitFor(() => expect(watches.positionOf(database, shard, replica!)).toEqual(position))
})

it('A server that was gone, and is found again, may be another one', async () => {
  const simulated = simulateDrivers()
  let found = [{ host: 'r', port: 5432 }]
  const discovery = { find: () => found, intervalMs: 100 }
  const databases = { default: { primary: 'postgres://u@p/d', discovery } }
  const { database, shard, watches } = watched({ databases }, simulated.drivers)
  const monitor = watches.of(database, shard)
  monitor.primary()
  const appeared = async (): Promise<number> => {
    await vi.waitFor(() => expect(monitor.servers).toHaveLength(2), patience)
    return watches.lossesOf(monitor.servers[1]!)
  }
  const before = await appeared()
  // It is the same one at each look that names it.
  await vi.waitFor(() => expect(simulated.server('postgres://u@r:5432/d').steps.length).toBeGreaterThan(1), patience)
  expect(await appeared()).toBe(before)
  found = []
  await vi.waitFor(() => expect(monitor.servers).toHaveLength(1), patience)
  found = [{ host: 'r', port: 5432 }]
  expect(await appeared()).toBeGreaterThan(before)
})

it('A primary that was found stays while it is suspect, though nobody names it', async () => {
  const simulated = simulateDrivers()
  const [configured, promoted] = ['postgres://u@p/d', 'postgres://u@r:5432/d'].map((dsn) => simulated.server(dsn))
  configured!.setStatus({ writable: false })
  let looks = 0
  let found = [{ host: 'r', port: 5432 }]
  const discovery = { find: () => (looks++, found), intervalMs: 100 }
  const replication = { probeTimeoutMs: 60_000 }
  const databases = { default: { primary: 'postgres://u@p/d', discovery } }
  const { database, shard, watches } = watched({ databases, replication }, simulated.drivers)
  const monitor = watches.of(database, shard)
  monitor.primary()
  await vi.waitFor(() => expect(monitor.primary()).toMatchObject({ server: { id: 'default/main/r:5432' } }), patience)
  const { server } = monitor.primary() as { server: Server }
  // Its probes have no answer yet, so that it stays suspect.
  promoted!.answerWith(({ action }) => (action === 'status' ? new Promise(() => {}) : undefined))
  monitor.reportFailure(server, new Error('connection lost'))
  found = []
  const before = looks
  await vi.waitFor(() => expect(looks - before).toBeGreaterThan(3), patience)
  expect(monitor.stateOf(server).kind).toBe('suspect')
  expect(monitor.primary()).toMatchObject({ server: { id: server.id } })
})

it('A token is not left out while others may know of replicas that were not found here', async () => {
  const simulated = simulateDrivers()
  simulated.server('postgres://u@p/d').setStatus({ position: { kind: 'lsn', timeline: 1, lsn: 7n } })
  let isWell = false
  const find = () => {
    if (!isWell) throw new Error('nobody answers')
    return []
  }
  const databases = { default: { primary: 'postgres://u@p/d', discovery: { find, intervalMs: 100 } } } as const
  const client = await connect({ databases, tokens: { keys: ['a secret of sixteen bytes'] } }, simulated)
  onTestFinished(() => client.close())
  const tokenOfWrite = async (): Promise<string | undefined> =>
    await client.session(async (session) => {
      await client.query('update item set n = 1')
      return await session.token()
    })
  expect(await tokenOfWrite()).toBeTypeOf('string')
  await vi.waitFor(() => expect(client.status()[0]!.discovery?.failed).toBe('nobody answers'), patience)
  expect(await tokenOfWrite()).toBeTypeOf('string')
  isWell = true
  await vi.waitFor(() => expect(client.status()[0]!.discovery?.failed).toBeUndefined(), patience)
  expect(await tokenOfWrite()).toBeUndefined()
})

it('A primary that takes no writes any more is asked on a new connection: its name may lead to the next one', async () => {
  const simulated = simulateDrivers()
  let opened = 0
  const mysql = async () => {
    const driver = await simulated.drivers.mysql()
    const open: typeof driver.open = async (target, options) => {
      if (target.from === 'dsn' && JSON.stringify(target).includes('@p/')) opened += 1
      return await driver.open(target, options)
    }
    return { ...driver, open }
  }
  const databases = { default: { primary: 'mysql://u@p/d', replicas: ['mysql://u@r/d'] } }
  const { database, shard, watches } = watched({ databases }, { ...simulated.drivers, mysql })
  const monitor = watches.of(database, shard)
  for (let n = 0; n < 3; n++) await monitor.refresh(shard.primary)
  expect(opened).toBe(1)
  const before = watches.lossesOf(shard.primary)
  simulated.server('mysql://u@p/d').setStatus({ writable: false })
  await monitor.refresh(shard.primary)
  await monitor.refresh(shard.primary)
  expect(opened).toBe(2)
  expect(watches.lossesOf(shard.primary)).toBeGreaterThan(before)
  await monitor.refresh(shard.primary)
  expect(opened).toBe(2)
})
