import { Kysely } from 'kysely'
import { expect, it } from 'vitest'
import { SignalboxDialect } from '../../src/adapters/kysely.ts'
import { connect } from '../../src/index.ts'
import { simulateDrivers } from '../../src/testing/index.ts'

interface Schema {
  item: { id: number; n: number }
}

it('Statements of Kysely belong to the session around them, in autocommit, in transactions and as streams', async () => {
  const simulated = simulateDrivers()
  const dsns = ['postgres://u@r1/d', 'postgres://u@r2/d'] as const
  const databases = { default: { primary: 'postgres://u@p/d', replicas: dsns } } as const
  const position = { kind: 'lsn', timeline: 1, lsn: 7n } as const
  for (const dsn of dsns) simulated.server(dsn).setStatus({ writable: false, position })
  simulated.server('postgres://u@p/d').setStatus({ position: { ...position, lsn: 8n } })
  await using client = await connect({ databases }, { drivers: simulated.drivers })
  const db = new Kysely<Schema>({ dialect: new SignalboxDialect(client) })
  const sent = (host: string): readonly string[] =>
    simulated
      .server(`postgres://u@${host}/d`)
      .steps.filter(({ action }) => ['query', 'stream'].includes(action))
      .map(({ detail }) => detail)
  const readsOf = (host: string): number => sent(host).filter((sql) => sql.startsWith('select')).length
  const read = db.selectFrom('item').select('n')

  await read.execute()
  expect(readsOf('p')).toBe(0)
  await client.session(async (session) => {
    await read.execute()
    for await (const _ of read.stream());
    expect(session.wrote).toBe(false)
    await db.transaction().execute(async (tx) => await tx.updateTable('item').set({ n: 1 }).execute())
    expect(session.wrote).toBe(true)
    expect(readsOf('p')).toBe(0)
    await read.execute()
    for await (const _ of read.stream());
    expect(readsOf('p')).toBe(2)
  })
  await Promise.all([
    client.session(async (session) => {
      await db.insertInto('item').values({ id: 1, n: 1 }).execute()
      expect(session.wrote).toBe(true)
    }),
    client.session(async (session) => {
      await read.execute()
      await read.execute()
      expect(session.wrote).toBe(false)
    }),
  ])
})
