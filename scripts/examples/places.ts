import { join } from 'node:path'
import { connect, type Engine, type Queryable } from '../../src/index.ts'
import { startMariadb, startPostgresCluster, type TestCluster, type TestServer } from '../../src/testing/index.ts'

/** The tables of the shop that the examples are about. All that is not a key may be left out, and numbers of purchases. */
const tablesFor = (engine: Engine): readonly string[] => [
  'create table product (id integer primary key, name varchar(100), stock integer, price numeric(10, 2))',
  `create table review (${named[engine]}, product_id integer, text varchar(100), rating integer)`,
  'create table customer (id integer primary key, email varchar(100), country varchar(2), credit numeric(10, 2))',
  `create table purchase (${numbered[engine]}, customer_id integer, product_id integer, total numeric(10, 2), country varchar(2), placed_at timestamp, year integer, note varchar(100))`,
  'create table account (customer_id integer primary key, amount integer)',
  'create table gift (customer_id integer, id integer)',
  'create table invoice (id integer, tenant_id integer)',
  'create table archived_order (id integer)',
  'create table archived_product (id integer, name varchar(100))',
  'create table archived_purchase (id integer)',
]

const numbered: Readonly<Record<Engine, string>> = {
  postgres: 'id bigserial primary key',
  mysql: 'id bigint auto_increment primary key',
  sqlite: 'id integer primary key',
}

const named: Readonly<Record<Engine, string>> = {
  postgres: 'id varchar(100) primary key default gen_random_uuid()::text',
  mysql: 'id varchar(100) primary key default (uuid())',
  sqlite: 'id varchar(100) primary key default (hex(randomblob(8)))',
}

/** What an archive gets first from an example. */
const rows = ["insert into product (id, name, stock, price) values (7, 'chair', 3, 10)"]

const names = /['"]((?:postgres|mysql|sqlite):[^'"]*)['"]/g

/** Real databases for the data source names of examples: of each example its own, with the tables of the shop. */
export class Places implements AsyncDisposable {
  readonly #postgres: TestCluster
  readonly #mariadb: TestServer

  private constructor(postgres: TestCluster, mariadb: TestServer) {
    this.#postgres = postgres
    this.#mariadb = mariadb
  }

  static async start(): Promise<Places> {
    const postgres = await startPostgresCluster({ replicas: 2, settings: { max_prepared_transactions: '20' } })
    return new Places(postgres, await startMariadb())
  }

  /**
   * The code with addresses that exist in place of its own. A server that it calls a replica is one of the primary that is
   * named before it. Files stay as they are, in `folder`. Names that the test kit's simulated servers are known by, too.
   */
  async fill(code: string, folder: string): Promise<string> {
    const found = new Map<string, string>()
    const areReplicas = [...code.matchAll(/replicas: \[[^\]]*\]/g)].join()
    let replicas: readonly string[] = []
    for (const [, name = ''] of code.matchAll(names)) {
      if (found.has(name) || code.includes('simulateDrivers')) continue
      const [next, ...others] = replicas
      if (areReplicas.includes(`'${name}'`) && next !== undefined) {
        found.set(name, next)
        replicas = others
        continue
      }
      const made = await this.#make(name, folder)
      found.set(name, made.address)
      replicas = made.replicas
      // What a shadow keeps its changes in is empty at first.
      if (!code.includes(`local: '${name}'`)) await fillShop(made.at, !name.includes('archive'))
    }
    if (areReplicas !== '') await this.#postgres.caughtUp()
    return code.replace(names, (_, name: string) => `'${found.get(name) ?? name}'`)
  }

  async #make(
    name: string,
    folder: string,
  ): Promise<{ readonly address: string; readonly at: string; readonly replicas: readonly string[] }> {
    if (name.startsWith('sqlite:')) {
      const file = name.slice('sqlite:'.length)
      return { address: name, at: file === ':memory:' ? name : `sqlite:${join(folder, file)}`, replicas: [] }
    }
    if (name.startsWith('mysql:')) {
      const { dsn } = await this.#mariadb.createDatabase()
      return { address: dsn, at: dsn, replicas: [] }
    }
    const { primary, replicas } = await this.#postgres.createDatabase()
    return { address: primary, at: primary, replicas }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#postgres.stop(), this.#mariadb.stop()])
  }
}

async function fillShop(dsn: string, hasRows: boolean): Promise<void> {
  const engine = dsn.startsWith('sqlite:') ? 'sqlite' : dsn.startsWith('postgres') ? 'postgres' : 'mysql'
  await using client = await connect(dsn)
  const create = async (on: Queryable): Promise<void> => {
    for (const statement of [...tablesFor(engine), ...(hasRows ? rows : [])]) await on.query(statement)
  }
  // Faster, where definitions may be part of a transaction.
  if (engine === 'mysql') await create(client)
  else await client.transaction(create)
}
