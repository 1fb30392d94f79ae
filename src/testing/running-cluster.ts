import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, TestServerError } from '../errors.ts'
import { AdminSession } from './admin-session.ts'
import { run } from './binaries.ts'
import type { ClusterDatabase, TestCluster } from './cluster.ts'
import type { RunningServer } from './running-server.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { createDatabase, dsnOf } from './test-database.ts'
import type { ServerSettings, ServerTemplate, TestServer } from './test-server.ts'

/** Where a replica stands against a position of the primary; `behind` says why it has not reached it. */
export type Progress = 'reached' | 'paused' | { readonly behind: string }

/** What one engine adds to the common course of a cluster: how its servers replicate. */
export interface Replication {
  readonly replicaSettings: ServerSettings
  /** What the primary has now, as the engine writes it. */
  position(primary: RunningServer): Promise<string>
  /** @throws TestServerError if the replica can't reach the position any more. */
  progress(session: AdminSession, primary: RunningServer, position: string): Promise<Progress>
  pause(replica: RunningServer): Promise<void>
  resume(replica: RunningServer): Promise<void>
  delay(replica: RunningServer, primary: RunningServer, delayMs: number): Promise<void>
  stopReceiving(replica: RunningServer): Promise<void>
  startReceiving(replica: RunningServer, primary: RunningServer): Promise<void>
  /** A number that grows with what a replica has received, replayed or not. */
  received(replica: RunningServer): Promise<bigint>
  /** Makes a replica take writes. */
  promote(replica: RunningServer): Promise<void>
  /** Has a replica follow a primary that was just promoted. False if it can't, having received more than that one. */
  follow(replica: RunningServer, primary: RunningServer): Promise<boolean>
  /** Takes the writes from the primary, alive or ended in order, when the replica has received all of them. */
  demote(primary: RunningServer, next: RunningServer): Promise<void>
  /** Prepares a primary that was demoted for following the new one. */
  becomeReplica(old: RunningServer, primary: RunningServer): Promise<void>
  /** Prepares the primary for being copied. */
  prepareSource(primary: RunningServer): Promise<void>
  /** Prepares a copy of the primary's data directory, before a server starts on it. */
  prepareCopy(server: RunningServer, primary: RunningServer): Promise<void>
  /** Has a server that just started on a copy follow the primary. */
  followFromCopy(server: RunningServer, primary: RunningServer): Promise<void>
}

const catchUpLimitMs = 10_000
const pollMs = 2

/** A test's cluster on top of its engine's replication. */
export class RunningCluster implements TestCluster {
  readonly servers: readonly RunningServer[]
  readonly #replication: Replication
  #primary: RunningServer
  #replicas: readonly RunningServer[]
  #copying: Promise<void> = Promise.resolve()

  private constructor(replication: Replication, primary: RunningServer, replicas: readonly RunningServer[]) {
    this.#replication = replication
    this.servers = [primary, ...replicas]
    this.#primary = primary
    this.#replicas = replicas
  }

