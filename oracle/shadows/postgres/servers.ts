import { Client } from 'pg'
import {
  createDatabase,
  dsnOf,
  type ServerAddress,
  startPostgres,
  type TestServer,
} from '../../../src/testing/index.ts'

/** How the base's server has to be set, so that its log and its transaction numbers tell of every write. */
export const baseSettings = { log_statement: 'all', log_line_prefix: '', autovacuum: 'off' }

export interface LocalDatabase {
  readonly dsn: string
  /** A connection of the oracle's own. */
  readonly client: Client
  readonly drop: () => Promise<void>
}

/** Where the bases, their copies, and the shadows are. One world is there at a time. */
export class OracleServers implements AsyncDisposable {
  readonly baseServer: TestServer
  readonly baseDsn: string
  readonly copyDsn: string
  readonly base: Client
  readonly copy: Client
  readonly #work: ServerAddress
  readonly #admin: Client
  readonly #template: string
  readonly #stack: AsyncDisposableStack

  private constructor(parts: {
    readonly baseServer: TestServer
    readonly work: ServerAddress
    readonly dsns: { readonly base: string; readonly copy: string }
    readonly clients: { readonly base: Client; readonly copy: Client; readonly admin: Client }
    readonly template: string
    readonly stack: AsyncDisposableStack
  }) {
    this.baseServer = parts.baseServer
    this.#work = parts.work
    this.baseDsn = parts.dsns.base
    this.copyDsn = parts.dsns.copy
    this.base = parts.clients.base
    this.copy = parts.clients.copy
    this.#admin = parts.clients.admin
    this.#template = parts.template
    this.#stack = parts.stack
  }

  /** `baseServer`: set as `baseSettings` say, and used by nobody else. `own` is disposed of with it. */
  static async open(baseServer: TestServer, work: ServerAddress, own?: AsyncDisposable): Promise<OracleServers> {
    await using stack = new AsyncDisposableStack()
    stack.use(own)
    const [base, copy, template] = [
      await createDatabase(baseServer),
      await createDatabase(work),
      await createDatabase(work),
    ]
    const open = async (dsn: string): Promise<Client> => {
      const client = new Client({ connectionString: dsn })
      await client.connect()
      stack.defer(async () => await client.end())
      return client
    }
    const made = new Client({ connectionString: template.dsn })
    await made.connect()
    await made.query('create extension postgres_fdw')
    await made.end()
    const admin = await open(dsnOf(work))
    stack.defer(async () => {
      for (const name of [copy.name, template.name]) await admin.query(`drop database "${name}" with (force)`)
    })
    const clients = { base: await open(base.dsn), copy: await open(copy.dsn), admin }
    const dsns = { base: base.dsn, copy: copy.dsn }
    return new OracleServers({ baseServer, work, dsns, clients, template: template.name, stack: stack.move() })
  }

  /** Servers of its own. */
  static async start(): Promise<OracleServers> {
    await using stack = new AsyncDisposableStack()
    const baseServer = stack.use(await startPostgres({ settings: baseSettings }))
    const work = stack.use(await startPostgres())
    return await OracleServers.open(baseServer, work, stack.move())
  }

  async localDatabase(name: string): Promise<LocalDatabase> {
    const database = `${this.#template}_${name}`
    await this.#admin.query(`create database "${database}" template "${this.#template}"`)
    const dsn = dsnOf(this.#work, database)
    const client = new Client({ connectionString: dsn })
    await client.connect()
    return {
      dsn,
      client,
      drop: async () => {
        await client.end()
        await this.#admin.query(`drop database "${database}" with (force)`)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
