import { execFile } from 'node:child_process'
import { chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startMariadbCluster, startPostgresCluster, type TestCluster, type TestServer } from '../src/testing/index.ts'
import type { Database, Engine } from './suite.ts'

export const topologies = ['primary', 'replicas'] as const
export type Topology = (typeof topologies)[number]

/** How far the replicas stay behind. MariaDB knows whole seconds alone. */
export const delayMs = { postgres: 200, mysql: 1_000 } as const

/** The servers of one topology: real ones, with real replication. */
export interface Servers extends AsyncDisposable {
  readonly topology: Topology
  /** As the server says it. */
  readonly version: string
  /** A database that nothing was ever in. */
  createDatabase(name?: string): Promise<Database>
  /** Runs statements of the administrator on the primary. */
  administer(...statements: readonly string[]): Promise<void>
}

export async function startServers(engine: Engine, topology: Topology): Promise<Servers> {
  if (engine === 'sqlite') return filesAlone(topology)
  const replicas = topology === 'primary' ? 0 : 2
  // Tests of wrong passwords leave it to the server to hang up, for which it waits a minute by default.
  const cluster =
    engine === 'postgres'
      ? await startPostgresCluster({ replicas, settings: { authentication_timeout: '5s' } })
      : await startMariadbCluster({ replicas })
  try {
    if (engine === 'postgres') await encrypt(cluster)
    for (const replica of cluster.replicas) await cluster.delayReplay(replica, delayMs[engine])
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return {
    topology,
    version: cluster.primary.version,
    createDatabase: async (name) => databaseOf(cluster, await cluster.createDatabase(name)),
    administer: (...statements) => administer(cluster.primary, statements),
    [Symbol.asyncDispose]: () => cluster.stop(),
  }
}

function databaseOf(
  cluster: TestCluster,
  { name, primary, replicas }: { name: string; primary: string; replicas: readonly string[] },
): Database {
  const { engine, host, port, user, password } = cluster.primary
  return { engine, host, port, user, password, name, primary, replicas }
}

/** There is no server: the suites make their own files. */
function filesAlone(topology: Topology): Servers {
  const database = { host: '', port: 0, user: '', password: '', name: '', primary: 'sqlite::memory:', replicas: [] }
  return {
    topology,
    version: process.versions.sqlite ?? '',
    createDatabase: () => Promise.resolve({ engine: 'sqlite', ...database }),
    administer: () => Promise.reject(new Error('There is no server to administer.')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function administer(server: TestServer, statements: readonly string[]): Promise<void> {
  if (server.engine === 'postgres') {
    const { default: pg } = await import('pg')
    const client = new pg.Client({ connectionString: server.adminDsn() })
    await client.connect()
    for (const statement of statements) await client.query(statement)
    await client.end()
    return
  }
  const { createConnection } = await import('mysql2/promise')
  const connection = await createConnection(server.adminDsn())
  for (const statement of statements) await connection.query(statement)
  await connection.end()
}

/** All servers of a PostgreSQL cluster offer TLS, with a certificate that was made for this run; nobody has to use it. */
async function encrypt(cluster: TestCluster): Promise<void> {
  const { key, certificate } = await makeCertificate()
  for (const server of cluster.servers) {
    const { uid, gid } = await stat(server.dataDirectory)
    for (const [name, text] of Object.entries({ 'server.key': key, 'server.crt': certificate })) {
      const path = join(server.dataDirectory, name)
      await writeFile(path, text, { mode: 0o600 })
      await chown(path, uid, gid)
    }
    await server.restart({ ssl: 'on' })
  }
  await cluster.caughtUp()
}

async function makeCertificate(): Promise<{ readonly key: string; readonly certificate: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-certificate-'))
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const kind = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2']
  try {
    await promisify(execFile)('openssl', [...kind, '-keyout', key, '-out', certificate, ...subject])
    return { key: await readFile(key, 'utf8'), certificate: await readFile(certificate, 'utf8') }
  } catch (error) {
    throw new Error('The certificate for TLS is made with the program openssl (1.1.1 or newer), which failed.', {
      cause: error,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
