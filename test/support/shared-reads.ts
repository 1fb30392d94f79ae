import bare from 'mysql2'
import { beforeEach, expect, onTestFinished, vi } from 'vitest'
import { mysql2For } from '../../src/adapters/mysql2.ts'
import { connect, type Client, type Config, type Dsn, type PoolStats } from '../../src/index.ts'
import { onCarriedCall } from './carried-calls.ts'
import { turn } from './notes.ts'
import { freshDatabase, type TestDatabase } from './servers.ts'

export type Statement = readonly [sql: string, values?: readonly unknown[]]
export type Asks = bare.Pool | bare.Connection

/** What a callback of mysql2 gets. */
export type Told = readonly [error: unknown, rows: unknown, fields: unknown]

/** What tests of reads that share connections of MySQL do, each on a database of its own. */
export class SharedReadsBench {
  /** Statements that ran as the commands that they are: on shared connections, and on others. */
  shared = 0
  alone = 0
  /** How often each statement was answered. */
  #heard: number[] = []
  #database: TestDatabase | undefined

  /** For the tests of the present file. `definitions`: what makes their tables. */
  constructor(definitions: readonly string[]) {
    beforeEach(async () => await this.#begin(definitions))
  }

  get dsn(): string {
    return this.#database!.dsn
  }

  /** A database with what `definitions` make, besides the test's own. */
  async place(definitions: readonly string[]): Promise<TestDatabase> {
    const database = await freshDatabase('mysql')
    onTestFinished(async () => await database.drop())
    const own = bare.createConnection(database.dsn).promise()
    for (const sql of definitions) await own.query(sql)
    await own.end()
    return database
  }

  async #begin(definitions: readonly string[]): Promise<void> {
    onTestFinished(() => void vi.restoreAllMocks())
    this.#database = await this.place(definitions)
    ;[this.shared, this.alone, this.#heard] = [0, 0, []]
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    onCarriedCall((isShared) => void (isShared ? (this.shared += 1) : (this.alone += 1)))
  }

  /** A client that has one connection to share, unless `limits` say otherwise. */
  async client(limits: Config['pool'] = {}, dsn = this.dsn): Promise<Client<'default'>> {
    const pool = { maxConnections: 8, multiplexConnections: 1, multiplexSlowMs: 100, ...limits }
    const made = await connect({ databases: { default: dsn as Dsn }, pool })
    onTestFinished(async () => await made.close())
    return made
  }

  poolOf(client: Client<'default'>, options: bare.PoolOptions = {}): bare.Pool {
    const made = mysql2For(client).createPool({ connectionLimit: 60, ...options })
    onTestFinished(async () => await made.promise().end())
    return made
  }

  /** One of mysql2's own. */
  barePool(options: bare.PoolOptions = {}): bare.Pool {
    const made = bare.createPool({ uri: this.dsn, connectionLimit: 2, ...options })
    onTestFinished(async () => await made.promise().end())
    return made
  }

  statsOf(client: Client<'default'>): PoolStats {
    return Object.values(client.stats())[0]!
  }

  /** `seen` gets the query itself. */
  async told(by: Asks, options: Statement | bare.QueryOptions, seen?: (query: bare.Query) => void): Promise<Told> {
    const n = this.#heard.push(0) - 1
    const given = 'sql' in options ? options : { sql: options[0], values: options[1] as bare.QueryValues }
    return await new Promise((resolve) => {
      const query = by.query(given, (error, rows, fields) => {
        this.#heard[n]! += 1
        resolve([error, rows, fields])
      })
      seen?.(query)
    })
  }

  /** The rows, or the error. */
  async asked(...parameters: Parameters<SharedReadsBench['told']>): Promise<unknown> {
    const [error, rows] = await this.told(...parameters)
    return error ?? rows
  }

  async many(by: Asks, statement: Statement, count = 12): Promise<unknown[]> {
    return await Promise.all(Array.from({ length: count }, async () => await this.asked(by, statement)))
  }

  /** From then on they go to shared connections, if several are under way. */
  async taught(by: Asks, ...statements: readonly Statement[]): Promise<void> {
    for (const statement of statements)
      await vi.waitFor(
        async () => {
          const before = this.shared
          await this.many(by, statement)
          expect(this.shared - before).toBeGreaterThan(9)
        },
        { timeout: 20_000, interval: 1 },
      )
  }

  /** Each statement was answered once, and nothing on the wire was out of order, which mysql2 would log. */
  async expectOnce(): Promise<void> {
    await turn()
    expect(this.#heard.filter((times) => times !== 1)).toEqual([])
    const { calls } = vi.mocked(console.error).mock
    expect(calls.length, String(calls[0])).toBe(0)
  }
}

/** How often the server has executed a prepared statement on the one connection that there is. */
export async function executedOn(by: Asks): Promise<number> {
  const sql =
    "select variable_value as n from information_schema.session_status where variable_name = 'COM_STMT_EXECUTE'"
  return Number((await by.promise().query<bare.RowDataPacket[]>(sql))[0][0]!['n'])
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

/** A table whose rows come with a number that tells whose answer they are. */
export const markedTable: readonly string[] = [
  'create table item (id integer primary key, name varchar(40))',
  "insert into item values (1, 'one'), (2, 'two'), (3, null)",
]

export function marked(n: number): Statement {
  return ['select ? as n, name from item', [n]]
}

export function rowsOf(n: number): unknown {
  return ['one', 'two', null].map((name) => ({ n, name }))
}
