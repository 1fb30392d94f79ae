import { setTimeout as delay } from 'node:timers/promises'
import type { Random, TestCluster, TestServer } from '../src/testing/index.ts'

/** One kind of trouble: what it does, and how it is undone. */
interface Fault {
  readonly name: string
  readonly strike: (server: TestServer) => Promise<void>
  readonly mend: (server: TestServer) => Promise<void>
}

function faultsOf(cluster: TestCluster): readonly Fault[] {
  return [
    {
      name: 'kill',
      strike: async (server) => {
        server.kill('SIGKILL')
        await server.exited()
      },
      mend: async (server) => await server.restart(),
    },
    {
      name: 'freeze',
      strike: async (server) => server.freeze(),
      mend: async (server) => server.thaw(),
    },
    {
      name: 'pause of the replay',
      strike: async (server) => await cluster.pauseReplay(server),
      mend: async (server) => await cluster.resumeReplay(server),
    },
    {
      name: 'delay of 500 ms',
      strike: async (server) => await cluster.delayReplay(server, 500),
      mend: async (server) => await cluster.delayReplay(server, 0),
    },
  ]
}

export interface FaultPlan {
  readonly cluster: TestCluster
  readonly random: Random
  /** Also kill the primary, promote a replica, and let the old primary rejoin. */
  readonly failovers: boolean
  readonly signal: AbortSignal
  readonly tell: (text: string) => void
}

/**
 * Troubles one server after the other until the signal fires, and leaves all of them well. At most one is in trouble at a
 * time, so that a good replica is always left.
 */
export async function causeTrouble({ cluster, random, failovers, signal, tell }: FaultPlan): Promise<void> {
  const faults = faultsOf(cluster)
  while (!signal.aborted) {
    await delay(200 + random.below(800))
    if (signal.aborted) return
    if (failovers && random.chance(0.3)) {
      await failOver(cluster, random, tell)
      continue
    }
    const server = cluster.replicas[random.below(cluster.replicas.length)]!
    const fault = faults[random.below(faults.length)]!
    tell(`${fault.name}: ${server.port}`)
    await fault.strike(server)
    await delay(300 + random.below(2_000))
    await fault.mend(server)
    tell(`${server.port} is mended`)
    await cluster.caughtUp()
  }
}

async function failOver(cluster: TestCluster, random: Random, tell: (text: string) => void): Promise<void> {
  const old = cluster.primary
  tell(`kill of the primary: ${old.port}`)
  old.kill('SIGKILL')
  await old.exited()
  await delay(random.below(500))
  const next = await cluster.mostAdvanced()
  await cluster.promote(next)
  tell(`${next.port} is the primary`)
  await delay(500 + random.below(1_000))
  await cluster.rejoin(old)
  tell(`${old.port} follows`)
  await cluster.caughtUp()
}
