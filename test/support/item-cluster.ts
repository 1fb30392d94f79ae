import { connect, type Client, type Config, type DatabaseInput } from '../../src/index.ts'
import { type ClusterDatabase, type TestCluster, type TestServer } from '../../src/testing/index.ts'
import { sqlFor } from './dialect.ts'
import { privateCluster } from './servers.ts'

export interface ReadItem {
  readonly n: number
  readonly role: string
  readonly server: string | undefined
}

/** A cluster with a primary and two replicas, one database in it with the table `item (id, n)`, and clients of that. */
export class ItemCluster {
  readonly engine: 'postgres' | 'mysql'
  readonly cluster: TestCluster
  readonly #clients: Client[] = []
  #database: ClusterDatabase | undefined

  private constructor(engine: 'postgres' | 'mysql', cluster: TestCluster) {
    this.engine = engine
    this.cluster = cluster
  }

  static async start(engine: 'postgres' | 'mysql'): Promise<ItemCluster> {
    return new ItemCluster(engine, await privateCluster(engine))
  }

  get database(): ClusterDatabase {
    if (this.#database === undefined) throw new Error('Call begin() first.')
    return this.#database
  }

  /** The replica of that number. */
  replica(index: 0 | 1): TestServer {
    const replica = this.cluster.replicas[index]
    if (replica === undefined) throw new Error(`The cluster has no replica ${index}.`)
    return replica
  }

  /** A new database with one item, whose `n` is 0, on all servers. */
  async begin(): Promise<void> {
    this.#database = await this.cluster.createDatabase()
    const client = await this.open()
    await client.query('create table item (id integer primary key, n integer not null)')
    await client.query('insert into item values (1, 0)')
    await this.cluster.caughtUp()
  }

  /** Closes the clients, and has every server run, replay and follow again. */
  async end(): Promise<void> {
    const { cluster } = this
    for (const server of cluster.servers) server.thaw()
    for (const client of this.#clients.splice(0)) await client.close()
    for (const server of cluster.servers) if (!server.running) await server.restart()
    for (const server of cluster.servers)
      if (server !== cluster.primary && !cluster.replicas.includes(server)) await cluster.rejoin(server)
    for (const replica of cluster.replicas) await cluster.resumeReplay(replica)
    await cluster.caughtUp()
  }

  /** A client of the cluster's servers in their present roles, unless `database` says otherwise. */
  async open(database: Partial<DatabaseInput> = {}, config: Partial<Config> = {}): Promise<Client> {
    const primary = this.database.dsnOf(this.cluster.primary)
    const replicas = this.cluster.replicas.map((server) => this.database.dsnOf(server))
    const client = await connect({
      databases: { default: { primary, replicas, ...database } },
      tokens: { keys: ['a secret of sixteen bytes'] },
      ...config,
    })
    this.#clients.push(client)
    return client
  }

  /** The text for this engine, which is written with `?`. */
  sql(text: string): string {
    return sqlFor(this.engine, text)
  }

  async read(client: Client): Promise<ReadItem> {
    const { rows, route } = await client.query<{ n: number }>('select n from item where id = 1')
    const [row] = rows
    if (row === undefined) throw new Error('The item is not there.')
    return { n: row.n, role: route.role, server: route.server }
  }

  async increment(client: Pick<Client, 'query'>): Promise<void> {
    await client.query('update item set n = n + 1 where id = 1')
  }

  async pauseReplicas(): Promise<void> {
    for (const replica of this.cluster.replicas) await this.cluster.pauseReplay(replica)
  }

  async kill(server: TestServer): Promise<void> {
    server.kill('SIGKILL')
    await server.exited()
  }

  /** Whether a read or a route was on this server. */
  isOn(server: TestServer, where: { readonly server?: string | undefined }): boolean {
    return where.server?.includes(`:${server.port}/`) === true
  }
}
