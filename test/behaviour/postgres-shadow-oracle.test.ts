import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BaseWatch } from '../../oracle/shadows/postgres/base-watch.ts'
import { postgresOracle } from '../../oracle/shadows/postgres/engine.ts'
import { baseSettings, OracleServers } from '../../oracle/shadows/postgres/servers.ts'
import { runShadowOracle } from '../../oracle/shadows/run.ts'
import { privateServer, sharedServer, testedEngines } from '../support/servers.ts'

describe.runIf(testedEngines.includes('postgres'))('random statements on PostgreSQL', () => {
  let servers: OracleServers

  beforeAll(async () => {
    servers = await OracleServers.open(await privateServer('postgres', baseSettings), sharedServer('postgres'))
  })

  afterAll(async () => {
    await servers[Symbol.asyncDispose]()
    await servers.baseServer.stop()
  })

  it('come to the same in a shadow as in a full copy of its base, which is sent reads alone', async () => {
    const engine = postgresOracle(servers)
    const { statements, defects } = await runShadowOracle({
      engine,
      sequences: 50,
      seed: 1,
      mostDefects: 1,
      shrinkMs: 0,
    })
    expect(defects).toEqual([])
    // What is refused, or fails on both sides, proves nothing.
    expect(statements.of(), statements.describe()).toBeGreaterThan(200)
    expect(statements.withRows, statements.describe()).toBeGreaterThan(60)
    expect(statements.share, statements.describe()).toBeGreaterThan(0.6)
  }, 120_000)

  it.each([
    ['a row that is written as it was', 'update watched set a = a'],
    ['a lock of a row', 'select * from watched for update'],
    ['a number that is taken', `select nextval('watched_a_seq')`],
    ['a statement that changes nothing', 'delete from watched where false'],
  ])('are watched for %s in the base', async (_, sql) => {
    const { base, baseServer } = servers
    await base.query('drop table if exists watched; create table watched (a serial); insert into watched values (1)')
    const table = { name: 'watched', columns: [], primaryKey: ['a'], nullableKey: false, hasRowNumbers: false }
    const more = { isNumbered: true, uniqueKeys: [], arbiters: [], foreignKeys: [], kind: 'augment' } as const
    const watch = new BaseWatch(baseServer, base, [{ ...table, ...more }])
    await watch.start()
    await base.query('select * from watched')
    expect(await watch.faults()).toEqual([])
    await base.query(sql)
    expect(await watch.faults()).toContain(`the base was sent ${sql}`)
  })
})
