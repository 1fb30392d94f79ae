import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mysql2PromiseFor } from '../../src/adapters/mysql2.ts'
import { pgFor } from '../../src/adapters/pg.ts'
import { connect, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

/** Of somebody who keeps a connection: goes on with it, and gives it back. */
interface Keeper {
  use(): Promise<unknown>
  giveBack(): Promise<unknown>
}

const keepers = {
  'reserve()': async (client: Client): Promise<Keeper> => {
    const connection = client.reserve()
    await connection.query('select 1')
    return {
      use: async () => await connection.query('select 2'),
      giveBack: async () => await connection.release(),
    }
  },
  'a client of pg that listens': async (client: Client): Promise<Keeper> => {
    const listener = new (pgFor(client).Client)()
    await listener.connect()
    await listener.query('listen news')
    return { use: async () => await listener.query('select 2'), giveBack: async () => await listener.end() }
  },
  'a client lent by a pool of pg': async (client: Client): Promise<Keeper> => {
    const pool = new (pgFor(client).Pool)({ max: 1 })
    const lent = await pool.connect()
    await lent.query('select pg_advisory_lock(1)')
    return {
      use: async () => await lent.query('select 2'),
      giveBack: async () => await Promise.resolve(lent.release()),
    }
  },
  'a connection of mysql2 with a variable': async (client: Client): Promise<Keeper> => {
    const connection = await mysql2PromiseFor(client).createConnection({})
    await connection.query('set @mine = 1')
    return { use: async () => await connection.query('select 2'), giveBack: async () => await connection.end() }
  },
}
const cases = [
  ...testedEngines.map((engine) => [engine, 'reserve()'] as const),
  ['postgres', 'a client of pg that listens'],
  ['postgres', 'a client lent by a pool of pg'],
  ['mysql', 'a connection of mysql2 with a variable'],
] as const

const warned = async (): Promise<Error> => {
  for (;;) {
    const [warning] = (await once(process, 'warning')) as [Error]
    if (warning.name === 'SignalboxWarning') return warning
  }
}

describe('the end of a client that somebody keeps a connection of', () => {
  it.each(cases.filter(([engine]) => testedEngines.includes(engine)))(
    'on %s waits for %s, and says so',
    async (engine, kind) => {
      const database = await freshDatabase(engine)
      onTestFinished(async () => await database.drop())
      const client = await connect({ databases: { default: database.dsn }, limits: { closeTimeoutMs: 600_000 } })
      const keeper = await keepers[kind](client)
      const warning = warned()
      let isClosed = false
      const closing = client.close().then(() => (isClosed = true))
      expect((await warning).message).toMatch(
        /^client\.close\(\) waits up to 599\.0 s more for a reserved connection, one to "default" that was taken \d+\.\d s ago; its last statement was called \d+\.\d s ago\. Give it back by release\(\)\. /,
      )
      await keeper.use()
      expect(isClosed).toBe(false)
      await keeper.giveBack()
      await closing
    },
  )
})
