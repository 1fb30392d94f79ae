import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { poolOptions } from '../../src/config.ts'
import { createMysqlDriver } from '../../src/drivers/mysql.ts'
import { connect, type Client } from '../../src/index.ts'
import { readOptions } from '../../src/option.ts'
import { MysqlStub } from '../support/mysql-stub.ts'
import { testedEngines } from '../support/servers.ts'

const keys = ['a secret of sixteen bytes']
const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const other = '8c0bfa47-71ca-11e1-9e33-c80aa9429562'

// There is no MySQL to test with: these are programs that speak its protocol.
describe.runIf(testedEngines.includes('mysql'))('a session on MySQL', () => {
  let primary: MysqlStub
  let replica: MysqlStub
  let client: Client
  const clients: Client[] = []

  beforeEach(async () => {
    primary = await MysqlStub.start({ uuid })
    replica = await MysqlStub.start({ uuid: other, replica: true })
    client = await open(20)
  })
  afterEach(async () => {
    for (const each of clients.splice(0)) await each.close()
    await primary.stop()
    await replica.stop()
  })

  async function open(waitMs: number): Promise<Client> {
    const shop = { primary: primary.dsn(), replicas: [replica.dsn()], replication: { waitMs } }
    const opened = await connect({ databases: { shop }, tokens: { keys } })
    clients.push(opened)
    return opened
  }

  async function read(through = client): Promise<{ n: number; role: string }> {
    const { rows, route } = await through.query<{ n: number }>('select n from item where id = 1')
    return { n: rows[0]!.n, role: route.role }
  }
  const patience = { timeout: 5_000, interval: 1 }
  const write = async () => await client.query('update item set n = n + 1 where id = 1')

  it('reads the replica only when the set of its transactions has that of the write', async () => {
    await client.session(async () => {
      await write()
      expect(await read()).toEqual({ n: 1, role: 'primary' })
      replica.executed = `${uuid}:1`
      await expect.poll(() => read(), patience).toEqual({ n: 1, role: 'replica' })
      await write()
      await write()
      replica.executed = `${uuid}:1:3`
      expect(await read()).toEqual({ n: 3, role: 'primary' })
      replica.executed = `${uuid.toUpperCase()}:1-3`
      await expect.poll(() => read(), patience).toEqual({ n: 3, role: 'replica' })
    })
    expect(replica.statements.filter((text) => text.startsWith('update'))).toEqual([])
  })

  it('waits for a replica that is about to have it', async () => {
    const patient = await open(5_000)
    await patient.session(async () => {
      await patient.query('update item set n = n + 1 where id = 1')
      const asked = replica.statusCount
      const answer = read(patient)
      await expect.poll(() => replica.statusCount, patience).toBeGreaterThan(asked + 2)
      replica.executed = `${uuid}:1`
      expect(await answer).toEqual({ n: 1, role: 'replica' })
    })
  })

  it('goes on elsewhere with its token, also where several threads of the replica have left a gap', async () => {
    const token = await client.session(async (session) => {
      await write()
      await write()
      await read()
      return await session.token()
    })
    expect(token).toMatch(/^s1\./)
    for (let i = 0; i < 5; i += 1) await write()
    const elsewhere = async (through = client) => await through.session(() => read(through), { token })
    replica.executed = `${uuid}:1:3-7`
    expect((await elsewhere()).role).toBe('primary')
    replica.executed = `${uuid}:1-2:4-7`
    expect(await elsewhere(await open(5_000))).toEqual({ n: 6, role: 'replica' })
  })

  it('keeps its position over a promotion, since a set says which transactions, and not where in whose log', async () => {
    const token = await client.session(async (session) => {
      await write()
      await read()
      return await session.token()
    })
    primary.readOnly = true
    replica.executed = `${uuid}:1`
    replica.readOnly = false
    await expect
      .poll(() => client.status()[0]?.primary, { timeout: 5_000 })
      .toMatchObject({
        kind: 'primary',
        server: { id: expect.stringMatching(/replica/) },
      })
    replica.executed = `${uuid}:1,\n${other}:1-9`
    expect(await client.session(() => read(), { token })).toEqual({ n: 1, role: 'replica' })
  })

  it('stays on the primary where transactions go without GTIDs', async () => {
    primary.mode = 'OFF'
    replica.mode = 'OFF'
    await client.session(async () => {
      await write()
      replica.executed = `${uuid}:1`
      expect(await read()).toEqual({ n: 1, role: 'primary' })
    })
  })

  it('reads the primary, when it has to leave its replica, only after that shows what the replica has shown', async () => {
    const patient = await open(5_000)
    replica.executed = `${uuid}:1-2`
    primary.executed = `${uuid}:1`
    // The second transaction waits for the replica's answer, and the replica shows it already.
    primary.owned = `${uuid}:2#17`
    await patient.session(async () => {
      expect(await read(patient)).toEqual({ n: 2, role: 'replica' })
      await replica.stop()
      const asked = primary.statusCount
      const answer = read(patient)
      await expect.poll(() => primary.statusCount, patience).toBeGreaterThan(asked + 20)
      expect(primary.statements).toEqual([])
      primary.executed = `${uuid}:1-2`
      primary.owned = ''
      expect(await answer).toEqual({ n: 2, role: 'primary' })
    })
  })

  it('counts what is being committed on the primary, where it can be read already', async () => {
    primary.executed = `${uuid}:1-4`
    primary.owned = `${uuid}:5#17`
    replica.executed = `${uuid}:1-4`
    await client.session(async () => {
      await client.primary(() => read())
      expect((await read()).role).toBe('primary')
      replica.executed = `${uuid}:1-5`
      await expect.poll(() => read(), patience).toEqual({ n: 5, role: 'replica' })
    })
  })

  it('shows in the status which transactions each server has', async () => {
    await client.session(async () => {
      await write()
      await read()
    })
    const servers = client.status()[0]?.servers.map(({ position, writable, version }) => ({
      position,
      writable,
      version,
    }))
    expect(servers).toEqual([
      { position: `gtid-set:${uuid}:1`, writable: true, version: '8.4.3' },
      { position: 'gtid-set:', writable: false, version: '8.4.3' },
    ])
  })

  it('can tell two servers from two addresses of one', async () => {
    const options = readOptions(poolOptions, {}, 'pool')
    const dsns = [primary.dsn(), primary.dsn('localhost'), replica.dsn()]
    const pools = await Promise.all(
      dsns.map(async (dsn) => await createMysqlDriver().open({ from: 'dsn', dsn }, options)),
    )
    const [one, same, another] = await Promise.all(pools.map(async (pool) => (await pool.status()).instance))
    await Promise.all(pools.map(async (pool) => await pool.close()))
    expect(one).toMatch(uuid)
    expect(same).toBe(one)
    expect(another).not.toBe(one)
  })
})
