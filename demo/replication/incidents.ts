import { setTimeout as delay } from 'node:timers/promises'
import type { TestCluster, TestServer } from 'signalbox/testing'

/** How long a primary is dead before somebody promotes a replica: what a manager of a cluster needs at least. */
const promotionDelayMs = 300
/** Whatever takes longer has failed. */
const patienceMs = 5_000

/** What the course of a run tells. Times are those of `performance.now()`. */
export interface Account {
  readonly killedAt: number
  /** When the client had noticed that the primary was gone. */
  readonly noticedAt: number
  readonly promoted: TestServer
  /** The servers that came back, in this order. */
  readonly returns: readonly Return[]
}

/** A server that came back. */
export interface Return {
  readonly server: TestServer
  /** From being ready to the first read that it answered; `undefined`: it answered none in 5 seconds. */
  readonly servedAfterMs: number | undefined
}

export interface CourseParts {
  readonly cluster: TestCluster
  readonly seconds: number
  readonly nameOf: (server: TestServer) => string
  readonly tell: (text: string) => void
  /** Reads that a server has answered so far. */
  readonly readsOf: (server: TestServer) => number
  /** Whether the client knows of a primary. */
  readonly hasPrimary: () => boolean
  readonly signal: AbortSignal
}

/** What happens to the servers during a run, at fixed shares of its time, or later where a server is slow to return. */
export async function runIncidents(parts: CourseParts): Promise<Account> {
  const { cluster, seconds, nameOf, tell, signal } = parts
  const begun = performance.now()
  const until = async (share: number): Promise<void> => {
    const left = begun + share * seconds * 1000 - performance.now()
    await delay(Math.max(0, left), undefined, { signal })
  }
  const returns: Return[] = []
  const isBack = async (server: TestServer): Promise<void> => {
    returns.push({ server, servedAfterMs: await servedAfter(server, parts) })
  }
  const [first, second] = cluster.replicas
  if (first === undefined || second === undefined) throw new Error('The demo needs two replicas.')

  await until(0.1)
  first.kill('SIGKILL')
  tell(`${nameOf(first)}, a replica, is killed`)
  await until(0.25)
  await first.restart()
  tell(`${nameOf(first)} is started again`)
  await isBack(first)

  await until(0.4)
  second.freeze()
  tell(`${nameOf(second)}, a replica, is frozen: it accepts connections and never answers`)
  await until(0.55)
  second.thaw()
  tell(`${nameOf(second)} goes on`)
  await isBack(second)

  await until(0.65)
  const old = cluster.primary
  const killedAt = performance.now()
  old.kill('SIGKILL')
  tell(`${nameOf(old)}, the primary, is killed`)
  const noticedAt = await notice(parts)
  await old.exited()
  await delay(Math.max(0, killedAt + promotionDelayMs - performance.now()), undefined, { signal })
  // Signalbox follows a promotion and never decides on one, so the demo plays the cluster's manager here.
  const promoted = await cluster.mostAdvanced()
  await cluster.promote(promoted)
  tell(`${nameOf(promoted)} is promoted to primary`)

  await until(0.82)
  await cluster.rejoin(old)
  tell(`${nameOf(old)} is back, as a replica`)
  await isBack(old)
  await until(1)
  return { killedAt, noticedAt, promoted, returns }
}

/** When the client noticed that the primary is gone. */
async function notice({ hasPrimary, signal }: CourseParts): Promise<number> {
  const deadline = performance.now() + patienceMs
  while (hasPrimary() && performance.now() < deadline) await delay(1, undefined, { signal })
  return performance.now()
}

async function servedAfter(server: TestServer, { readsOf, signal }: CourseParts): Promise<number | undefined> {
  const ready = performance.now()
  const before = readsOf(server)
  while (readsOf(server) === before) {
    if (performance.now() > ready + patienceMs) return undefined
    await delay(1, undefined, { signal })
  }
  return performance.now() - ready
}
