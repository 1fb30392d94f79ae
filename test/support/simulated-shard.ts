import type { ServerStatus } from '../../src/drivers/driver.ts'
import { type MonitorOptions, ShardMonitor } from '../../src/failover/monitor.ts'
import type { ShardView } from '../../src/failover/shard-view.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import type { Position } from '../../src/topology/position.ts'
import type { Server } from '../../src/topology/topology.ts'

export const lsn = (value: number, timeline = 1): Position => ({ kind: 'lsn', timeline, lsn: BigInt(value) })

/** A server whose answers to probes the test dials. */
export class SimulatedServer {
  readonly server: Server
  status: ServerStatus
  /** `hangs`: accepts and never answers. */
  mode: 'answers' | 'refuses' | 'hangs' = 'answers'
  /** From the beginning of a probe, when the status is taken, to its answer. */
  latencyMs = 1
  /** When each probe began. */
  readonly probes: number[] = []

  constructor(id: string, role: 'primary' | 'replica') {
    const target = (): never => {
      throw new Error('not in this test')
    }
    this.server = { id, address: `postgres://${id}`, role, weight: 1, tags: [], target }
    this.status = {
      writable: role === 'primary',
      position: lsn(10),
      cluster: 'x',
      receiving: role === 'primary' ? undefined : true,
      lagMs: undefined,
      version: '15.18',
    }
  }

  set(change: Partial<ServerStatus>): void {
    this.status = { ...this.status, ...change }
  }
}

export function simulateShard(options: MonitorOptions = {}) {
  const clock = new VirtualClock(5_000)
  const [a, b, c] = [
    new SimulatedServer('a', 'primary'),
    new SimulatedServer('b', 'replica'),
    new SimulatedServer('c', 'replica'),
  ]
  const views: ShardView[] = []
  const monitor = new ShardMonitor({
    database: 'shop',
    shard: { name: 'main', primary: a.server, replicas: [b.server, c.server] },
    probe: async ({ id }) => {
      const one = [a, b, c].find(({ server }) => server.id === id) ?? a
      one.probes.push(clock.now())
      const { mode, status, latencyMs } = one
      await (mode === 'hangs' ? new Promise(() => {}) : clock.sleep(latencyMs))
      if (mode === 'refuses') throw new Error('connection refused')
      return status
    },
    clock,
    random: () => 0.5,
    options,
    onChange: (view) => views.push(view),
  })
  const primary = (): string => {
    const found = monitor.primary()
    return found.kind === 'primary' ? found.server.id : found.kind
  }
  return { clock, a, b, c, monitor, primary, views }
}

/** With the first round of probes behind it, and long enough ago for another one. */
export async function startedShard(options: MonitorOptions = {}) {
  const all = simulateShard(options)
  all.monitor.primary()
  await all.clock.advance(500)
  return all
}
