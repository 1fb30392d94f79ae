import { existsSync } from 'node:fs'
import { connect, type Client, type Config } from '../../src/index.ts'
import { freshDatabase } from './servers.ts'

/** A base, a full copy of it, and a shadow of the base. What is played into the shadow and into the copy must come to the same. */
export interface ShadowedShop extends AsyncDisposable {
  /** The shadow, as `dev`; `shop` is its base, and `copy` the full copy. */
  readonly shadow: Client
  /** A full copy of the base. */
  readonly copy: Client
  /** The base itself. */
  readonly base: Client
  /** The data source names of the base, and of the local database. */
  readonly baseDsn: string
  readonly local: string
  /** Whether there is a local file. */
  readonly localExists: () => Promise<boolean>
  /** What the local file has, for itself. */
  readonly localTables: () => Promise<readonly string[]>
  /** Another client of the same shadow, with other declarations if they are given. */
  readonly again: (tables?: Record<string, 'augment' | 'replace' | 'base'>) => Promise<Client>
}

/** `statements` make the base and the copy; `tables` declare how the shadow shows them. */
export async function shadowedShop(
  statements: readonly string[],
  tables: Record<string, 'augment' | 'replace' | 'base'>,
  engine: 'sqlite' | 'postgres' = 'sqlite',
): Promise<ShadowedShop> {
  const stack = new AsyncDisposableStack()
  const [base, copy, local] = await Promise.all(['base', 'copy', 'local'].map(async () => await freshDatabase(engine)))
  if (base === undefined || copy === undefined || local === undefined) throw new Error('a database is missing')
  for (const database of [base, copy, local]) stack.use(database)
  const configOf = (declared: typeof tables): Config => ({
    databases: {
      default: 'dev',
      dev: { shadow: { base: 'shop', local: local.dsn }, tables: declared },
      shop: base.dsn,
      copy: copy.dsn,
    },
  })
  const clients = [await connect(base.dsn), await connect(copy.dsn)] as const
  for (const client of clients) {
    stack.use(client)
    for (const sql of statements) await client.query(sql)
  }
  const again: ShadowedShop['again'] = async (declared = tables) => stack.use(await connect(configOf(declared)))
  return {
    shadow: await again(),
    copy: clients[1],
    base: clients[0],
    again,
    baseDsn: base.dsn,
    local: local.dsn,
    localExists: async () => await Promise.resolve(existsSync(local.dsn.replace(/^sqlite:/, ''))),
    localTables: async () => {
      await using plain = await connect(local.dsn)
      const { rows } = await plain.query<{ name: string }>('select name from sqlite_schema order by name')
      return rows.map(({ name }) => name)
    },
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  }
}
