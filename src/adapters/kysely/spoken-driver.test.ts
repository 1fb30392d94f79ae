import { CompiledQuery, type DatabaseConnection } from 'kysely'
import { describe, expect, it } from 'vitest'
import { spoken, spokenDriver, type Deed, type TeachableConnection } from './spoken-driver.ts'

function connectionThatTells(told: string[]): TeachableConnection {
  const deeds = new WeakMap<CompiledQuery, Deed>()
  return {
    teach: (query, deed) => void deeds.set(query, deed),
    async executeQuery(query) {
      told.push(query.sql)
      const deed = deeds.get(query)
      if (deed === undefined) told.push('which was sent')
      await deed?.()
      return { rows: [] }
    },
    streamQuery: () => expect.fail('nothing is streamed'),
  }
}

describe.each(['postgres', 'mysql', 'sqlite'] as const)('Kysely’s driver of %s', (engine) => {
  const driver = spokenDriver(engine)
  const run = async (deed: Deed, speak: (connection: DatabaseConnection) => Promise<void>) => {
    const told: string[] = []
    await spoken(connectionThatTells(told), deed, speak)
    return told
  }

  it('says how a transaction begins, which happens once', async () => {
    let times = 0
    const told = await run(
      () => void times++,
      async (connection) => await driver.beginTransaction(connection, { accessMode: 'read only' }),
    )
    expect(told).toEqual(
      {
        postgres: ['start transaction read only'],
        mysql: ['set transaction read only', 'begin'],
        sqlite: ['begin'],
      }[engine],
    )
    expect(times).toBe(1)
  })

  it('does not hide what went wrong, although it calls what only its own connections have', async () => {
    const failing = run(
      async () => await Promise.reject(new Error('the connection was lost')),
      async (connection) => await driver.rollbackTransaction(connection),
    )
    await expect(failing).rejects.toThrow('the connection was lost')
  })

  it('has no database', async () => {
    await expect(driver.init()).rejects.toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
  })

  it('leaves other statements of the connection as they are', async () => {
    const told: string[] = []
    const connection = connectionThatTells(told)
    await spoken(
      connection,
      async () => void (await connection.executeQuery(CompiledQuery.raw('select 1'))),
      async (speaker) => await driver.commitTransaction(speaker),
    )
    expect(told).toEqual(['commit', 'select 1', 'which was sent'])
  })
})
