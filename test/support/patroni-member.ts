import { chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dsn } from '../../src/index.ts'
import type { RunAs } from '../../src/testing/binaries.ts'
import { removeSharedMemory } from '../../src/testing/postgres-server.ts'
import { isRunning, processTree, signalProcess } from '../../src/testing/process-tree.ts'
import { ServerLog } from '../../src/testing/server-log.ts'
import { ServerProcess } from '../../src/testing/server-process.ts'
import { Workplace } from '../../src/testing/workplace.ts'

/** What all members of a cluster have in common. */
export interface PatroniSettings {
  readonly runAs: RunAs
  readonly environment: Readonly<Record<string, string>>
  /** Debian's Python, which the packages are made for. */
  readonly python: string
  /** The folder of PostgreSQL's programs. */
  readonly binaries: string
  readonly etcdPort: number
  /** Of all accounts. */
  readonly password: string
  /** Seconds: how long the leader's lock outlives its leader. */
  readonly ttl: number
}

/** The name of the application's account, and of its database. */
export const application = { user: 'app', database: 'shop' }

/** Patroni and its PostgreSQL, in a private folder, on private ports that stay. */
export class PatroniMember {
  readonly name: string
  readonly port: number
  readonly restPort: number
  readonly #settings: PatroniSettings
  readonly #workplace: Workplace
  readonly #log = new ServerLog()
  #process: ServerProcess | undefined

  private constructor(name: string, ports: readonly [number, number], settings: PatroniSettings, workplace: Workplace) {
    this.name = name
    ;[this.port, this.restPort] = ports
    this.#settings = settings
    this.#workplace = workplace
  }

  /** Starts a member, and waits until its PostgreSQL is the leader or follows it. */
  static async start(
    name: string,
    ports: readonly [number, number],
    tags: Readonly<Record<string, unknown>>,
    settings: PatroniSettings,
  ): Promise<PatroniMember> {
    // Patroni stops its PostgreSQL on SIGTERM; killed, it would leave it running.
    const workplace = await Workplace.create('patroni', 'SIGTERM', settings.runAs)
    const member = new PatroniMember(name, ports, settings, workplace)
    try {
      await member.#writeConfiguration(tags)
      await member.restart()
      return member
    } catch (error) {
      await member.stop()
      throw error
    }
  }

  get restUrl(): string {
    return `http://127.0.0.1:${this.restPort}`
  }
  /** The data source name of the application's account, which may read the statistics and is no superuser. */
  get dsn(): Dsn {
    return `postgres://${application.user}:${this.#settings.password}@127.0.0.1:${this.port}/${application.database}`
  }
  get adminDsn(): Dsn {
    return `postgres://postgres:${this.#settings.password}@127.0.0.1:${this.port}/postgres`
  }
  get running(): boolean {
    return this.#process?.running === true
  }
  get dataDirectory(): string {
    return join(this.#workplace.folder, 'data')
  }
  /** What Patroni wrote, and PostgreSQL before its own log begins. */
  log(): string {
    return this.#log.text()
  }

  /** Starts Patroni again after `kill()`: it brings its PostgreSQL back into the cluster. */
  async restart(): Promise<void> {
    const { python, environment, runAs } = this.#settings
    const { folder } = this.#workplace
    this.#process = await ServerProcess.start(
      {
        ...runAs,
        file: python,
        args: ['-m', 'patroni', join(folder, 'patroni.json')],
        cwd: folder,
        // The packages' folder is shared: no compiled modules are left in it.
        env: { ...environment, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' },
        // Written in every round in which there is nothing to do.
        ready: /no action\. I am \(/,
        spawned: (pid) => this.#workplace.watch(pid),
      },
      this.#log,
    )
  }

  /** SIGKILL to Patroni and PostgreSQL, as if the machine had crashed. The data stay. */
  async kill(): Promise<void> {
    // Patroni first, so that it starts nothing while its PostgreSQL is killed.
    await this.#process?.end('SIGKILL', 1000)
    this.#workplace.watch(undefined)
    const pids = (await this.#processes()).flatMap(processTree)
    for (const pid of pids) signalProcess(pid, 'SIGSTOP')
    for (const pid of pids) signalProcess(pid, 'SIGKILL')
    while (pids.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 2))
  }

  /** Ends everything and removes the folder. May be called again. */
  async stop(): Promise<void> {
    await this.kill()
    await removeSharedMemory(this.dataDirectory)
    await this.#workplace.remove()
  }

  /** PostgreSQL is no child of Patroni's: whatever was started with a path of this member's folder is part of it. */
  async #processes(): Promise<number[]> {
    const found: number[] = []
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
      if (command.includes(`${this.#workplace.folder}/`)) found.push(Number(name))
    }
    return found
  }

  /** JSON, which is YAML too. */
  async #writeConfiguration(tags: Readonly<Record<string, unknown>>): Promise<void> {
    const { folder } = this.#workplace
    const { runAs, password, binaries, etcdPort, ttl } = this.#settings
    const address = `127.0.0.1:${this.port}`
    const rest = `127.0.0.1:${this.restPort}`
    const configuration = {
      scope: 'signalbox',
      name: this.name,
      restapi: { listen: rest, connect_address: rest },
      etcd3: { host: `127.0.0.1:${etcdPort}` },
      tags,
      bootstrap: {
        // A lock that is not renewed for `ttl` seconds is lost; everybody looks every second.
        dcs: {
          ttl,
          loop_wait: 1,
          retry_timeout: 2,
          maximum_lag_on_failover: 2 ** 30,
          postgresql: { use_pg_rewind: true },
        },
        initdb: [{ encoding: 'UTF8' }, { 'wal-segsize': '1' }, 'no-locale', 'no-sync'],
      },
      postgresql: {
        listen: address,
        connect_address: address,
        data_dir: this.dataDirectory,
        bin_dir: binaries,
        pgpass: join(folder, 'pgpass'),
        authentication: {
          superuser: { username: 'postgres', password },
          replication: { username: 'replicator', password },
        },
        basebackup: [{ checkpoint: 'fast' }, 'no-sync'],
        pg_hba: ['host all all 127.0.0.1/32 scram-sha-256', 'host replication replicator 127.0.0.1/32 scram-sha-256'],
        // A killed leader may have written what nobody else has.
        remove_data_directory_on_rewind_failure: true,
        remove_data_directory_on_diverged_timelines: true,
        parameters: {
          fsync: 'off',
          shared_buffers: '16MB',
          dynamic_shared_memory_type: 'mmap',
          max_wal_size: '256MB',
          unix_socket_directories: '',
          wal_retrieve_retry_interval: '100ms',
          timezone: 'UTC',
        },
      },
    }
    await mkdir(folder, { recursive: true })
    const file = join(folder, 'patroni.json')
    await writeFile(file, JSON.stringify(configuration), { mode: 0o600 })
    if (runAs.uid !== undefined && runAs.gid !== undefined) await chown(file, runAs.uid, runAs.gid)
  }
}