  /**
   * @param startPrimary Starts the first server.
   * @param startReplica Starts a server that follows the first one; its number counts from 1.
   */
  static async start(
    replication: Replication,
    replicas: number,
    startPrimary: () => Promise<RunningServer>,
    startReplica: (primary: RunningServer, number: number) => Promise<RunningServer>,
  ): Promise<RunningCluster> {
    const primary = await startPrimary()
    const starts = Array.from({ length: replicas }, (_, index) => startReplica(primary, index + 1))
    const outcomes = await Promise.allSettled(starts)
    const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const cluster = new RunningCluster(replication, primary, started)
    try {
      await Promise.all(starts)
      await cluster.caughtUp()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  get engine(): 'postgres' | 'mysql' {
    return this.#primary.engine
  }
  get primary(): RunningServer {
    return this.#primary
  }
  get replicas(): readonly RunningServer[] {
    return this.#replicas
  }

  async createDatabase(wanted?: string): Promise<ClusterDatabase> {
    const { name, dsn } = await createDatabase(this.#primary, wanted)
    await this.caughtUp()
    return {
      name,
      primary: dsn,
      replicas: this.#replicas.map((replica) => dsnOf(replica, name)),
      dsnOf: (server) => dsnOf(this.#own(server), name),
    }
  }

  async caughtUp({ timeoutMs = catchUpLimitMs }: { readonly timeoutMs?: number } = {}): Promise<void> {
    await this.#reach(this.#replicas, timeoutMs)
  }

  async #reach(replicas: readonly RunningServer[], timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    const late = new Map(replicas.map((replica) => [replica, 'it does not answer']))
    const all = async () => {
      const position = await this.#replication.position(this.#primary)
      await Promise.all(
        replicas.map(async (replica) => {
          await this.#watch(replica, position, deadline, (why) => late.set(replica, why))
          late.delete(replica)
        }),
      )
    }
    const { promise: timeout, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      const reasons = [...late].map(([replica, why]) => `${this.#nameOf(replica)}: ${why}`)
      reject(new TestServerError(`Not caught up after ${timeoutMs} ms. ${reasons.join('; ')}.`))
    }, timeoutMs)
    try {
      await Promise.race([all(), timeout])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Asks a replica again and again until it has reached the position, is dead or paused, or the deadline is over. */
  async #watch(
    replica: RunningServer,
    position: string,
    deadline: number,
    report: (why: string) => void,
  ): Promise<void> {
    while (replica.running && performance.now() < deadline) {
      try {
        using session = await AdminSession.open(replica)
        while (performance.now() < deadline) {
          const progress = await this.#replication.progress(session, this.#primary, position)
          if (typeof progress === 'string') return
          report(progress.behind)
          await pause()
        }
      } catch (error) {
        if (error instanceof TestServerError) {
          throw new TestServerError(`${this.#nameOf(replica)} does not replicate: ${error.message}`, error)
        }
        // It is starting, or ending: asked again while there is time.
        report(messageOf(error))
        await pause()
      }
    }
    // Nobody may take a replica that ran out of time for one that has caught up.
    if (replica.running) await new Promise(() => undefined)
  }

  async pauseReplay(replica: TestServer): Promise<void> {
    await this.#replication.pause(this.#ownReplica(replica))
  }
  async resumeReplay(replica: TestServer): Promise<void> {
    await this.#replication.resume(this.#ownReplica(replica))
  }
  async delayReplay(replica: TestServer, delayMs: number): Promise<void> {
    if (!Number.isInteger(delayMs) || delayMs < 0) {
      throw new TestServerError(`The delay is ${delayMs}, and has to be a whole number of milliseconds, 0 or more.`)
    }
    await this.#replication.delay(this.#ownReplica(replica), this.#primary, delayMs)
  }

  async stopReceiving(replica: TestServer): Promise<void> {
    await this.#replication.stopReceiving(this.#ownReplica(replica))
  }
  async startReceiving(replica: TestServer): Promise<void> {
    await this.#replication.startReceiving(this.#ownReplica(replica), this.#primary)
  }

  async mostAdvanced(): Promise<RunningServer> {
    const running = this.#replicas.filter((replica) => replica.running && !replica.frozen)
    const received = await Promise.all(running.map((replica) => this.#replication.received(replica)))
    let best: { readonly replica: RunningServer; readonly received: bigint } | undefined
    for (const [index, replica] of running.entries()) {
      if (best === undefined || received[index]! > best.received) best = { replica, received: received[index]! }
    }
    if (best === undefined) throw new TestServerError('No replica runs that could be promoted.')
    return best.replica
  }

  async promote(replica: TestServer): Promise<void> {
    const next = this.#ownReplica(replica)
    await this.#replication.promote(next)
    this.#primary = next
    this.#replicas = this.#replicas.filter((other) => other !== next)
    const awake = this.#replicas.filter((other) => other.running && !other.frozen)
    await Promise.all(
      awake.map(async (other) => {
        if (!(await this.#replication.follow(other, next))) await this.rejoin(other)
      }),
    )
  }

  async switchOver(replica: TestServer): Promise<void> {
    const next = this.#ownReplica(replica)
    const old = this.#primary
    await this.#replication.demote(old, next)
    await this.promote(next)
    await this.#replication.becomeReplica(old, next)
    if (!(await this.#replication.follow(old, next))) return this.rejoin(old)
    await this.#joined(old)
  }

  async rejoin(server: TestServer): Promise<void> {
    const own = this.#own(server)
    const primary = this.#primary
    if (own === primary) throw new TestServerError('This server is the primary. Promote another one first.')
    if (!primary.running) throw new TestServerError('The primary is down: there is nobody to follow.')
    this.#replicas = this.#replicas.filter((replica) => replica !== own)
    await this.#replication.prepareSource(primary)
    await own.rebuild(async () => {
      await rm(own.dataDirectory, { recursive: true })
      // One after the other: the end of one copy would thaw the primary under the next one.
      this.#copying = this.#copying.catch(() => undefined).then(() => copyStandingStill(primary, own.dataDirectory))
      await this.#copying
      await this.#replication.prepareCopy(own, primary)
    }, this.#replication.replicaSettings)
    await this.#replication.followFromCopy(own, primary)
    await this.#joined(own)
  }

  async #joined(server: RunningServer): Promise<void> {
    this.#replicas = this.servers.filter((each) => each === server || this.#replicas.includes(each))
    await this.#reach([server], catchUpLimitMs)
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #own(server: TestServer): RunningServer {
    const own = this.servers.find((each) => each === server)
    if (own === undefined) throw new TestServerError(`The server on port ${server.port} is not of this cluster.`)
    return own
  }

  #ownReplica(server: TestServer): RunningServer {
    const own = this.#own(server)
    if (!this.#replicas.includes(own)) {
      const role = own === this.#primary ? 'the primary' : 'an old primary'
      throw new TestServerError(`The ${this.#nameOf(own)} is ${role}, and no replica.`)
    }
    if (!own.running) throw new TestServerError(`The ${this.#nameOf(own)} is down.`)
    return own
  }

  #nameOf(server: RunningServer): string {
    return `server ${this.servers.indexOf(server)} on port ${server.port}`
  }
}

/**
 * Copies the data of a running server, as a crash at this moment would leave them, while none of its threads moves. So
 * it needs no program of the engine, and hits no file that changes or vanishes.
 */
async function copyStandingStill(source: RunningServer, folder: string): Promise<void> {
  const wasFrozen = source.frozen
  source.freeze()
  try {
    await run('cp', ['-Rp', source.dataDirectory, folder])
  } finally {
    if (!wasFrozen) source.thaw()
  }
}

/**
 * Calls `start` with the template, or one made for this call: the servers of a cluster come from one, so that they are copies of each
 * other and have one password.
 */
export async function withTemplate<T>(
  given: ServerTemplate | undefined,
  create: (folder: string) => Promise<ServerTemplate>,
  start: (template: ServerTemplate) => Promise<T>,
): Promise<T> {
  if (given !== undefined) return start(given)
  const folder = await temporaryFolder('template')
  try {
    return await start(await create(join(folder, 'data')))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export function replicaCount(options: { readonly replicas?: number }): number {
  const { replicas = 2 } = options
  if (Number.isInteger(replicas) && replicas >= 0) return replicas
  throw new TestServerError(`The option \`replicas\` is ${replicas}, and has to be a whole number, 0 or more.`)
}

/** Between two questions to a server. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pollMs))
}
