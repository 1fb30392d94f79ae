import { setTimeout as delay } from 'node:timers/promises'
import type { Fault, FaultProxy, TestCluster, TestServer } from '../src/testing/index.ts'
import type { FaultKind, Step, Trouble } from './plan.ts'

/** A cluster, and what stands between its servers and their clients. */
export interface Scene {
  readonly cluster: TestCluster
  readonly proxyOf: (server: TestServer) => FaultProxy
  readonly tell: (text: string) => void
}

/** How a fault begins, and how it ends. */
interface Cause {
  readonly strike: (server: TestServer, scene: Scene) => Promise<void> | void
  readonly mend: (server: TestServer, scene: Scene) => Promise<void> | void
}

const causes: Readonly<Record<FaultKind, Cause>> = {
  crash: {
    strike: async (server) => {
      server.kill('SIGKILL')
      await server.exited()
    },
    mend: async (server) => await server.restart(),
  },
  restart: { strike: async (server) => await server.restart(), mend: () => {} },
  freeze: { strike: (server) => server.freeze(), mend: (server) => server.thaw() },
  pause: {
    strike: async (server, { cluster }) => await cluster.pauseReplay(server),
    mend: async (server, { cluster }) => await cluster.resumeReplay(server),
  },
  delay: {
    strike: async (server, { cluster }) => await cluster.delayReplay(server, 500),
    mend: async (server, { cluster }) => await cluster.delayReplay(server, 0),
  },
  cut: {
    strike: async (server, { cluster }) => await cluster.stopReceiving(server),
    mend: async (server, { cluster }) => await cluster.startReceiving(server),
  },
  reset: { strike: (server, { proxyOf }) => void proxyOf(server).reset(), mend: () => {} },
  // Bytes that were swallowed would be sent again in real life; here their connections break instead.
  'black hole': wire({ kind: 'black-hole' }, true),
  'half-open': wire({ kind: 'half-open' }, true),
  slow: wire({ kind: 'delay', ms: 50 }, false),
  refused: {
    strike: (server, { proxyOf }) => {
      proxyOf(server).refuse()
      proxyOf(server).reset()
    },
    mend: async (server, { proxyOf }) => await proxyOf(server).accept(),
  },
}

function wire(fault: Fault, breaks: boolean): Cause {
  return {
    strike: (server, { proxyOf }) => proxyOf(server).apply(fault),
    mend: (server, { proxyOf }) => {
      proxyOf(server).apply({ kind: 'pass' })
      if (breaks) proxyOf(server).reset()
    },
  }
}

/** Takes the plan's steps one after the other until the signal fires, and leaves all servers well. */
export async function causeTrouble(steps: Iterable<Step>, scene: Scene, signal: AbortSignal): Promise<void> {
  for (const step of steps) {
    await delay(step.afterMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    await takeStep(step, scene)
  }
  await scene.cluster.caughtUp()
}

async function takeStep(step: Step, scene: Scene): Promise<void> {
  const { cluster } = scene
  switch (step.kind) {
    case 'troubles':
      await Promise.all(step.troubles.map(async (trouble) => await suffer(trouble, scene)))
      if (step.catchUp) await cluster.caughtUp()
      return
    case 'failover':
      // What an acknowledging replica forgot in a restart would be lost with the primary: two faults of one write.
      await cluster.caughtUp()
      await failOver(step, scene)
      return
    case 'switchover':
      await cluster.caughtUp()
      return await switchOver(cluster.replicas[step.replica]!, scene)
  }
}

async function suffer({ fault, on, ms }: Trouble, scene: Scene): Promise<void> {
  const server = on === 'primary' ? scene.cluster.primary : scene.cluster.replicas[on]!
  const who = nameOf(server, scene)
  scene.tell(`${fault} of ${who}, ${ms} ms`)
  await causes[fault].strike(server, scene)
  await delay(ms)
  await causes[fault].mend(server, scene)
  scene.tell(`${who} is mended`)
}

async function failOver(
  { cutMs, downMs, rejoinMs, trouble }: Step & { readonly kind: 'failover' },
  scene: Scene,
): Promise<void> {
  const { cluster, tell } = scene
  const old = cluster.primary
  const suffered = trouble === undefined ? undefined : suffer(trouble, scene)
  if (cutMs !== undefined) {
    tell(`replicas are cut off from ${nameOf(old, scene)}`)
    await Promise.all(cluster.replicas.map(async (replica) => await cluster.stopReceiving(replica)))
    await delay(cutMs)
  }
  tell(`kill of ${nameOf(old, scene)}`)
  old.kill('SIGKILL')
  await old.exited()
  await delay(downMs)
  const next = await cluster.mostAdvanced()
  await cluster.promote(next)
  tell(`${nameOf(next, scene)} is promoted`)
  await delay(rejoinMs)
  await suffered
  await cluster.rejoin(old)
  tell(`${nameOf(old, scene)} follows`)
}

async function switchOver(next: TestServer, scene: Scene): Promise<void> {
  const { cluster, tell } = scene
  tell(`${nameOf(cluster.primary, scene)} and ${nameOf(next, scene)} exchange their roles`)
  await cluster.switchOver(next)
  tell(`${nameOf(next, scene)} is the primary`)
}

/** By numbers that are the same in every run, whatever the ports. */
function nameOf(server: TestServer, { cluster }: Scene): string {
  return `server ${cluster.servers.indexOf(server)} (${server === cluster.primary ? 'primary' : 'replica'})`
}
