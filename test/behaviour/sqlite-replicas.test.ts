import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import { startSqliteCluster, type SqliteCluster, VirtualClock } from '../../src/testing/index.ts'

/** SQLite has no positions: what is promised to sessions is kept by the primary alone. */
describe('replicas of SQLite, late by ten seconds', () => {
  const clock = new VirtualClock()
  const clients: Client[] = []
  let cluster: SqliteCluster
  let client: Client

  beforeEach(async () => {
    cluster = await startSqliteCluster({ clock, replicas: 2 })
    client = await open()
    await client.query('create table note (text)')
    await client.query("insert into note values ('old')")
    await cluster.caughtUp()
    for (const replica of cluster.replicas) cluster.delayReplay(replica, 10_000)
  })
  afterEach(async () => {
    for (const each of clients.splice(0)) await each.close()
    await cluster.stop()
  })

  async function open(): Promise<Client> {
    const opened = await connect({
      databases: { default: { primary: cluster.primary.dsn, replicas: cluster.replicas.map(({ dsn }) => dsn) } },
      tokens: { keys: ['a secret of sixteen bytes'] },
    })
    clients.push(opened)
    return opened
  }

  async function read(from: Client): Promise<{ texts: readonly string[]; role: string; why: string | undefined }> {
    const { rows, route } = await from.query<{ text: string }>('select text from note order by rowid')
    return { texts: rows.map(({ text }) => text), role: route.role, why: route.reasons.at(-1)?.rule }
  }
  const stale = { texts: ['old'], role: 'replica', why: 'balanced' }
  const fresh = { texts: ['old', 'new'], role: 'primary', why: 'no-position' }
  const write = async (to: Client): Promise<void> => void (await to.query("insert into note values ('new')"))

  it('show the old state to who wrote nothing, and the primary the new one to who did', async () => {
    await client.session(async () => {
      await write(client)
      expect(await read(client)).toEqual(fresh)
      expect((await client.query('select 1', [], { role: 'replica' })).route.role).toBe('replica')
    })
    const other = await open()
    expect(await other.session(() => read(other))).toEqual(stale)
    expect(await read(other)).toEqual(stale)
    await clock.advance(10_005)
    expect(await other.session(() => read(other))).toEqual({ ...fresh, role: 'replica', why: 'balanced' })
  })

  it('are not read by a session that wrote, also when they have it: nothing can tell', async () => {
    await client.session(async () => {
      await write(client)
      for (const replica of cluster.replicas) cluster.delayReplay(replica, 0)
      expect(await read(client)).toEqual(fresh)
    })
    // Outside of sessions the client as a whole reads what it wrote, also in a session that has ended.
    expect(await read(client)).toEqual(fresh)
    expect(await client.session(() => read(client))).toEqual({ ...fresh, role: 'replica', why: 'balanced' })
  })

  it('are not read by who continues a session by its token, in any client', async () => {
    const token = await client.session(async (session) => {
      await write(client)
      return await session.token()
    })
    const other = await open()
    expect(await other.session(() => read(other), { token })).toEqual(fresh)
    expect(await other.session(() => read(other))).toEqual(stale)
    const again = await other.session(async (session) => await session.token(), { token })
    expect(again).toBeDefined()
    expect(await client.session(() => read(client), { token: again })).toEqual(fresh)
  })

  it('show a session no older state than before: it stays on the one that it reads', async () => {
    await write(client)
    cluster.delayReplay(cluster.replicas[0]!, 0)
    const other = await open()
    // One replica has the new note and the other does not; no session is shown both.
    const seen = new Set<string>()
    for (let i = 0; i < 10; i++) {
      await other.session(async () => {
        const { texts } = await read(other)
        seen.add(texts.join())
        for (let again = 0; again < 3; again++) expect((await read(other)).texts).toEqual(texts)
      })
    }
    expect(seen).toEqual(new Set(['old', 'old,new']))
  })
})
